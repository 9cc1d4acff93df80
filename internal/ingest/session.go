package ingest

import (
	"context"
	"errors"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/fragment"
	"github.com/millrace/millrace/internal/limit"
	"github.com/millrace/millrace/internal/memory"
	"github.com/millrace/millrace/internal/tail"
	"github.com/millrace/millrace/internal/wire"
	"github.com/millrace/millrace/mkv"
)

// commitPatience is how long an ending session waits for the store to answer
// for its last fragments.
const commitPatience = time.Minute

// Why a session ends without anybody's fault.
var (
	errIdle = errors.New("no media for a while")
	errGone = errors.New("the client does not take its acknowledgements")
)

// A session is one PutMedia call. The goroutine that runs it owns what is not
// said to be guarded.
type session struct {
	sessions *Sessions
	order    uint64 // greater than those of the sessions before it
	conn     Conn
	params   Params
	stream   *tail.Stream
	acks     *ackQueue
	cancel   context.CancelCauseFunc // ends what waits for memory or for the client
	leave    context.CancelFunc      // ends what waits for the store
	began    time.Time
	waiting  atomic.Bool  // for the client's bytes, not for our own store
	lastRead atomic.Int64 // when the present wait began, in nanoseconds since the session did

	memory *memory.Writer
	pace   pace
	// What the session may carry: nil where that is not bounded.
	bytes, fragments *limit.Flow

	open     *tail.Fragment
	begin    fragment.Begin // of the open fragment
	fleeting bool           // the open fragment began in a stream of zero retention
	about    *subject       // of a fault that is found now; nil between fragments
	claim    *claim         // to the identity of the open fragment; nil if it has none
	repeat   bool           // the present fragment is kept already
	position uint64         // of the present fragment in the session, from 1

	abandoned <-chan struct{} // closed when nobody waits for the session's end

	mu      sync.Mutex // guards what follows
	reason  error      // why the session ends; the first one counts
	pending []subject  // commits without an answer, in their order, and repeats behind them
	settled chan struct{}
	room    chan struct{} // closed when fewer than maxPending wait; nil if nobody waits for it
	lost    *subject      // the first fragment whose commit failed (S2)
}

// A subject is the fragment that an acknowledgement speaks of.
type subject struct {
	position   uint64 // in the session
	timecode   uint64
	number     millrace.FragmentNumber
	first      time.Time // when its Cluster's first bytes were there
	last       time.Time // and its last ones; zero while it is open
	incomplete bool      // kept as far as it came, and never acknowledged: the client must not throw it away
	repeat     bool      // kept long since
	claim      *claim    // to its identity; nil if it has none
}

func newSession(m *Sessions, conn Conn, p Params) *session {
	p.Events = p.Events.withDefaults()
	s := &session{sessions: m, conn: conn, params: p, acks: newAckQueue(), began: time.Now()}
	s.pace = pace{rate: float64(m.FragmentRate), burst: float64(m.FragmentBurst)}
	s.bytes, s.fragments = limit.NewFlow(m.Pace.Bytes), limit.NewFlow(int64(m.Pace.Fragments))
	s.waiting.Store(true) // for the first byte
	return s
}

// end makes the session stop, for the first reason given. It does not wait.
func (s *session) end(reason error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.reason == nil {
		s.reason = reason
		s.cancel(reason)
		s.conn.Interrupt()
	}
}

// abandon breaks a session off that has been told to end. It does not wait.
func (s *session) abandon() {
	s.leave()
	s.conn.Abort()
}

func (s *session) ending() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.reason != nil
}

// idle is how long the session has been waiting for its client.
func (s *session) idle() time.Duration {
	if !s.waiting.Load() {
		return 0
	}
	return time.Since(s.began) - time.Duration(s.lastRead.Load())
}

func (s *session) run(ctx, life context.Context) error {
	m := s.sessions
	s.stream = m.Tail.Acquire(s.params.Stream.Key, s.params.Retention())
	defer s.stream.Release()
	if s.identified() {
		m.repeats.hold(s.params.Stream.Key)
		defer m.repeats.release(s.params.Stream.Key)
	}
	if m.MaxAge > 0 {
		age := time.AfterFunc(m.MaxAge, func() {
			s.end(millrace.Errorf(millrace.CodeConnectionAge, "the session has reached its greatest age"))
		})
		defer age.Stop()
	}
	defer context.AfterFunc(ctx, func() { s.end(context.Cause(ctx)) })()

	written := make(chan error, 1)
	go func() { written <- s.writer().run() }()
	err := s.read(ctx, life)
	s.params.Place.Leave()
	s.awaitCommits()
	s.acks.close(s.farewell(err)...)
	if errors.Is(err, errIdle) {
		err = nil // the usual end of a session, and nobody's fault
	}
	if werr := <-written; werr == nil {
		werr = s.conn.Finish()
		err = errors.Join(err, werr)
	}
	return err
}

