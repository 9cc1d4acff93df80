package upkeep

import (
	"context"
	"sync/atomic"
	"time"
)

// A Progress tells how far a tool is. Any number of goroutines may use it; the
// zero value is ready, and nil counts nothing.
type Progress struct {
	total, done atomic.Int64
}

// Bytes is how many bytes have been dealt with, and how many there are in all
// as far as that is known by now.
func (p *Progress) Bytes() (done, total int64) { return p.done.Load(), p.total.Load() }

func (p *Progress) expect(n int64) {
	if p != nil {
		p.total.Add(n)
	}
}

func (p *Progress) add(n int64) {
	if p != nil {
		p.done.Add(n)
	}
}

// A pace keeps reading below a rate, so that a server on the same disk is not
// slowed down. The zero value is no bound. One goroutine uses it.
type pace struct {
	rate int64 // bytes per second; 0 is no bound
	due  time.Time
}

// wait returns when n more bytes may be read.
func (p *pace) wait(ctx context.Context, n int64) error {
	if p.rate <= 0 {
		return ctx.Err()
	}
	now := time.Now()
	if p.due.Before(now) {
		p.due = now
	}
	late := p.due.Sub(now)
	p.due = p.due.Add(time.Duration(float64(n) / float64(p.rate) * float64(time.Second)))
	if late <= 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(late)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
