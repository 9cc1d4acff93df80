package store

import (
	"sync"

	"github.com/millrace/millrace"
)

// What a damageBook remembers of each kind at most. When it is full it forgets
// everything, and may tell things again.
const maxRemembered = 4096

// A damageBook remembers which damage has been told, and which places could not
// be read.
type damageBook struct {
	mu       sync.Mutex // guards what follows
	told     map[damageKey]bool
	reads    uint64              // that went well
	suspects map[Position]uint64 // places that could not be read, and how many reads had gone well by then
}

// A damageKey names a damage: by its fragment, or by its place.
type damageKey struct {
	pack   uint64
	number millrace.FragmentNumber
	offset int64 // 0 where the number is known
}

func newDamageBook() *damageBook {
	return &damageBook{told: make(map[damageKey]bool), suspects: make(map[Position]uint64)}
}

// isNews reports whether a damage was not told before.
func (b *damageBook) isNews(d *Damage) bool {
	key := damageKey{pack: d.Pack, number: d.Number}
	if d.Number.IsZero() {
		key.offset = d.Offset
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.told[key] {
		return false
	}
	if len(b.told) == maxRemembered {
		clear(b.told)
	}
	b.told[key] = true
	return true
}

// knows reports whether it was told that a fragment is damaged where it lies.
func (b *damageBook) knows(at Position, number millrace.FragmentNumber) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.told[damageKey{pack: at.Pack, number: number}]
}

// read notes a fragment that could be read. Whatever was told of it, it is not
// damaged, or not any more: a disk may give what it did not give before.
func (b *damageBook) read(at Position, number millrace.FragmentNumber) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.reads++
	delete(b.suspects, at)
	delete(b.told, damageKey{pack: at.Pack, number: number})
}

// outlined notes a fragment of which a part could be read. The rest of it may
// still be out of reach.
func (b *damageBook) outlined() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.reads++
}

// isLost notes a place that could not be read for an error of the disk, and
// reports whether it is that place which is broken: it could not be read before
// either, and others could since. While the disk as a whole is out of order no
// place is taken for lost, or a reader would pass over all that is on it.
func (b *damageBook) isLost(at Position) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	then, known := b.suspects[at]
	if known && b.reads > then {
		return true
	}
	if len(b.suspects) == maxRemembered {
		clear(b.suspects)
	}
	b.suspects[at] = b.reads
	return false
}
