package store

import "sync"

// A queue holds what waits for one lane, in order.
type queue struct {
	wake chan struct{} // holds a token while there may be something to do

	mu     sync.Mutex // guards what follows
	list   []*submission
	bytes  int64 // of what is in list
	closed bool
}

func newQueue() *queue { return &queue{wake: make(chan struct{}, 1)} }

// push appends s.
func (q *queue) push(s *submission) {
	q.mu.Lock()
	q.list = append(q.list, s)
	q.bytes += s.size
	q.mu.Unlock()
	q.nudge()
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
		q.bytes -= q.list[n].size
		n++
	}
	batch = append(batch, q.list[:n]...)
	rest := copy(q.list, q.list[n:])
	clear(q.list[rest:])
	q.list = q.list[:rest]
	return batch, n > 0 || !q.closed
}

// load is how many bytes wait.
func (q *queue) load() int64 {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.bytes
}

// close says that nothing more will be pushed.
func (q *queue) close() {
	q.mu.Lock()
	q.closed = true
	q.mu.Unlock()
	q.nudge()
}
