package store_test

import (
	"cmp"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/store"
	"github.com/millrace/millrace/internal/store/mem"
	"github.com/millrace/millrace/internal/store/storetest"
)

// indexes are where an index may be kept.
func indexes() map[string]func(t *testing.T) store.Pages {
	return map[string]func(t *testing.T) store.Pages{
		"in memory alone":    func(*testing.T) store.Pages { return nil },
		"in pages in memory": func(*testing.T) store.Pages { return mem.NewPages() },
		"in pages in a file": func(t *testing.T) store.Pages { return openIndex(t, t.TempDir()) },
	}
}

// TestTheIndexAnswersLikeAPlainList compares every answer, over many fragments
// with jumping producer times, out of order, partly fed, expired and deleted,
// with that of a loop over all.
func TestTheIndexAnswersLikeAPlainList(t *testing.T) {
	for name, pages := range indexes() {
		for seed := range uint64(4) {
			t.Run(fmt.Sprintf("%s/%d", name, seed), func(t *testing.T) {
				answersLikeAPlainList(t, rand.New(rand.NewPCG(seed, 9)), pages(t))
			})
		}
	}
}

func answersLikeAPlainList(t *testing.T, r *rand.Rand, pages store.Pages) {
	d := mem.NewFS()
	e, err := store.OpenByHand(t.Context(), store.Config{FS: d, Pages: pages, PackSize: 200_000})
	if err != nil {
		t.Fatal(err)
	}
	list := randomSpans(r, 2500)
	for n, i := range almostSorted(r, len(list)) {
		submit(t, e, list[i])
		if n%97 == 0 {
			e.Step()
		}
		if r.IntN(300) == 0 {
			mustFeed(t, e)
		}
	}
	e.Step()
	policy := store.Policy{Retention: time.Hour, KeptSince: list[r.IntN(100)].ServerTime()}
	for id := range uint64(1 + r.IntN(4)) {
		policy.Deletions = append(policy.Deletions, randomDeletion(r, id+1, list))
	}
	e.SetPolicy(millrace.StreamKey{}, policy)
	cut := list[r.IntN(len(list)/2)].ServerTime()
	p := plain{store.Scope{Since: cut.Add(time.Duration(r.IntN(9)) * time.Second)}, policy, list}
	p.compare(t, e.Engine, r)
	if r.IntN(2) == 0 {
		if _, err := e.Maintain(t.Context(), storetest.ExpiryAt(cut.Add(time.Hour))); err != nil {
			t.Fatal(err)
		}
		p.compare(t, e.Engine, r)
	}
	e.Close()
	e, err = store.OpenByHand(t.Context(), store.Config{
		FS: d, Pages: pages, Policies: map[millrace.StreamKey]store.Policy{{}: policy}, Epoch: 1,
	})
	if err != nil {
		t.Fatal(err)
	}
	p.compare(t, e.Engine, r)
	e.Close()
}

