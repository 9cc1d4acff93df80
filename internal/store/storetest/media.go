package storetest

import (
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/store"
)

// Media checks an implementation of store.Media. open returns an empty one; the
// suite closes it.
func Media(t *testing.T, open func(t *testing.T) store.Media) {
	for name, test := range map[string]func(*mediaSuite){
		"what was confirmed is found and read back":       (*mediaSuite).readBack,
		"bytes lie in the caller's buffer if they fit":    (*mediaSuite).readIntoBuffer,
		"a fragment may lack everything optional":         (*mediaSuite).bareFragment,
		"entries come in number order":                    (*mediaSuite).numberOrder,
		"after is exclusive and bounded":                  (*mediaSuite).paging,
		"expired fragments are unseen":                    (*mediaSuite).expired,
		"streams and generations are apart":               (*mediaSuite).apart,
		"a stale entry leads to its fragment":             (*mediaSuite).staleEntry,
		"a number is taken once":                          (*mediaSuite).twice,
		"confirmations come in order per stream":          (*mediaSuite).order,
		"a dropped stream is out of reach":                (*mediaSuite).drop,
		"a dropped stream can be created again":           (*mediaSuite).dropAndAgain,
		"close settles what is queued and refuses more":   (*mediaSuite).close,
		"a cancelled context ends a call":                 (*mediaSuite).cancelled,
		"many writers and readers go together":            (*mediaSuite).together,
		"server time finds what covers it, else the next": (*mediaSuite).serverTime,
		"producer time does too, whatever the order":      (*mediaSuite).producerTime,
		"producer time skips what is expired":             (*mediaSuite).producerExpired,
		"a listing goes by either clock, page by page":    (*mediaSuite).listing,
		"an outline is the fragment without its body":     (*mediaSuite).outline,
		"an outline is of what is found alone":            (*mediaSuite).outlineOfNothing,
		"the newest are the last ones of all":             (*mediaSuite).newest,
	} {
		t.Run(name, func(t *testing.T) {
			m := open(t)
			test(&mediaSuite{T: t, Media: m, make: NewFragments(7)})
			if err := m.Close(); err != nil {
				t.Errorf("close: %v", err)
			}
		})
	}
}

// A mediaSuite is one test of the suite.
type mediaSuite struct {
	*testing.T
	store.Media
	make *Fragments
}

var errUnsettled = errors.New("not settled")

// commit submits fragments and waits until all are confirmed.
func (s *mediaSuite) commit(list ...*millrace.Fragment) {
	s.Helper()
	done := make(chan error, len(list))
	for _, f := range list {
		if err := s.Submit(s.Context(), f, func(err error) { done <- err }); err != nil {
			s.Fatalf("submit: %v", err)
		}
	}
	for range list {
		if err := <-done; err != nil {
			s.Fatalf("done: %v", err)
		}
	}
}

// numbers lists all that is found of a stream.
func (s *mediaSuite) numbers(scope store.Scope) (list []millrace.FragmentNumber) {
	s.Helper()
	entries, err := s.After(s.Context(), scope, millrace.FragmentNumber{}, 1000)
	if err != nil {
		s.Fatalf("after: %v", err)
	}
	for _, e := range entries {
		list = append(list, e.Number)
	}
	return list
}

// entry finds one fragment.
func (s *mediaSuite) entry(f *millrace.Fragment) store.Entry {
	s.Helper()
	entries, err := s.After(s.Context(), store.Scope{Stream: f.Stream}, f.Number.Prev(), 1)
	if err != nil || len(entries) != 1 || entries[0].Number != f.Number {
		s.Fatalf("after found %v, %v; want %v", entries, err, f.Number)
	}
	return entries[0]
}

func (s *mediaSuite) verify(f *millrace.Fragment, buf []byte) *millrace.Fragment {
	s.Helper()
	got, err := s.Read(s.Context(), store.Scope{Stream: f.Stream}, s.entry(f), buf)
	if err != nil {
		s.Fatalf("read: %v", err)
	}
	if err := Same(got, f); err != nil {
		s.Fatal(err)
	}
	return got
}

func (s *mediaSuite) stream(id uint64) millrace.StreamKey { return millrace.StreamKey{ID: id} }

