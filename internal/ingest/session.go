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
	"github.com/millrace/millrace/internal/tail"
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
	conn     Conn
	params   Params
	stream   *tail.Stream
	acks     *ackQueue
	waiting  atomic.Bool  // for the client's bytes, not for our own store
	lastRead atomic.Int64 // Unix nanoseconds of the last byte, or of the wait's begin

	// The fragment that the next ERROR speaks of.
	open     *tail.Fragment
	begin    fragment.Begin
	number   millrace.FragmentNumber
	anything bool // a fragment has begun

	mu      sync.Mutex // guards what follows
	reason  error      // why the session ends; the first one counts
	pending int        // commits without an answer
	settled chan struct{}
	lost    bool // a commit failed (S2)
}

func newSession(m *Sessions, conn Conn, p Params) *session {
	s := &session{sessions: m, conn: conn, params: p, acks: newAckQueue()}
	s.lastRead.Store(m.Now().UnixNano())
	return s
}

// end makes the session stop, for the first reason given. It does not wait.
func (s *session) end(reason error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.reason == nil {
		s.reason = reason
		s.conn.Interrupt()
	}
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
	return time.Duration(s.sessions.Now().UnixNano() - s.lastRead.Load())
}

// Read reads the body and notes since when it waits.
func (s *session) Read(p []byte) (int, error) {
	s.lastRead.Store(s.sessions.Now().UnixNano())
	s.waiting.Store(true)
	defer s.waiting.Store(false)
	return s.conn.Body().Read(p)
}

func (s *session) run(ctx context.Context) error {
	m := s.sessions
	s.stream = m.Tail.Acquire(s.params.Stream.Key, s.params.Retention())
	defer s.stream.Release()
	if m.MaxAge > 0 {
		age := time.AfterFunc(m.MaxAge, func() {
			s.end(millrace.Errorf(millrace.CodeConnectionAge, "the session has reached its greatest age"))
		})
		defer age.Stop()
	}
	defer context.AfterFunc(ctx, func() { s.end(context.Cause(ctx)) })()

	written := make(chan error, 1)
	go func() {
		err := s.writer().run()
		if err != nil {
			s.end(errors.Join(errGone, err))
		}
		written <- err
	}()
	err := s.read(ctx)
	s.awaitCommits()
	if a, ok := s.farewell(err); ok {
		s.acks.push(a)
	}
	s.acks.close()
	if werr := <-written; werr == nil {
		werr = s.conn.Finish()
		err = errors.Join(err, werr)
	}
	return err
}

func (s *session) writer() *ackWriter {
	return &ackWriter{
		conn: s.conn, queue: s.acks, expect: s.params.Expect, quiet: s.params.Quiet,
		idle: s.idle, limit: s.sessions.IdleTimeout, deleted: s.stream.Deleted(), end: s.end,
	}
}

// read takes the body apart until it ends. It returns nil when the client ended
// it as it should, else why it is over.
func (s *session) read(ctx context.Context) error {
	assembler := fragment.NewAssembler(fragment.Config{
		Limits: s.sessions.Limits, Relative: s.params.Relative, Start: s.params.Start, TagKind: tagKind,
		Sink: &sink{session: s, ctx: ctx},
	})
	r := mkv.NewReader(s, assembler.ReaderOptions())
	for {
		e, err := r.Next()
		if err != nil {
			return s.endOfBody(assembler, err)
		}
		if err := assembler.Add(e); err != nil {
			return s.because(err)
		}
	}
}

// endOfBody closes the assembler when the reader has come to an end.
func (s *session) endOfBody(a *fragment.Assembler, err error) error {
	if errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return s.because(a.Close(true, false))
	}
	err = fragment.ReadFault(err)
	broken := millrace.CodeOf(err) == millrace.CodeInternal
	if closeErr := a.Close(false, broken && s.sessions.KeepPartial); closeErr != nil {
		return s.because(closeErr)
	}
	if broken {
		err = &millrace.Error{Code: millrace.CodeStreamRead, Message: "the body broke off", Err: err}
	}
	return s.because(err)
}

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

// farewell is the ERROR with which a session ends, if it ends with one.
func (s *session) farewell(err error) (millrace.Ack, bool) {
	err = s.because(err)
	if err == nil || errors.Is(err, errIdle) || errors.Is(err, errGone) {
		return millrace.Ack{}, false
	}
	code := millrace.CodeOf(err)
	switch {
	case errors.Is(err, context.Canceled):
		code = millrace.CodeConnectionAge
	case code < millrace.CodeStreamRead:
		code = millrace.CodeMediaInternal
	}
	return millrace.Ack{
		Type: millrace.AckError, Code: code,
		HasTimecode: s.anything, Timecode: s.begin.Timecode, Number: s.number,
	}, true
}

// ack queues an acknowledgement that the client may have declined.
func (s *session) ack(t millrace.AckType, timecode uint64, n millrace.FragmentNumber) {
	if s.params.Quiet {
		return
	}
	if !s.acks.push(millrace.Ack{Type: t, HasTimecode: true, Timecode: timecode, Number: n}) {
		s.end(errGone)
	}
}

// awaitCommits returns when the store has answered for every fragment, or after
// commitPatience. If the client is gone, nobody needs the answers.
func (s *session) awaitCommits() {
	s.mu.Lock()
	if s.pending == 0 || errors.Is(s.reason, errGone) {
		s.mu.Unlock()
		return
	}
	settled := make(chan struct{})
	s.settled = settled
	s.mu.Unlock()
	timer := time.NewTimer(commitPatience)
	defer timer.Stop()
	select {
	case <-settled:
	case <-timer.C:
		s.end(millrace.Errorf(millrace.CodeArchival, "the store does not answer"))
	}
}
