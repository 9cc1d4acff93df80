package store

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"time"

	"github.com/millrace/millrace"
)

// errForeign says that the pages are not an index of these packs.
var errForeign = errors.New("the index is of no use")

// resume takes over what the pages say beside the entries. Pages that are
// damaged, or made for something else, are errForeign.
func (ix *index) resume(ctx context.Context) error {
	state, err := ix.pages.State(ctx)
	if errors.Is(err, millrace.ErrCorrupt) {
		return fmt.Errorf("%w: %w", errForeign, err)
	}
	if err != nil {
		return fmt.Errorf("read index: %w", err)
	}
	if len(state.Facts) == 0 && len(state.Packs)+len(state.Streams) > 0 {
		return fmt.Errorf("%w: it says nothing of itself", errForeign)
	}
	if err := refuseNewer(state.Facts); err != nil {
		return err
	}
	if why := ix.facts.resume(state.Facts); why != "" {
		return fmt.Errorf("%w: %s", errForeign, why)
	}
	ix.packs.stored(state.Packs)
	ix.mu.Lock()
	defer ix.mu.Unlock()
	for _, s := range state.Streams {
		x := newStreamIndex(&ix.count)
		x.paged = paged{count: s.Count, bytes: s.Bytes, first: s.First.number(), last: s.Last.number()}
		if ix.goneLocked(s.Stream) {
			ix.leaving[s.Stream] = x
		} else {
			ix.streams[s.Stream] = x
		}
	}
	return nil
}

// missing hides what the pages have of packs whose files are not there.
func (ix *index) missing(there func(number uint64) bool) {
	lost, live := make(map[uint64]lostPack), 0
	oldest, newest := int64(math.MaxInt64), int64(0)
	for number, r := range ix.packs.allRows() {
		if there(number) {
			continue
		}
		lost[number] = lostPack{r.Oldest, r.Newest}
		if live += r.Live; r.Live > 0 {
			oldest, newest = min(oldest, r.Oldest), max(newest, r.Newest)
		}
	}
	if len(lost) > 0 {
		ix.logger.Info("packs of the index are not there any more", "packs", len(lost))
		ix.lose(lost)
	}
	if live > 0 { // an eviction whose report a crash has cut short, or somebody's hand
		ix.logger.Warn("media have gone with their packs since the last start", "fragments", live,
			"oldest", time.UnixMilli(oldest).UTC(), "newest", time.UnixMilli(newest).UTC())
	}
}

// allRows is what the pages keep of packs.
func (t *packTable) allRows() map[uint64]PackRow {
	t.mu.Lock()
	defer t.mu.Unlock()
	return maps.Clone(t.rows)
}
