package memory

import (
	"container/list"
	"context"
	"slices"
	"time"
)

// grace is for how long a reader may make no progress before it may be cut off.
const grace = time.Second

// retry is how often readers are looked at that hold too much and are not slow
// enough yet to be cut off.
const retry = 100 * time.Millisecond

// A Cut breaks off those readers of a Loan that have taken nothing for so long
// of what they were given. It reports whether there is no other: then it is not
// called again, and the Loan will be returned soon. It must return at once, and
// may be called by whatever goroutine.
type Cut func(idle time.Duration) (all bool)

// A Loan is what a reader holds. It must be returned, once.
type Loan struct {
	budget *Budget
	cut    Cut

	// Guarded by budget.mu.
	counted int64
	at      *list.Element
	going   bool // all its readers were cut
}

// Borrow waits for n bytes for a reader, at most until ctx ends, whose cause is
// the error then.
func (b *Budget) Borrow(ctx context.Context, n int64, cut Cut) (*Loan, error) {
	n = min(n, b.out.limit)
	if err := b.take(ctx, &b.out, n, 0); err != nil {
		return nil, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.lend(n, cut), nil
}

// Lend makes a Loan of bytes that Hand has returned, because readers alone hold
// them from now on. It never waits: where readers have too much now, those that
// are slow are cut off (M4).
func (b *Budget) Lend(counted int64, cut Cut) *Loan {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.out.used += counted
	loan := b.lend(counted, cut)
	b.give(&b.in, counted)
	if b.excess() {
		select {
		case b.over <- struct{}{}:
		default:
		}
	}
	return loan
}

// lend makes a Loan of what is counted already. mu is held.
func (b *Budget) lend(n int64, cut Cut) *Loan {
	l := &Loan{budget: b, cut: cut, counted: n}
	l.at = b.loans.PushBack(l)
	return l
}

// Return gives the bytes back.
func (l *Loan) Return() {
	b := l.budget
	b.mu.Lock()
	defer b.mu.Unlock()
	if l.at == nil {
		return
	}
	b.loans.Remove(l.at)
	l.at = nil
	if l.going {
		b.cutting -= l.counted
	}
	b.give(&b.out, l.counted)
}

// Shrink gives back what is more than n bytes.
func (l *Loan) Shrink(n int64) {
	b := l.budget
	b.mu.Lock()
	defer b.mu.Unlock()
	more := l.counted - max(n, 0)
	if l.at == nil || more <= 0 {
		return
	}
	l.counted -= more
	if l.going {
		b.cutting -= more
	}
	b.give(&b.out, more)
}

// excess reports whether readers hold more than their part, those that were cut
// off aside. mu is held.
func (b *Budget) excess() bool { return b.out.used-b.cutting > b.out.limit }

// Run cuts slow readers off while readers hold more than their part, until ctx
// ends.
func (b *Budget) Run(ctx context.Context) {
	again := time.NewTimer(0)
	defer again.Stop()
	for {
		select {
		case <-b.over:
		case <-again.C:
		case <-ctx.Done():
			return
		}
		if b.reduce() {
			again.Reset(retry)
		}
	}
}

// reduce cuts slow readers off, those first that hold something for longest,
// until the others are within their part. It reports whether they are not.
func (b *Budget) reduce() (over bool) {
	for _, l := range b.held() {
		if !b.isOver() {
			return false
		}
		b.cutSlow(l)
	}
	return b.isOver()
}

// cutSlowest cuts the reader off that holds something for longest among those
// that are slow, if there is one.
func (b *Budget) cutSlowest() {
	for _, l := range b.held() {
		if b.cutSlow(l) {
			return
		}
	}
}

// held lists the loans that have not been cut, the oldest first.
func (b *Budget) held() (list []*Loan) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for at := b.loans.Front(); at != nil; at = at.Next() {
		if l := at.Value.(*Loan); !l.going && l.cut != nil {
			list = append(list, l)
		}
	}
	return slices.Clip(list)
}

func (b *Budget) isOver() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.excess()
}

// cutSlow cuts off a loan's slow readers. It reports whether those were all.
func (b *Budget) cutSlow(l *Loan) bool {
	if !l.cut(grace) {
		return false
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if !l.going && l.at != nil {
		l.going = true
		b.cutting += l.counted
	}
	b.cut++
	return true
}
