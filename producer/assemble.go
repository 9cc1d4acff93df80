package producer

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/millrace/millrace/producer/spool"
)

// setHeader sets what stands in front of the fragments to come: EBML header,
// Segment of unknown size, Info and Tracks. Different bytes than before mean
// that the next fragment goes over a new call. The bytes are kept.
func (s *Stream) setHeader(b []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	h := s.newHeader(b)
	if s.header == nil || !s.header.equal(h) {
		s.header = h
	}
}

// renewHeader is setHeader, but that the next fragment goes over a new call in
// any case: times may go back then.
func (s *Stream) renewHeader(b []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.header = s.newHeader(b)
}

// redeclare gives the fragment that is open a header without the tracks that fell
// silent under it, if nothing of it was sent: servers refuse it under the other.
func (s *Stream) redeclare(smaller []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if f := s.open; f != nil && !f.started && !f.settled {
		f.header = s.headerLike(f, smaller)
	}
}

// headerLike is a header with other bytes for f; that of the fragment before, if
// it is the same, so that both go over one call.
func (s *Stream) headerLike(f *fragment, b []byte) *header {
	h := &header{bytes: b, relative: f.header.relative, start: f.header.start}
	if f.prev != nil && f.prev.header.equal(h) && f.prev.first <= f.first {
		return f.prev.header
	}
	return h
}

func (s *Stream) newHeader(b []byte) *header {
	h := &header{bytes: b, relative: s.config.Time.Relative}
	if h.relative {
		h.start = s.config.Time.Start
	}
	return h
}

// begin starts a fragment and ends the one before. The head's bytes are kept
// and must not change. While the buffer is full begin does what its policy says,
// which may be to leave the fragment out.
func (s *Stream) begin(ctx context.Context, head fragmentHead) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.endLocked()
	if s.spooling.disk != nil {
		head.cluster, head.sized = spoolHead(head.timecode), false
	}
	f := newFragment(head)
	if s.header == nil {
		return fmt.Errorf("begin fragment without a header: %w", ErrOrder)
	}
	s.catchUp(time.Now())
	if ok, err := s.admit(ctx, f.size+head.follows, head.follows); !ok {
		if err == nil {
			s.omitFragment(DropFull)
		}
		return err
	}
	if last := s.queue.last; last != nil && last.header == s.header && f.first < last.first {
		s.header = s.newHeader(s.header.bytes) // times go back, as to before a restart
	}
	f.header, f.begun = s.header, time.Now()
	f.identity = s.buffer.identify()
	f.held = s.buffer.gate.closed
	f.body = s.buffer.newBody()
	f.body.refer(head.leading...)
	f.body.refer(head.cluster)
	if s.spooling.disk != nil {
		f.marks = append(f.marks, mark{size: f.clusterStart, as: spool.Frame{Element: true}}, mark{size: spoolHeadSize, head: true})
	}
	s.open = f
	s.queue.push(f)
	s.stats.Begun++
	s.wake()
	return nil
}

func newFragment(head fragmentHead) *fragment {
	f := &fragment{timecode: head.timecode, scale: head.scale, first: head.first, last: head.first, whole: head.sized}
	if f.scale == 0 {
		f.scale = uint64(time.Millisecond)
	}
	for _, p := range head.leading {
		f.clusterStart += int64(len(p))
	}
	f.headEnd = f.clusterStart + int64(len(head.cluster))
	f.size = f.headEnd
	return f
}

// appendFrame adds a block to the open fragment, which begins with head and
// goes on with data. Both are copied. While the buffer is full appendFrame does
// what its policy says. An error means that nothing was added; nil may mean that
// the frame was left out, which is reported.
func (s *Stream) appendFrame(ctx context.Context, frame frameInfo, head, data []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := int64(len(head) + len(data))
	if s.buffer.thin && !frame.key {
		s.omit(DropSlow, frame, n)
		return nil
	}
	f, err := s.extend(ctx, frame, n, n)
	if f == nil {
		return err
	}
	if s.spooling.disk != nil {
		if f, err = s.spoolAdd(ctx, f, frame, n, head, data); f == nil {
			return err
		}
	}
	s.buffer.add(f.body, head)
	s.buffer.add(f.body, data)
	s.note(f, frame.spooled(f), n)
	s.grow(f, frame, 1, n)
	return nil
}

