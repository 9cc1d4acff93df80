package store_test

import (
	"cmp"
	"errors"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/store"
	"github.com/millrace/millrace/internal/store/mem"
	"github.com/millrace/millrace/internal/store/storetest"
)

// TestTheIndexAnswersLikeAPlainList compares every answer, over many fragments
// with jumping producer times, out of order and partly expired, with that of a
// loop over all.
func TestTheIndexAnswersLikeAPlainList(t *testing.T) {
	for seed := range uint64(4) {
		r := rand.New(rand.NewPCG(seed, 9))
		e, err := store.OpenByHand(t.Context(), store.Config{FS: mem.NewFS()})
		if err != nil {
			t.Fatal(err)
		}
		list := randomSpans(r, 2500)
		for _, i := range almostSorted(r, len(list)) {
			submit(t, e, list[i])
		}
		e.Step()
		cut := list[r.IntN(len(list)/2)].ServerTime()
		if r.IntN(2) == 0 {
			e.SetPolicy(millrace.StreamKey{}, store.Policy{Retention: time.Hour})
			if _, err := e.Maintain(t.Context(), cut.Add(time.Hour)); err != nil {
				t.Fatal(err)
			}
		}
		p := plain{store.Scope{Since: cut.Add(time.Duration(r.IntN(9)) * time.Second)}, list}
		p.compare(t, e.Engine, r)
		e.Close()
	}
}

// randomSpans makes fragments in number order whose producer times jump.
func randomSpans(r *rand.Rand, n int) (list []*millrace.Fragment) {
	server, producer := time.Duration(0), time.Duration(0)
	for i := range n {
		server += time.Duration(r.IntN(3)) * 700 * time.Millisecond
		producer += time.Duration(r.IntN(3)) * 700 * time.Millisecond
		if r.IntN(200) == 0 {
			producer = time.Duration(r.IntN(n)) * time.Second
		}
		f := &millrace.Fragment{
			Number:       storetest.Number(uint64(i+1), server),
			ProducerTime: storetest.Epoch().Add(producer),
			Duration:     time.Duration(r.IntN(1500)) * time.Millisecond,
		}
		if r.IntN(300) == 0 {
			f.Duration *= 200
		}
		list = append(list, f)
	}
	return list
}

// almostSorted is an order in which fragments may be committed.
func almostSorted(r *rand.Rand, n int) []int {
	order := make([]int, n)
	keys := make([]int, n)
	for i := range order {
		order[i], keys[i] = i, i+r.IntN(10)
		if r.IntN(100) == 0 {
			keys[i] += r.IntN(n)
		}
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(keys[a], keys[b]) })
	return order
}

// plain answers the questions of a store.Index by looking at everything.
type plain struct {
	scope store.Scope
	list  []*millrace.Fragment
}

// at finds by a clock; ties go to the higher number if newest, else to the lower.
func (p plain) at(t time.Time, clock func(*millrace.Fragment) time.Time, newest bool) (best millrace.FragmentNumber) {
	var covers, follows *millrace.Fragment
	for _, f := range p.list {
		if f.ServerTime().Before(p.scope.Since) {
			continue
		}
		start := clock(f)
		switch {
		case !start.After(t) && start.Add(f.Duration).After(t):
			if covers == nil || start.After(clock(covers)) || start.Equal(clock(covers)) && newest {
				covers = f
			}
		case !start.Before(t):
			if follows == nil || start.Before(clock(follows)) {
				follows = f
			}
		}
	}
	if covers != nil {
		return covers.Number
	}
	if follows != nil {
		return follows.Number
	}
	return best
}

func (p plain) compare(t *testing.T, e *store.Engine, r *rand.Rand) {
	t.Helper()
	for range 300 {
		at := storetest.Epoch().Add(time.Duration(r.IntN(2700))*time.Second + time.Duration(r.IntN(3))*350*time.Millisecond)
		server, err := e.AtServerTime(t.Context(), p.scope, at)
		p.same(t, server, err, p.at(at, (*millrace.Fragment).ServerTime, true))
		producer, err := e.AtProducerTime(t.Context(), p.scope, at)
		p.same(t, producer, err, p.at(at, func(f *millrace.Fragment) time.Time { return f.ProducerTime }, false))
	}
	seen := 0
	for after := (millrace.FragmentNumber{}); ; seen++ {
		list, err := e.After(t.Context(), p.scope, after, 1)
		if err != nil {
			t.Fatal(err)
		}
		if len(list) == 0 {
			break
		}
		after = list[0].Number
	}
	kept := slices.DeleteFunc(slices.Clone(p.list), func(f *millrace.Fragment) bool { return f.ServerTime().Before(p.scope.Since) })
	if seen != len(kept) {
		t.Errorf("%d fragments one by one, want %d", seen, len(kept))
	}
}

func (p plain) same(t *testing.T, got store.Entry, err error, want millrace.FragmentNumber) {
	t.Helper()
	if want.IsZero() != errors.Is(err, millrace.ErrNotFound) || got.Number != want {
		t.Fatalf("got %d, %v, want %d", got.Number.Sequence(), err, want.Sequence())
	}
}
