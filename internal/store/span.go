package store

import (
	"encoding/binary"
	"math"
	"time"

	"github.com/millrace/millrace"
)

// A span is a part of a stream in the order of a clock.
type span struct {
	clock    Clock
	from, to int64 // when entries start, in milliseconds: from is in it, to is not
	after    Key   // entries up to this key are not in it
	start    int64 // the two parts of after
	number   millrace.FragmentNumber
}

func newSpan(c Clock, from, to time.Time, after Key) span {
	s := span{clock: c, from: math.MinInt64, to: math.MaxInt64}
	if !from.IsZero() {
		s.from = momentOf(from).ceil()
	}
	if !to.IsZero() {
		s.to = momentOf(to).ceil()
	}
	return s.behind(after)
}

// behind is the part of the span behind a key.
func (s span) behind(after Key) span {
	s.after, s.start = after, int64(binary.BigEndian.Uint64(after[:8])^1<<63)
	s.number = after.number()
	return s
}

// reached reports whether an entry lies at or behind the beginning of the span.
func (s *span) reached(start int64, number millrace.FragmentNumber) bool {
	if start < s.from {
		return false
	}
	if s.clock == ProducerClock && start != s.start {
		return start > s.start
	}
	return number.Compare(s.number) > 0
}
