package store

import (
	"cmp"
	"math"
	"sync"
	"sync/atomic"
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

// A streamIndex knows the fragments of one stream that are not in the pages, in
// both orders, and sums up those that are. It sorts by number, which is the
// order of server times too; producer times may jump, so they have an order of
// their own.
type streamIndex struct {
	count *atomic.Int64 // of the rows of all streams

	mu       sync.RWMutex // guards what follows
	rows     ordered[row]
	mentions ordered[mention]
	bytes    int64
	since    time.Duration // when the oldest row came, on a clock that does not go back
	besides
}

func newStreamIndex(count *atomic.Int64) *streamIndex {
	return &streamIndex{
		count:    count,
		rows:     ordered[row]{compare: compareRows, end: rowEnd},
		mentions: ordered[mention]{compare: compareMentions, end: mentionEnd},
	}
}

// insert adds a row that comes now, and returns false if its number is there.
func (x *streamIndex) insert(r row, now time.Duration) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	if !x.rows.insert(r) {
		return false
	}
	if x.rows.length == 1 {
		x.since = now
	}
	x.count.Add(1)
	x.mentions.insert(r.mention())
	x.bytes += int64(r.size)
	return true
}

// has reports whether a number is in memory, and what is in the pages besides.
func (x *streamIndex) has(n millrace.FragmentNumber) (bool, paged) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	_, found := x.rows.find(row{number: n})
	return found, x.paged
}

// left notes that entries are not in the pages any more.
func (x *streamIndex) left(entries []Entry) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.paged.count -= len(entries)
	for i := range entries {
		x.paged.bytes -= entries[i].Size
	}
}

// measure notes what is in the pages.
func (x *streamIndex) measure(p paged) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.paged = p
}

// inPages is what is in the pages.
func (x *streamIndex) inPages() paged {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return x.paged
}

// take takes the row away that an entry is, and returns nil if there is none.
func (x *streamIndex) take(number millrace.FragmentNumber, at Position) *row {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.takeLocked(number, at)
}

func (x *streamIndex) takeLocked(number millrace.FragmentNumber, at Position) *row {
	r := x.rowLocked(number)
	if r == nil || r.position() != at {
		return nil
	}
	taken := *r
	x.removeLocked(taken)
	return &taken
}

// recent returns all rows in order.
func (x *streamIndex) recent() []row {
	x.mu.RLock()
	defer x.mu.RUnlock()
	list := make([]row, 0, x.rows.length)
	for _, b := range x.rows.blocks {
		list = append(list, b.items...)
	}
	return list
}

// due reports whether rows are to be fed: at least enough, or any that are
// there since old, or any.
func (x *streamIndex) due(enough int, old time.Duration, any bool) bool {
	x.mu.RLock()
	defer x.mu.RUnlock()
	n := x.rows.length
	return n > 0 && (any || n >= enough || x.since <= old)
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
	x.count.Add(-1)
	x.bytes -= int64(r.size)
}

// sweep takes away the rows that a view does not see, and calls gone for each.
// Those before its time are the first ones; the others are looked for in whole.
func (x *streamIndex) sweep(v *view, gone func(*row)) {
	x.mu.Lock()
	for r := x.rows.first(); r != nil && r.server() < v.since; r = x.rows.first() {
		taken := *r
		x.removeLocked(taken)
		gone(&taken)
	}
	x.mu.Unlock()
	if len(v.hiding) > 0 {
		x.takeAll(func(r *row) bool { return !v.sees(r.number, r.producer) }, gone)
	}
}

// takeAll takes away the rows of which dies says so, and calls gone for each.
func (x *streamIndex) takeAll(dies func(*row) bool, gone func(*row)) {
	x.mu.Lock()
	defer x.mu.Unlock()
	var list []row
	for _, b := range x.rows.blocks {
		for i := range b.items {
			if dies(&b.items[i]) {
				list = append(list, b.items[i])
			}
		}
	}
	for i := range list {
		x.removeLocked(list[i])
		gone(&list[i])
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
	x.count.Add(-int64(x.rows.length))
	x.rows.blocks, x.rows.length = nil, 0
	x.mentions.blocks, x.mentions.length = nil, 0
	x.bytes = 0
}
