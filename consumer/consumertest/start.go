package consumertest

import (
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/wire"
)

// A position is where a response goes on: behind a fragment, by number.
type position struct {
	after   millrace.FragmentNumber
	clock   func(Fragment) time.Time // not nil while the start is a time that has not come
	from    time.Time
	expired bool // what was asked for is gone
}

// selector is a start selector as it comes.
type selector struct {
	StartSelectorType   string
	AfterFragmentNumber string
	StartTimestamp      *wire.Timestamp
	ContinuationToken   string
}

// parse makes a StartSelector of it.
func (in *selector) parse() (millrace.StartSelector, error) {
	bad := func(what string) (millrace.StartSelector, error) {
		return millrace.StartSelector{}, millrace.Errorf(millrace.CodeInvalidArgument, "%s", what)
	}
	if in == nil {
		return bad("There is no StartSelector.")
	}
	t, err := millrace.ParseStartType(in.StartSelectorType)
	if err != nil {
		return bad("The StartSelectorType is not known.")
	}
	out := millrace.StartSelector{Type: t}
	switch t {
	case millrace.StartFragmentNumber:
		out.Number, err = millrace.ParseFragmentNumber(in.AfterFragmentNumber)
	case millrace.StartContinuationToken:
		out.Number, err = millrace.ParseFragmentNumber(in.ContinuationToken)
	case millrace.StartServerTime, millrace.StartProducerTime:
		if in.StartTimestamp == nil {
			return bad("There is no StartTimestamp.")
		}
		out.Time = in.StartTimestamp.Time
	}
	if err != nil {
		return bad("The number or token is not known.")
	}
	return out, nil
}

// start finds where a response to a selector begins.
func (s *Stream) start(sel millrace.StartSelector, c Config) position {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch sel.Type {
	case millrace.StartNow:
		return s.now()
	case millrace.StartFragmentNumber, millrace.StartContinuationToken:
		_, kept := s.find(sel.Number)
		behind := sel.Number.Compare(s.forgotten) < 0
		return position{after: sel.Number, expired: c.Expired && behind || c.Exact && !kept && sel.Number != s.forgotten}
	case millrace.StartServerTime:
		return s.containing(serverClock, sel.Time)
	case millrace.StartProducerTime:
		return s.containing(producerClock, sel.Time)
	}
	return position{}
}

// now is in front of the newest fragment if that is open, else behind it. The mutex
// is held.
func (s *Stream) now() position {
	if len(s.chunks) == 0 {
		return position{after: s.forgotten}
	}
	newest := s.chunks[len(s.chunks)-1]
	if newest.state == Open {
		return position{after: newest.Number.Prev()}
	}
	return position{after: newest.Number}
}

// containing is in front of the newest fragment that contains a time, else of the
// first that begins behind it. The mutex is held.
func (s *Stream) containing(clock func(Fragment) time.Time, t time.Time) position {
	var best *chunk
	for _, c := range s.byClock(clock) {
		begins := clock(c.Fragment)
		switch {
		case !begins.After(t):
			if c.state == Open || begins.Equal(t) || begins.Add(c.length()).After(t) {
				if best == nil || !clock(best.Fragment).Equal(begins) {
					best = c
				}
			}
		case best == nil:
			return position{after: c.Number.Prev()}
		}
	}
	if best != nil {
		return position{after: best.Number.Prev()}
	}
	return position{clock: clock, from: t}
}

// passes reports whether a response at p has to leave a fragment out.
func (p *position) passes(f Fragment) bool {
	if p.clock == nil {
		return false
	}
	if p.clock(f).Before(p.from) {
		return true
	}
	p.clock = nil // it has come
	return false
}
