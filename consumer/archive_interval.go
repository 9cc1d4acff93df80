package consumer

import (
	"context"
	"errors"
	"io"
	"iter"
	"time"

	"github.com/millrace/millrace"
)

// joinWithin is how long nothing has to be stored for that to part two intervals,
// in milliseconds: more than this. Clocks jitter.
const joinWithin = 1000

// An Interval is a time without a gap in what is stored.
type Interval struct {
	// From is when its first fragment begins, and To when the last of its media ends,
	// by the clock of the Range.
	From, To  time.Time
	Fragments int64
	Bytes     int64 // as the server counts them
}

// Ranges walks what is stored of a stream in a range, as intervals in the order of
// their times, by the range's clock: fragments that overlap, or between which is a
// second at most, are of one interval. A fragment counts where it begins, and with
// its whole length. An error ends the walk.
//
// It needs nothing but lists of fragments, so that it works with AWS too, and
// costs one call for about 700 of them.
func (c *Client) Ranges(ctx context.Context, stream millrace.StreamName, span Range) iter.Seq2[Interval, error] {
	return func(yield func(Interval, error) bool) {
		conn, err := c.connect()
		if err != nil {
			yield(Interval{}, err)
			return
		}
		s := &search{list: listOf(conn, stream), span: span, order: span.Clock.order()}
		for v, err := range intervals(ctx, s.next, span.Clock) {
			if !yield(v, err) {
				return
			}
		}
	}
}

// intervals joins what next finds, up to io.EOF.
func intervals(ctx context.Context, next func(context.Context) ([]entry, error), c Clock) iter.Seq2[Interval, error] {
	return func(yield func(Interval, error) bool) {
		var v joining
		for {
			found, err := next(ctx)
			switch {
			case errors.Is(err, io.EOF):
				if v.fragments > 0 {
					yield(v.interval(), nil)
				}
				return
			case err != nil:
				yield(Interval{}, err)
				return
			}
			for _, e := range found {
				if v.fragments > 0 && e.at(c)-v.to > joinWithin {
					if !yield(v.interval(), nil) {
						return
					}
					v = joining{}
				}
				v.add(e, c)
			}
		}
	}
}

// joining is an interval that may go on.
type joining struct{ from, to, fragments, bytes int64 }

func (v *joining) add(e entry, c Clock) {
	if v.fragments == 0 {
		v.from = e.at(c)
	}
	v.to = max(v.to, e.at(c)+e.length)
	v.fragments++
	v.bytes += e.bytes
}

func (v *joining) interval() Interval {
	return Interval{From: time.UnixMilli(v.from).UTC(), To: time.UnixMilli(v.to).UTC(), Fragments: v.fragments, Bytes: v.bytes}
}
