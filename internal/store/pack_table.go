package store

import (
	"cmp"
	"slices"
	"sync"

	"github.com/millrace/millrace/internal/pack"
)

// packState is where a pack is in its life.
type packState uint8

const (
	packOpen    packState = iota // written by a lane, or waiting for its footer
	packSealed                   // complete; goes when nothing in it is live
	packGivenUp                  // without a footer; the next start cuts and seals it
)

// packInfo is the account of one pack.
type packInfo struct {
	number    uint64
	salt      uint64
	class     Class
	state     packState
	size      int64 // bytes of the file
	live      int   // fragments that can be found
	liveBytes int64 // of their media
	limits    []pack.Limit
}

// A packTable knows the packs that there are.
type packTable struct {
	mu    sync.Mutex // guards what follows
	packs map[uint64]*packInfo
}

func newPackTable() *packTable { return &packTable{packs: make(map[uint64]*packInfo)} }

func (t *packTable) add(p packInfo) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.packs[p.number] = &p
}

// change calls f with the pack of that number, if there is one.
func (t *packTable) change(number uint64, f func(*packInfo)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if p := t.packs[number]; p != nil {
		f(p)
	}
}

func (t *packTable) gain(number uint64, bytes int64) {
	t.change(number, func(p *packInfo) { p.live, p.liveBytes = p.live+1, p.liveBytes+bytes })
}

func (t *packTable) lose(number uint64, bytes int64) {
	t.change(number, func(p *packInfo) { p.live, p.liveBytes = p.live-1, p.liveBytes-bytes })
}

func (t *packTable) setState(number uint64, s packState) {
	t.change(number, func(p *packInfo) { p.state = s })
}

// finish notes that a pack has been sealed.
func (t *packTable) finish(w *packWriter) {
	t.change(w.header.Pack, func(p *packInfo) { p.state, p.size, p.limits = packSealed, w.end, w.footer.Limits })
}

// limits lists what the sealed packs say of others.
func (t *packTable) limits() []pack.Limit {
	t.mu.Lock()
	defer t.mu.Unlock()
	var all []pack.Limit
	for _, p := range t.packs {
		all = append(all, p.limits...)
	}
	return all
}

// list returns the packs as they are now, oldest first.
func (t *packTable) list() []packInfo {
	t.mu.Lock()
	defer t.mu.Unlock()
	list := make([]packInfo, 0, len(t.packs))
	for _, p := range t.packs {
		list = append(list, *p)
	}
	slices.SortFunc(list, func(a, b packInfo) int { return cmp.Compare(a.number, b.number) })
	return list
}

func (t *packTable) remove(number uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.packs, number)
}

// look returns the account of a pack as it is now, and false if there is no
// such pack.
func (t *packTable) look(number uint64) (packInfo, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	p := t.packs[number]
	if p == nil {
		return packInfo{}, false
	}
	return *p, true
}

// dead lists the sealed packs in which nothing is live. A pack whose limits
// still guard another one is not dead.
func (t *packTable) dead() []packInfo {
	t.mu.Lock()
	defer t.mu.Unlock()
	var list []packInfo
	for _, p := range t.packs {
		if p.state == packSealed && p.live == 0 && !t.guardsLocked(p) {
			list = append(list, *p)
		}
	}
	slices.SortFunc(list, func(a, b packInfo) int { return cmp.Compare(a.number, b.number) })
	return list
}

func (t *packTable) guardsLocked(p *packInfo) bool {
	for _, l := range p.limits {
		for number, other := range t.packs {
			if l.First <= number && number <= l.Last && other.state == packGivenUp {
				return true
			}
		}
	}
	return false
}

// count sums the packs up.
func (t *packTable) count() (s PackStats) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, p := range t.packs {
		s.Packs++
		s.Bytes += p.size
		s.LiveFragments += p.live
		s.LiveBytes += p.liveBytes
	}
	return s
}
