package wire

import (
	"context"
	"io"
	"net"
	"time"
)

// CloseGracefully ends the call after Finish: it closes the writing side, reads
// and drops what the client still sends until the client closes too, and closes
// the connection. Without this a client that is still sending would get a reset,
// which destroys the answers that it has not read yet. The draining takes at
// most linger, and never more than MaxLinger. After a failed write, or while a
// write still waits, it is Abort. It may be called once; reads of the body must
// have ended.
func (c *MediaConn) CloseGracefully(linger time.Duration) {
	c.endWatch()
	if c.failed() {
		c.Abort()
		return
	}
	deadline := time.Now().Add(min(max(linger, 0), MaxLinger))
	closeWrite(c.conn)
	if c.raw != c.conn {
		closeWrite(c.raw)
	}
	if c.raw.SetReadDeadline(deadline) == nil {
		_, _ = io.CopyN(io.Discard, c.raw, maxDrain) // ends with the client, the deadline or the bound
	}
	_ = c.raw.Close() // everything that was to be said has been said
}

// Abort closes the connection as it stands. A client that was promised more
// sees its response cut.
func (c *MediaConn) Abort() {
	_ = c.raw.Close() // what waits in a read or write now fails
	c.endWatch()
}

// failed reports whether a write has failed, or is still waiting for the
// client.
func (c *MediaConn) failed() bool {
	if !c.writeMu.TryLock() {
		return true
	}
	defer c.writeMu.Unlock()
	return c.writeErr != nil
}

// closeWrite closes the writing side where the connection has such a thing.
func closeWrite(conn net.Conn) {
	if half, ok := conn.(interface{ CloseWrite() error }); ok {
		_ = half.CloseWrite() // fails only where the connection is gone
	}
}

// WatchClose watches a connection whose request has been read, until the client
// closes it or stop is called, and cancels the context that it returns when the
// client does. The cause is ErrPeerClosed then. What the client sends meanwhile
// is dropped. stop waits for the watcher; calling it again does nothing. There
// can be one watch at a time, and no reading of the body beside it.
func (c *MediaConn) WatchClose(ctx context.Context) (watched context.Context, stop func()) {
	watched, cancel := context.WithCancelCause(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, err := io.Copy(io.Discard, c.body.br)
		if err == nil || !c.isInterrupted() {
			cancel(ErrPeerClosed)
		}
	}()
	stop = func() {
		c.Interrupt()
		<-done
		cancel(context.Canceled)
	}
	c.readMu.Lock()
	c.stopWatch = stop
	c.readMu.Unlock()
	return watched, stop
}

// endWatch stops the watcher if there is one.
func (c *MediaConn) endWatch() {
	c.readMu.Lock()
	stop := c.stopWatch
	c.readMu.Unlock()
	if stop != nil {
		stop()
	}
}
