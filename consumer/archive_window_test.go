package consumer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/wire"
	"github.com/millrace/millrace/internal/wire/client"
)

// A catalogue is a list of fragments, with what it cost to read it.
type catalogue struct {
	all    []client.Fragment
	random *rand.Rand // nil: it keeps to the order of the clock
	pages  int
	most   int // fragments of one window
	// careless lists pass over the bounds of the range, and have everything twice.
	careless bool
}

// pagesOf is a lister.
func (c *catalogue) pagesOf(_ context.Context, r client.FragmentRange) iter.Seq2[client.FragmentPage, error] {
	var found []client.Fragment
	at := func(f client.Fragment) time.Time {
		if r.Clock == client.ProducerTimestamp {
			return f.ProducerTimestamp.Time
		}
		return f.ServerTimestamp.Time
	}
	for _, f := range c.all {
		if t := at(f); c.careless || !t.Before(r.Start.Time) && !t.After(r.End.Time) {
			found = append(found, f)
		}
	}
	if c.careless {
		found = append(found, found...)
	}
	slices.SortStableFunc(found, func(a, b client.Fragment) int { return at(a).Compare(at(b)) })
	if c.random != nil {
		c.random.Shuffle(len(found), func(i, j int) { found[i], found[j] = found[j], found[i] })
	}
	return func(yield func(client.FragmentPage, error) bool) {
		for n := 0; ; n++ {
			c.pages++
			page := found[min(n*1000, len(found)):min(n*1000+1000, len(found))]
			more := len(found) > n*1000+1000
			if !yield(client.FragmentPage{Fragments: page, More: more}, nil) || !more {
				c.most = max(c.most, n*1000+len(page))
				return
			}
		}
	}
}

func (c *catalogue) add(server, producer time.Time) {
	n := millrace.NewFragmentNumber(uint64(len(c.all)+1), server, 0)
	c.all = append(c.all, client.Fragment{
		Number: n, ServerTimestamp: wire.Timestamp{Time: server}, ProducerTimestamp: wire.Timestamp{Time: producer}, LengthMilliseconds: 2000, Bytes: 1000,
	})
}

var catalogueStart = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// steady is a fragment every two seconds.
func steady(count int) *catalogue {
	c := &catalogue{}
	for i := range count {
		at := catalogueStart.Add(time.Duration(i) * 2 * time.Second)
		c.add(at, at)
	}
	return c
}

// bursts are short recordings of all densities, with pauses of up to weeks.
func bursts(r *rand.Rand) *catalogue {
	c := &catalogue{}
	at := catalogueStart
	for range 10 {
		at = at.Add(time.Duration(r.Int64N(int64(20 * 24 * time.Hour))))
		step := time.Duration(r.Int64N(int64(10*time.Second))) + time.Millisecond
		for range r.IntN(1500) {
			at = at.Add(step)
			c.add(at.Truncate(time.Millisecond), at.Add(-time.Duration(r.Int64N(int64(time.Hour)))).Truncate(time.Millisecond))
		}
	}
	return c
}

// relative are sessions that count from zero.
func relative(r *rand.Rand) *catalogue {
	c := &catalogue{}
	at := catalogueStart
	for range 2000 {
		at = at.Add(time.Minute)
		for i := range r.IntN(4) {
			c.add(at.Add(time.Duration(i)*2*time.Second), time.UnixMilli(int64(i)*2000).UTC())
		}
	}
	return c
}

// atOneMoment are fragments that began in one millisecond of the producer's clock.
func atOneMoment(count int) *catalogue {
	c := &catalogue{}
	for i := range count {
		c.add(catalogueStart.Add(time.Duration(i)*time.Second), catalogueStart)
	}
	return c
}

// walkAll is what a walk finds, in the order in which it does.
func walkAll(t *testing.T, find func(context.Context) ([]entry, error)) (found []entry) {
	t.Helper()
	for {
		list, err := find(t.Context())
		if errors.Is(err, io.EOF) {
			return found
		}
		if err != nil {
			t.Fatal(err)
		}
		found = append(found, list...)
	}
}