func (s *mediaSuite) readBack() {
	var all []*millrace.Fragment
	for i := range 40 {
		all = append(all, s.make.Make(s.stream(uint64(i%3)), 1+i*700))
	}
	all[5].Flags = millrace.FlagIncomplete
	s.commit(all...)
	for _, f := range all {
		s.verify(f, nil)
		e := s.entry(f)
		if e.Size != int64(f.Size()) || e.Duration != f.Duration || e.Flags != f.Flags ||
			!e.ProducerTime.Equal(f.ProducerTime) || !e.ServerTime().Equal(f.ServerTime()) {
			s.Errorf("entry %+v does not match", e)
		}
	}
}

func (s *mediaSuite) readIntoBuffer() {
	f := s.make.Make(s.stream(1), 5000)
	s.commit(f)
	buf := make([]byte, 0, f.Size())
	got := s.verify(f, buf)
	if &got.Leading[:1][0] != &buf[:1][0] && &got.Cluster[0][0] != &buf[:1][0] {
		s.Error("the fragment does not lie in the buffer")
	}
	s.verify(f, buf[:0:f.Size()-1])
}

func (s *mediaSuite) bareFragment() {
	f := &millrace.Fragment{Stream: s.stream(1), Number: Number(1, 0), ProducerTime: time.Unix(0, 0).UTC()}
	s.commit(f)
	s.verify(f, nil)
}

func (s *mediaSuite) numberOrder() {
	var all []*millrace.Fragment
	for range 20 {
		all = append(all, s.make.Make(s.stream(1), 10))
	}
	for _, i := range []int{3, 0, 2, 1, 9, 8, 7, 4, 6, 5, 15, 10, 19, 18, 17, 16, 11, 14, 12, 13} {
		s.commit(all[i])
	}
	got := s.numbers(store.Scope{Stream: s.stream(1)})
	if len(got) != len(all) {
		s.Fatalf("found %d, want %d", len(got), len(all))
	}
	for i, f := range all {
		if got[i] != f.Number {
			s.Errorf("place %d has %v, want %v", i, got[i], f.Number)
		}
	}
}

func (s *mediaSuite) paging() {
	var all []*millrace.Fragment
	for range 10 {
		all = append(all, s.make.Make(s.stream(1), 10))
	}
	s.commit(all...)
	scope := store.Scope{Stream: s.stream(1)}
	var seen int
	for at := (millrace.FragmentNumber{}); ; {
		page, err := s.After(s.Context(), scope, at, 3)
		if err != nil || len(page) > 3 {
			s.Fatalf("page of %d, %v", len(page), err)
		}
		if len(page) == 0 {
			break
		}
		for _, e := range page {
			if e.Number != all[seen].Number {
				s.Fatalf("place %d has %v", seen, e.Number)
			}
			seen++
		}
		at = page[len(page)-1].Number
	}
	if seen != len(all) {
		s.Errorf("paged over %d, want %d", seen, len(all))
	}
	if page, err := s.After(s.Context(), scope, millrace.MaxFragmentNumber(), 3); err != nil || len(page) != 0 {
		s.Errorf("after the last: %v, %v", page, err)
	}
}

func (s *mediaSuite) expired() {
	a, b := s.make.Make(s.stream(1), 10), s.make.Make(s.stream(1), 10)
	s.commit(a, b)
	scope := store.Scope{Stream: s.stream(1), Since: b.ServerTime()}
	if got := s.numbers(scope); len(got) != 1 || got[0] != b.Number {
		s.Errorf("found %v, want %v", got, b.Number)
	}
	if _, err := s.Read(s.Context(), scope, s.entry(a), nil); !errors.Is(err, millrace.ErrNotFound) {
		s.Errorf("read of an expired fragment: %v", err)
	}
	if e, err := s.AtServerTime(s.Context(), scope, a.ServerTime()); err != nil || e.Number != b.Number {
		s.Errorf("at server time: %v, %v; want %v", e.Number, err, b.Number)
	}
	scope.Since = b.ServerTime().Add(time.Nanosecond)
	if got := s.numbers(scope); len(got) != 0 {
		s.Errorf("found %v, want nothing", got)
	}
	if _, err := s.AtServerTime(s.Context(), scope, b.ServerTime()); !errors.Is(err, millrace.ErrNotFound) {
		s.Errorf("at server time, all expired: %v", err)
	}
}

