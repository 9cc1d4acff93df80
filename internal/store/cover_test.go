package store_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/store"
	"github.com/millrace/millrace/internal/store/mem"
	"github.com/millrace/millrace/internal/store/storetest"
)

// covered is what Cover has to answer, found by painting every millisecond.
func (p plain) covered(q store.CoverQuery) (want store.Coverage, first []millrace.FragmentNumber) {
	from, to := q.From.UnixMilli(), q.To.UnixMilli()
	painted := make([]bool, to-from)
	n := int64(q.Buckets)
	mark := func(i int64) int64 { return i*((to-from)/n) + i*((to-from)%n)/n }
	want.Buckets, first = make([]store.Bucket, n), make([]millrace.FragmentNumber, n)
	starts := make([]int64, n)
	for _, f := range p.list {
		if !p.sees(f) {
			continue
		}
		start := startOn(q.Clock)(f).UnixMilli() - from
		for ms := max(0, start); ms < min(start+f.Duration.Milliseconds(), int64(len(painted))); ms++ {
			painted[ms] = true
		}
		for i := range n {
			if start < mark(i) || start >= mark(i+1) {
				continue
			}
			b := &want.Buckets[i]
			if b.Fragments == 0 || start < starts[i] {
				starts[i], first[i] = start, f.Number // which come in number order
			}
			b.Fragments, b.Bytes = b.Fragments+1, b.Bytes+int64(f.Size())
		}
	}
	want.Gaps = bridge(painted, q.From)
	want.Whole = store.Bucket{From: q.From, To: q.To, Covered: sumOf(painted)}
	for i := range n {
		b := &want.Buckets[i]
		b.From, b.To = q.From.Add(time.Duration(mark(i))*time.Millisecond), q.From.Add(time.Duration(mark(i+1))*time.Millisecond)
		b.Covered = sumOf(painted[mark(i):mark(i+1)])
		want.Whole.Fragments, want.Whole.Bytes = want.Whole.Fragments+b.Fragments, want.Whole.Bytes+b.Bytes
	}
	return want, first
}

// bridge paints the gaps over that are none, and returns the others.
func bridge(painted []bool, from time.Time) (gaps []store.Gap) {
	for at := 0; at < len(painted); at++ {
		end := at
		for end < len(painted) && !painted[end] {
			end++
		}
		if end-at > store.GapMillis {
			gaps = append(gaps, store.Gap{From: from.Add(time.Duration(at) * time.Millisecond), To: from.Add(time.Duration(end) * time.Millisecond)})
		} else {
			for i := at; i < end; i++ {
				painted[i] = true
			}
		}
		at = end
	}
	return gaps
}

func sumOf(painted []bool) (d time.Duration) {
	for _, is := range painted {
		if is {
			d += time.Millisecond
		}
	}
	return d
}

func (p plain) compareCover(t *testing.T, e store.Coverer, q store.CoverQuery) {
	t.Helper()
	want, first := p.covered(q)
	got, err := e.Cover(t.Context(), p.scope, q)
	if err != nil {
		t.Fatal(err)
	}
	var found []millrace.FragmentNumber
	for i := range got.Buckets {
		found = append(found, got.Buckets[i].First.Number)
	}
	if !slices.Equal(found, first) {
		t.Errorf("%+v: the first of each bucket are others", q)
	}
	longest := slices.Clone(want.Gaps)
	slices.SortStableFunc(longest, func(a, b store.Gap) int { return cmp.Compare(b.To.Sub(b.From), a.To.Sub(a.From)) })
	if n := min(q.Gaps, len(longest)); n < len(longest) {
		want.Other, want.Gaps = len(longest)-n, longest[:n]
		slices.SortFunc(want.Gaps, func(a, b store.Gap) int { return a.From.Compare(b.From) })
	}
	if diff := gocmp.Diff(want, got, cmpopts.IgnoreFields(store.Bucket{}, "First"), cmpopts.EquateEmpty()); diff != "" {
		t.Fatalf("%+v: %s", q, diff)
	}
}