// append adds frames of one time to the open fragment, whole elements that are
// kept and must not change; else it is appendFrame.
func (s *Stream) append(ctx context.Context, frame frameInfo, pieces ...[]byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := sizeOf(pieces)
	f, err := s.extend(ctx, frame, n, 0)
	if f == nil {
		return err
	}
	for _, p := range pieces {
		if s.spooling.disk == nil {
			break
		}
		if f, err = s.spoolAdd(ctx, f, frame, int64(len(p)), nil, p); f == nil {
			return err
		}
	}
	f.body.refer(pieces...)
	for _, p := range pieces {
		s.note(f, frame.spooled(f), int64(len(p)))
	}
	s.grow(f, frame, len(pieces), n)
	return nil
}

// appendTags adds elements behind the Cluster of the open fragment, which has no
// more frames then. They are kept and must not change. Tags are not left out as
// long as the fragment is not.
func (s *Stream) appendTags(ctx context.Context, raw ...[]byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.open
	if f == nil || f.settled {
		return cmp.Or(s.state(ctx), s.unopened())
	}
	if f.clusterEnd == 0 {
		f.clusterEnd = f.size
	}
	n := sizeOf(raw)
	if n == 0 {
		return s.state(ctx)
	}
	if err := s.spoolTags(ctx, f, raw...); err != nil || s.open != f || f.settled {
		return err
	}
	f.body.refer(raw...)
	s.note(f, spool.Frame{Trailing: true}, n)
	f.size += n
	s.queue.bytes += n
	s.wake()
	return nil
}

// end ends the fragment. The time that acknowledgements take counts from here.
// It sends nothing: the server knows the end of a Cluster by its size, by an
// end-of-fragment tag, by the next fragment, or by the end of the call. end does
// nothing if there is no fragment.
func (s *Stream) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.endLocked()
	s.spoolSealed()
}

func (s *Stream) endLocked() {
	s.reportOmitted()
	f := s.open
	if f == nil {
		return
	}
	f.ended = time.Now()
	s.span = max(f.last-f.first, s.span-s.span/8)
	if f.frames == 0 && !f.settled { // nothing of it was sent, nor ever will be
		s.takeOut(f, spool.Dropped)
		s.stats.Begun--
	}
	if f.clusterEnd == 0 {
		f.clusterEnd = f.size
	}
	s.open = nil
	s.awaitAge(f.ended)
	s.wake()
}

// extend returns the open fragment when n bytes may be added to it, copied of
// which take memory of the pool. It returns nil and nil for a frame that is
// left out.
func (s *Stream) extend(ctx context.Context, frame frameInfo, n, copied int64) (*fragment, error) {
	if err := s.state(ctx); err != nil {
		return nil, err
	}
	switch f := s.open; {
	case s.buffer.omitted.rest, f != nil && f.settled:
		s.omit(DropFull, frame, n)
		return nil, nil
	case f == nil:
		return nil, s.unopened()
	case f.size+n > MaxFragmentSize:
		return nil, ErrTooLarge
	}
	ok, err := s.admit(ctx, n, copied)
	f := s.open // it may have been given up meanwhile
	switch {
	case err != nil:
		return nil, err
	case f == nil:
		return nil, cmp.Or(s.state(ctx), s.unopened())
	case !ok || f.settled:
		s.cut(f)
		s.omit(DropFull, frame, n)
		return nil, nil
	}
	return f, nil
}

// unopened is the error of adding to a fragment that is not there, and nil if
// it was left out.
func (s *Stream) unopened() error {
	if s.buffer.omitted.rest || s.open != nil {
		return nil
	}
	return fmt.Errorf("append without a fragment: %w", ErrOrder)
}

// grow notes that frames were added to a fragment.
func (s *Stream) grow(f *fragment, frame frameInfo, frames int, n int64) {
	if f.frames == 0 {
		f.key = frame.key
	}
	f.frames += frames
	f.first, f.last = min(f.first, frame.at), max(f.last, frame.at)
	f.size += n
	s.queue.bytes += n
	s.fed = time.Now()
	if s.latency.unsent.IsZero() && !f.held && !s.delays() {
		s.latency.unsent = s.fed
	}
	if f.held {
		s.trim()
	}
	s.wake()
}

func sizeOf(pieces [][]byte) (n int64) {
	for _, p := range pieces {
		n += int64(len(p))
	}
	return n
}
