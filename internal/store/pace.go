package store

import (
	"context"
	"io"
	"time"
)

// paceStep is how long a pacedReader rests at once, at least.
const paceStep = 100 * time.Millisecond

// A pacedReader reads rate bytes a second at most. One goroutine uses it.
type pacedReader struct {
	under io.ReaderAt
	rate  int64
	rest  func(time.Duration)
	owed  time.Duration
}

// ReadAt implements io.ReaderAt.
func (r *pacedReader) ReadAt(p []byte, off int64) (int, error) {
	n, err := r.under.ReadAt(p, off)
	r.owed += time.Duration(float64(n) / float64(r.rate) * float64(time.Second))
	if r.owed >= paceStep {
		r.rest(r.owed)
		r.owed = 0
	}
	return n, err
}

// sleep waits for d, or until ctx ends.
func sleep(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}
