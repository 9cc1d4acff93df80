package producer

import (
	"context"
	"fmt"
)

// setHeader sets what stands in front of the fragments to come: EBML header,
// Segment of unknown size, Info and Tracks. Different bytes than before mean
// that the next fragment goes over a new call. The bytes are kept.
func (s *Stream) setHeader(b []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.header == nil || string(s.header.bytes) != string(b) {
		s.header = &header{b}
	}
}

// begin starts a fragment and ends the one before. The head's bytes are kept
// and must not change. While the buffer is full begin does what its policy says.
func (s *Stream) begin(ctx context.Context, head fragmentHead) error {
	f := &fragment{timecode: head.timecode}
	f.body.add(head.leading...)
	f.body.add(head.cluster)

	s.mu.Lock()
	defer s.mu.Unlock()
	s.endLocked()
	if err := s.waitForSpace(ctx, f.body.size); err != nil {
		return err
	}
	if s.header == nil {
		return fmt.Errorf("begin fragment without a header: %w", ErrOrder)
	}
	f.header = s.header
	s.open = f
	s.queue.push(f)
	s.stats.Begun++
	s.changed.Broadcast()
	return nil
}

// appendFrame adds a block to the open fragment, which begins with head and
// goes on with data. Both are copied.
func (s *Stream) appendFrame(ctx context.Context, head, data []byte) error {
	return s.append(ctx, append(append(make([]byte, 0, len(head)+len(data)), head...), data...))
}

// append adds whole elements to the open fragment: blocks, or what follows the
// Cluster. They are kept and must not change. While the buffer is full append
// does what its policy says. An error means that nothing was added.
func (s *Stream) append(ctx context.Context, pieces ...[]byte) error {
	n := int64(0)
	for _, p := range pieces {
		n += int64(len(p))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.waitForSpace(ctx, n); err != nil {
		return err
	}
	f := s.open
	switch {
	case f == nil:
		return fmt.Errorf("append without a fragment: %w", ErrOrder)
	case f.settled:
		return nil
	case f.body.size+n > MaxFragmentSize:
		return ErrTooLarge
	}
	f.body.add(pieces...)
	s.queue.bytes += n
	s.changed.Broadcast()
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
}