func (s *mediaSuite) apart() {
	first, second := millrace.StreamKey{ID: 1}, millrace.StreamKey{ID: 1, Generation: 1}
	a, b := s.make.Make(first, 10), s.make.Make(second, 10)
	s.commit(a, b)
	if got := s.numbers(store.Scope{Stream: first}); len(got) != 1 || got[0] != a.Number {
		s.Errorf("first generation has %v", got)
	}
	if got := s.numbers(store.Scope{Stream: second}); len(got) != 1 || got[0] != b.Number {
		s.Errorf("second generation has %v", got)
	}
	if _, err := s.Read(s.Context(), store.Scope{Stream: first}, s.entry(b), nil); !errors.Is(err, millrace.ErrNotFound) {
		s.Errorf("read of another generation's entry: %v", err)
	}
	if got := s.numbers(store.Scope{Stream: s.stream(99)}); len(got) != 0 {
		s.Errorf("unknown stream has %v", got)
	}
}

func (s *mediaSuite) staleEntry() {
	a, b := s.make.Make(s.stream(1), 10), s.make.Make(s.stream(1), 10)
	s.commit(a, b)
	scope := store.Scope{Stream: s.stream(1)}
	for name, at := range map[string]store.Position{
		"at another fragment's place": s.entry(b).Position, "in a pack that is not there": {Pack: 1 << 60},
	} {
		stale := s.entry(a)
		stale.Position = at
		got, err := s.Read(s.Context(), scope, stale, nil)
		if err == nil {
			err = Same(got, a)
		}
		if err != nil {
			s.Errorf("read %s: %v, want what is elsewhere now", name, err)
		}
		stale.Number = a.Number.Next()
		if _, err := s.Read(s.Context(), scope, stale, nil); !errors.Is(err, millrace.ErrNotFound) {
			s.Errorf("read of what never was, %s: %v", name, err)
		}
	}
}

func (s *mediaSuite) twice() {
	a, b := s.make.Make(s.stream(1), 100), s.make.Make(s.stream(1), 100)
	b.Number = a.Number
	s.commit(a)
	done := make(chan error, 1)
	if err := s.Submit(s.Context(), b, func(err error) { done <- err }); err == nil {
		if err := <-done; !errors.Is(err, millrace.ErrExists) {
			s.Errorf("done: %v, want %v", err, millrace.ErrExists)
		}
	}
	if got := s.numbers(store.Scope{Stream: s.stream(1)}); len(got) != 1 {
		s.Errorf("found %v", got)
	}
	s.verify(a, nil)
}

func (s *mediaSuite) order() {
	const streams, each = 4, 50
	var mu sync.Mutex
	next := make(map[millrace.StreamKey]millrace.FragmentNumber)
	var all sync.WaitGroup
	for range each {
		for id := range uint64(streams) {
			f := s.make.Make(s.stream(id), 300)
			all.Add(1)
			err := s.Submit(s.Context(), f, func(err error) {
				defer all.Done()
				mu.Lock()
				defer mu.Unlock()
				if err != nil || f.Number.Compare(next[f.Stream]) <= 0 {
					s.Errorf("%v after %v: %v", f.Number, next[f.Stream], err)
				}
				next[f.Stream] = f.Number
			})
			if err != nil {
				s.Fatal(err)
			}
		}
	}
	all.Wait()
}

func (s *mediaSuite) together() {
	var all sync.WaitGroup
	for id := range uint64(4) {
		gen := NewFragments(id)
		all.Go(func() {
			for range 30 {
				f := gen.Make(s.stream(id), 2000)
				done := make(chan error, 1)
				if err := s.Submit(s.Context(), f, func(err error) { done <- err }); err != nil {
					s.Error(err)
					return
				}
				if err := <-done; err != nil {
					s.Error(err)
				}
				s.readOne(f)
			}
		})
	}
	all.Wait()
}

// readOne reads a confirmed fragment back; it may be called by any goroutine.
func (s *mediaSuite) readOne(f *millrace.Fragment) {
	scope := store.Scope{Stream: f.Stream}
	e, err := s.AtServerTime(s.Context(), scope, f.ServerTime())
	if err != nil {
		s.Error(err)
		return
	}
	got, err := s.Read(s.Context(), scope, e, nil)
	if err != nil {
		s.Error(err)
		return
	}
	if err := Same(got, f); err != nil {
		s.Error(err)
	}
}
