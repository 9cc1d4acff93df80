package store

import (
	"fmt"
	"reflect"

	"github.com/millrace/millrace/internal/pack"
)

// resume takes in a pack of which the pages keep a row, and nothing of it that
// is not in the pages. It is open until setState says otherwise.
func (t *packTable) resume(r PackRow) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.putLocked(r.resume())
}

// resumeSealed takes in a pack of which the pages have everything.
func (t *packTable) resumeSealed(r PackRow) error {
	limits, err := pack.ParseLimits(r.Limits)
	if err != nil {
		return fmt.Errorf("%w: limits of %s: %w", errForeign, packName(r.Number), err)
	}
	t.resume(r)
	t.change(r.Number, func(p *packInfo) { p.state, p.limits = packSealed, limits })
	return nil
}

// stored notes what the pages keep, at start.
func (t *packTable) stored(rows []PackRow) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, r := range rows {
		if len(r.Limits) == 0 {
			r.Limits = nil
		}
		t.rows[r.Number] = r
	}
}

// row is what the pages keep of a pack.
func (t *packTable) row(number uint64) (PackRow, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	r, ok := t.rows[number]
	return r, ok
}

// drafts are the rows that packs have once a change is made. Where that fails,
// revert must follow.
func (t *packTable) drafts(deltas map[uint64]*packDelta) (rows []PackRow) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, number := range sortedNumbers(deltas) {
		a, d := t.packs[number], deltas[number]
		if a == nil {
			continue // its file has gone, and so will its row
		}
		for _, off := range d.offsets {
			a.unfed.done(off)
		}
		r := a.row()
		r.Fragments, r.Live, r.LiveBytes = r.Fragments+d.fed, r.Live+d.paged, r.LiveBytes+d.bytes
		rows = append(rows, r)
	}
	return rows
}

// revert notes that a change was not made. Records of a stream that was dropped
// meanwhile wait on, which costs the next start a look at them.
func (t *packTable) revert(deltas map[uint64]*packDelta) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for number, d := range deltas {
		if a := t.packs[number]; a != nil {
			for _, off := range d.offsets {
				a.unfed.wait(off)
			}
		}
	}
}

// commit notes that a change was made.
func (t *packTable) commit(c *PageChange, deltas map[uint64]*packDelta) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for number, d := range deltas {
		if a := t.packs[number]; a != nil {
			a.fed, a.paged, a.pagedBytes = a.fed+d.fed, a.paged+d.paged, a.pagedBytes+d.bytes
			a.live, a.liveBytes = a.live+d.live, a.liveBytes+d.liveBytes
		}
	}
	for _, number := range c.RemovePacks {
		delete(t.rows, number)
	}
	for _, r := range c.PutPacks {
		t.rows[r.Number] = r
	}
}

// news is what the pages do not know of packs, although no fragment is to tell
// it. Rows of packs that have gone are to go too, but not before what the pages
// have of them.
func (t *packTable) news(lost map[uint64]lostPack) (c PageChange) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, number := range sortedNumbers(t.packs) {
		r := t.packs[number].row()
		was, there := t.rows[number]
		if (there || r.Sealed || r.Fed > 0) && !reflect.DeepEqual(r, was) {
			c.PutPacks = append(c.PutPacks, r)
		}
	}
	for _, number := range sortedNumbers(t.rows) {
		if _, more := lost[number]; t.packs[number] == nil && !more {
			c.RemovePacks = append(c.RemovePacks, number)
		}
	}
	return c
}
