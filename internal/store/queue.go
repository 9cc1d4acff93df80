package store

import (
	"context"
	"sync"

	"golang.org/x/sync/semaphore"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/pack"
)

// A submission is one fragment on its way to the disk. It keeps the fragment,
// so that it can be written again elsewhere if a write fails.
type submission struct {
	fragment *millrace.Fragment
	done     func(error)
	head     []byte     // fixed header and sample table
	entry    pack.Entry // Offset is set when it is written
	size     int64      // of the record, padding included
	weight   int64      // its share of the queue's bytes
	result   error
}

// A queue holds what was submitted and not yet settled. Its bounds count also
// what the lane has taken and not released.
type queue struct {
	capacity int64
	bytes    *semaphore.Weighted
	count    *semaphore.Weighted
	wake     chan struct{} // holds a token while there may be something to do

	mu     sync.Mutex // guards what follows
	list   []*submission
	closed bool
}

func newQueue(bytes int64, fragments int) *queue {
	return &queue{
		capacity: bytes,
		bytes:    semaphore.NewWeighted(bytes),
		count:    semaphore.NewWeighted(int64(fragments)),
		wake:     make(chan struct{}, 1),
	}
}

// push waits for room and appends s. A fragment that is larger than the whole
// queue waits until it is empty.
func (q *queue) push(ctx context.Context, s *submission) error {
	s.weight = min(s.size, q.capacity)
	if err := q.count.Acquire(ctx, 1); err != nil {
		return err
	}
	if err := q.bytes.Acquire(ctx, s.weight); err != nil {
		q.count.Release(1)
		return err
	}
	q.mu.Lock()
	closed := q.closed
	if !closed {
		q.list = append(q.list, s)
	}
	q.mu.Unlock()
	if closed {
		q.release(s)
		return millrace.ErrClosed
	}
	q.nudge()
	return nil
}

func (q *queue) nudge() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// take moves what is queued into batch, in order, up to room bytes but at
// least one. open is false when nothing will ever come again.
func (q *queue) take(batch []*submission, room int64) (_ []*submission, open bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	n := 0
	for n < len(q.list) && (n == 0 || room >= q.list[n].size) {
		room -= q.list[n].size
		n++
	}
	batch = append(batch, q.list[:n]...)
	rest := copy(q.list, q.list[n:])
	clear(q.list[rest:])
	q.list = q.list[:rest]
	return batch, n > 0 || !q.closed
}

// release gives the room of a settled submission back.
func (q *queue) release(s *submission) {
	q.bytes.Release(s.weight)
	q.count.Release(1)
}

func (q *queue) close() {
	q.mu.Lock()
	q.closed = true
	q.mu.Unlock()
	q.nudge()
}
