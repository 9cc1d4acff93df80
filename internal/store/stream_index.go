package store

import (
	"cmp"
	"math"
	"sync"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/pack"
)

// A row is what the index keeps of one fragment: 56 bytes.
type row struct {
	number   millrace.FragmentNumber
	flags    millrace.FragmentFlags
	producer int64 // milliseconds of Unix time
	duration time.Duration
	pack     uint64
	size     uint32
	offset   uint32 // in units of pack.Align
}

func rowOf(number uint64, e *pack.Entry) row {
	return row{
		number: e.Number, flags: e.Flags, producer: e.ProducerTime.UnixMilli(), duration: e.Duration,
		pack: number, size: uint32(e.Size), offset: uint32(e.Offset / pack.Align),
	}
}

func (r *row) entry() Entry {
	return Entry{
		Number: r.number, ProducerTime: time.UnixMilli(r.producer).UTC(), Duration: r.duration,
		Size: int64(r.size), Flags: r.flags,
		Position: r.position(),
	}
}

func (r *row) position() Position { return Position{r.pack, int64(r.offset) * pack.Align} }

func (r *row) server() int64 { return r.number.ServerTime().UnixMilli() }

func compareRows(a, b row) int { return a.number.Compare(b.number) }

func rowEnd(r row) int64 { return endMillis(r.server(), r.duration) }

// A mention is a row's place on the producer's clock: 40 bytes.
type mention struct {
	producer int64
	duration time.Duration
	number   millrace.FragmentNumber
}

func (r *row) mention() mention { return mention{r.producer, r.duration, r.number} }

func compareMentions(a, b mention) int {
	return cmp.Or(cmp.Compare(a.producer, b.producer), a.number.Compare(b.number))
}

func mentionEnd(m mention) int64 { return endMillis(m.producer, m.duration) }

// endMillis is the first whole millisecond at or after the end, clamped.
func endMillis(start int64, d time.Duration) int64 {
	ms := d.Milliseconds() + 1
	if start > math.MaxInt64-max(ms, 0) {
		return math.MaxInt64
	}
	return start + ms
}

// A streamIndex knows the fragments of one stream in both orders. It sorts by
// number, which is the order of server times too; producer times may jump, so
// they have an order of their own.
type streamIndex struct {
	mu       sync.RWMutex // guards what follows
	rows     ordered[row]
	mentions ordered[mention]
	bytes    int64
}

func newStreamIndex() *streamIndex {
	return &streamIndex{
		rows:     ordered[row]{compare: compareRows, end: rowEnd},
		mentions: ordered[mention]{compare: compareMentions, end: mentionEnd},
	}
}

// insert adds a row, and returns false if its number is there.
func (x *streamIndex) insert(r row) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	if !x.rows.insert(r) {
		return false
	}
	x.mentions.insert(r.mention())
	x.bytes += int64(r.size)
	return true
}

// has reports whether a number is there.
func (x *streamIndex) has(n millrace.FragmentNumber) bool {
	x.mu.RLock()
	defer x.mu.RUnlock()
	_, found := x.rows.find(row{number: n})
	return found
}

// leave takes the row away that an entry of a pack is, and returns false if
// there is none.
func (x *streamIndex) leave(number millrace.FragmentNumber, at Position) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	r := x.rowLocked(number)
	if r == nil || r.position() != at {
		return false
	}
	x.removeLocked(*r)
	return true
}

// move makes the row of an entry point to another place, and returns false if
// there is none.
func (x *streamIndex) move(number millrace.FragmentNumber, from, to Position) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	r := x.rowLocked(number)
	if r == nil || r.position() != from {
		return false
	}
	r.pack, r.offset = to.Pack, uint32(to.Offset/pack.Align)
	return true
}

// isAt reports whether the row of a number is at a place.
func (x *streamIndex) isAt(number millrace.FragmentNumber, at Position) bool {
	x.mu.RLock()
	defer x.mu.RUnlock()
	r := x.rowLocked(number)
	return r != nil && r.position() == at
}

func (x *streamIndex) rowLocked(number millrace.FragmentNumber) *row {
	p, found := x.rows.find(row{number: number})
	if !found {
		return nil
	}
	return x.rows.at(p)
}

func (x *streamIndex) removeLocked(r row) {
	x.rows.remove(r)
	x.mentions.remove(r.mention())
	x.bytes -= int64(r.size)
}

// sweep takes away the rows that a view does not see, and calls gone for each.
// Those before its time are the first ones; the others are looked for in whole.
func (x *streamIndex) sweep(v *view, gone func(*row)) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for r := x.rows.first(); r != nil && r.server() < v.since; r = x.rows.first() {
		taken := *r
		x.removeLocked(taken)
		gone(&taken)
	}
	if len(v.hiding) == 0 {
		return
	}
	var hidden []row
	for p := (place{}); x.rows.at(p) != nil; p = x.rows.next(p) {
		if r := x.rows.at(p); !v.sees(r.number, r.producer) {
			hidden = append(hidden, *r)
		}
	}
	for i := range hidden {
		x.removeLocked(hidden[i])
		gone(&hidden[i])
	}
}

// empty takes all rows away and calls gone for each, oldest first. A pass of
// sweep that is under way finds none of them, so that each is gone once.
func (x *streamIndex) empty(gone func(*row)) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, b := range x.rows.blocks {
		for i := range b.items {
			gone(&b.items[i])
		}
	}
	x.rows.blocks, x.rows.length = nil, 0
	x.mentions.blocks, x.mentions.length = nil, 0
	x.bytes = 0
}
