package producer

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/wire/client"
)

// An Upload sends fragments to one stream, over one connection after the other.
// Begin, Append and End are for one goroutine at a time; the other methods may
// be called at any time by any.
type Upload struct {
	client  *client.Client
	dial    dialFunc
	stream  millrace.Stream
	options Options
	final   millrace.AckType // the acknowledgement that lets a fragment go

	cancel context.CancelFunc // ends run
	done   chan struct{}      // closed when run has ended

	mu      sync.Mutex // guards everything below
	changed *sync.Cond // broadcast after any change that somebody may wait for
	queue   queue
	open    *fragment // the one that Append appends to; nil between fragments
	header  *header   // of the fragments to come
	closing bool      // Close was called: nothing more will come
	err     error     // what ended the upload
	stats   Stats

	progress bool // something became durable since the last connection was made
	rejected int  // fragments in a row that the server refused
}

// Errors of an upload's methods.
var (
	// ErrClosed means that Close or Abort was called before.
	ErrClosed = errors.New("upload is closed")
	// ErrOrder means that there is no header yet, or no fragment to append to.
	ErrOrder = errors.New("call out of order")
	// ErrTooLarge means that a fragment would be larger than MaxFragmentSize.
	ErrTooLarge = fmt.Errorf("fragment is larger than %d bytes", MaxFragmentSize)
)

// Open finds the stream and where to send to. The connection itself is made
// when there is something to send. ctx is for Open alone; what the server
// refuses is a *millrace.Error.
func (c *Client) Open(ctx context.Context, name millrace.StreamName, o Options) (*Upload, error) {
	conn, err := c.connect()
	if err != nil {
		return nil, err
	}
	stream, err := ensure(ctx, conn, name, o.Create, o.Events.Created)
	if err != nil {
		return nil, fmt.Errorf("open stream %s: %w", name, err)
	}
	if _, err := conn.DataEndpoint(ctx, name, client.PutMedia); err != nil {
		return nil, fmt.Errorf("find endpoint of stream %s: %w", name, err)
	}
	if o.Buffer <= 0 {
		o.Buffer = DefaultBuffer
	}
	u := &Upload{
		client: conn, dial: dialWith(c.Dial, conn.TLS()), stream: stream, options: o,
		final: millrace.AckPersisted,
		done:  make(chan struct{}),
	}
	if stream.Retention == 0 {
		u.final = millrace.AckReceived
	}
	u.changed = sync.NewCond(&u.mu)
	var running context.Context
	running, u.cancel = context.WithCancel(context.WithoutCancel(ctx))
	go u.run(running)
	return u, nil
}

// Stream returns what the server said about the stream when the upload was opened.
func (u *Upload) Stream() millrace.Stream { return u.stream }

// SetHeader sets what stands in front of the fragments to come: EBML header,
// Segment of unknown size, Info and Tracks. Different bytes than before mean
// that the next fragment goes over a new connection. The bytes are kept.
func (u *Upload) SetHeader(b []byte) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.header == nil || string(u.header.bytes) != string(b) {
		u.header = &header{b}
	}
}

// Begin starts a fragment whose Cluster has the given timecode, raw, and ends
// the one before. pieces are its first bytes: Tags that belong to it, and the
// Cluster's id, size and Timecode. They are kept until the fragment is durable
// and must not change. While the buffer is full Begin waits.
func (u *Upload) Begin(ctx context.Context, timecode uint64, pieces ...[]byte) error {
	f := &fragment{timecode: timecode}
	f.append(pieces...)

	u.mu.Lock()
	defer u.mu.Unlock()
	u.endLocked()
	if err := u.waitForSpace(ctx, f.size); err != nil {
		return err
	}
	if u.header == nil {
		return fmt.Errorf("begin fragment without a header: %w", ErrOrder)
	}
	f.header = u.header
	u.open = f
	u.queue.push(f)
	u.stats.Begun++
	u.changed.Broadcast()
	return nil
}

