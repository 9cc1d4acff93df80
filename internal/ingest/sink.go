package ingest

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/fragment"
	"github.com/millrace/millrace/internal/store"
	"github.com/millrace/millrace/internal/tail"
	"github.com/millrace/millrace/internal/wire"
)

// A sink passes one session's fragments to the tail and the store.
type sink struct {
	*session
	// A sink lives no longer than its session's read, whose contexts these are.
	ctx  context.Context // ends when the session is told to end
	life context.Context // ends when nobody waits for the session any more
	read int64           // bytes of the body that nobody was told of
}

// Begin shows a new fragment to the readers and acknowledges its start. It waits
// for a client that is far behind with its acknowledgements (S5), or too fast.
// Up to there, a client that sends loses nothing by not reading: there are some
// that wait for their source and read the socket on one thread.
func (s *sink) Begin(b fragment.Begin) error {
	if err := s.acks.await(s.ctx); err != nil {
		return err
	}
	if err := s.pace.await(s.ctx); err != nil {
		return err
	}
	if err := s.fragments.Wait(s.ctx); err != nil {
		return err
	}
	s.fragments.Pass(1)
	s.conn.Prolong()
	s.position++
	retention := s.params.Retention() // asked before the fragment has its time
	s.fleeting = retention == 0
	if b.Identified {
		if err := s.identify(b, retention); err != nil {
			return err
		}
	}
	f, err := s.stream.Open(tail.Info{
		Header: b.Header, Leading: b.Leading, KnownSize: b.KnownSize, ProducerTime: b.ProducerTime, Memory: s.memory,
	}, s.end)
	if err != nil {
		return err
	}
	s.open, s.begin, s.about = f, b, &subject{position: s.position, timecode: b.Timecode, number: f.Number, first: time.Now()}
	if err := s.Append(b.Prefix); err != nil {
		return err
	}
	s.ack(millrace.AckBuffering, *s.about)
	return nil
}

// Append shows a whole element to the readers, unless they had it before.
func (s *sink) Append(p []byte) error {
	s.pace.pay(len(p))
	if s.repeat {
		return nil
	}
	return s.open.Append(s.ctx, p)
}

// Received acknowledges a whole Cluster.
func (s *sink) Received() error {
	s.about.last = time.Now()
	s.ack(millrace.AckReceived, *s.about)
	return nil
}

// Finish commits a whole fragment. One that began or ends in a stream of zero
// retention lives in memory alone: where the retention has just become more
// than that, the store keeps what begins later, and would not find this one.
func (s *sink) Finish(fin fragment.Finish) error {
	if s.repeat {
		return s.finishRepeat()
	}
	f, claim := s.open, s.claim
	s.open, s.claim = nil, nil
	ephemeral := s.fleeting || s.params.Retention() == 0
	if !f.Complete(tail.Finish{
		Trailing: fin.Trailing, Duration: fin.Duration, Frames: len(fin.Samples), Ephemeral: ephemeral, Table: len(fin.Samples) * fragment.TableCost,
	}) {
		defer f.Release()
		s.sessions.repeats.leave(claim)
		return f.Err()
	}
	about := *s.about
	about.claim = claim
	about.incomplete = fin.Flags&millrace.FlagIncomplete != 0
	s.about = nil
	s.received(&about, len(fin.Samples))
	if ephemeral {
		if s.sessions.AckWithoutStore && !about.incomplete {
			s.ack(millrace.AckPersisted, about)
		}
		s.sessions.repeats.remember(claim, about.number)
		f.Release()
		return nil
	}
	s.sessions.repeats.commit(claim)
	return s.commit(f, fin, about)
}

// received tells of a fragment that is over. One that is kept as far as it came
// is not whole, and does not count.
func (s *sink) received(about *subject, frames int) {
	s.tellRead()
	if about.incomplete {
		about.last = time.Now()
		return
	}
	s.params.Events.Received(Received{Frames: frames, Took: about.last.Sub(about.first)})
}

// tellRead tells of the bytes of the body that nobody was told of yet.
func (s *sink) tellRead() {
	if s.read > 0 {
		s.params.Events.Read(s.read)
		s.read = 0
	}
}

// commit hands a fragment to the store, which answers later.
func (s *sink) commit(f *tail.Fragment, fin fragment.Finish, about subject) error {
	s.mu.Lock()
	s.pending = append(s.pending, about)
	s.mu.Unlock()
	if err := s.submit(s.record(f, fin), func(err error) { s.committed(f, about, err) }); err != nil {
		s.committed(f, about, err)
	}
	return s.because(nil)
}

// lastSubmit is how long a session that has been told to end tries to hand over
// what it had received whole.
const lastSubmit = 500 * time.Millisecond

// submit waits for room in the store as long as the session goes on, and for a
// moment longer.
func (s *sink) submit(record *millrace.Fragment, done func(error)) error {
	err := s.sessions.Store.Submit(s.ctx, record, done)
	if err == nil || s.ctx.Err() == nil {
		return err
	}
	ctx, cancel := context.WithTimeout(s.life, lastSubmit)
	defer cancel()
	return s.sessions.Store.Submit(ctx, record, done)
}

