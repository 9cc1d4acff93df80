package store_test

import (
	"context"
	"runtime"
	"testing"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/store"
	"github.com/millrace/millrace/internal/store/mem"
	"github.com/millrace/millrace/internal/store/storetest"
)

// gated are pages that have something done before the next change.
type gated struct {
	store.Pages
	before func()
}

func (g *gated) Apply(ctx context.Context, c *store.PageChange) error {
	if before := g.before; before != nil {
		g.before = nil
		before()
	}
	return g.Pages.Apply(ctx, c)
}

// TestAnEvictionIsReportedWhoeverRidsTheIndexOfIt evicts a pack while a pass is at
// work on the index, which takes the entries of whatever is lost with it.
func TestAnEvictionIsReportedWhoeverRidsTheIndexOfIt(t *testing.T) {
	pages := &gated{Pages: mem.NewPages()}
	s := newSqueeze(t, store.Config{Capacity: 500_000, Pages: pages})
	for s.RoomStats().Left > 80_000 {
		if err := s.put(1, 9000); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.put(2, 9000); err != nil {
		t.Fatal(err)
	}
	if err := s.Feed(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.SetPolicy(millrace.StreamKey{ID: 2}, store.Policy{KeptSince: s.gen.Make(millrace.StreamKey{ID: 2}, 100).ServerTime()})
	kept, oldest := len(s.kept), s.kept[0].Number
	evicted := make(chan error)
	pages.before = func() {
		go func() {
			var err error
			for err == nil && len(s.evicted) == 0 {
				err = s.put(3, 9000)
			}
			evicted <- err
		}()
		s.awaitHidden(oldest)
	}
	if _, err := s.Sweep(t.Context(), storetest.ExpiryAt(oldest.ServerTime())); err != nil {
		t.Fatal(err)
	}
	if err := <-evicted; err != nil {
		t.Fatal(err)
	}
	all := make(map[millrace.FragmentNumber]*millrace.Fragment)
	for _, f := range s.kept {
		all[f.Number] = f
	}
	left := found(t, s, millrace.StreamKey{ID: 1}, all)
	if v := s.evicted[0]; len(left)+v.Fragments != kept-1 || v.Fragments == 0 || v.Oldest != oldest.ServerTime() {
		t.Errorf("%d were there, %d are left, and reported is %+v", kept-1, len(left), v)
	}
}

// awaitHidden waits until the first fragment of stream 1 is not found any more.
func (s *squeeze) awaitHidden(first millrace.FragmentNumber) {
	for {
		list, err := s.After(s.t.Context(), store.Scope{Stream: millrace.StreamKey{ID: 1}}, millrace.FragmentNumber{}, 1)
		if err != nil {
			s.t.Error(err)
		}
		if err != nil || list[0].Number != first {
			return
		}
		runtime.Gosched()
	}
}

// TestAnEvictionTellsOfWhatCouldBeFound leaves out what was out of reach before,
// and says when the rest was.
func TestAnEvictionTellsOfWhatCouldBeFound(t *testing.T) {
	s := newSqueeze(t, store.Config{Capacity: 500_000, Pages: mem.NewPages()})
	for len(s.kept) < 9 {
		for id := range uint64(3) {
			if err := s.put(id, 9000); err != nil {
				t.Fatal(err)
			}
		}
	}
	key := millrace.StreamKey{ID: 1}
	s.SetPolicy(key, store.Policy{Retention: millrace.MaxRetention, Deletions: []store.Deletion{{
		ID: 1, Stream: key, Clock: store.ServerClock, To: s.kept[4].ServerTime().Add(time.Millisecond), Last: s.kept[4].Number,
	}}})
	if err := s.Drop(t.Context(), millrace.StreamKey{ID: 0}); err != nil {
		t.Fatal(err)
	}
	for len(s.evicted) == 0 {
		if err := s.put(3, 9000); err != nil {
			t.Fatal(err)
		}
	}
	v := s.evicted[0]
	if want := s.kept[2].ServerTime(); !v.Oldest.Equal(want) {
		t.Errorf("the oldest that went is of %v, want %v", v.Oldest, want)
	}
	want := 0
	for i, f := range s.kept {
		if i >= 2 && i != 4 && f.Stream.ID != 0 && !f.ServerTime().After(v.Newest) {
			want++
		}
	}
	if v.Fragments != want {
		t.Errorf("%d fragments went by %+v, want %d", v.Fragments, v, want)
	}
}