func (s *session) writer() *ackWriter {
	return &ackWriter{
		conn: s.conn, queue: s.acks, expect: s.params.Expect, quiet: s.params.Quiet,
		idle: s.idle, limit: s.sessions.IdleTimeout, stream: s.stream, end: s.end, acked: s.params.Events.Acked,
	}
}

// read takes the body apart until it ends. It returns nil when the client ended
// it as it should, else why it is over.
func (s *session) read(ctx, life context.Context) error {
	s.memory = s.sessions.Tail.NewWriter(s.end)
	defer s.memory.Close()
	to := &sink{session: s, ctx: ctx, life: life}
	assembler := fragment.NewAssembler(fragment.Config{
		Limits: s.sessions.Limits, Relative: s.params.Relative, Start: s.params.Start, Identified: s.identified(),
		TagKind: tagKind, Sink: to,
	})
	from := &source{sink: to}
	defer to.tellRead()
	options := assembler.ReaderOptions()
	options.Memory = from
	r := mkv.NewReader(from, options)
	for {
		e, err := r.Next()
		if err != nil {
			return s.endOfBody(assembler, err)
		}
		if err := assembler.Add(e); err != nil {
			return s.because(err)
		}
		if err := from.count(assembler); err != nil {
			return s.endOfBody(assembler, err)
		}
	}
}

// endOfBody closes the assembler when the reader has come to an end.
func (s *session) endOfBody(a *fragment.Assembler, err error) error {
	if errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return s.because(a.Close(true, false))
	}
	err = a.ReadFault(err)
	broken := millrace.CodeOf(err) == millrace.CodeInternal
	if closeErr := a.Close(false, broken && s.keepsPartial(err)); closeErr != nil {
		return s.because(closeErr)
	}
	if broken {
		err = &millrace.Error{Code: millrace.CodeStreamRead, Message: "the body broke off", Err: err}
	}
	return s.because(err)
}

// keepsPartial reports whether the open fragment of a body that broke off is
// kept as far as it came. It is not if we broke it off, for the client sends it
// again, nor if the client said who it is, for it sends it again as well.
func (s *session) keepsPartial(err error) bool {
	return s.sessions.KeepPartial && !errors.Is(err, wire.ErrInterrupted) && !s.ending() && !s.identified()
}

// identified reports whether the client said who it is.
func (s *session) identified() bool { return s.params.Producer != millrace.ProducerID{} }

// because returns the reason that was given to end, which made err happen; else
// err itself.
func (s *session) because(err error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.reason != nil {
		return s.reason
	}
	return err
}

// farewell is the ERROR with which a session ends, if it ends with one. It
// speaks of the fragment that has to be sent again or skipped: the first one
// that the store has lost, else the one that is open.
func (s *session) farewell(err error) []queuedAck {
	err = s.because(err)
	lost := s.hasLost()
	if err == nil || errors.Is(err, errIdle) && !lost || errors.Is(err, errGone) || errors.Is(err, fragment.ErrMidway) {
		return nil
	}
	code := millrace.CodeOf(err)
	switch {
	case errors.Is(err, errIdle):
		code = millrace.CodeArchival
	case errors.Is(err, context.Canceled):
		code = millrace.CodeConnectionAge
	case code < millrace.CodeStreamRead:
		code = millrace.CodeMediaInternal
	}
	a := millrace.Ack{Type: millrace.AckError, Code: code}
	if about := s.subject(); about != nil {
		a.HasTimecode, a.Timecode, a.Number = true, about.timecode, about.number
	}
	return []queuedAck{{Ack: a}}
}

func (s *session) hasLost() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.lost != nil
}

func (s *session) subject() *subject {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.lost != nil {
		return s.lost
	}
	return s.about
}

// ack queues an acknowledgement that the client may have declined.
func (s *session) ack(t millrace.AckType, about subject) {
	if s.params.Quiet {
		return
	}
	since := about.last
	if t == millrace.AckBuffering {
		since = about.first
	}
	s.acks.push(queuedAck{millrace.Ack{Type: t, HasTimecode: true, Timecode: about.timecode, Number: about.number}, since})
}

// awaitCommits returns when the store has answered for every fragment, after
// commitPatience, or when the session is abandoned. If the client is gone,
// nobody needs the answers.
func (s *session) awaitCommits() {
	s.mu.Lock()
	if len(s.pending) == 0 || errors.Is(s.reason, errGone) {
		s.mu.Unlock()
		return
	}
	settled, first := make(chan struct{}), s.pending[0]
	s.settled = settled
	s.mu.Unlock()
	timer := time.NewTimer(commitPatience)
	defer timer.Stop()
	select {
	case <-settled:
	case <-timer.C:
		s.lose(first, errors.New("the store does not answer"))
	case <-s.abandoned:
	}
}
