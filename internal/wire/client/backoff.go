package client

import (
	"context"
	"math/rand/v2"
	"time"
)

// A Backoff spaces attempts: each wait is a random part of a bound that
// doubles from Min to Max, so that many clients of one server do not come back
// all at once. It is not safe for concurrent use.
type Backoff struct {
	Min, Max time.Duration
	bound    time.Duration
}

// Next returns how long to wait before the next attempt.
func (b *Backoff) Next() time.Duration {
	b.bound = min(max(b.bound*2, b.Min), b.Max)
	return b.Min/2 + rand.N(b.bound)
}

// Reset forgets the attempts before.
func (b *Backoff) Reset() { b.bound = 0 }

// Wait waits for Next, or returns the error of ctx.
func (b *Backoff) Wait(ctx context.Context) error { return wait(ctx, b.Next()) }

func wait(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
