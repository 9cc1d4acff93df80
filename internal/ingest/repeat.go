package ingest

import (
	"context"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/fragment"
)

// maxPending is how many fragments of a session may wait for the store, and
// repeats behind them, before a further repeat is read to its end (I11).
const maxPending = hardAcks

// identify finds out whether a fragment that says which one it is is kept
// already. If so it is acknowledged under the number that it has, and the error
// is fragment.ErrKept; else it is this session's to make.
func (s *sink) identify(b fragment.Begin, retention time.Duration) error {
	id := identity{stream: s.stream.Key(), producer: s.params.Producer, Identity: b.Identity}
	claim, number, err := s.sessions.repeats.claim(s.ctx, s.session, id, b.ProducerTime, retention)
	if err != nil {
		return err
	}
	if claim != nil {
		s.claim = claim
		return nil
	}
	s.repeat = true
	s.about = &subject{position: s.position, timecode: b.Timecode, number: number, first: time.Now(), repeat: true}
	s.ack(millrace.AckBuffering, *s.about)
	return fragment.ErrKept
}

// finishRepeat acknowledges a repeat behind the fragments before it (S1).
func (s *sink) finishRepeat() error {
	about := *s.about
	s.about, s.repeat = nil, false
	s.tellRead()
	s.params.Events.Repeated()
	if s.fleeting {
		if s.sessions.AckWithoutStore {
			s.ack(millrace.AckPersisted, about)
		}
		return nil
	}
	if err := s.awaitRoom(s.ctx); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.pending) > 0 {
		s.pending = append(s.pending, about)
	} else {
		s.confirmLocked(about)
	}
	return nil
}

// awaitRoom returns when fewer than maxPending fragments wait for the store, or
// ctx's cause.
func (s *session) awaitRoom(ctx context.Context) error {
	for {
		room := s.crowded()
		if room == nil {
			return nil
		}
		select {
		case <-room:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// crowded returns a channel that closes when fewer fragments wait, nil if there
// are few enough.
func (s *session) crowded() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.pending) < maxPending {
		return nil
	}
	if s.room == nil {
		s.room = make(chan struct{})
	}
	return s.room
}
