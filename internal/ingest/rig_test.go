package ingest_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/fragment"
	"github.com/millrace/millrace/internal/ingest"
	"github.com/millrace/millrace/internal/tail"
	"github.com/millrace/millrace/internal/wire"
	"github.com/millrace/millrace/mkv"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A rig is the sessions of one server, inside a bubble whose time it owns.
type rig struct {
	t        *testing.T
	tail     *tail.Tail
	store    *committer
	sessions *ingest.Sessions
	calls    []*call
}

// inBubble runs a test on a rig in a bubble of its own.
func inBubble(t *testing.T, change func(*ingest.Config), memory int64, test func(*rig)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		numbers := fragment.NewNumberer(1, time.Time{}, time.Now, func() (uint32, error) { return 0, errors.New("no more") })
		r := &rig{t: t, store: &committer{}, tail: tail.New(tail.Config{Numbers: numbers, Now: time.Now, Memory: memory})}
		c := ingest.Config{Store: r.store, Tail: r.tail, IdleTimeout: 30 * time.Second, Logger: slog.New(slog.DiscardHandler)}
		if change != nil {
			change(&c)
		}
		r.sessions = ingest.New(c)
		ctx, cancel := context.WithCancel(context.Background())
		var sweeper sync.WaitGroup
		sweeper.Go(func() { r.tail.Run(ctx) })
		defer sweeper.Wait()
		defer cancel()
		defer r.endAll() // of a test that failed
		test(r)
	})
}

func (r *rig) endAll() {
	for _, c := range r.calls {
		c.conn.Interrupt()
		<-c.done
	}
}

func key(id uint64) millrace.StreamKey { return millrace.StreamKey{ID: id, Generation: 1} }

func params(id uint64) ingest.Params {
	return ingest.Params{
		Stream:    millrace.Stream{Key: key(id), Name: "cam"},
		Retention: func() time.Duration { return time.Hour },
	}
}

// A call is one session and its client's end.
type call struct {
	t    *testing.T
	conn *conn
	done chan struct{}
	err  error // of Serve, once done is closed
}

// serve starts a session on stream 7, with parameters changed by change.
func (r *rig) serve(change func(*ingest.Params)) *call {
	p := params(7)
	if change != nil {
		change(&p)
	}
	c := &call{t: r.t, conn: newConn(), done: make(chan struct{})}
	go func() {
		defer close(c.done)
		c.err = r.sessions.Serve(context.Background(), c.conn, p)
	}()
	r.calls = append(r.calls, c)
	synctest.Wait()
	return c
}

// send gives the session bytes and lets it do what it can with them.
func (c *call) send(parts ...[]byte) {
	c.t.Helper()
	c.conn.body <- bytes.Join(parts, nil)
	synctest.Wait()
}

// finish ends the body as a client should; breakOff as one should not.
func (c *call) finish() { c.conn.ending = io.EOF; close(c.conn.body); synctest.Wait() }

func (c *call) breakOff() { c.conn.ending = io.ErrUnexpectedEOF; close(c.conn.body); synctest.Wait() }

// want checks all that was written since the last look.
func (c *call) want(events ...string) {
	c.t.Helper()
	time.Sleep(20 * time.Millisecond) // acks are paced
	synctest.Wait()
	if got := c.conn.look(); !slices.Equal(got, events) {
		c.t.Fatalf("written %q, want %q", got, events)
	}
}

// ended waits for the session's end.
func (c *call) ended() {
	c.t.Helper()
	select {
	case <-c.done:
	case <-time.After(time.Hour):
		c.t.Fatal("the session does not end")
	}
}

// running fails the test if the session has ended.
func (c *call) running() {
	c.t.Helper()
	select {
	case <-c.done:
		c.t.Fatalf("the session has ended: %v", c.err)
	default:
	}
}

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
		select {
		case <-stalled:
		case <-c.aborted:
			return syscall.EPIPE
		case <-time.After(writeTimeout):
			return os.ErrDeadlineExceeded
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.written, c.times = append(c.written, text), append(c.times, time.Now())
	return nil
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

// A committer is a store that answers when the test says so.
type committer struct {
	mu      sync.Mutex // guards what follows
	waiting []submission
	refuse  error         // of every Submit
	full    chan struct{} // closed when there is room; nil if there is
	instant bool          // every fragment is durable at once
	stored  []*millrace.Fragment
}

type submission struct {
	fragment *millrace.Fragment
	done     func(error)
}

func (c *committer) Submit(ctx context.Context, f *millrace.Fragment, done func(error)) error {
	c.mu.Lock()
	full, refuse := c.full, c.refuse
	c.mu.Unlock()
	if refuse != nil {
		return refuse
	}
	if ctx.Err() != nil { // as the store's semaphores do
		return context.Cause(ctx)
	}
	if full != nil {
		select {
		case <-full:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	c.mu.Lock()
	instant := c.instant
	c.stored = append(c.stored, f)
	if !instant {
		c.waiting = append(c.waiting, submission{f, done})
	}
	c.mu.Unlock()
	if instant {
		done(nil)
	}
	return nil
}

func (c *committer) Close() error { return nil }

// answer settles the next n fragments.
func (c *committer) answer(n int, err error) {
	c.mu.Lock()
	now := c.waiting[:n]
	c.waiting = c.waiting[n:]
	c.mu.Unlock()
	for _, s := range now {
		s.done(err)
	}
	synctest.Wait()
}

// fill makes the store's queue full; it returns what makes room.
func (c *committer) fill() (drain func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	full := make(chan struct{})
	c.full = full
	return func() {
		c.mu.Lock()
		c.full = nil
		c.mu.Unlock()
		close(full)
	}
}

// The parts of small bodies.

func header(tracks ...uint64) []byte {
	b := mkv.AppendEBML(nil, mkv.EBML{DocType: "matroska"})
	b = mkv.AppendUnknownSize(mkv.AppendID(b, mkv.IDSegment), 8)
	var list []mkv.Track
	for _, n := range tracks {
		list = append(list, mkv.Track{Number: n, UID: n, Type: mkv.TrackVideo, CodecID: "X_TEST"})
	}
	return mkv.AppendTracks(b, list)
}

func cluster(timecode uint64, blocks ...[]byte) []byte {
	b := mkv.AppendUnknownSize(mkv.AppendID(nil, mkv.IDCluster), 1)
	b = mkv.AppendUint(b, mkv.IDTimecode, timecode)
	return append(b, bytes.Join(blocks, nil)...)
}

func block(track uint64, rel int16, payload string) []byte {
	return append(mkv.AppendSimpleBlockHeader(nil, track, rel, mkv.FlagKeyframe, len(payload)), payload...)
}

// small is a cluster with one block.
func small(timecode uint64) []byte { return cluster(timecode, block(1, 0, "x")) }

func endOfFragment() []byte { return tag(wire.TagEndOfFragment, "") }

func tag(name, value string) []byte {
	return mkv.AppendTags(nil, []mkv.Tag{{Simple: []mkv.SimpleTag{{Name: name, String: value}}}}, 8)
}
