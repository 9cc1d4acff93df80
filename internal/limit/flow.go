package limit

import (
	"context"
	"time"
)

// A Pace is what one connection may carry a second, on the average: it may be
// behind by a second's worth. 0 is no bound.
type Pace struct {
	Bytes     int64
	Fragments int
}

// A Flow makes one connection wait that carries too much. It is for one
// goroutine; a nil *Flow never waits.
type Flow struct {
	bucket *bucket
}

// NewFlow returns a Flow of so much a second, and nil if that is 0.
func NewFlow(rate int64) *Flow {
	if rate <= 0 {
		return nil
	}
	return &Flow{newBucket(float64(rate), time.Now())}
}

// Wait returns when something may pass, or ctx's cause.
func (f *Flow) Wait(ctx context.Context) error {
	if f == nil {
		return nil
	}
	f.bucket.fill(time.Now())
	if f.bucket.affords(1) {
		return nil
	}
	timer := time.NewTimer(f.bucket.until(1))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Pass counts what has passed. It may be more than there was: that is waited
// for before the next.
func (f *Flow) Pass(n int) {
	if f != nil {
		f.bucket.use(float64(n))
	}
}
