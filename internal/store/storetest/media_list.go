package storetest

import (
	"slices"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/store"
)

// listSpans are producer times and lengths in milliseconds, in number order a
// second of server time apart: a live part, a late upload, something sent twice.
func listSpans() []span {
	return []span{{50000, 900}, {51000, 900}, {10000, 900}, {11000, 900}, {52000, 900}, {10000, 900}, {-5000, 10}}
}

func (s *mediaSuite) listing() {
	var all []*millrace.Fragment
	for i, p := range listSpans() {
		all = append(all, s.at(i, time.Duration(i)*time.Second, time.Duration(p.start)*ms, p.length))
	}
	s.commit(all...)
	rows := map[string]struct {
		l    store.Listing
		want []int
	}{
		"by the server's clock everything in number order": {store.Listing{}, []int{0, 1, 2, 3, 4, 5, 6}},
		"by the producer's clock, together in number order": {
			store.Listing{Clock: store.ProducerClock}, []int{6, 2, 5, 3, 0, 1, 4},
		},
		"a beginning is in it and an end is not": {
			store.Listing{From: Epoch().Add(1000 * ms), To: Epoch().Add(4000 * ms)}, []int{1, 2, 3},
		},
		"so it is by the producer's clock": {
			store.Listing{Clock: store.ProducerClock, From: Epoch().Add(10000 * ms), To: Epoch().Add(50000 * ms)},
			[]int{2, 5, 3},
		},
		"a nanosecond more is the next millisecond": {
			store.Listing{From: Epoch().Add(1000*ms + 1), To: Epoch().Add(3000*ms + 1)}, []int{2, 3},
		},
		"nothing is between": {
			store.Listing{Clock: store.ProducerClock, From: Epoch().Add(12000 * ms), To: Epoch().Add(50000 * ms)}, nil,
		},
	}
	for name, row := range rows {
		for _, limit := range []int{0, 1, 2, 3, 100} {
			if got := s.listed(store.Scope{Stream: s.stream(1)}, row.l, limit); !slices.Equal(got, row.want) {
				s.Errorf("%s, in pages of %d: got %v, want %v", name, limit, got, row.want)
			}
		}
	}
	since := store.Scope{Stream: s.stream(1), Since: all[3].ServerTime()}
	if got := s.listed(since, store.Listing{Clock: store.ProducerClock}, 2); !slices.Equal(got, []int{6, 5, 3, 4}) {
		s.Errorf("without what has expired: %v", got)
	}
	if got := s.listed(store.Scope{Stream: s.stream(9)}, store.Listing{}, 0); len(got) > 0 {
		s.Errorf("an unknown stream has %v", got)
	}
}

// listed pages over a listing, and returns the places of what it found.
func (s *mediaSuite) listed(scope store.Scope, l store.Listing, limit int) (places []int) {
	s.Helper()
	l.Limit = limit
	for {
		list, err := s.List(s.Context(), scope, l)
		if err != nil || limit > 0 && len(list) > limit {
			s.Fatalf("list: %d, %v", len(list), err)
		}
		for i := range list {
			places = append(places, int(list[i].Number.Sequence())-1)
			l.After = store.KeyOf(l.Clock, list[i].Number, list[i].ProducerTime)
		}
		if len(list) == 0 || limit == 0 {
			return places
		}
	}
}
