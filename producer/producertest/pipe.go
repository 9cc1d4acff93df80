package producertest

import (
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// pipeRoom is how many bytes a connection in memory holds in each direction, as
// the kernel's buffers do for real ones.
const pipeRoom = 64 << 10

// A pipe is one end of a connection in memory. It behaves as TCP does: writes
// that fit return at once, closing with bytes unread resets, and a reset destroys
// what is under way. All waiting is on condition variables and timers, so that it
// counts as blocked inside a synctest bubble.
type pipe struct {
	in, out *queue
	local   net.Addr
	remote  net.Addr
	hard    atomic.Bool // Close resets
}

// newPipe makes the two ends of a connection.
func newPipe(near, far net.Addr) (a, b *pipe) {
	there, back := newQueue(), newQueue()
	return &pipe{in: back, out: there, local: near, remote: far}, &pipe{in: there, out: back, local: far, remote: near}
}

// A queue is one direction of a pipe.
type queue struct {
	mu      sync.Mutex // guards what follows
	changed sync.Cond
	bytes   []byte
	ended   bool  // the writer has closed
	left    bool  // the reader has closed
	fault   error // for both
	readers limit
	writers limit
}

// A limit is a deadline that wakes who waits.
type limit struct {
	at    time.Time
	timer *time.Timer
}

func newQueue() *queue {
	q := &queue{}
	q.changed.L = &q.mu
	return q
}

func (l *limit) passed() bool { return !l.at.IsZero() && !time.Now().Before(l.at) }

func (q *queue) setLimit(l *limit, t time.Time) {
	q.mu.Lock()
	defer q.mu.Unlock()
	l.at = t
	if l.timer != nil {
		l.timer.Stop()
		l.timer = nil
	}
	if d := time.Until(t); !t.IsZero() && d > 0 {
		l.timer = time.AfterFunc(d, func() {
			q.mu.Lock()
			defer q.mu.Unlock()
			q.changed.Broadcast()
		})
	}
	q.changed.Broadcast()
}

func (q *queue) read(p []byte) (int, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for {
		switch {
		case q.left:
			return 0, net.ErrClosed
		case q.readers.passed():
			return 0, os.ErrDeadlineExceeded
		case q.fault != nil:
			return 0, q.fault
		case len(q.bytes) > 0:
			n := copy(p, q.bytes)
			q.bytes = q.bytes[:copy(q.bytes, q.bytes[n:])]
			q.changed.Broadcast()
			return n, nil
		case q.ended:
			return 0, io.EOF
		}
		q.changed.Wait()
	}
}

func (q *queue) write(p []byte) (n int, err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for {
		switch {
		case q.ended:
			return n, net.ErrClosed
		case q.writers.passed():
			return n, os.ErrDeadlineExceeded
		case q.fault != nil:
			return n, q.fault
		case q.left:
			return n, syscall.ECONNRESET
		case len(p) == 0:
			return n, nil
		case len(q.bytes) < pipeRoom:
			k := min(len(p), pipeRoom-len(q.bytes))
			q.bytes, p, n = append(q.bytes, p[:k]...), p[k:], n+k
			q.changed.Broadcast()
			continue
		}
		q.changed.Wait()
	}
}

// end says that no more will be written.
func (q *queue) end() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.ended = true
	q.changed.Broadcast()
}

// leave says that nobody reads any more, and whether something was left.
func (q *queue) leave() (unread bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	unread = len(q.bytes) > 0
	q.left, q.bytes = true, nil
	q.changed.Broadcast()
	return unread
}

func (q *queue) reset() {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.fault == nil {
		q.fault = syscall.ECONNRESET
	}
	q.bytes = nil
	q.changed.Broadcast()
}

func (p *pipe) explain(op string, err error) error {
	if err == nil || errors.Is(err, io.EOF) {
		return err
	}
	return &net.OpError{Op: op, Net: "pipe", Source: p.local, Addr: p.remote, Err: err}
}

// Read takes what has come. See net.Conn.
func (p *pipe) Read(b []byte) (int, error) {
	n, err := p.in.read(b)
	return n, p.explain("read", err)
}

// Write gives b to the other end. To an end that has closed it resets the
// connection, as TCP does.
func (p *pipe) Write(b []byte) (int, error) {
	n, err := p.out.write(b)
	if errors.Is(err, syscall.ECONNRESET) {
		p.reset()
	}
	return n, p.explain("write", err)
}

// CloseWrite ends one direction.
func (p *pipe) CloseWrite() error {
	p.out.end()
	return nil
}

// SetLinger with 0 has Close reset the connection. See net.TCPConn.
func (p *pipe) SetLinger(sec int) error {
	p.hard.Store(sec == 0)
	return nil
}

// Close ends both, and resets the connection if something was not read.
func (p *pipe) Close() error {
	if p.hard.Load() {
		p.reset()
	}
	if p.in.leave() {
		p.out.reset()
	}
	p.out.end()
	return nil
}

// reset destroys the connection with all that is under way.
func (p *pipe) reset() {
	p.in.reset()
	p.out.reset()
}

// LocalAddr is this end's address.
func (p *pipe) LocalAddr() net.Addr { return p.local }

// RemoteAddr is the other end's.
func (p *pipe) RemoteAddr() net.Addr { return p.remote }

// SetDeadline sets both deadlines.
func (p *pipe) SetDeadline(t time.Time) error {
	p.in.setLimit(&p.in.readers, t)
	p.out.setLimit(&p.out.writers, t)
	return nil
}

// SetReadDeadline bounds reads.
func (p *pipe) SetReadDeadline(t time.Time) error {
	p.in.setLimit(&p.in.readers, t)
	return nil
}

// SetWriteDeadline bounds writes.
func (p *pipe) SetWriteDeadline(t time.Time) error {
	p.out.setLimit(&p.out.writers, t)
	return nil
}
