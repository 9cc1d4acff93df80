package ingest_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/fragment"
	"github.com/millrace/millrace/internal/ingest"
	"github.com/millrace/millrace/internal/memory"
	"github.com/millrace/millrace/internal/tail"
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
func inBubble(t *testing.T, change func(*ingest.Config), bytes int64, test func(*rig)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		numbers := fragment.NewNumberer(1, time.Time{}, time.Now, func() (uint32, error) { return 0, errors.New("no more") })
		r := &rig{t: t, store: &committer{}, tail: tail.New(tail.Config{Numbers: numbers, Now: time.Now, Memory: memory.New(bytes)})}
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
