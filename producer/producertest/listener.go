package producertest

import (
	"context"
	"net"
	"sync"
	"syscall"
)

// maxWaiting is how many connections wait to be accepted.
const maxWaiting = 128

// A Listener is a net.Listener for connections in memory, so that any server, not
// only a Server, can stand inside a synctest bubble. Its connections behave as TCP
// does, and count as blocked while they wait.
type Listener struct {
	address pipeAddr
	waiting chan net.Conn

	once   sync.Once
	closed chan struct{}
}

// NewListener makes one whose address is that, such as "127.0.0.1:80". Make it
// inside the bubble.
func NewListener(address string) *Listener {
	return &Listener{address: pipeAddr(address), waiting: make(chan net.Conn, maxWaiting), closed: make(chan struct{})}
}

// Accept waits for a connection. Behind Close it returns net.ErrClosed.
func (l *Listener) Accept() (net.Conn, error) {
	select {
	case c := <-l.waiting:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

// Close refuses connections from now on. Calling it again does nothing.
func (l *Listener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}

// Addr is the address that was given.
func (l *Listener) Addr() net.Addr { return l.address }

// Dial makes a connection, whatever the address. Behind Close the error wraps
// syscall.ECONNREFUSED.
func (l *Listener) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	near, far := newPipe(pipeAddr("client.test"), l.address)
	var err error
	select {
	case <-l.closed:
		err = syscall.ECONNREFUSED
	default:
		select {
		case l.waiting <- far:
			return near, nil
		case <-l.closed:
			err = syscall.ECONNREFUSED
		case <-ctx.Done():
			err = ctx.Err()
		}
	}
	return nil, &net.OpError{Op: "dial", Net: network, Addr: l.address, Err: err}
}
