package ingest_test

import (
	"bytes"
	"cmp"
	"context"
	"slices"
	"sync"
	"testing/synctest"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/store"
)

// A committer is a store that answers when the test says so.
type committer struct {
	mu              sync.Mutex // guards what follows
	waiting         []submission
	refuse          error                // of every Submit
	full            chan struct{}        // closed when there is room; nil if there is
	instant         bool                 // every fragment is durable at once
	stored          []*millrace.Fragment // what was taken over
	lost            []*millrace.Fragment // of it, what never became durable
	asked, outlined int                  // how often it was asked what it has
	broken          error                // of List
	damaged         error                // of Outline
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
		if err != nil {
			c.mu.Lock()
			c.lost = append(c.lost, s.fragment)
			c.mu.Unlock()
		}
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

// List lists what was committed, by the producer's clock.
func (c *committer) List(_ context.Context, s store.Scope, l store.Listing) (list []store.Entry, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.asked++
	if c.broken != nil {
		return nil, c.broken
	}
	for _, f := range c.stored {
		e := store.Entry{Number: f.Number, ProducerTime: f.ProducerTime}
		key := store.KeyOf(l.Clock, e.Number, e.ProducerTime)
		settled := !slices.ContainsFunc(c.waiting, func(w submission) bool { return w.fragment == f }) && !slices.Contains(c.lost, f)
		if f.Stream == s.Stream && settled && !f.ProducerTime.Before(l.From) && !f.ServerTime().Before(s.Since) && bytes.Compare(key[:], l.After[:]) > 0 {
			list = append(list, e)
		}
	}
	slices.SortFunc(list, func(a, b store.Entry) int {
		return cmp.Or(a.ProducerTime.Compare(b.ProducerTime), a.Number.Compare(b.Number))
	})
	return list[:min(len(list), l.Limit)], nil
}

// Identify says who made a fragment.
func (c *committer) Identify(_ context.Context, _ store.Scope, e store.Entry) (p millrace.ProducerID, id millrace.Identity, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, f := range c.stored {
		if f.Number == e.Number {
			return f.Producer, millrace.Identity{Session: f.Session, Sequence: f.Sequence}, nil
		}
	}
	return p, id, millrace.ErrNotFound
}

// Outline gives a whole fragment.
func (c *committer) Outline(_ context.Context, _ store.Scope, e store.Entry) (*millrace.Fragment, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.outlined++
	for _, f := range c.stored {
		if f.Number == e.Number {
			return f, c.damaged
		}
	}
	return nil, millrace.ErrNotFound
}
