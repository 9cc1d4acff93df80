package storetest

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/store"
)

func (s *mediaSuite) outline() {
	var all []*millrace.Fragment
	for i := range 40 {
		all = append(all, s.make.Make(s.stream(uint64(i%3)), 1+i*i*50))
	}
	all = append(all, s.manySamples(), &millrace.Fragment{
		Stream: s.stream(1), Number: Number(1, 0), ProducerTime: time.Unix(0, 0).UTC(),
	})
	s.commit(all...)
	for _, f := range all {
		got, err := s.Outline(s.Context(), store.Scope{Stream: f.Stream}, s.entry(f))
		if err != nil {
			s.Fatalf("outline: %v", err)
		}
		if err := SameOutline(got, f); err != nil {
			s.Error(err)
		}
	}
}

// manySamples makes a fragment whose sample table is longer than most.
func (s *mediaSuite) manySamples() *millrace.Fragment {
	f := s.make.Make(s.stream(1), 10)
	f.Samples = nil
	for range 3000 {
		f.Samples = append(f.Samples, s.make.sample(0, 10))
	}
	return f
}

func (s *mediaSuite) outlineOfNothing() {
	a, b := s.make.Make(s.stream(1), 10), s.make.Make(s.stream(1), 10)
	s.commit(a, b)
	scope := store.Scope{Stream: s.stream(1)}
	for _, at := range []store.Position{s.entry(b).Position, {Pack: 1 << 60}} {
		moved := s.entry(a)
		moved.Position = at
		got, err := s.Outline(s.Context(), scope, moved)
		if err == nil {
			err = SameOutline(got, a)
		}
		if err != nil {
			s.Errorf("of what is elsewhere now: %v", err)
		}
	}
	never := s.entry(a)
	never.Number = a.Number.Next()
	expired := store.Scope{Stream: s.stream(1), Since: b.ServerTime()}
	cancelled, cancel := context.WithCancel(s.Context())
	cancel()
	_, err1 := s.Outline(s.Context(), scope, never)
	_, err2 := s.Outline(s.Context(), expired, s.entry(a))
	_, err3 := s.Outline(s.Context(), store.Scope{Stream: s.stream(2)}, s.entry(a))
	_, err4 := s.Outline(cancelled, scope, s.entry(a))
	for name, is := range map[string]bool{
		"of what never was":        errors.Is(err1, millrace.ErrNotFound),
		"of what has expired":      errors.Is(err2, millrace.ErrNotFound),
		"of another stream":        errors.Is(err3, millrace.ErrNotFound),
		"when it is not wanted":    errors.Is(err4, context.Canceled),
		"newest when not wanted":   s.newestFails(cancelled, context.Canceled),
		"newest of another stream": len(s.newestOf(store.Scope{Stream: s.stream(2)}, 5)) == 0,
	} {
		if !is {
			s.Errorf("outline %s: %v, %v, %v, %v", name, err1, err2, err3, err4)
		}
	}
}

func (s *mediaSuite) newest() {
	var all []*millrace.Fragment
	for range 30 {
		all = append(all, s.make.Make(s.stream(1), 10))
	}
	last := all[10] // which is committed late
	s.commit(slices.Delete(slices.Clone(all), 10, 11)...)
	s.commit(last)
	scope := store.Scope{Stream: s.stream(1)}
	for _, limit := range []int{-1, 0, 1, 7, 19, 20, 21, 29, 30, 31, 1000} {
		want := numbersOf(all[max(0, len(all)-max(limit, 0)):])
		if got := s.newestOf(scope, limit); !slices.Equal(got, want) {
			s.Errorf("newest %d are %v, want %v", limit, got, want)
		}
	}
	scope.Since = all[25].ServerTime()
	if got, want := s.newestOf(scope, 10), numbersOf(all[25:]); !slices.Equal(got, want) {
		s.Errorf("without what has expired: %v, want %v", got, want)
	}
}

func (s *mediaSuite) newestOf(scope store.Scope, limit int) (list []millrace.FragmentNumber) {
	s.Helper()
	entries, err := s.Newest(s.Context(), scope, limit)
	if err != nil {
		s.Fatalf("newest: %v", err)
	}
	for _, e := range entries {
		list = append(list, e.Number)
	}
	return list
}

func (s *mediaSuite) newestFails(ctx context.Context, want error) bool {
	_, err := s.Newest(ctx, store.Scope{Stream: s.stream(1)}, 1)
	return errors.Is(err, want)
}

func numbersOf(all []*millrace.Fragment) (list []millrace.FragmentNumber) {
	for _, f := range all {
		list = append(list, f.Number)
	}
	return list
}
