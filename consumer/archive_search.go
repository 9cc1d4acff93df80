package consumer

import (
	"context"
	"errors"
	"io"
	"math"

	"github.com/millrace/millrace"
)

// A search finds the fragments of a Range in an Order, behind a Position. Where
// the range is of one clock and the order of the other, it lists twice: first by
// the range's clock, to learn between which times of the other these fragments
// lie, and keeps none of them; then by the other clock between these times.
type search struct {
	list  lister
	span  Range
	order Order
	at    Position
	// before, unless it is zero, is a fragment that is not wanted, nor what came after it.
	before millrace.FragmentNumber

	measure     *walk // by the range's clock; nil if that is not needed, or at first
	first, last int64 // found by it, on the order's clock
	walk        *walk // nil at first
}

// next is walk.next.
func (s *search) next(ctx context.Context) ([]entry, error) {
	if s.walk == nil {
		if err := s.begin(ctx); err != nil {
			return nil, err
		}
	}
	return s.walk.next(ctx)
}

// begin makes the walk. After an error it may be called again, and goes on.
func (s *search) begin(ctx context.Context) error {
	from, to := s.span.millis()
	if s.span.Clock == s.order.clock() {
		s.first, s.last = from, to
	} else if err := s.extent(ctx, from, to); err != nil {
		return err
	}
	s.walk = newWalk(s.list, s.order, max(s.first, s.order.start(s.at)), s.last)
	s.walk.keep = func(e entry) bool {
		at := e.at(s.span.Clock)
		return at >= from && at <= to && s.order.behind(s.at, e) && (s.before.IsZero() || e.number.Compare(s.before) < 0)
	}
	return nil
}

// extent finds out when the range begins and ends on the order's clock. io.EOF is
// that it is empty.
func (s *search) extent(ctx context.Context, from, to int64) error {
	if s.measure == nil {
		s.measure = newWalk(s.list, s.span.Clock.order(), from, to)
		s.first, s.last = math.MaxInt64, math.MinInt64
	}
	for {
		found, err := s.measure.next(ctx)
		switch {
		case errors.Is(err, io.EOF) && s.first <= s.last:
			return nil
		case err != nil:
			return err
		}
		for _, e := range found {
			at := e.at(s.order.clock())
			s.first, s.last = min(s.first, at), max(s.last, at)
		}
	}
}

// start is when, by the order's clock, a reader begins who is at a position.
func (o Order) start(at Position) int64 {
	t := at.ServerTime
	if o == ByProducerTime {
		t = at.ProducerTime
	}
	if at.IsZero() || t.IsZero() {
		return math.MinInt64
	}
	return t.UnixMilli()
}

// behind reports whether anything of a fragment comes behind a position. Who does
// not know when that was on the order's clock is given all that there is again,
// but what is done for sure.
func (o Order) behind(at Position, e entry) bool {
	done := entry{number: at.Fragment, producer: at.ProducerTime.UnixMilli()}
	c := compareEntries(o)(e, done)
	if o == ByProducerTime && at.ProducerTime.IsZero() {
		c = max(-e.number.Compare(at.Fragment), e.number.Compare(at.Fragment))
	}
	return at.IsZero() || c > 0 || c == 0 && at.Done != Whole
}

// comparePositions returns -1, 0 or +1 as p is before, at or behind q in the order.
func (o Order) comparePositions(p, q Position) int {
	if c := p.ProducerTime.Compare(q.ProducerTime); o == ByProducerTime && !p.IsZero() && !q.IsZero() && c != 0 {
		return c
	}
	return p.Compare(q)
}
