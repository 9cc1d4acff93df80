package store_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/store"
	"github.com/millrace/millrace/internal/store/mem"
	"github.com/millrace/millrace/internal/store/storetest"
)

// TestWhatWasFoundBeforeItWentIsNotRead: a reader that holds an entry does not
// get its media any more, neither before the index has let it go nor after.
func TestWhatWasFoundBeforeItWentIsNotRead(t *testing.T) {
	for name, policy := range map[string]func(f *millrace.Fragment) store.Policy{
		"by a deletion": func(f *millrace.Fragment) store.Policy {
			return store.Policy{Deletions: []store.Deletion{{
				ID: 1, Stream: f.Stream, Clock: store.ProducerClock, From: f.ProducerTime, To: f.ProducerTime.Add(1), Last: f.Number,
			}}}
		},
		"by what is kept": func(f *millrace.Fragment) store.Policy {
			return store.Policy{KeptSince: f.Number.ServerTime().Add(time.Millisecond)}
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, store.Config{})
			defer r.Close()
			f := r.put(1, 100)
			r.Step()
			scope := store.Scope{Stream: f.Stream}
			list, err := r.List(t.Context(), scope, store.Listing{})
			if err != nil || len(list) != 1 {
				t.Fatalf("listed %v, %v", list, err)
			}
			p := policy(f)
			p.Retention = millrace.MaxRetention
			r.SetPolicy(f.Stream, p)
			for _, forget := range []func(context.Context, store.Expiry) (store.Forgotten, error){r.Sweep, r.Maintain, r.Maintain} {
				if _, err := r.Read(t.Context(), scope, list[0], nil); !errors.Is(err, millrace.ErrNotFound) {
					t.Errorf("read: %v, want that it is not found", err)
				}
				if _, err := forget(t.Context(), storetest.ExpiryAt(f.Number.ServerTime())); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// TestDeletionsOfWhatHasExpiredAreForgotten: what they meant stays gone, also
// for a reader that looks further back.
func TestDeletionsOfWhatHasExpiredAreForgotten(t *testing.T) {
	r := newRig(t, store.Config{})
	defer r.Close()
	f := r.put(1, 100)
	r.Step()
	scope := store.Scope{Stream: f.Stream}
	list, err := r.List(t.Context(), scope, store.Listing{})
	if err != nil || len(list) != 1 {
		t.Fatalf("listed %v, %v", list, err)
	}
	at := f.Number.ServerTime()
	policy := store.Policy{Retention: time.Hour}
	for id := range uint64(3) {
		policy.Deletions = append(policy.Deletions, store.Deletion{
			ID: id + 1, Stream: f.Stream, From: at, To: at.Add(time.Minute), Last: f.Number,
		})
	}
	for _, c := range []struct{ age, want int }{{59, 3}, {61, 0}} {
		r.SetPolicy(f.Stream, policy)
		if _, err := r.Maintain(t.Context(), storetest.ExpiryAt(at.Add(time.Duration(c.age)*time.Minute))); err != nil {
			t.Fatal(err)
		}
		if n := r.DeletionsOf(f.Stream); n != c.want {
			t.Errorf("%d deletions are remembered after %d minutes, want %d", n, c.age, c.want)
		}
		if _, err := r.Read(t.Context(), scope, list[0], nil); !errors.Is(err, millrace.ErrNotFound) {
			t.Errorf("read after %d minutes: %v, want that it is not found", c.age, err)
		}
	}
}

// wantFound asks for a fragment in every way.
func (r *rig) wantFound(what string, f *millrace.Fragment, want bool) {
	r.t.Helper()
	scope := store.Scope{Stream: f.Stream}
	ways := map[string]func() (store.Entry, error){
		"at its server time":   func() (store.Entry, error) { return r.AtServerTime(r.t.Context(), scope, f.Number.ServerTime()) },
		"at its producer time": func() (store.Entry, error) { return r.AtProducerTime(r.t.Context(), scope, f.ProducerTime) },
		"behind the one before": func() (store.Entry, error) {
			return first(r.After(r.t.Context(), scope, f.Number.Prev(), 1))
		},
		"in the list": func() (store.Entry, error) {
			return first(r.List(r.t.Context(), scope, store.Listing{Clock: store.ProducerClock}))
		},
	}
	for way, ask := range ways {
		e, err := ask()
		if found := err == nil && e.Number == f.Number; found != want {
			r.t.Errorf("%s, %s: found %v, %v, want %v", what, way, e.Number, err, want)
		}
	}
}

func first(list []store.Entry, err error) (store.Entry, error) {
	if err != nil || len(list) == 0 {
		return store.Entry{}, errors.Join(err, millrace.ErrNotFound)
	}
	return list[0], nil
}

// TestWhatAPolicyTakesAwayIsFoundInNoWay: at once, whatever the caller's scope
// says, and for good.
func TestWhatAPolicyTakesAwayIsFoundInNoWay(t *testing.T) {
	r := newRig(t, store.Config{})
	defer r.Close()
	f := r.put(1, 100)
	r.Step()
	r.wantFound("before", f, true)
	at := f.Number.ServerTime()
	r.SetPolicy(f.Stream, store.Policy{Retention: millrace.MaxRetention, KeptSince: at})
	r.wantFound("kept since its time", f, true)
	r.SetPolicy(f.Stream, store.Policy{Retention: millrace.MaxRetention, KeptSince: at.Add(time.Millisecond)})
	r.wantFound("kept since a later time", f, false)
	r.SetPolicy(f.Stream, store.Policy{Retention: millrace.MaxRetention})
	r.wantFound("with an older policy, told late", f, false)
}

// TestWhatComesLateIntoADeletedRangeIsNotFound: a fragment that had its number
// when a range was deleted, and ends only when the index has let go of the rest.
func TestWhatComesLateIntoADeletedRangeIsNotFound(t *testing.T) {
	r := newRig(t, store.Config{})
	defer r.Close()
	early := r.put(1, 100)
	r.Step()
	late := r.gen.Make(early.Stream, 100)
	r.SetPolicy(early.Stream, store.Policy{Retention: millrace.MaxRetention, Deletions: []store.Deletion{{
		ID: 1, Stream: early.Stream, Clock: store.ServerClock, To: late.Number.ServerTime().Add(time.Hour), Last: late.Number,
	}}})
	if _, err := r.Maintain(t.Context(), storetest.ExpiryAt(early.Number.ServerTime())); err != nil {
		t.Fatal(err)
	}
	for name, f := range map[string]*millrace.Fragment{"what had its number": late, "what came then": nil} {
		if f == nil {
			f = r.gen.Make(early.Stream, 100)
		}
		if err := r.Submit(t.Context(), f, func(err error) {
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}); err != nil {
			t.Fatal(err)
		}
		r.Step()
		list, err := r.After(t.Context(), store.Scope{Stream: f.Stream}, f.Number.Prev(), 1)
		if found := err == nil && len(list) == 1 && list[0].Number == f.Number; found != (f != late) {
			t.Errorf("%s is found: %v, %v", name, found, err)
		}
	}
}

// TestASecondStartOfAnEpochGoesOnCounting: its packs do not meet those of the
// first.
func TestASecondStartOfAnEpochGoesOnCounting(t *testing.T) {
	fs := mem.NewFS()
	packs := map[uint64]bool{}
	for start := range 3 {
		r := newRig(t, store.Config{FS: fs})
		for range start {
			r.gen.Make(millrace.StreamKey{ID: 1}, 100) // the rig before had that
		}
		r.put(1, 100)
		r.Step()
		if packs[r.last()] || len(r.commits) != 1 {
			t.Errorf("pack %x after %v", r.last(), packs)
		}
		packs[r.last()] = true
		r.Close()
	}
}

// TestFootersHaveTheirRoom: packs of many small fragments do not grow over the
// capacity when they are sealed.
func TestFootersHaveTheirRoom(t *testing.T) {
	const capacity = 5 << 20
	fs := mem.NewFS()
	s := newSqueeze(t, store.Config{FS: fs, Capacity: capacity, OnFull: store.RefuseNew})
	for s.put(1, 0) == nil {
	}
	s.closed = true
	s.Close()
	var total int64
	names, err := fs.ReadDir()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		f, err := fs.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		size, err := f.Size()
		if err = errors.Join(err, f.Close()); err != nil {
			t.Fatal(err)
		}
		total += size
	}
	if total > capacity || total < capacity/2 {
		t.Errorf("%d bytes in %d packs, with a capacity of %d", total, len(names), capacity)
	}
}
