package consumer

import (
	"math"
	"time"
)

// A Clock says whose time is meant.
type Clock uint8

// The clocks.
const (
	ServerClock   Clock = iota // when the server began to receive a fragment
	ProducerClock              // what its producer says; it may go back, and repeat
)

// String names the clock, in lower case.
func (c Clock) String() string {
	if c == ProducerClock {
		return "producer"
	}
	return "server"
}

// A Range is the fragments that begin at From or later, and before To, by Clock.
// A zero From is the oldest that is kept, a zero To the newest. Servers know
// times to the millisecond.
type Range struct {
	From, To time.Time
	Clock    Clock
}

// latestMillis is behind all media, by any clock: the end of the year 9999, which
// is the last that the protocol can tell.
const latestMillis = 253402300799000

// millis returns the first and the last millisecond of the range. There is none
// if the last is before the first.
func (r Range) millis() (first, last int64) {
	last = latestMillis
	if !r.From.IsZero() {
		first = ceilMillis(r.From)
	}
	if !r.To.IsZero() {
		last = min(ceilMillis(r.To)-1, last)
	}
	return first, last
}

// ceilMillis is the first whole millisecond that is not before t.
func ceilMillis(t time.Time) int64 {
	ms := t.UnixMilli()
	if time.UnixMilli(ms).Before(t) && ms < math.MaxInt64 {
		ms++
	}
	return ms
}

// An Order is one in which the fragments of an archive are read.
type Order uint8

// The orders.
const (
	// ByArrival is that of fragment numbers. What a producer uploaded late comes
	// late.
	ByArrival Order = iota
	// ByProducerTime is that of the producer's clock; of fragments that begin at the
	// same time, that of their numbers.
	ByProducerTime
)

// String names the order, in lower case.
func (o Order) String() string {
	if o == ByProducerTime {
		return "producer time"
	}
	return "arrival"
}

// clock is the one by which fragments are listed in the order.
func (o Order) clock() Clock {
	if o == ByProducerTime {
		return ProducerClock
	}
	return ServerClock
}

// order is the one in which fragments are listed by the clock.
func (c Clock) order() Order {
	if c == ProducerClock {
		return ByProducerTime
	}
	return ByArrival
}