func TestAWalkFindsEverythingInOrderAndLittleAtATime(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	random := func() *rand.Rand { return rand.New(rand.NewPCG(seed, 0)) }
	for name, tc := range map[string]struct {
		list  *catalogue
		pages func(n int) int // at most, of n fragments
	}{
		"nothing":       {&catalogue{}, func(int) int { return 1 }},
		"one fragment":  {steady(1), func(int) int { return 1 }},
		"a page":        {steady(1000), func(int) int { return 1 }},
		"a bit more":    {steady(1001), func(int) int { return 5 }},
		"six hours":     {steady(10_800), func(n int) int { return n/wantedInWindow + 5 }},
		"bursts":        {bursts(random()), func(n int) int { return n/wantedInWindow*2 + 300 }},
		"one moment":    {atOneMoment(6000), func(n int) int { return n/wantedInWindow*4 + 20 }},
		"count by zero": {relative(random()), func(n int) int { return n/wantedInWindow*2 + 50 }},
	} {
		for _, shuffled := range []bool{false, true} {
			for _, o := range []Order{ByArrival, ByProducerTime} {
				t.Run(fmt.Sprintf("%s by %s, shuffled %v", name, o, shuffled), func(t *testing.T) {
					list := *tc.list
					if shuffled {
						list.random = random()
					}
					found := walkAll(t, newWalk(list.pagesOf, o, 0, latestMillis).next)
					if len(found) != len(list.all) {
						t.Fatalf("found %d of %d; seed %d", len(found), len(list.all), seed)
					}
					if !slices.IsSortedFunc(found, compareEntries(o)) {
						t.Errorf("they are in no order; seed %d", seed)
					}
					if most := tc.pages(len(found)); !shuffled && list.pages > most {
						t.Errorf("%d fragments cost %d pages, more than %d; seed %d", len(found), list.pages, most, seed)
					}
					if list.pages > 3*tc.pages(len(found))+20 {
						t.Errorf("%d fragments cost %d pages; seed %d", len(found), list.pages, seed)
					}
					if name != "count by zero" && name != "one moment" && list.most > mostInWindow+1000 {
						t.Errorf("%d at once; seed %d", list.most, seed)
					}
				})
			}
		}
	}
}

func TestAWalkKeepsToItsWindows(t *testing.T) {
	list := steady(300)
	list.careless = true
	from := catalogueStart.Add(100 * time.Second)
	found := walkAll(t, newWalk(list.pagesOf, ByArrival, from.UnixMilli(), from.Add(99*time.Second).UnixMilli()).next)
	if len(found) != 50 || found[0].server != from.UnixMilli() {
		t.Errorf("found %d, from %d on", len(found), found[0].server)
	}
}

// The range is of one clock and the order of the other.
func TestASearchListsByTheRightClock(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	list := bursts(rand.New(rand.NewPCG(seed, 0)))
	list.random = rand.New(rand.NewPCG(seed, 1))
	from, to := catalogueStart.Add(20*24*time.Hour), catalogueStart.Add(60*24*time.Hour)
	for _, clock := range []Clock{ServerClock, ProducerClock} {
		for _, o := range []Order{ByArrival, ByProducerTime} {
			want := 0
			for _, f := range list.all {
				if at := newEntry(f).at(clock); at >= from.UnixMilli() && at < to.UnixMilli() {
					want++
				}
			}
			s := search{list: list.pagesOf, span: Range{From: from, To: to, Clock: clock}, order: o}
			list.pages = 0
			found := walkAll(t, s.next)
			if len(found) != want || !slices.IsSortedFunc(found, compareEntries(o)) {
				t.Errorf("by the %s's clock in the order of %s: %d, want %d; seed %d", clock, o, len(found), want, seed)
			}
			half := found[len(found)/2]
			at := Position{
				Fragment: half.number, Done: Whole,
				ServerTime: time.UnixMilli(half.server), ProducerTime: time.UnixMilli(half.producer),
			}
			s = search{list: list.pagesOf, span: s.span, order: o, at: at}
			pages := list.pages
			if rest := walkAll(t, s.next); !slices.Equal(rest, found[len(found)/2+1:]) {
				t.Errorf("behind fragment %d of %d there are %d; seed %d", len(found)/2, len(found), len(rest), seed)
			}
			if list.pages-pages > pages {
				t.Errorf("the second half cost %d pages, all of it %d; seed %d", list.pages-pages, pages, seed)
			}
			list.pages = 0
			at.Done = 3
			s = search{list: list.pagesOf, span: s.span, order: o, at: at}
			if rest := walkAll(t, s.next); !slices.Equal(rest, found[len(found)/2:]) {
				t.Errorf("from the middle of fragment %d of %d on there are %d; seed %d", len(found)/2, len(found), len(rest), seed)
			}
		}
	}
}

