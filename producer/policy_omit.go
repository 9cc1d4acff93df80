package producer

import (
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/producer/spool"
)

// An omitted is what is left out of the fragment in hand.
type omitted struct {
	rest      bool // all that comes until the next fragment is left out
	reason    DropReason
	code      millrace.Code
	fragments int
	frames    int
	bytes     int64
	from, to  time.Duration
}

// omit counts a frame that is left out.
func (s *Stream) omit(why DropReason, frame frameInfo, n int64) {
	o := &s.buffer.omitted
	switch {
	case o.reason == 0:
		o.reason = why
	case o.reason != why && !o.rest:
		s.reportOmitted()
		o.reason = why
	}
	if o.frames == 0 {
		o.from, o.to = frame.at, frame.at
	}
	o.from, o.to = min(o.from, frame.at), max(o.to, frame.at)
	o.frames++
	o.bytes += n
}

// omitFragment leaves out the fragment that would begin now.
func (s *Stream) omitFragment(why DropReason) {
	s.buffer.omitted = omitted{rest: true, reason: why, fragments: 1}
	s.stats.Begun++
	s.stats.Dropped++
}

// cut leaves out the rest of a fragment. One that has nothing yet, or whose
// Cluster has a declared size, is given up.
func (s *Stream) cut(f *fragment) {
	o := &s.buffer.omitted
	if !o.rest {
		s.reportOmitted()
		o.rest, o.reason = true, DropFull
	}
	switch {
	case f.settled:
	case f.frames == 0:
		s.takeOut(f, spool.Dropped)
		s.stats.Dropped++
		o.fragments++
	case f.whole:
		d := Dropped{Reason: DropFull}
		s.giveUp(f, &d)
		s.dropped(d)
	}
}

// reportOmitted reports what was left out, if anything was.
func (s *Stream) reportOmitted() {
	o := s.buffer.omitted
	s.buffer.omitted = omitted{}
	if o.frames+o.fragments == 0 {
		return
	}
	s.dropped(Dropped{
		Reason: o.reason, Code: o.code, Fragments: o.fragments, Frames: o.frames, Bytes: o.bytes,
		From: s.mediaTime(o.from), To: s.mediaTime(o.to),
	})
}
