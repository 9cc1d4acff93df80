package memory

import (
	"cmp"
	"container/list"
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// patience is how long somebody waits while nothing is given back, before
// somebody has to go (M3).
const patience = 5 * time.Second

// A Budget bounds what media take in memory. Any number of goroutines may use
// it and what it makes. Somebody must call Run.
type Budget struct {
	limit int64
	shed  func() bool   // drops something that may be dropped at any time
	over  chan struct{} // holds a token while readers may have more than their part
	short atomic.Int32  // writers that wait

	mu      sync.Mutex // guards what follows
	in, out line       // what writers, and readers, have and wait for
	writers map[*Writer]struct{}
	loans   list.List // of *Loan, the oldest first
	cutting int64     // of the loans that are being cut
	ended   int
	cut     int
}

// A line is one part of a Budget, and those who wait for some of it.
type line struct {
	limit int64
	used  int64
	queue [ranks]list.List // of *waiter
	moved time.Time        // when something was given back last, or somebody had to go
}

// A rank says whose turn it is before others: of those who will be done soon,
// because what they have comes back then.
type rank uint8

// The ranks.
const (
	little    rank = iota // a little more, as a fragment grows
	more                  // more for what has begun
	beginning             // for what is to begin
	ranks
)

// smallAmount is what a fragment grows by, and a little more, in bytes.
const smallAmount = 80 << 10

// aging is for how long others may go first.
const aging = 30 * time.Second

// A waiter waits for n bytes.
type waiter struct {
	n     int64
	since time.Time
	ready chan struct{} // closed when it has them
	among *list.List
	at    *list.Element
}

// DefaultBytes is how large a Budget is of which nobody says it.
const DefaultBytes = 1 << 30

// New returns a Budget of so many bytes; DefaultBytes if that is 0.
func New(bytes int64) *Budget {
	bytes = cmp.Or(max(bytes, 0), DefaultBytes)
	b := &Budget{limit: bytes, over: make(chan struct{}, 1), writers: map[*Writer]struct{}{}}
	b.out.limit = bytes / 4
	b.in.limit = bytes - b.out.limit
	return b
}

// OnShortage says how to get memory back that may be had at any time: shed drops
// something, and reports false if there is nothing. Where several were told of, the
// last one comes first. They are set before the first use.
func (b *Budget) OnShortage(shed func() bool) {
	before := b.shed
	b.shed = func() bool { return shed() || before != nil && before() }
}

// Ephemeral is how many bytes may be held that are dropped on shortage: half of
// the writers' part.
func (b *Budget) Ephemeral() int64 { return b.in.limit / 2 }

// fits reports whether n more bytes may be had from a line. mu is held.
func (b *Budget) fits(l *line, n int64) bool {
	return l.used+n <= l.limit && b.in.used+b.out.used+n <= b.limit
}

// take waits for n bytes of a line (M2), for who has so much already.
func (b *Budget) take(ctx context.Context, l *line, n, has int64) error {
	w := b.ask(l, n, rankOf(n, has))
	if w == nil {
		return nil
	}
	if l == &b.in {
		b.short.Add(1)
		defer b.short.Add(-1)
	}
	for b.shed != nil && !w.served() && b.shed() {
	}
	timer := time.NewTimer(patience)
	defer timer.Stop()
	for {
		select {
		case <-w.ready:
			return nil
		case <-ctx.Done():
			b.leave(l, w)
			return context.Cause(ctx)
		case <-timer.C:
			left := b.stuck(l)
			if left <= 0 {
				b.relieve(l)
				left = patience
			}
			timer.Reset(left)
		}
	}
}

func (w *waiter) served() bool {
	select {
	case <-w.ready:
		return true
	default:
		return false
	}
}

func rankOf(n, has int64) rank {
	switch {
	case n <= smallAmount:
		return little
	case has > smallAmount:
		return more
	}
	return beginning
}

// ask takes n bytes, or else a place in the line.
func (b *Budget) ask(l *line, n int64, r rank) *waiter {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Now()
	if l.waiting() == 0 {
		l.moved = now
	}
	w := &waiter{n: n, since: now, ready: make(chan struct{}), among: &l.queue[r]}
	w.at = w.among.PushBack(w)
	b.serve(l, now)
	if w.served() {
		return nil
	}
	return w
}

// waiting is how many wait. mu is held.
func (l *line) waiting() (n int) {
	for r := range l.queue {
		n += l.queue[r].Len()
	}
	return n
}

// leave gives a place in the line up, or what it has led to.
func (b *Budget) leave(l *line, w *waiter) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if w.served() {
		l.used -= w.n
	} else {
		w.among.Remove(w.at)
	}
	b.serveAll()
}

// give takes n bytes back. mu is held.
func (b *Budget) give(l *line, n int64) {
	l.used -= n
	l.moved = time.Now()
	b.serveAll()
}

// serveAll serves both lines. mu is held.
func (b *Budget) serveAll() {
	now := time.Now()
	b.serve(&b.in, now)
	b.serve(&b.out, now)
}

// serve lets those have what they wait for whose turn it is. mu is held.
func (b *Budget) serve(l *line, now time.Time) {
	for {
		w := l.next(now)
		if w == nil || !b.fits(l, w.n) {
			return
		}
		l.used += w.n
		w.among.Remove(w.at)
		close(w.ready)
	}
}

// next is whose turn it is: who has waited for longer than aging, else the first
// of the lowest rank.
func (l *line) next(now time.Time) (w *waiter) {
	for r := range l.queue {
		if x := first(&l.queue[r]); x != nil && (w == nil || now.Sub(x.since) >= aging && x.since.Before(w.since)) {
			w = x
		}
	}
	return w
}

func first(l *list.List) *waiter {
	if at := l.Front(); at != nil {
		return at.Value.(*waiter)
	}
	return nil
}

// stuck returns how long it takes until nothing will have been given back for
// patience. It says that it is so to one of those who wait, and to the next one
// only after as long again.
func (b *Budget) stuck(l *line) time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Now()
	left := patience - now.Sub(l.moved)
	if left <= 0 {
		l.moved = now
	}
	return left
}

// relieve makes somebody go (M3).
func (b *Budget) relieve(l *line) {
	if l == &b.out {
		b.cutSlowest()
		return
	}
	if w := b.largest(); w != nil {
		w.end(errShort())
	}
}

// Stats are what a Budget has counted.
type Stats struct {
	Limit   int64
	Writers int64 // bytes of sessions and of what they have handed over
	Readers int64 // bytes of loans
	Waiting int   // those who wait for memory now
	Ended   int   // sessions that had to end
	Cut     int   // readers that were cut off
}

// Stats returns the present numbers.
func (b *Budget) Stats() Stats {
	b.mu.Lock()
	defer b.mu.Unlock()
	return Stats{
		Limit: b.limit, Writers: b.in.used, Readers: b.out.used,
		Waiting: b.in.waiting() + b.out.waiting(), Ended: b.ended, Cut: b.cut,
	}
}