func mustFeed(t *testing.T, e *store.Driver) {
	t.Helper()
	if err := e.Feed(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// randomDeletion is of a part of what fragments cover on a clock.
func randomDeletion(r *rand.Rand, id uint64, list []*millrace.Fragment) store.Deletion {
	a, b := list[r.IntN(len(list))], list[r.IntN(len(list))]
	d := store.Deletion{ID: id, Clock: store.Clock(r.IntN(2)), From: a.ServerTime(), To: b.ServerTime(), Last: list[len(list)-1-r.IntN(50)].Number}
	if d.Clock == store.ProducerClock {
		d.From, d.To = a.ProducerTime, b.ProducerTime
	}
	if d.To.Before(d.From) {
		d.From, d.To = d.To, d.From
	}
	if limit := d.From.Add(5 * time.Minute); d.To.After(limit) {
		d.To = limit
	}
	return d
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
	scope  store.Scope
	policy store.Policy
	list   []*millrace.Fragment
}

func (p plain) sees(f *millrace.Fragment) bool {
	return !f.ServerTime().Before(p.scope.Since) && !p.policy.Gone(f.Number, f.ProducerTime)
}

func startOn(c store.Clock) func(*millrace.Fragment) time.Time {
	if c == store.ServerClock {
		return (*millrace.Fragment).ServerTime
	}
	return func(f *millrace.Fragment) time.Time { return f.ProducerTime }
}

// at finds by a clock; ties go to the higher number by the server's, else to the
// lower.
func (p plain) at(t time.Time, c store.Clock) (best millrace.FragmentNumber) {
	var covers, follows *millrace.Fragment
	clock := startOn(c)
	for _, f := range p.list {
		if !p.sees(f) {
			continue
		}
		start := clock(f)
		switch {
		case !start.After(t) && start.Add(f.Duration).After(t):
			if covers == nil || start.After(clock(covers)) || start.Equal(clock(covers)) && c == store.ServerClock {
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

// listed is what a listing returns in all.
func (p plain) listed(l store.Listing) (numbers []millrace.FragmentNumber) {
	clock := startOn(l.Clock)
	kept := slices.DeleteFunc(slices.Clone(p.list), func(f *millrace.Fragment) bool {
		return !p.sees(f) || clock(f).Before(l.From) || !clock(f).Before(l.To)
	})
	slices.SortFunc(kept, func(a, b *millrace.Fragment) int {
		if order := clock(a).Compare(clock(b)); order != 0 && l.Clock == store.ProducerClock {
			return order
		}
		return a.Number.Compare(b.Number)
	})
	for _, f := range kept {
		numbers = append(numbers, f.Number)
	}
	return numbers
}

func (p plain) compare(t *testing.T, e *store.Engine, r *rand.Rand) {
	t.Helper()
	some := func() time.Time {
		return storetest.Epoch().Add(time.Duration(r.IntN(2700))*time.Second + time.Duration(r.IntN(3))*350*time.Millisecond)
	}
	for range 200 {
		at := some()
		server, err := e.AtServerTime(t.Context(), p.scope, at)
		p.same(t, server, err, p.at(at, store.ServerClock))
		producer, err := e.AtProducerTime(t.Context(), p.scope, at)
		p.same(t, producer, err, p.at(at, store.ProducerClock))
	}
	for i := range 20 {
		l := store.Listing{Clock: store.Clock(i % 2), From: some(), To: some(), Limit: 1 + r.IntN(700)}
		if i < 4 {
			l.From, l.To = time.Time{}, storetest.Epoch().Add(time.Hour)
		}
		if got, want := stepwise(t, e, p.scope, l), p.listed(l); !slices.Equal(got, want) {
			t.Fatalf("listing %+v has %d entries, want %d", l, len(got), len(want))
		}
	}
	p.compareAfter(t, e, r)
	p.compareNewest(t, e, r)
	for range 8 {
		from, to := some(), some()
		if from.After(to) {
			from, to = to, from
		}
		p.compareCover(t, e, store.CoverQuery{
			Clock: store.Clock(r.IntN(2)), From: from, To: to.Add(time.Second), Buckets: 1 + r.IntN(40), Gaps: r.IntN(30),
		})
	}
}

// compareNewest asks for the last ones, of all counts.
func (p plain) compareNewest(t *testing.T, e *store.Engine, r *rand.Rand) {
	t.Helper()
	all := p.listed(store.Listing{To: storetest.Epoch().Add(time.Hour)})
	for _, limit := range []int{1, 1 + r.IntN(20), 1 + r.IntN(600), r.IntN(2500), 2500} {
		list, err := e.Newest(t.Context(), p.scope, limit)
		if err != nil {
			t.Fatal(err)
		}
		var got []millrace.FragmentNumber
		for i := range list {
			got = append(got, list[i].Number)
		}
		if want := all[max(0, len(all)-limit):]; !slices.Equal(got, want) {
			t.Fatalf("newest %d are %d entries, want %d", limit, len(got), len(want))
		}
	}
}

// compareAfter walks over all numbers, in steps of all sizes.
func (p plain) compareAfter(t *testing.T, e *store.Engine, r *rand.Rand) {
	t.Helper()
	want := p.listed(store.Listing{To: storetest.Epoch().Add(time.Hour)})
	var got []millrace.FragmentNumber
	for after := (millrace.FragmentNumber{}); ; {
		list, err := e.After(t.Context(), p.scope, after, 1+r.IntN(60))
		if err != nil {
			t.Fatal(err)
		}
		if len(list) == 0 {
			break
		}
		for _, e := range list {
			got = append(got, e.Number)
		}
		after = list[len(list)-1].Number
	}
	if !slices.Equal(got, want) {
		t.Errorf("%d fragments step by step, want %d", len(got), len(want))
	}
}

// stepwise is all of a listing, taken page by page.
func stepwise(t *testing.T, e store.Index, scope store.Scope, l store.Listing) (numbers []millrace.FragmentNumber) {
	t.Helper()
	for {
		list, err := e.List(t.Context(), scope, l)
		if err != nil {
			t.Fatal(err)
		}
		if len(list) == 0 {
			return numbers
		}
		for i := range list {
			numbers = append(numbers, list[i].Number)
		}
		l.After = list[len(list)-1].Key(l.Clock)
	}
}

func (p plain) same(t *testing.T, got store.Entry, err error, want millrace.FragmentNumber) {
	t.Helper()
	if want.IsZero() != errors.Is(err, millrace.ErrNotFound) || got.Number != want {
		t.Fatalf("got %d, %v, want %d", got.Number.Sequence(), err, want.Sequence())
	}
}
