package ingest

import (
	"context"
	"sync"
	"time"

	"github.com/millrace/millrace"
)

// The bounds of what may wait for a client that does not read.
const (
	softAcks = 256  // beyond it BUFFERING and RECEIVED are dropped
	hardAcks = 4096 // beyond it no further fragment begins
)

// A queuedAck is an acknowledgement on its way.
type queuedAck struct {
	millrace.Ack
	since time.Time // when that happened which it acknowledges; zero if nothing did
}

// An ackQueue holds the acknowledgements that are to be written. Any number of
// goroutines may push; none of them ever waits.
type ackQueue struct {
	mu     sync.Mutex // guards what follows
	acks   []queuedAck
	closed bool
	ready  chan struct{} // holds one token when there is something to do
	taken  chan struct{} // closed when acks are taken; nil if nobody waits
}

func newAckQueue() *ackQueue { return &ackQueue{ready: make(chan struct{}, 1)} }

// push adds an ack.
func (q *ackQueue) push(a queuedAck) {
	q.mu.Lock()
	defer q.mu.Unlock()
	dispensable := a.Type < millrace.AckPersisted
	if q.closed || dispensable && len(q.acks) >= softAcks {
		return
	}
	q.acks = append(q.acks, a)
	q.signal()
}

// await returns when there is room for a further fragment's, or ctx's cause.
func (q *ackQueue) await(ctx context.Context) error {
	for {
		taken := q.full()
		if taken == nil {
			return nil
		}
		select {
		case <-taken:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// full returns a channel that closes when acks are taken, nil if there is room.
func (q *ackQueue) full() <-chan struct{} {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.acks) < hardAcks {
		return nil
	}
	if q.taken == nil {
		q.taken = make(chan struct{})
	}
	return q.taken
}

// close adds the last acknowledgement, if there is one. What is pushed later is
// dropped.
func (q *ackQueue) close(last ...queuedAck) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.acks = append(q.acks, last...)
	q.closed = true
	q.signal()
}

// signal wakes the writer. q.mu is held.
func (q *ackQueue) signal() {
	select {
	case q.ready <- struct{}{}:
	default:
	}
}

// take returns everything that waits, in buf, and whether the queue is closed
// and empty.
func (q *ackQueue) take(buf []queuedAck) (acks []queuedAck, done bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	acks = append(buf[:0], q.acks...)
	q.acks = q.acks[:0]
	if q.taken != nil {
		close(q.taken)
		q.taken = nil
	}
	return acks, q.closed && len(acks) == 0
}
