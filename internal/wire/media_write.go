package wire

import (
	"bytes"
	"fmt"
	"net/http"
	"strconv"
	"time"
)

// Sizes of writes, in bytes.
const (
	maxWrite  = 256 << 10 // one system call; the write timeout counts for each
	maxJoined = 64 << 10  // the same where pieces must be copied into one
)

const crlf = "\r\n"

// SetWriteTimeout bounds how long each write may wait for the client, from now
// on: 256 KiB must go in this time. The default is DefaultWriteTimeout.
func (c *MediaConn) SetWriteTimeout(d time.Duration) { c.timeout.Store(int64(d)) }

// Prolong gives a write that waits for the client the whole timeout again. For
// a client that goes on sending is there, even if it does not read at the moment.
func (c *MediaConn) Prolong() {
	if c.waiting.Load() > 0 {
		_ = c.conn.SetWriteDeadline(c.deadline()) // fails only on a closed connection
	}
}

// deadline is that of a write that begins now.
func (c *MediaConn) deadline() time.Time { return time.Now().Add(time.Duration(c.timeout.Load())) }

// Waiting is for how long a write has been waiting for the client, who has not
// taken 256 KiB meanwhile; 0 if no write waits.
func (c *MediaConn) Waiting() time.Duration {
	if since := c.waiting.Load(); since > 0 {
		return max(time.Since(c.began)-time.Duration(since), 1)
	}
	return 0
}

// WriteContinue sends the interim response that a client with "Expect:
// 100-continue" waits for. Call it before WriteHead.
func (c *MediaConn) WriteContinue() error {
	c.writeMu.Lock()
	defer c.writeMu.Unlock()
	if c.stage != stageNothing {
		return fmt.Errorf("write interim response: %w", ErrOrder)
	}
	return c.write([]byte("HTTP/1.1 100 Continue\r\n\r\n"), nil, "")
}

// WriteHead sends the head of the response in a write of its own, with Date,
// "Connection: close" and the framing. The names in h keep their casing. A head
// of 4 KiB or more is an error: clients cannot read it.
func (c *MediaConn) WriteHead(status int, h http.Header) error {
	c.writeMu.Lock()
	defer c.writeMu.Unlock()
	if c.stage != stageNothing {
		return fmt.Errorf("write head: %w", ErrOrder)
	}
	head, err := c.encodeHead(status, h, time.Now())
	if err != nil {
		return err
	}
	c.stage = stageHead
	return c.write(head, nil, "")
}

func (c *MediaConn) encodeHead(status int, h http.Header, now time.Time) ([]byte, error) {
	var b bytes.Buffer
	fmt.Fprintf(&b, "HTTP/1.1 %d %s\r\n", status, http.StatusText(status))
	own := map[string]bool{"Connection": true, "Transfer-Encoding": true, "Content-Length": true, "Date": true}
	if err := h.WriteSubset(&b, own); err != nil {
		return nil, fmt.Errorf("write head: %w", err)
	}
	b.WriteString("Date: " + now.UTC().Format(http.TimeFormat) + "\r\nConnection: close\r\n")
	if c.chunked {
		b.WriteString("Transfer-Encoding: chunked\r\n")
	}
	b.WriteString("\r\n")
	if b.Len() >= maxHead {
		return nil, fmt.Errorf("write head: %d bytes are too many", b.Len())
	}
	return b.Bytes(), nil
}

// WriteChunk sends the pieces as one transfer chunk: size line, pieces and line
// end in one write, as long as that is not larger than 256 KiB (64 KiB over
// TLS). Pieces are not changed and not kept. No pieces, or only empty ones, send
// nothing, for an empty chunk would end the response. The first error is final
// for all writers.
func (c *MediaConn) WriteChunk(pieces ...[]byte) error {
	size := 0
	for _, p := range pieces {
		size += len(p)
	}
	c.writeMu.Lock()
	defer c.writeMu.Unlock()
	if c.stage != stageHead {
		return fmt.Errorf("write chunk: %w", ErrOrder)
	}
	if size == 0 {
		return c.writeErr
	}
	if !c.chunked {
		return c.write(nil, pieces, "")
	}
	head := append(strconv.AppendUint(c.line[:0], uint64(size), 16), '\r', '\n')
	return c.write(head, pieces, crlf)
}

// Finish sends the terminating chunk. The connection stays open.
func (c *MediaConn) Finish() error {
	c.writeMu.Lock()
	defer c.writeMu.Unlock()
	if c.stage != stageHead {
		return fmt.Errorf("finish response: %w", ErrOrder)
	}
	c.stage = stageFinished
	if !c.chunked {
		return c.writeErr
	}
	return c.write([]byte("0\r\n\r\n"), nil, "")
}

// write sends head, pieces and tail in as few writes as their size allows. It
// is called with writeMu held.
func (c *MediaConn) write(head []byte, pieces [][]byte, tail string) error {
	c.add(head)
	for _, p := range pieces {
		c.add(p)
	}
	if tail != "" {
		c.add([]byte(tail))
	}
	c.flush()
	return c.writeErr
}

// add takes p into the next write, and writes whenever that is full.
func (c *MediaConn) add(p []byte) {
	limit := maxJoined
	if c.tcp {
		limit = maxWrite
	}
	for len(p) > 0 {
		n := min(len(p), limit-c.pending)
		if c.tcp {
			c.vec = append(c.vec, p[:n])
		} else {
			c.joined = append(c.joined, p[:n]...)
		}
		p = p[n:]
		if c.pending += n; c.pending == limit {
			c.flush()
		}
	}
}

// flush writes what has been added. After an error it drops it.
func (c *MediaConn) flush() {
	if c.pending > 0 && c.writeErr == nil {
		c.writeErr = c.conn.SetWriteDeadline(c.deadline())
	}
	if c.pending > 0 && c.writeErr == nil {
		c.waiting.Store(max(int64(time.Since(c.began)), 1))
		if c.tcp {
			c.unsent = c.vec // WriteTo consumes it
			_, c.writeErr = c.unsent.WriteTo(c.conn)
		} else {
			_, c.writeErr = c.conn.Write(c.joined)
		}
		c.waiting.Store(0)
	}
	clear(c.vec)
	c.vec, c.joined, c.pending = c.vec[:0], c.joined[:0], 0
}
