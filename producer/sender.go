package producer

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/wire/client"
)

// Bounds of the wait before a new connection, and of what one write takes.
const (
	minReconnect = 200 * time.Millisecond
	maxReconnect = 30 * time.Second
	maxBatch     = 256 << 10 // bytes
)

// run makes connections as long as there is something to send.
func (u *Upload) run(ctx context.Context) {
	defer close(u.done)
	stop := context.AfterFunc(ctx, func() {
		u.mu.Lock()
		defer u.mu.Unlock()
		u.fail(ErrClosed)
	})
	defer stop()

	backoff := client.Backoff{Min: minReconnect, Max: maxReconnect}
	for {
		h, again := u.waitForWork()
		if h == nil {
			return
		}
		err := u.runConnection(ctx, h, again)
		if u.tookProgress() {
			backoff.Reset()
		}
		if err != nil && !u.pause(ctx, err, backoff.Next()) {
			return
		}
	}
}

// waitForWork returns the header of what is to be sent, and nil when nothing
// ever will be. again is how many fragments were sent before.
func (u *Upload) waitForWork() (h *header, again int) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for {
		switch {
		case u.err != nil:
			return nil, 0
		case !u.queue.idle():
			again = u.queue.rewind()
			return u.queue.fragments[0].header, again
		case u.closing:
			return nil, 0
		}
		u.changed.Wait()
	}
}

// runConnection sends over one connection until that ends. It returns an error
// if it ended before everything sent over it was acknowledged.
func (u *Upload) runConnection(ctx context.Context, h *header, again int) error {
	c, err := u.call(ctx, h)
	if err != nil {
		u.refused(err)
		return err
	}
	u.accepted(c, again)

	go u.readAcks(c)
	stop := context.AfterFunc(ctx, func() { _ = c.conn.Close() }) // ends reads and writes
	err = u.send(c)
	stop()
	_ = c.conn.Close() // all that counts has been acknowledged, or will be sent again
	<-c.done

	u.mu.Lock()
	defer u.mu.Unlock()
	if ends(c.fault) {
		u.fail(c.fault)
	}
	switch {
	case c.fault != nil:
		return c.fault
	case len(c.sent) > 0 && err == nil:
		return fmt.Errorf("server ended the call with %d fragments not acknowledged: %w", len(c.sent), io.ErrUnexpectedEOF)
	}
	return err
}

// refused ends the upload if the server will not take it whatever happens: it
// never did, or the stream is gone. An upload that was accepted once is tried
// on, because keys and policies may be put right again.
func (u *Upload) refused(err error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if client.Passing(err) || u.stats.Connections > 0 && millrace.CodeOf(err) != millrace.CodeNotFound {
		return
	}
	u.fail(err)
}

func (u *Upload) accepted(c *connection, again int) {
	u.mu.Lock()
	u.stats.Connections++
	u.stats.Resent += again
	u.mu.Unlock()
	if u.options.Events.Connected != nil {
		u.options.Events.Connected(c.endpoint, again)
	}
}

// send writes what there is until the connection ends, or until it has to be
// ended because nothing more belongs on it.
func (u *Upload) send(c *connection) error {
	batch := [][]byte{c.header.bytes}
	n := len(c.header.bytes)
	for {
		var more bool
		if batch, n, more = u.nextBatch(c, batch, n); !more {
			return c.end(u)
		}
		if err := c.out.write(batch, n); err != nil {
			return err
		}
		clear(batch) // what was written may be let go
		batch, n = batch[:0], 0
	}
}

// nextBatch waits for something to send and appends it to batch. It returns
// false if nothing more will be sent over c.
func (u *Upload) nextBatch(c *connection, batch [][]byte, n int) ([][]byte, int, bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for {
		if c.over || u.err != nil {
			return nil, 0, false
		}
		f := u.queue.current()
		switch {
		case f == nil && u.closing, f != nil && f.header != c.header:
			return nil, 0, false
		case f != nil:
			if u.queue.piece == 0 {
				c.sent = append(c.sent, f)
			}
			batch, more := u.queue.take(f, batch, maxBatch)
			u.stats.Sent += int64(n + more)
			return batch, n + more, true
		}
		u.changed.Wait()
	}
}

// end ends the body, if the connection is still good, and waits for the
// response to end.
func (c *connection) end(u *Upload) error {
	u.mu.Lock()
	over := c.over || u.err != nil
	u.mu.Unlock()
	if over {
		return nil
	}
	if err := c.out.finish(); err != nil {
		return err
	}
	<-c.done
	return nil
}

func (u *Upload) tookProgress() bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	p := u.progress
	u.progress = false
	return p
}

// pause waits before the next connection. It returns false if there will be none.
func (u *Upload) pause(ctx context.Context, err error, wait time.Duration) bool {
	if u.Err() != nil {
		return false
	}
	if u.options.Events.Disconnected != nil {
		u.options.Events.Disconnected(err, wait)
	}
	t := time.NewTimer(wait)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
