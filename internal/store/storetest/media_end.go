package storetest

import (
	"context"
	"errors"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/store"
)

func (s *mediaSuite) drop() {
	a, b := s.make.Make(s.stream(1), 10), s.make.Make(s.stream(2), 10)
	s.commit(a, b)
	e := s.entry(a)
	if err := s.Drop(s.Context(), a.Stream); err != nil {
		s.Fatal(err)
	}
	scope := store.Scope{Stream: a.Stream}
	if got := s.numbers(scope); len(got) != 0 {
		s.Errorf("found %v", got)
	}
	if _, err := s.Read(s.Context(), scope, e, nil); !errors.Is(err, millrace.ErrNotFound) {
		s.Errorf("read: %v", err)
	}
	if _, err := s.AtProducerTime(s.Context(), scope, a.ProducerTime); !errors.Is(err, millrace.ErrNotFound) {
		s.Errorf("at producer time: %v", err)
	}
	s.refused(s.make.Make(a.Stream, 10))
	s.verify(b, nil)
	if err := s.Drop(s.Context(), s.stream(77)); err != nil {
		s.Errorf("drop of a stream without fragments: %v", err)
	}
}

// refused checks that a fragment is turned away as one of an unknown stream.
func (s *mediaSuite) refused(f *millrace.Fragment) {
	s.Helper()
	done := make(chan error, 1)
	err := s.Submit(s.Context(), f, func(err error) { done <- err })
	if err == nil {
		err = <-done
	}
	if !errors.Is(err, millrace.ErrNotFound) {
		s.Errorf("submit: %v, want %v", err, millrace.ErrNotFound)
	}
}

func (s *mediaSuite) dropAndAgain() {
	old := millrace.StreamKey{ID: 1, Generation: 4}
	s.commit(s.make.Make(old, 10))
	if err := s.Drop(s.Context(), old); err != nil {
		s.Fatal(err)
	}
	f := s.make.Make(millrace.StreamKey{ID: 1, Generation: 5}, 10)
	s.commit(f)
	s.verify(f, nil)
	s.refused(s.make.Make(old, 10))
}

func (s *mediaSuite) close() {
	const n = 30
	results := make([]error, n)
	for i := range results {
		results[i] = errUnsettled
		f := s.make.Make(s.stream(1), 4000)
		if err := s.Submit(s.Context(), f, func(err error) { results[i] = err }); err != nil {
			s.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		s.Fatal(err)
	}
	for i, err := range results {
		if err != nil {
			s.Errorf("fragment %d: %v", i, err)
		}
	}
	err := s.Submit(s.Context(), s.make.Make(s.stream(1), 10), func(error) { s.Error("done of a refused fragment") })
	if !errors.Is(err, millrace.ErrClosed) {
		s.Errorf("submit after close: %v", err)
	}
}

func (s *mediaSuite) cancelled() {
	f := s.make.Make(s.stream(1), 10)
	s.commit(f)
	e := s.entry(f)
	ctx, cancel := context.WithCancel(s.Context())
	cancel()
	scope := store.Scope{Stream: f.Stream}
	_, after := s.After(ctx, scope, millrace.FragmentNumber{}, 1)
	_, server := s.AtServerTime(ctx, scope, f.ServerTime())
	_, producer := s.AtProducerTime(ctx, scope, f.ProducerTime)
	_, read := s.Read(ctx, scope, e, nil)
	for name, err := range map[string]error{
		"after": after, "at server time": server, "at producer time": producer, "read": read,
		"drop": s.Drop(ctx, f.Stream),
	} {
		if !errors.Is(err, context.Canceled) {
			s.Errorf("%s: %v", name, err)
		}
	}
	s.verify(f, nil)
}
