package store

import (
	"cmp"
	"maps"
	"slices"
	"sync"

	"github.com/millrace/millrace/internal/pack"
)

// A packTable knows the packs that there are, and what the pages keep of packs.
type packTable struct {
	feeding bool // whether there are pages

	mu     sync.Mutex // guards what follows
	packs  map[uint64]*packAccount
	rows   map[uint64]PackRow // as they are in the pages
	unsure bool               // the accounts are being made; no pack counts as dead
	bytes  int64              // that all of them take
}

func newPackTable() *packTable {
	return &packTable{packs: make(map[uint64]*packAccount), rows: make(map[uint64]PackRow)}
}

// reset forgets everything.
func (t *packTable) reset() {
	t.mu.Lock()
	defer t.mu.Unlock()
	clear(t.packs)
	clear(t.rows)
	t.bytes = 0
}

// add takes a pack in. What it says is live is in memory only.
func (t *packTable) add(p packInfo) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.putLocked(&packAccount{packInfo: p})
}

func (t *packTable) putLocked(a *packAccount) {
	if before := t.packs[a.number]; before != nil {
		t.removeLocked(before)
	}
	t.packs[a.number] = a
	t.bytes += a.taken()
}

// change calls f with the pack of that number, if there is one.
func (t *packTable) change(number uint64, f func(*packInfo)) {
	t.update(number, func(a *packAccount) { f(&a.packInfo) })
}

func (t *packTable) update(number uint64, f func(*packAccount)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if a := t.packs[number]; a != nil {
		t.bytes -= a.taken()
		f(a)
		t.bytes += a.taken()
	}
}

// settle notes a record of a pack, which is found or not.
func (t *packTable) settle(number uint64, e *pack.Entry, found bool) {
	t.update(number, func(a *packAccount) {
		a.saw(e.Number)
		if found {
			a.live, a.liveBytes = a.live+1, a.liveBytes+e.Size
		}
		if t.feeding {
			a.unfed.settle(e.Offset, found)
		}
	})
}

// settleAll notes that of everything in a pack it is known whether it is found.
func (t *packTable) settleAll(number uint64) {
	t.update(number, func(a *packAccount) { a.unfed.end = a.size })
}

// gain notes a fragment that is in the pages, though it is not in memory any
// more.
func (t *packTable) gain(number uint64, bytes int64) {
	t.change(number, func(p *packInfo) { p.live, p.liveBytes = p.live+1, p.liveBytes+bytes })
}

// lose notes a row of memory that has gone.
func (t *packTable) lose(r *row) {
	at := r.position()
	t.update(at.Pack, func(a *packAccount) {
		a.live, a.liveBytes = a.live-1, a.liveBytes-int64(r.size)
		a.unfed.done(at.Offset)
	})
}

func (t *packTable) setState(number uint64, s packState) {
	t.change(number, func(p *packInfo) { p.state = s })
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
	for _, number := range sortedNumbers(t.packs) {
		list = append(list, t.packs[number].packInfo)
	}
	return list
}

// hide has look not see a pack that is about to be removed, as it was when that
// was decided, and returns its account; false if it is not there, is hidden
// already, or was dead and may not be any more. The account goes on, so that
// show can bring it back when the removal fails.
func (t *packTable) hide(p packInfo) (packInfo, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	a := t.packs[p.number]
	if a == nil || a.hidden || a.aside.unread() || p.live == 0 && (t.unsure || a.live > 0) {
		return packInfo{}, false
	}
	a.hidden = true
	return a.packInfo, true
}

// show undoes hide.
func (t *packTable) show(number uint64) {
	t.update(number, func(a *packAccount) { a.hidden = false })
}

// remove takes a pack out of the table.
func (t *packTable) remove(number uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if a := t.packs[number]; a != nil {
		t.removeLocked(a)
	}
}

func (t *packTable) removeLocked(p *packAccount) {
	t.bytes -= p.taken()
	delete(t.packs, p.number)
}

// isUnsure reports whether the accounts are being made, and say too little.
func (t *packTable) isUnsure() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.unsure
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
	if p == nil || p.hidden {
		return packInfo{}, false
	}
	return p.packInfo, true
}

// dead lists the packs in which nothing is live and which nobody writes any
// more, sealed or given up. A pack whose limits still guard another one is not
// dead.
func (t *packTable) dead() []packInfo {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.unsure {
		return nil
	}
	var list []packInfo
	for _, p := range t.packs {
		if p.state != packOpen && !p.aside.unread() && !p.hidden && !p.busy && p.live == 0 && !t.guardsLocked(&p.packInfo) {
			list = append(list, p.packInfo)
		}
	}
	slices.SortFunc(list, func(a, b packInfo) int { return cmp.Compare(a.number, b.number) })
	return list
}

// guards reports whether the limits of a pack still guard another one.
func (t *packTable) guards(number uint64) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	p := t.packs[number]
	return p != nil && t.guardsLocked(&p.packInfo)
}

func (t *packTable) guardsLocked(p *packInfo) bool {
	for _, l := range p.limits {
		for number, other := range t.packs {
			if l.First <= number && number <= l.Last && (other.state == packGivenUp || other.aside.unread()) {
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
		if p.aside.unread() {
			s.SetAside++
		}
		s.Bytes += p.size
		s.LiveFragments += p.live
		s.LiveBytes += p.liveBytes
		s.Unfed += p.unfed.count
	}
	return s
}

func sortedNumbers[T any](m map[uint64]T) []uint64 { return slices.Sorted(maps.Keys(m)) }