// Append adds bytes to the fragment: whole blocks, or elements that follow the
// Cluster. They are kept until the fragment is durable and must not change.
// While the buffer is full Append waits. An error means that nothing was added.
func (u *Upload) Append(ctx context.Context, pieces ...[]byte) error {
	n := int64(0)
	for _, p := range pieces {
		n += int64(len(p))
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	if err := u.waitForSpace(ctx, n); err != nil {
		return err
	}
	f := u.open
	switch {
	case f == nil:
		return fmt.Errorf("append without a fragment: %w", ErrOrder)
	case f.rejected:
		return nil
	case f.size+n > MaxFragmentSize:
		return ErrTooLarge
	}
	f.append(pieces...)
	u.queue.bytes += n
	u.changed.Broadcast()
	return nil
}

// End ends the fragment. The time that acknowledgements take counts from here.
// It sends nothing: the server knows the end of a Cluster by its size, by an
// end-of-fragment tag, by the next fragment, or by Close. End does nothing if
// there is no fragment.
func (u *Upload) End() {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.endLocked()
}

func (u *Upload) endLocked() {
	if u.open == nil {
		return
	}
	u.open.ended = time.Now()
	u.open = nil
	u.changed.Broadcast()
}

// waitForSpace waits until n more bytes may be kept. A fragment that is alone
// may always grow, or it could never end.
func (u *Upload) waitForSpace(ctx context.Context, n int64) error {
	full := func() bool {
		alone := u.queue.idle() || len(u.queue.fragments) == 1 && u.open != nil
		return !alone && u.queue.bytes+n > u.options.Buffer
	}
	return u.waitWhile(ctx, full)
}

// waitWhile waits, with the mutex held, until the condition does not hold. It
// returns early with the error of ctx or of the upload.
func (u *Upload) waitWhile(ctx context.Context, condition func() bool) error {
	if err := u.state(ctx); err != nil || !condition() {
		return err
	}
	stop := context.AfterFunc(ctx, func() {
		u.mu.Lock()
		defer u.mu.Unlock()
		u.changed.Broadcast()
	})
	defer stop()
	for {
		u.changed.Wait()
		if err := u.state(ctx); err != nil || !condition() {
			return err
		}
	}
}

func (u *Upload) state(ctx context.Context) error {
	switch {
	case u.err != nil:
		return u.err
	case u.closing:
		return ErrClosed
	}
	return ctx.Err()
}

// Flush waits until everything that was ended is durable. The server has to
// know the end of the last fragment, see End.
func (u *Upload) Flush(ctx context.Context) error {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.waitWhile(ctx, func() bool {
		return len(u.queue.fragments) > 1 || len(u.queue.fragments) == 1 && u.open == nil
	})
}

// Close ends the open fragment, sends what is left, waits until everything is
// durable and ends the connection. If ctx ends before that, what is left is
// given up and the error says how much that is. A second Close returns
// ErrClosed.
func (u *Upload) Close(ctx context.Context) error {
	u.mu.Lock()
	u.endLocked()
	if u.closing {
		u.mu.Unlock()
		return ErrClosed
	}
	u.closing = true
	u.changed.Broadcast()
	u.mu.Unlock()

	select {
	case <-u.done:
		u.cancel()
	case <-ctx.Done():
		u.cancel()
		<-u.done
		if n := u.Stats().Pending; n > 0 {
			return fmt.Errorf("%d fragments are not known to be durable: %w", n, context.Cause(ctx))
		}
		if errors.Is(u.Err(), ErrClosed) {
			return nil // it was broken off here, with nothing left to send
		}
	}
	return u.Err()
}

// Abort ends the upload at once and gives up what is not durable.
func (u *Upload) Abort() {
	u.mu.Lock()
	u.closing = true
	u.mu.Unlock()
	u.cancel()
	<-u.done
}

// Stats returns the counts of now.
func (u *Upload) Stats() Stats {
	u.mu.Lock()
	defer u.mu.Unlock()
	s := u.stats
	s.Buffered, s.Pending = u.queue.bytes, len(u.queue.fragments)
	return s
}

// Err returns what ended the upload, and nil while it goes on.
func (u *Upload) Err() error {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.err
}
