package store_test

import (
	"errors"
	"testing"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/store"
	"github.com/millrace/millrace/internal/store/mem"
)

// A ridding directory has the index rid of a pack's entries as soon as its file
// has gone, as the feeder and every pass may do before an eviction comes to it.
type ridding struct {
	store.FS
	rid func(name string) error
}

func (r *ridding) Remove(name string) error {
	return errors.Join(r.FS.Remove(name), r.rid(name))
}

// TestAnEvictionIsReportedWhoeverRidsTheIndexOfIt counts what went against what is
// left.
func TestAnEvictionIsReportedWhoeverRidsTheIndexOfIt(t *testing.T) {
	dir := &ridding{FS: mem.NewFS()}
	s := newSqueeze(t, store.Config{FS: dir, Capacity: 500_000, Pages: mem.NewPages()})
	dir.rid = s.Rid
	for puts := 0; len(s.evicted) == 0; puts++ {
		if puts == 200 {
			t.Fatal("no eviction was reported")
		}
		if err := s.put(1, 9000); err != nil {
			t.Fatal(err)
		}
	}
	all := make(map[millrace.FragmentNumber]*millrace.Fragment)
	for _, f := range s.kept {
		all[f.Number] = f
	}
	left, went := found(t, s, millrace.StreamKey{ID: 1}, all), 0
	for _, v := range s.evicted {
		went += v.Fragments
	}
	if went == 0 || len(left)+went != len(s.kept) || !s.evicted[0].Oldest.Equal(s.kept[0].ServerTime()) {
		t.Errorf("of %d there are %d left, and reported are %+v", len(s.kept), len(left), s.evicted)
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
