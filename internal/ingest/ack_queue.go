package ingest

import (
	"sync"

	"github.com/millrace/millrace"
)

// The bounds of what may wait for a client that does not read.
const (
	softAcks = 256  // beyond it BUFFERING and RECEIVED are dropped
	hardAcks = 4096 // beyond it the session ends
)

// An ackQueue holds the acknowledgements that are to be written. Any number of
// goroutines may push; none of them ever waits.
type ackQueue struct {
	mu     sync.Mutex // guards what follows
	acks   []millrace.Ack
	closed bool
	ready  chan struct{} // holds one token when there is something to do
}

func newAckQueue() *ackQueue { return &ackQueue{ready: make(chan struct{}, 1)} }

// push adds an ack. It reports false when the client is so far behind that the
// session must end.
func (q *ackQueue) push(a millrace.Ack) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	dispensable := a.Type < millrace.AckPersisted
	if q.closed || dispensable && len(q.acks) >= softAcks {
		return true
	}
	q.acks = append(q.acks, a)
	q.signal()
	return len(q.acks) < hardAcks
}

// close adds the last acknowledgement, if there is one. What is pushed later is
// dropped.
func (q *ackQueue) close(last ...millrace.Ack) {
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
func (q *ackQueue) take(buf []millrace.Ack) (acks []millrace.Ack, done bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	acks = append(buf[:0], q.acks...)
	q.acks = q.acks[:0]
	return acks, q.closed && len(acks) == 0
}
