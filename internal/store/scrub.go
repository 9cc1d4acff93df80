package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"sync"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/pack"
)

const (
	// scrubCycle is how long the checks of all packs take at least: a store that
	// is small is not read over and over.
	scrubCycle = 24 * time.Hour

	// scrubRest is how long a scrub waits when there is nothing to check.
	scrubRest = time.Minute
)

// ScrubStats says what the scrub has done since the start.
type ScrubStats struct {
	Packs   int64     // that were checked
	Bytes   int64     // that were read for it
	Damaged int64     // places that were found, whether they were known or not
	Cycles  int64     // how often it came to the last pack
	Last    time.Time // when it did so last
}

// Scrub checks one sealed pack after the other as VerifyPack does, the one that
// was not checked for longest first, and again from the beginning, until ctx
// ends. It reads rate bytes a second at most; 0 and less means that nothing is
// checked. What it finds is told by Events.Damaged, once for each place. At the
// next start it goes on about where it was.
//
// A damaged fragment stays in the index for as long as its retention lasts: it
// was there, and what else is known of it is true. Read says that it is corrupt,
// and readers of the stream pass over it (I7).
func (e *Engine) Scrub(ctx context.Context, rate int64) {
	if rate <= 0 {
		return
	}
	for ctx.Err() == nil {
		if !e.scrubNext(ctx, rate) {
			sleep(ctx, e.scrub.rest(e.cfg.Elapsed()))
		}
	}
}

// scrubNext checks one pack, and reports whether there was one to check now.
func (e *Engine) scrubNext(ctx context.Context, rate int64) bool {
	after := e.index.facts.checked.Load()
	p, ok := e.packs.nextSealed(after)
	if !ok && after > 0 {
		e.scrub.turn(e.cfg.Now())
		e.index.facts.checked.Store(0)
		p, ok = e.packs.nextSealed(0)
	}
	if !ok || !e.scrub.begin(after == 0 || p.number <= after, e.cfg.Elapsed()) {
		return false
	}
	r, err := e.scrubPack(ctx, p, rate)
	if ctx.Err() != nil {
		return false
	}
	if err != nil {
		e.cfg.Logger.Warn("pack could not be checked", "pack", packName(p.number), "err", err)
	}
	e.scrub.did(r)
	e.index.facts.checked.Store(p.number)
	return true
}

// scrubPack checks a pack, and tells what is damaged in it.
func (e *Engine) scrubPack(ctx context.Context, p packInfo, rate int64) (PackReport, error) {
	f, err := e.cfg.FS.Open(packName(p.number))
	if errors.Is(err, fs.ErrNotExist) {
		return PackReport{}, nil // it was removed meanwhile
	}
	if err != nil {
		return PackReport{}, err
	}
	defer f.Close()
	size, err := f.Size()
	if err != nil {
		return PackReport{}, err
	}
	paced := &pacedReader{under: f, rate: rate, rest: func(d time.Duration) { sleep(ctx, d) }}
	r, err := VerifyPack(ctx, paced, size, p.number)
	if err == nil && !r.Sealed && len(r.Damaged) == 0 {
		r.Damaged = []Damage{{
			Pack: p.number, Offset: max(0, size-pack.TrailerSize), Length: pack.TrailerSize,
			Err: fmt.Errorf("trailer: %w", millrace.ErrCorrupt),
		}}
	}
	for _, d := range r.Damaged {
		e.damaged(d)
	}
	return r, err
}

// ScrubStats says what the scrub has done.
func (e *Engine) ScrubStats() ScrubStats {
	e.scrub.mu.Lock()
	defer e.scrub.mu.Unlock()
	return e.scrub.stats
}

// A scrubState is where the scrub is.
type scrubState struct {
	mu      sync.Mutex // guards what follows
	stats   ScrubStats
	running bool          // a cycle has begun
	begun   time.Duration // when, as Config.Elapsed counts
}

// begin says whether a pack may be checked now. With first it is the first one
// of a cycle, which must not come too soon after the last one began.
func (s *scrubState) begin(first bool, now time.Duration) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.running && first && s.stats.Cycles > 0 && now-s.begun < scrubCycle {
		return false
	}
	if !s.running || first {
		s.running, s.begun = true, now
	}
	return true
}

// rest is how long to wait for the next pack.
func (s *scrubState) rest(now time.Duration) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	if left := s.begun + scrubCycle - now; s.running && left > scrubRest {
		return left
	}
	return scrubRest
}

func (s *scrubState) turn(now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stats.Cycles++
	s.stats.Last = now
}

func (s *scrubState) did(r PackReport) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stats.Packs++
	s.stats.Bytes += r.Read
	s.stats.Damaged += int64(len(r.Damaged) + r.More)
}

// nextSealed is the sealed pack with the lowest number above another.
func (t *packTable) nextSealed(after uint64) (p packInfo, ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for number, a := range t.packs {
		if number > after && a.state == packSealed && !a.hidden && (!ok || number < p.number) {
			p, ok = a.packInfo, true
		}
	}
	return p, ok
}