func TestARangeIsOpenAtItsEnd(t *testing.T) {
	at := time.UnixMilli(5000)
	for _, tc := range []struct {
		span        Range
		first, last int64
	}{
		{Range{}, 0, latestMillis},
		{Range{From: at, To: at.Add(time.Second)}, 5000, 5999},
		{Range{From: at, To: at}, 5000, 4999},
		{Range{From: at.Add(1), To: at.Add(time.Second + 1)}, 5001, 6000},
		{Range{To: time.Date(12000, 1, 1, 0, 0, 0, 0, time.UTC)}, 0, latestMillis},
	} {
		if first, last := tc.span.millis(); first != tc.first || last != tc.last {
			t.Errorf("%v: %d to %d", tc.span, first, last)
		}
	}
}

func TestTooManyFragmentsAtOneTimeAreAnError(t *testing.T) {
	c := &catalogue{}
	for range mostAtOnce + 1001 {
		c.add(catalogueStart, time.UnixMilli(0))
	}
	w := newWalk(c.pagesOf, ByProducerTime, 0, latestMillis)
	for {
		if _, err := w.next(t.Context()); errors.Is(err, io.EOF) {
			t.Fatal("there is none")
		} else if err != nil {
			return
		}
	}
}

func TestBatchesAreBounded(t *testing.T) {
	large, small := entry{bytes: 40 << 20}, entry{bytes: 1000}
	huge := entry{bytes: 1 << 62}
	for name, tc := range map[string]struct {
		list []entry
		most int
		want int
	}{
		"by their number":               {slices.Repeat([]entry{small}, 300), 100, 100},
		"by what there is":              {slices.Repeat([]entry{small}, 30), 100, 30},
		"by their bytes":                {[]entry{small, large, large}, 100, 2},
		"to one that is larger":         {[]entry{huge, huge}, 100, 1},
		"before one that is larger":     {[]entry{small, huge}, 100, 1},
		"by one, if that is asked for":  {[]entry{small, small}, 1, 1},
		"of fragments of unknown sizes": {make([]entry, 5), 100, 5},
	} {
		if n := cutBatch(tc.list, tc.most); n != tc.want {
			t.Errorf("%s: %d, want %d", name, n, tc.want)
		}
	}
	for n, want := range map[int]int{-1: 100, 0: 100, 1: 1, 1000: 1000, 1001: 1000} {
		if got := batchSize(n); got != want {
			t.Errorf("batches of %d are of %d", n, got)
		}
	}
}

func TestIntervalsEndWithTheLastOfTheirMedia(t *testing.T) {
	list := [][]entry{{{server: 0, length: 10_000}, {server: 2000, length: 1000}}, nil, {{server: 10_500, length: 10}, {server: 12_000}}}
	next := func(context.Context) ([]entry, error) {
		if len(list) == 0 {
			return nil, io.EOF
		}
		found := list[0]
		list = list[1:]
		return found, nil
	}
	var got []int64
	for v, err := range intervals(t.Context(), next, ServerClock) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, v.From.UnixMilli(), v.To.UnixMilli(), v.Fragments)
	}
	if want := []int64{0, 10_510, 3, 12_000, 12_000, 1}; !slices.Equal(got, want) {
		t.Errorf("found %v, want %v", got, want)
	}
}

// A store may have a position, and the reader another: the later one counts, in
// the reader's order.
func TestPositionsCompareInTheOrderOfTheReader(t *testing.T) {
	at := func(n uint64, producer int64, done int) Position {
		return Position{Fragment: millrace.NewFragmentNumber(n, catalogueStart, 0), ProducerTime: time.UnixMilli(producer), Done: done}
	}
	early, late := at(5, 1000, Whole), at(3, 2000, 2)
	for _, tc := range []struct {
		o    Order
		p, q Position
		want int
	}{
		{ByArrival, early, late, +1},
		{ByProducerTime, early, late, -1},
		{ByProducerTime, at(3, 2000, 1), late, -1},
		{ByProducerTime, at(4, 2000, 1), late, +1},
		{ByProducerTime, Position{}, early, -1},
		{ByProducerTime, Position{}, Position{}, 0},
	} {
		if got := tc.o.comparePositions(tc.p, tc.q); got != tc.want {
			t.Errorf("by %s %v and %v are %d", tc.o, tc.p, tc.q, got)
		}
		if got := tc.o.comparePositions(tc.q, tc.p); got != -tc.want {
			t.Errorf("by %s %v and %v are %d", tc.o, tc.q, tc.p, got)
		}
	}
}
