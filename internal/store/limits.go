package store

import (
	"cmp"
	"slices"
	"sync"

	"github.com/millrace/millrace/internal/pack"
)

// unsaidLimits are limits of given-up packs that no pack which is durable says
// yet. All lanes share them: whichever writes next says them, so that what
// failed in one lane stays away even if nothing is written there again.
type unsaidLimits struct {
	mu   sync.Mutex // guards what follows
	list []pack.Limit
}

// add remembers that a pack counts only up to off. Packs of which nothing
// counts share a limit, so that a long failure does not fill memory.
func (u *unsaidLimits) add(number uint64, off int64) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.list = append(u.list, pack.Limit{First: number, Last: number, Offset: off})
	slices.SortFunc(u.list, func(a, b pack.Limit) int { return cmp.Compare(a.First, b.First) })
	joined := u.list[:1]
	for _, l := range u.list[1:] {
		last := &joined[len(joined)-1]
		if last.Offset == 0 && l.Offset == 0 && last.Last+1 == l.First {
			last.Last = l.Last
			continue
		}
		joined = append(joined, l)
	}
	u.list = joined
}

// all returns what is to be said.
func (u *unsaidLimits) all() []pack.Limit {
	u.mu.Lock()
	defer u.mu.Unlock()
	return slices.Clone(u.list)
}

// said drops limits that a durable pack has. One that has grown since it was
// written there stays.
func (u *unsaidLimits) said(list []pack.Limit) {
	if len(list) == 0 {
		return
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	u.list = slices.DeleteFunc(u.list, func(l pack.Limit) bool { return slices.Contains(list, l) })
}
