package ingest_test

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/wire"
)

// A conn is a Conn whose client is the test.
type conn struct {
	body        chan []byte
	rest        []byte
	ending      error // when body is closed
	interrupted chan struct{}
	aborted     chan struct{}
	once        sync.Once

	mu      sync.Mutex                         // guards what follows
	numbers map[uint64]millrace.FragmentNumber // by timecode
	written []string
	times   []time.Time
	headAt  time.Time
	stalled chan struct{} // closed when the client reads again; nil if it reads
	until   time.Time     // when a write gives up that waits
	broken  error         // of every write
}

// writeTimeout is how long a write waits for a client.
const writeTimeout = 30 * time.Second

func newConn() *conn {
	return &conn{
		body: make(chan []byte, 10_000), interrupted: make(chan struct{}), aborted: make(chan struct{}),
		numbers: map[uint64]millrace.FragmentNumber{},
	}
}

func (c *conn) Body() io.Reader { return c }

func (c *conn) Read(p []byte) (int, error) {
	select {
	case <-c.interrupted:
		return 0, wire.ErrInterrupted
	default:
	}
	if len(c.rest) == 0 {
		select {
		case <-c.interrupted:
			return 0, wire.ErrInterrupted
		case b, ok := <-c.body:
			if !ok {
				return 0, c.ending
			}
			c.rest = b
		}
	}
	n := copy(p, c.rest)
	c.rest = c.rest[n:]
	return n, nil
}

func (c *conn) Interrupt() { c.once.Do(func() { close(c.interrupted) }) }

// Abort also makes the writes fail that wait.
func (c *conn) Abort() {
	c.breakWrites(syscall.EPIPE)
	close(c.aborted)
	c.Interrupt()
}

func (c *conn) WriteContinue() error { return c.write("100") }
func (c *conn) WriteHead() error     { c.headAt = time.Now(); return c.write("200") }
func (c *conn) Finish() error        { return c.write("end") }

func (c *conn) WriteChunk(pieces ...[]byte) error {
	raw := bytes.Join(pieces, nil)
	a, err := wire.NewAckDecoder(bytes.NewReader(raw)).Decode()
	if err != nil {
		return fmt.Errorf("not one acknowledgement: %q: %w", raw, err)
	}
	text := a.Type.String()
	if a.HasTimecode {
		text += fmt.Sprint(" ", a.Timecode)
	}
	if a.Type == millrace.AckError {
		id, name := wire.AckError(a.Code)
		text += fmt.Sprint(" ", id, " ", name)
	}
	return c.write(text + c.misnumbered(a))
}

// misnumbered complains of an ack whose number is not the one that its fragment
// had before; a fragment that was never announced may have any.
func (c *conn) misnumbered(a millrace.Ack) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	known, ok := c.numbers[a.Timecode]
	switch {
	case a.HasTimecode == a.Number.IsZero():
		return " with a timecode or a number alone"
	case a.Type == millrace.AckBuffering:
		c.numbers[a.Timecode] = a.Number
	case a.HasTimecode && ok && a.Number != known:
		return " with another number"
	}
	return ""
}

func (c *conn) write(text string) error {
	c.mu.Lock()
	stalled, err := c.stalled, c.broken
	c.mu.Unlock()
	if err != nil {
		return err
	}
	if stalled != nil {
		if err := c.wait(stalled); err != nil {
			return err
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.written, c.times = append(c.written, text), append(c.times, time.Now())
	return nil
}

// wait waits for the client to read again.
func (c *conn) wait(stalled chan struct{}) error {
	c.Prolong()
	for {
		c.mu.Lock()
		until := c.until
		c.mu.Unlock()
		if !time.Now().Before(until) {
			return os.ErrDeadlineExceeded
		}
		select {
		case <-stalled:
			return nil
		case <-c.aborted:
			return syscall.EPIPE
		case <-time.After(time.Until(until)):
		}
	}
}

func (c *conn) Prolong() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.until = time.Now().Add(writeTimeout)
}

// stall makes the client read nothing more; resume lets it read again.
func (c *conn) stall() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stalled = make(chan struct{})
}

func (c *conn) resume() {
	c.mu.Lock()
	defer c.mu.Unlock()
	close(c.stalled)
	c.stalled = nil
}

// breakWrites makes every write fail from now on.
func (c *conn) breakWrites(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.broken = err
}

// look takes what was written since the last look.
func (c *conn) look() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	w := c.written
	c.written, c.times = nil, nil
	return w
}
