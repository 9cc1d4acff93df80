package ingest

import (
	"cmp"
	"context"
	"io"
	"log/slog"
	"sync"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/fragment"
	"github.com/millrace/millrace/internal/limit"
	"github.com/millrace/millrace/internal/store"
	"github.com/millrace/millrace/internal/tail"
)

// DefaultSessionsPerStream is how many sessions one stream may have at once.
const DefaultSessionsPerStream = 16

// A Store keeps fragments, and says which ones it keeps.
type Store interface {
	store.Committer
	store.Outliner
	store.Identifier

	// List is that of a store.Index.
	List(ctx context.Context, s store.Scope, l store.Listing) ([]store.Entry, error)
}

// Config says how sessions work. Zero fields mean what their comments say.
type Config struct {
	Store             Store
	Tail              *tail.Tail
	Since             func(retention time.Duration) time.Time // from when a stream keeps what it has; nil: from the beginning
	Limits            fragment.Limits
	KeepPartial       bool          // keep the open fragment of a broken connection, flagged incomplete
	AckWithoutStore   bool          // send PERSISTED for streams of zero retention, once in memory
	IdleTimeout       time.Duration // ends a silent session; 0 means never
	MaxAge            time.Duration // ends a session; 0 means never
	SessionsPerStream int           // DefaultSessionsPerStream if 0
	RefuseNew         bool          // one session too many is refused, instead of the idlest being closed
	Pace              limit.Pace    // of each session
	FragmentRate      int           // small fragments of a session, a second; DefaultFragmentRate if 0
	FragmentBurst     int           // and at once; DefaultFragmentBurst if 0
	Logger            *slog.Logger
}

// Conn is one PutMedia call's connection, its request head read and accepted.
type Conn interface {
	Body() io.Reader                   // io.EOF only at the body's proper end
	WriteContinue() error              // the interim answer
	WriteHead() error                  // the answer's head
	WriteChunk(pieces ...[]byte) error // one transfer chunk in one write
	Prolong()                          // gives a write that waits its whole time again
	Interrupt()                        // makes a Read of the body return
	Abort()                            // makes whatever waits return, and breaks the connection off
	Finish() error                     // ends the answer
}

// Params is what one call says of its session.
type Params struct {
	Stream    millrace.Stream
	Retention func() time.Duration // the stream's present one
	Relative  bool
	Start     time.Time // of the producer, for relative timecodes
	Quiet     bool      // no acknowledgements but errors
	Expect    bool      // the client waits for an interim answer
	RequestID string
	Place     *Place              // from Admit; nil where nobody counts them
	Producer  millrace.ProducerID // that announces its identity, else none
	Events    Events
}

// Sessions runs sessions and counts them per stream. Any number of goroutines
// may use it.
type Sessions struct {
	Config
	repeats *repeats

	mu       sync.Mutex // guards what follows
	order    uint64     // of the last session
	byStream map[millrace.StreamKey]map[*session]struct{}
	places   map[millrace.StreamKey]int // that are taken, if RefuseNew
	closed   bool
	running  sync.WaitGroup
}

// New returns Sessions without any.
func New(c Config) *Sessions {
	c.SessionsPerStream = cmp.Or(c.SessionsPerStream, DefaultSessionsPerStream)
	c.FragmentRate = cmp.Or(c.FragmentRate, DefaultFragmentRate)
	c.FragmentBurst = cmp.Or(c.FragmentBurst, DefaultFragmentBurst)
	if c.Since == nil {
		c.Since = func(time.Duration) time.Time { return time.Time{} }
	}
	return &Sessions{
		Config: c, repeats: newRepeats(c.Store, c.Since),
		byStream: map[millrace.StreamKey]map[*session]struct{}{}, places: map[millrace.StreamKey]int{},
	}
}

// Serve runs one session to its end. It returns nil when the session ended as
// its client wished, and why it ended otherwise.
func (m *Sessions) Serve(ctx context.Context, conn Conn, p Params) error {
	// What was received whole is committed although the session has been told
	// to end, until nobody waits for it any more.
	life, leave := context.WithCancel(context.WithoutCancel(ctx))
	defer leave()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	s := newSession(m, conn, p)
	s.cancel, s.leave, s.abandoned = cancel, leave, life.Done()
	if !m.add(s) {
		return millrace.Errorf(millrace.CodeUnavailable, "The server is shutting down.")
	}
	defer m.remove(s)
	return s.run(ctx, life)
}

// add registers a session. When its stream has too many, the one that has been
// silent for the longest time is ended, never the newest; unless the newest had
// to take a place first.
func (m *Sessions) add(s *session) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return false
	}
	key := s.params.Stream.Key
	of := m.byStream[key]
	if of == nil {
		of = map[*session]struct{}{}
		m.byStream[key] = of
	}
	if !m.RefuseNew && len(of) >= m.SessionsPerStream {
		longestIdle(of).end(millrace.Errorf(millrace.CodeConnectionAge, "the stream has too many sessions"))
	}
	m.order++
	s.order = m.order
	of[s] = struct{}{}
	m.running.Add(1)
	return true
}

// longestIdle finds the session to give way among those not ending already.
func longestIdle(of map[*session]struct{}) *session {
	var worst *session
	for s := range of {
		if worst == nil || (!s.ending() && (worst.ending() || s.idle() > worst.idle())) {
			worst = s
		}
	}
	return worst
}

func (m *Sessions) remove(s *session) {
	m.mu.Lock()
	defer m.mu.Unlock()
	of := m.byStream[s.params.Stream.Key]
	delete(of, s)
	if len(of) == 0 {
		delete(m.byStream, s.params.Stream.Key)
	}
	m.running.Done()
}

// Shutdown refuses new sessions, ends the others with a code on which clients
// come again with what was not persisted, and returns when they are over. The
// connections of those that are not over when ctx ends are broken off, and then
// its error is the cause.
func (m *Sessions) Shutdown(ctx context.Context) error {
	m.mu.Lock()
	m.closed = true
	m.mu.Unlock()
	m.each(func(s *session) {
		s.end(millrace.Errorf(millrace.CodeConnectionAge, "the server is shutting down"))
	})
	over := make(chan struct{})
	go func() { m.running.Wait(); close(over) }()
	select {
	case <-over:
		return nil
	case <-ctx.Done():
	}
	m.each((*session).abandon)
	<-over
	return context.Cause(ctx)
}

func (m *Sessions) each(do func(*session)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, of := range m.byStream {
		for s := range of {
			do(s)
		}
	}
}

// Count is how many sessions are running.
func (m *Sessions) Count() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := 0
	for _, of := range m.byStream {
		n += len(of)
	}
	return n
}
