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
		Position: Position{Pack: r.pack, Offset: int64(r.offset) * pack.Align},
	}
}

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

// expire takes the rows from the oldest on away while expired says so, and
// calls gone for each.
func (x *streamIndex) expire(expired func(serverTime time.Time) bool, gone func(*row)) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for {
		r := x.rows.first()
		if r == nil || !expired(r.number.ServerTime()) {
			return
		}
		taken, m := *r, r.mention()
		x.rows.remove(taken)
		x.mentions.remove(m)
		x.bytes -= int64(taken.size)
		gone(&taken)
	}
}

// empty takes all rows away and calls gone for each, oldest first. A pass of
// expire that is under way finds none of them, so that each is gone once.
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

// after returns up to limit entries above the number, none expired.
func (x *streamIndex) after(number millrace.FragmentNumber, since int64, limit int) []Entry {
	x.mu.RLock()
	defer x.mu.RUnlock()
	p := x.rows.search(func(r *row) bool { return r.number.Compare(number) > 0 && r.server() >= since })
	if limit <= 0 || x.rows.at(p) == nil {
		return nil
	}
	list := make([]Entry, 0, min(limit, x.rows.length))
	for r := x.rows.at(p); r != nil && len(list) < limit; r = x.rows.at(p) {
		list = append(list, r.entry())
		p = x.rows.next(p)
	}
	return list
}

// atServer answers Index.AtServerTime.
func (x *streamIndex) atServer(t moment, since int64) (Entry, bool) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	var found *row
	p := x.rows.search(func(r *row) bool { return r.server() > t.millis })
	x.rows.backward(p, t.millis, func(r *row) bool {
		if r.server() >= since && t.within(r.server(), r.duration) {
			found = r
		}
		return found == nil && r.server() >= since
	})
	if found == nil {
		from := max(since, t.ceil())
		found = x.rows.at(x.rows.search(func(r *row) bool { return r.server() >= from }))
	}
	if found == nil {
		return Entry{}, false
	}
	return found.entry(), true
}

// atProducer answers Index.AtProducerTime.
func (x *streamIndex) atProducer(t moment, since int64) (Entry, bool) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	m := x.covering(t, since)
	if m == nil {
		m = x.following(t, since)
	}
	if m == nil {
		return Entry{}, false
	}
	p, _ := x.rows.find(row{number: m.number})
	return x.rows.at(p).entry(), true
}

// covering returns the mention that starts last among those that contain t,
// and the lowest number among several of them.
func (x *streamIndex) covering(t moment, since int64) (found *mention) {
	p := x.mentions.search(func(m *mention) bool { return m.producer > t.millis })
	x.mentions.backward(p, t.millis, func(m *mention) bool {
		if found != nil && m.producer < found.producer {
			return false
		}
		if m.number.ServerTime().UnixMilli() >= since && t.within(m.producer, m.duration) {
			found = m
		}
		return true
	})
	return found
}

// following returns the first mention that starts at or after t.
func (x *streamIndex) following(t moment, since int64) *mention {
	p := x.mentions.search(func(m *mention) bool { return m.producer >= t.ceil() })
	for m := x.mentions.at(p); m != nil; m = x.mentions.at(p) {
		if m.number.ServerTime().UnixMilli() >= since {
			return m
		}
		p = x.mentions.next(p)
	}
	return nil
}

// A moment is a time in whole milliseconds and what is above them.
type moment struct {
	millis int64
	rest   time.Duration
}

func momentOf(t time.Time) moment {
	ms := t.UnixMilli()
	return moment{ms, t.Sub(time.UnixMilli(ms))}
}

// ceil is the first whole millisecond at or after m.
func (m moment) ceil() int64 {
	if m.rest > 0 {
		return m.millis + 1
	}
	return m.millis
}

// within reports whether m lies in what starts at start and lasts d.
func (m moment) within(start int64, d time.Duration) bool {
	gone := m.millis - start
	return gone >= 0 && gone <= d.Milliseconds() && time.Duration(gone)*time.Millisecond+m.rest < d
}
