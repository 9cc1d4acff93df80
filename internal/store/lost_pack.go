package store

import (
	"context"
	"maps"
	"math"
)

// A lostPack is a pack whose file has gone while the pages still have entries of
// it. They are not found. Server times of its fragments are in milliseconds.
type lostPack struct{ oldest, newest int64 }

// isLost reports whether the entries that the pages have of a pack are not
// found.
func (ix *index) isLost(number uint64) bool {
	_, lost := ix.lostPacks()[number]
	return lost
}

// lostPacks is not to be changed.
func (ix *index) lostPacks() map[uint64]lostPack {
	ix.mu.RLock()
	defer ix.mu.RUnlock()
	return ix.lost
}

// lose hides what the pages have of packs, from the next query on.
func (ix *index) lose(packs map[uint64]lostPack) {
	ix.mu.Lock()
	defer ix.mu.Unlock()
	all := maps.Clone(packs)
	maps.Copy(all, ix.lost)
	ix.lost = all
}

// purge takes the entries of lost packs out of the pages.
//
// Crash safety: the rows of the packs go last, by tell. Until then every start
// finds rows without a file, and comes here again.
func (ix *index) purge(ctx context.Context) error {
	lost := ix.lostPacks()
	if len(lost) == 0 {
		return nil
	}
	sp := span{from: math.MaxInt64, to: math.MinInt64}.behind(Key{})
	for _, p := range lost {
		sp.from, sp.to = min(sp.from, p.oldest), max(sp.to, p.newest+1)
	}
	for _, key := range ix.keys() {
		x := ix.stream(key)
		if x == nil {
			continue
		}
		if p := x.inPages(); !p.reaches(&sp) || p.first.ServerTime().UnixMilli() >= sp.to {
			continue
		}
		_, err := ix.evacuate(ctx, key, x, sp, func(e *Entry) bool {
			_, gone := lost[e.Position.Pack]
			return gone
		})
		if err != nil {
			return err
		}
	}
	ix.forgetLost(lost)
	return nil
}

func (ix *index) forgetLost(lost map[uint64]lostPack) {
	ix.mu.Lock()
	defer ix.mu.Unlock()
	left := maps.Clone(ix.lost)
	maps.DeleteFunc(left, func(number uint64, _ lostPack) bool {
		_, gone := lost[number]
		return gone
	})
	ix.lost = left
}
