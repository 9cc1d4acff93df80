package store

import (
	"cmp"
	"slices"
	"sync"

	"github.com/millrace/millrace"
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
	punched   int64 // bytes of it that were given back
	oldest    int64 // server time of its oldest fragment, in milliseconds; 0 if there is none
	newest    int64 // and of its newest
	live      int   // fragments that can be found
	liveBytes int64 // of their media
	limits    []pack.Limit
}

// taken is how many bytes the file takes.
func (p *packInfo) taken() int64 { return p.size - p.punched }

// saw notes that a fragment is in the pack.
func (p *packInfo) saw(n millrace.FragmentNumber) {
	ms := n.ServerTime().UnixMilli()
	if p.oldest == 0 || ms < p.oldest {
		p.oldest = ms
	}
	p.newest = max(p.newest, ms)
}

// A packTable knows the packs that there are.
type packTable struct {
	mu    sync.Mutex // guards what follows
	packs map[uint64]*packInfo
	bytes int64 // that all of them take
}

func newPackTable() *packTable { return &packTable{packs: make(map[uint64]*packInfo)} }

func (t *packTable) add(p packInfo) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if before := t.packs[p.number]; before != nil {
		t.removeLocked(before)
	}
	t.packs[p.number] = &p
	t.bytes += p.taken()
}

// change calls f with the pack of that number, if there is one.
func (t *packTable) change(number uint64, f func(*packInfo)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if p := t.packs[number]; p != nil {
		t.bytes -= p.taken()
		f(p)
		t.bytes += p.taken()
	}
}

func (t *packTable) gain(number uint64, bytes int64) {
	t.change(number, func(p *packInfo) { p.live, p.liveBytes = p.live+1, p.liveBytes+bytes })
}

func (t *packTable) lose(number uint64, bytes int64) {
	t.change(number, func(p *packInfo) { p.live, p.liveBytes = p.live-1, p.liveBytes-bytes })
}

// giveUp notes that a pack has no footer, and what it may say of others.
func (t *packTable) giveUp(w *packWriter) {
	t.change(w.header.Pack, func(p *packInfo) { p.state, p.limits = packGivenUp, w.footer.Limits })
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

// remove takes a pack out of the table and returns its account, and false if
// it was not there.
func (t *packTable) remove(number uint64) (packInfo, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	p := t.packs[number]
	if p == nil {
		return packInfo{}, false
	}
	t.removeLocked(p)
	return *p, true
}

func (t *packTable) removeLocked(p *packInfo) {
	t.bytes -= p.taken()
	delete(t.packs, p.number)
}

// room is how many bytes all packs take.
func (t *packTable) room() int64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.bytes
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

// victim is the pack that is to be evicted next: one in which nothing is live,
// else the one whose newest fragment is oldest. One whose limits guard another
// pack goes after that. Packs that are being written are left alone, and those
// that are stuck.
func (t *packTable) victim(stuck map[uint64]bool) (packInfo, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	var first *packInfo
	for _, p := range t.packs {
		if p.state != packOpen && !stuck[p.number] && (first == nil || p.goesBefore(first)) {
			first = p
		}
	}
	if first == nil {
		return packInfo{}, false
	}
	if guarded := t.guardedLocked(first, stuck); guarded != nil {
		first = guarded
	}
	return *first, true
}

func (p *packInfo) goesBefore(o *packInfo) bool {
	if (p.live == 0) != (o.live == 0) {
		return p.live == 0
	}
	return cmp.Or(cmp.Compare(p.newest, o.newest), cmp.Compare(p.number, o.number)) < 0
}

// guardedLocked is a pack of which p says how much of it counts, nil if there
// is none.
func (t *packTable) guardedLocked(p *packInfo, stuck map[uint64]bool) *packInfo {
	for _, l := range p.limits {
		for number, other := range t.packs {
			if l.First <= number && number <= l.Last && other.state == packGivenUp && !stuck[number] {
				return other
			}
		}
	}
	return nil
}

// oldestOpen is the pack among those that are being written, or wait for their
// footer, whose newest fragment is oldest.
func (t *packTable) oldestOpen() (number uint64, ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	var first *packInfo
	for _, p := range t.packs {
		if p.state == packOpen && (first == nil || p.goesBefore(first)) {
			first = p
		}
	}
	if first == nil {
		return 0, false
	}
	return first.number, true
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
