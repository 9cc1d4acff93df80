package storetest

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/store"
)

// A span is a fragment on one clock: when it starts, and for how long, in
// milliseconds from Epoch.
type span struct{ start, length int }

// A lookUp is a question and the place in the list of spans of its answer, or
// -1 for none.
type lookUp struct {
	at   time.Duration
	want int
}

const ms = time.Millisecond

// findAt is AtServerTime or AtProducerTime.
type findAt func(context.Context, store.Scope, time.Time) (store.Entry, error)

func (s *mediaSuite) serverTime() {
	spans := []span{{1000, 1000}, {2000, 500}, {3000, 10000}, {4000, 100}, {4000, 100}, {20000, 0}}
	var all []*millrace.Fragment
	for i, p := range spans {
		all = append(all, s.at(i, time.Duration(p.start)*ms, 0, p.length))
	}
	s.commit(all...)
	s.ask(all, map[string]lookUp{
		"before the first is the first":               {0, 0},
		"a start is its own":                          {1000 * ms, 0},
		"inside is that one":                          {1999 * ms, 0},
		"an end is the next":                          {2000 * ms, 1},
		"a gap is the next":                           {2700 * ms, 2},
		"a long one is found behind a short one":      {5000 * ms, 2},
		"of two with one time the newest":             {4050 * ms, 4},
		"a nanosecond before an end is still inside":  {4100*ms - 1, 4},
		"an end falls back to the long one":           {4100 * ms, 2},
		"one without a duration is found at its time": {20000 * ms, 5},
		"behind the last is none":                     {20000*ms + 1, -1},
	}, s.AtServerTime)
}

func (s *mediaSuite) producerTime() {
	spans := []span{
		{50000, 1000}, {51000, 1000}, // live
		{10000, 1000}, {11000, 1000}, // late upload
		{52000, 1000}, // live again
		{10000, 1000}, // uploaded twice
		{30000, 9000}, {31000, 10}, {31000, 5000},
	}
	var all []*millrace.Fragment
	for i, p := range spans {
		all = append(all, s.at(i, time.Duration(i)*time.Second, time.Duration(p.start)*ms, p.length))
	}
	s.commit(all...)
	s.ask(all, map[string]lookUp{
		"before the first is the earliest":              {0, 2},
		"of duplicates the lowest number":               {10500 * ms, 2},
		"late uploads are in their place":               {11200 * ms, 3},
		"a gap is the next":                             {13000 * ms, 6},
		"the last start that contains it wins":          {32000 * ms, 8},
		"one that has ended does not":                   {31005 * ms, 7},
		"a long one is found behind those in it":        {37000 * ms, 6},
		"the live edge is the last":                     {52999 * ms, 4},
		"behind the last is none":                       {53000 * ms, -1},
		"a nanosecond into a start is the one it is in": {51000*ms + 1, 1},
	}, s.AtProducerTime)
}

func (s *mediaSuite) producerExpired() {
	old := s.at(0, 0, 100*time.Second, 1000)
	late := s.at(1, 10*time.Second, 100*time.Second, 1000)
	s.commit(old, late)
	scope := store.Scope{Stream: old.Stream, Since: late.ServerTime()}
	for _, at := range []time.Duration{0, 100 * time.Second, 100*time.Second + 1} {
		e, err := s.AtProducerTime(s.Context(), scope, Epoch().Add(at))
		if err != nil || e.Number != late.Number {
			s.Errorf("at %v: %v, %v; want %v", at, e.Number, err, late.Number)
		}
	}
	if _, err := s.AtProducerTime(s.Context(), scope, Epoch().Add(101*time.Second)); !errors.Is(err, millrace.ErrNotFound) {
		s.Errorf("behind the last: %v", err)
	}
}

// at makes a fragment with given times, length in milliseconds.
func (s *mediaSuite) at(i int, server, producer time.Duration, length int) *millrace.Fragment {
	f := s.make.Make(s.stream(1), 10)
	f.Number = Number(uint64(i+1), server)
	f.ProducerTime = Epoch().Add(producer)
	f.Duration = time.Duration(length) * ms
	return f
}

func (s *mediaSuite) ask(all []*millrace.Fragment, rows map[string]lookUp, find findAt) {
	for name, row := range rows {
		s.Run(name, func(t *testing.T) {
			e, err := find(s.Context(), store.Scope{Stream: s.stream(1)}, Epoch().Add(row.at))
			if row.want < 0 {
				if !errors.Is(err, millrace.ErrNotFound) {
					t.Errorf("got %v, %v, want none", e, err)
				}
				return
			}
			if err != nil || e.Number != all[row.want].Number {
				t.Errorf("got %v, %v, want number %d", e.Number.Sequence(), err, row.want+1)
			}
		})
	}
}