func (s *sink) record(f *tail.Fragment, fin fragment.Finish) *millrace.Fragment {
	record := &millrace.Fragment{
		Stream: s.stream.Key(), Number: f.Number, ProducerTime: f.ProducerTime,
		Timecode: s.begin.Timecode, TimecodeScale: s.begin.Scale, Duration: fin.Duration,
		Sequence: s.begin.Sequence, Flags: fin.Flags,
		Header: f.Header, Leading: f.Leading, Cluster: f.Cluster(), Trailing: fin.Trailing, Samples: fin.Samples,
	}
	if b := &s.begin; b.Identified {
		record.Producer, record.Session, record.Sequence = s.params.Producer, b.Identity.Session, b.Identity.Sequence
	}
	return record
}

// Abort lets the open fragment go, if there is one: there is none where it
// could not even begin.
func (s *sink) Abort() error {
	f, claim := s.open, s.claim
	s.open, s.claim, s.repeat = nil, nil, false
	defer s.sessions.repeats.leave(claim) // when it can never be complete any more
	if f != nil {
		f.Abort(millrace.Errorf(millrace.CodeStreamRead, "the fragment was not finished"))
		f.Release()
	}
	return nil
}

// Condemned notes which fragment the ERROR to come speaks of. One that readers
// have seen the beginning of has its number already.
func (s *sink) Condemned(b fragment.Begin) error {
	if s.about != nil {
		return nil
	}
	n, err := s.stream.Reserve()
	if err != nil {
		return err
	}
	s.position++
	s.about = &subject{position: s.position, timecode: b.Timecode, number: n}
	return nil
}

// committed takes the store's answer for one fragment. It does not block.
func (s *session) committed(f *tail.Fragment, about subject, err error) {
	f.Release() // the tail has it still
	f.Settle(err)
	s.sessions.repeats.leave(about.claim)
	s.params.Events.Stored(Stored{Took: time.Since(about.last), Err: err})
	switch {
	case err != nil:
		s.lose(about, err)
	case !about.incomplete && s.confirms(about):
		s.ack(millrace.AckPersisted, about)
	}
	s.settle(about)
}

// settle takes a fragment off the list of those that wait for the store; most
// often it is the first one. Repeats that waited for it alone are acknowledged.
func (s *session) settle(about subject) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.pending) > 0 && s.pending[0] == about {
		s.pending = s.pending[1:]
	} else {
		s.pending = slices.DeleteFunc(s.pending, func(p subject) bool { return p == about })
	}
	for len(s.pending) > 0 && s.pending[0].repeat {
		s.confirmLocked(s.pending[0])
		s.pending = s.pending[1:]
	}
	if len(s.pending) < maxPending && s.room != nil {
		close(s.room)
		s.room = nil
	}
	if len(s.pending) == 0 && s.settled != nil {
		close(s.settled)
		s.settled = nil
	}
}

// confirmLocked acknowledges a repeat, if nothing before it is lost. s.mu is held.
func (s *session) confirmLocked(about subject) {
	if s.lost == nil || about.position < s.lost.position {
		s.ack(millrace.AckPersisted, about)
	}
}

// confirms reports whether a fragment that is durable may be acknowledged (S2).
func (s *session) confirms(about subject) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.lost == nil || about.position < s.lost.position
}

// lose ends the session because of a fragment that will never be durable.
func (s *session) lose(about subject, err error) {
	s.mu.Lock()
	if s.lost == nil || about.position < s.lost.position {
		s.lost = &about
	}
	s.mu.Unlock()
	if deleted := s.stream.Err(); deleted != nil {
		s.end(deleted)
		return
	}
	say := s.sessions.Logger.Error
	if errors.Is(err, store.ErrFull) {
		say = s.sessions.Logger.Debug // the store says once that it is full, and clients come again and again
	}
	say("fragment could not be stored", "stream", s.params.Stream.Name, "fragment", about.number, "err", err)
	s.end(&millrace.Error{Code: millrace.CodeArchival, Message: "the fragment could not be stored", Err: err})
}

// tagKind says what a tag name means to the service.
func tagKind(name string) fragment.TagKind {
	switch name {
	case wire.TagEndOfFragment:
		return fragment.EndOfFragmentTag
	case wire.TagFragmentNumber, wire.TagServerTimestamp, wire.TagProducerTimestamp, wire.TagMillisBehindNow,
		wire.TagContinuationToken, wire.TagErrorID, wire.TagErrorCode, wire.TagExceptionCode, wire.TagExceptionMessage:
		return fragment.OutputTag
	}
	if len(name) >= len(wire.TagServicePrefix) && name[:len(wire.TagServicePrefix)] == wire.TagServicePrefix {
		return fragment.EventTag
	}
	return fragment.UserTag
}
