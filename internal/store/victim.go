package store

import "cmp"

// victim is the pack that is to be evicted next: one in which nothing is live,
// else the one whose newest fragment is oldest. One whose limits guard another
// pack goes after that. Packs that are being written, by a lane or by a pass, are
// left alone, and those that are stuck.
func (t *packTable) victim(stuck map[uint64]bool) (packInfo, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	var first *packInfo
	for _, a := range t.packs {
		p := &a.packInfo
		if p.state != packOpen && !p.busy && !a.hidden && !stuck[p.number] && !t.keptForLaterLocked(p) && (first == nil || t.goesBeforeLocked(p, first)) {
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

// keptForLaterLocked reports whether a pack cannot be read, or says how much
// counts of one that cannot: that one would come back with more.
func (t *packTable) keptForLaterLocked(p *packInfo) bool {
	if p.aside.unread() {
		return true
	}
	for _, l := range p.limits {
		for number, other := range t.packs {
			if l.First <= number && number <= l.Last && other.aside.unread() {
				return true
			}
		}
	}
	return false
}

func (t *packTable) goesBeforeLocked(p, o *packInfo) bool {
	if !t.unsure && (p.live == 0) != (o.live == 0) {
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
				return &other.packInfo
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
	for _, a := range t.packs {
		p := &a.packInfo
		if p.state == packOpen && !p.busy && (first == nil || t.goesBeforeLocked(p, first)) {
			first = p
		}
	}
	if first == nil {
		return 0, false
	}
	return first.number, true
}
