package ingest_test

import (
	"context"
	"sync"
	"testing/synctest"

	"github.com/millrace/millrace"
)

// A committer is a store that answers when the test says so.
type committer struct {
	mu      sync.Mutex // guards what follows
	waiting []submission
	refuse  error         // of every Submit
	full    chan struct{} // closed when there is room; nil if there is
	instant bool          // every fragment is durable at once
	stored  []*millrace.Fragment
}

type submission struct {
	fragment *millrace.Fragment
	done     func(error)
}

func (c *committer) Submit(ctx context.Context, f *millrace.Fragment, done func(error)) error {
	c.mu.Lock()
	full, refuse := c.full, c.refuse
	c.mu.Unlock()
	if refuse != nil {
		return refuse
	}
	if ctx.Err() != nil { // as the store's semaphores do
		return context.Cause(ctx)
	}
	if full != nil {
		select {
		case <-full:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	c.mu.Lock()
	instant := c.instant
	c.stored = append(c.stored, f)
	if !instant {
		c.waiting = append(c.waiting, submission{f, done})
	}
	c.mu.Unlock()
	if instant {
		done(nil)
	}
	return nil
}

func (c *committer) Close() error { return nil }

// answer settles the next n fragments.
func (c *committer) answer(n int, err error) {
	c.mu.Lock()
	now := c.waiting[:n]
	c.waiting = c.waiting[n:]
	c.mu.Unlock()
	for _, s := range now {
		s.done(err)
	}
	synctest.Wait()
}

// fill makes the store's queue full; it returns what makes room.
func (c *committer) fill() (drain func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	full := make(chan struct{})
	c.full = full
	return func() {
		c.mu.Lock()
		c.full = nil
		c.mu.Unlock()
		close(full)
	}
}
