package upkeep

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"math"
	"slices"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/pack"
	"github.com/millrace/millrace/internal/store"
)

type comparison struct {
	pages  store.Pages
	files  store.FS
	look   func(context.Context) (Kept, error)
	kept   Kept
	rows   map[uint64]store.PackRow
	found  map[uint64]int // entries of a pack that are in the index too
	report IndexReport
}

func (c *comparison) run(ctx context.Context) error {
	if err := c.refresh(ctx); err != nil {
		return err
	}
	state, err := c.pages.State(ctx)
	if err != nil {
		return err
	}
	c.found = make(map[uint64]int)
	for _, row := range state.Packs {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := c.pack(ctx, row); err != nil {
			return err
		}
	}
	return c.strays(ctx, state)
}

// refresh reads what there is, as it is now.
func (c *comparison) refresh(ctx context.Context) error {
	kept, err := c.look(ctx)
	if err != nil {
		return err
	}
	state, err := c.pages.State(ctx)
	if err != nil {
		return err
	}
	c.kept, c.rows = kept, make(map[uint64]store.PackRow, len(state.Packs))
	for _, row := range state.Packs {
		c.rows[row.Number] = row
	}
	return nil
}

// pack compares one pack.
func (c *comparison) pack(ctx context.Context, row store.PackRow) error {
	missing, found, err := c.missing(ctx, row)
	if err == nil && len(missing) > 0 {
		if err = c.refresh(ctx); err == nil {
			missing, found, err = c.again(ctx, row, missing)
		}
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return c.gone(ctx, row)
	case err != nil:
		return err
	}
	c.report.Packs++
	c.report.Entries += found
	c.found[row.Number] = found
	for _, m := range missing {
		c.report.differ("%s: fragment %v of stream %d, generation %d, is not in the index by the %s clock",
			store.PackName(row.Number), m.Number, m.Stream.ID, m.Stream.Generation, clockName(m.clock))
	}
	return nil
}

func clockName(c store.Clock) string {
	if c == store.ServerClock {
		return "server's"
	}
	return "producer's"
}

// gone is about a pack whose file is not there.
func (c *comparison) gone(ctx context.Context, row store.PackRow) error {
	if err := c.refresh(ctx); err != nil {
		return err
	}
	c.found[row.Number] = math.MaxInt
	if now, ok := c.rows[row.Number]; ok && now.Live > 0 {
		c.report.differ("%s is not there, and the index has %d fragments in it", store.PackName(row.Number), now.Live)
	}
	return nil
}

// A missingEntry is one that should be in the index.
type missingEntry struct {
	pack.Entry
	clock store.Clock
}

// again looks once more for what was missing from the index.
func (c *comparison) again(ctx context.Context, row store.PackRow, before []missingEntry) ([]missingEntry, int, error) {
	now, ok := c.rows[row.Number]
	if !ok {
		return nil, 0, fs.ErrNotExist
	}
	missing, found, err := c.missing(ctx, now)
	missing = slices.DeleteFunc(missing, func(m missingEntry) bool { return !slices.Contains(before, m) })
	return missing, found, err
}

// missing lists the entries of a pack that should be in the index and are not,
// and counts those that are there.
func (c *comparison) missing(ctx context.Context, row store.PackRow) (missing []missingEntry, found int, err error) {
	entries, err := c.entries(row)
	if err != nil {
		return nil, 0, err
	}
	slices.SortFunc(entries, func(a, b pack.Entry) int {
		return cmp.Or(cmp.Compare(a.Stream.ID, b.Stream.ID), cmp.Compare(a.Stream.Generation, b.Stream.Generation), a.Number.Compare(b.Number))
	})
	for len(entries) > 0 {
		n := slices.IndexFunc(entries, func(e pack.Entry) bool { return e.Stream != entries[0].Stream })
		if n < 0 {
			n = len(entries)
		}
		m, f, err := c.ofStream(ctx, row.Number, entries[:n])
		if err != nil {
			return nil, 0, err
		}
		missing, found, entries = append(missing, m...), found+f, entries[n:]
	}
	return missing, found, nil
}

// ofStream compares entries of one stream, in the order of their numbers.
func (c *comparison) ofStream(ctx context.Context, number uint64, entries []pack.Entry) (missing []missingEntry, found int, err error) {
	for _, clock := range []store.Clock{store.ServerClock, store.ProducerClock} {
		index, err := c.indexed(ctx, clock, entries)
		if err != nil {
			return nil, 0, err
		}
		for _, e := range entries {
			got, ok := index[e.Number]
			here := ok && got.Position == store.Position{Pack: number, Offset: e.Offset}
			switch {
			case here && got == entryOf(number, e):
				if clock == store.ServerClock {
					found++
				}
			case here, !ok && c.kept(e.Stream, e.Number, e.ProducerTime):
				missing = append(missing, missingEntry{e, clock})
			}
		}
	}
	return missing, found, nil
}

// entryOf is what the index should know of an entry.
func entryOf(number uint64, e pack.Entry) store.Entry {
	return store.Entry{
		Number: e.Number, ProducerTime: e.ProducerTime, Duration: e.Duration, Size: e.Size, Flags: e.Flags,
		Position: store.Position{Pack: number, Offset: e.Offset},
	}
}

// indexed reads what the index has in the range of some entries of one stream.
func (c *comparison) indexed(ctx context.Context, clock store.Clock, entries []pack.Entry) (map[millrace.FragmentNumber]store.Entry, error) {
	q := store.PageQuery{Stream: entries[0].Stream, Clock: clock, EndAfter: math.MinInt64}
	q.From, q.To = keyOf(clock, entries[0]), keyOf(clock, entries[0])
	for _, e := range entries[1:] {
		k := keyOf(clock, e)
		if string(k[:]) < string(q.From[:]) {
			q.From = k
		}
		if string(k[:]) > string(q.To[:]) {
			q.To = k
		}
	}
	index := make(map[millrace.FragmentNumber]store.Entry, len(entries))
	err := eachPage(ctx, c.pages, q, func(list []store.Entry) {
		for _, e := range list {
			index[e.Number] = e
		}
	})
	return index, err
}

func keyOf(clock store.Clock, e pack.Entry) store.Key {
	return store.KeyOf(clock, e.Number, e.ProducerTime)
}