// TestCoverageIsAsIfEveryMillisecondWerePainted over many fragments with gaps,
// partly fed, expired, deleted and moved, of pages with and without a summary.
func TestCoverageIsAsIfEveryMillisecondWerePainted(t *testing.T) {
	for name, pages := range indexes() {
		for seed := range uint64(6) {
			t.Run(fmt.Sprintf("%s/%d", name, seed), func(t *testing.T) {
				coverLikePaint(t, rand.New(rand.NewPCG(seed, 5)), pages(t))
			})
		}
	}
}

func coverLikePaint(t *testing.T, r *rand.Rand, pages store.Pages) {
	moving := &moving{Pages: pages, rand: r, old: r.IntN(2) == 0}
	cfg := store.Config{FS: mem.NewFS(), PackSize: 200_000}
	if pages != nil {
		cfg.Pages = moving
	}
	e, err := store.OpenByHand(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	list := gappy(r, 6000)
	order := almostSorted(r, len(list))
	p := plain{}
	put := func(n int) {
		for _, i := range order[:n] {
			submit(t, e, list[i])
			p.list = append(p.list, list[i])
		}
		order = order[n:]
		for i := 0; i < e.Lanes(); i++ { // it may have got a new one
			for e.StepLane(i) {
			}
		}
		slices.SortFunc(p.list, func(a, b *millrace.Fragment) int { return a.Number.Compare(b.Number) })
	}
	for range 45 {
		put(100)
		if r.IntN(3) > 0 {
			mustFeed(t, e)
		}
	}
	compare := func(q store.CoverQuery) {
		moving.asked = true
		p.compareCover(t, e.CoverBy(1+r.IntN(5)), q)
		moving.asked = false
	}
	ask := func() {
		for range 7 {
			put(50)
			moving.between = func() { mustFeed(t, e) }
			from := list[r.IntN(len(list))].ServerTime().Add(time.Duration(r.IntN(20_000)-10_000) * time.Millisecond)
			compare(store.CoverQuery{
				Clock: store.Clock(r.IntN(2)), From: from, To: from.Add(time.Duration(1000+r.IntN(2_000_000)) * time.Millisecond),
				Buckets: 1 + r.IntN(60)/(1+r.IntN(60)), Gaps: r.IntN(40),
			})
		}
	}
	ask()
	p.scope.Since = list[r.IntN(3000)].ServerTime()
	ask()
	p.policy = store.Policy{Retention: time.Hour, KeptSince: list[r.IntN(1000)].ServerTime()}
	for id := range uint64(3) {
		p.policy.Deletions = append(p.policy.Deletions, randomDeletion(r, id+1, list))
	}
	e.SetPolicy(millrace.StreamKey{}, p.policy)
	ask()
	moving.between = func() {
		if _, err := e.Maintain(t.Context(), storetest.ExpiryAt(p.scope.Since.Add(time.Hour))); err != nil {
			t.Error(err)
		}
	}
	compare(store.CoverQuery{From: list[0].ServerTime(), To: list[5000].ServerTime(), Buckets: 9, Gaps: 9})
	ask()
	if pages != nil && moving.summaries == 0 {
		t.Error("nothing was found by summaries")
	}
}

// gappy makes fragments in number order, of which some follow each other without
// a gap on both clocks, and some do not.
func gappy(r *rand.Rand, n int) (list []*millrace.Fragment) {
	server, producer := time.Duration(0), time.Duration(0)
	for i := range n {
		f := &millrace.Fragment{
			Number:       storetest.Number(uint64(i+1), server),
			ProducerTime: storetest.Epoch().Add(producer),
			Duration:     time.Duration(r.IntN(900)) * time.Millisecond,
			Leading:      make([]byte, r.IntN(5)),
		}
		apart := time.Duration(r.IntN(30)-10) * time.Millisecond
		switch r.IntN(400) {
		case 0:
			f.Duration = time.Duration(r.IntN(60)) * time.Second
		case 1:
			f.Duration = 0
		case 2:
			producer += time.Duration(r.IntN(100_000)) * time.Millisecond
		case 3:
			producer -= min(producer, time.Duration(r.IntN(300_000))*time.Millisecond)
		case 4:
			server += time.Duration(r.IntN(20_000)) * time.Millisecond
		case 5, 6, 7:
			f.Duration += time.Duration(r.IntN(1000)) * time.Microsecond
		case 8, 9, 10:
			apart = store.GapMillis * time.Millisecond
			producer += store.GapMillis * time.Millisecond
		case 11, 12, 13:
			apart = (store.GapMillis + 1) * time.Millisecond
			producer += (store.GapMillis + 1) * time.Millisecond
		}
		server += f.Duration.Truncate(time.Millisecond) + apart
		server = max(server, f.ServerTime().Sub(storetest.Epoch())) // which never goes back
		producer += f.Duration.Truncate(time.Millisecond)
		list = append(list, f)
	}
	return list
}

// moving are pages that change between two looks, and of which some may be as a
// release wrote them that knew no summaries.
type moving struct {
	store.Pages
	rand      *rand.Rand
	old       bool
	asked     bool   // it is Cover that looks
	between   func() // what happens at some look of it, once
	summaries int    // that were found without data
}

func (m *moving) Find(ctx context.Context, q store.PageQuery) ([]store.IndexPage, error) {
	if change := m.between; m.asked && change != nil && m.rand.IntN(3) == 0 {
		m.between = nil
		change()
	}
	pages, err := m.Pages.Find(ctx, q)
	for i := range pages {
		if pages[i].Data == nil {
			m.summaries++
		}
	}
	return pages, err
}

func (m *moving) Apply(ctx context.Context, c *store.PageChange) error {
	for i := range c.Put {
		if m.old && m.rand.IntN(2) == 0 {
			c.Put[i].Summary = nil
		}
	}
	return m.Pages.Apply(ctx, c)
}

// A summary that is damaged is damage of the index, and not of media.
func TestADamagedSummaryHasTheIndexMadeAgain(t *testing.T) {
	pages := &spoilt{Pages: mem.NewPages()}
	e, err := store.OpenByHand(t.Context(), store.Config{FS: mem.NewFS(), Pages: pages})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	p := plain{list: gappy(rand.New(rand.NewPCG(1, 1)), 600)}
	for _, f := range p.list {
		submit(t, e, f)
	}
	e.Step()
	mustFeed(t, e)
	q := store.CoverQuery{From: p.list[0].ServerTime(), To: p.list[599].ServerTime(), Buckets: 1}
	pages.spoil = true
	if _, err := e.Cover(t.Context(), p.scope, q); !errors.Is(err, store.ErrUnavailable) || errors.Is(err, millrace.ErrCorrupt) {
		t.Errorf("with a damaged summary: %v", err)
	}
	pages.spoil = false
	mustFeed(t, e)
	p.compareCover(t, e, q)
}

// spoilt pages have damaged summaries.
type spoilt struct {
	store.Pages
	spoil bool
}

func (s *spoilt) Find(ctx context.Context, q store.PageQuery) ([]store.IndexPage, error) {
	pages, err := s.Pages.Find(ctx, q)
	for i := range pages {
		if s.spoil && len(pages[i].Summary) > 0 {
			pages[i].Summary[len(pages[i].Summary)-1] ^= 1
		}
	}
	return pages, err
}

func TestCoverageOutOfBoundsIsInvalid(t *testing.T) {
	e := open(t, store.Config{FS: mem.NewFS()})
	at := storetest.Epoch()
	for name, q := range map[string]store.CoverQuery{
		"no buckets":                    {From: at, To: at.Add(time.Hour)},
		"too many buckets":              {From: at, To: at.Add(time.Hour), Buckets: store.MaxBuckets + 1},
		"nothing":                       {From: at, To: at, Buckets: 1},
		"a reversed range":              {From: at, To: at.Add(-time.Hour), Buckets: 1},
		"less than a bucket needs":      {From: at, To: at.Add(9 * time.Millisecond), Buckets: 10},
		"less than a millisecond of it": {From: at.Add(1), To: at.Add(1000), Buckets: 1},
	} {
		if _, err := e.Cover(t.Context(), store.Scope{}, q); !errors.Is(err, millrace.ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	got, err := e.Cover(t.Context(), store.Scope{}, store.CoverQuery{From: at, To: at.Add(time.Hour), Buckets: 2, Gaps: 5})
	if err != nil || len(got.Gaps) != 1 || got.Whole.Covered != 0 || len(got.Buckets) != 2 {
		t.Errorf("of a stream without fragments: %+v, %v", got, err)
	}
}
