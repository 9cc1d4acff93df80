package storetest

import (
	"bytes"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/store"
)

func pagesAreFound(t *testing.T, c pagesCase) {
	key := millrace.StreamKey{ID: 1}
	var pages []store.IndexPage // of 5 seconds each, every 10
	for i := range 4 {
		pages = append(pages, PageOf(key, store.ServerClock, 10*i, 5))
	}
	c.apply(store.PageChange{Put: pages})
	begin := pages[0].Start
	at := func(second int) store.Key { return PageOf(key, store.ServerClock, second, 1).First }
	for name, tc := range map[string]struct {
		query store.PageQuery
		want  []int
	}{
		"all":                           {store.PageQuery{}, []int{0, 1, 2, 3}},
		"all, backward":                 {store.PageQuery{Backward: true}, []int{3, 2, 1, 0}},
		"from within a page":            {store.PageQuery{From: at(12)}, []int{1, 2, 3}},
		"from the last key of a page":   {store.PageQuery{From: pages[1].Last}, []int{1, 2, 3}},
		"from between two":              {store.PageQuery{From: at(16)}, []int{2, 3}},
		"from behind all":               {store.PageQuery{From: at(36)}, nil},
		"to within a page":              {store.PageQuery{To: at(12)}, []int{0, 1}},
		"to the first key of a page":    {store.PageQuery{To: pages[1].First}, []int{0, 1}},
		"to before all":                 {store.PageQuery{To: store.Key{27: 1}}, nil},
		"within one":                    {store.PageQuery{From: at(11), To: at(12)}, []int{1}},
		"within none":                   {store.PageQuery{From: at(16), To: at(17)}, nil},
		"the last that begins before":   {store.PageQuery{To: at(17), Backward: true, Limit: 1}, []int{1}},
		"the next two":                  {store.PageQuery{From: at(6), Limit: 2}, []int{1, 2}},
		"those that end late":           {store.PageQuery{EndAfter: begin + 15_000}, []int{1, 2, 3}},
		"the last one that ends late":   {store.PageQuery{EndAfter: begin + 15_000, Backward: true, To: at(25), Limit: 1}, []int{2}},
		"those that end later than one": {store.PageQuery{EndAfter: pages[1].End}, []int{2, 3}},
		"those that begin by a time":    {store.PageQuery{StartBy: begin + 12_000}, []int{0, 1}},
		"the last one that begins then": {store.PageQuery{StartBy: begin + 10_000, Backward: true, Limit: 1}, []int{1}},
		"none that begins so early":     {store.PageQuery{StartBy: begin - 1}, nil},
		"none that ends so late":        {store.PageQuery{EndAfter: math.MaxInt64}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			c.t = t
			tc.query.Stream = key
			if tc.query.EndAfter == 0 {
				tc.query.EndAfter = math.MinInt64
			}
			var want []store.IndexPage
			for _, i := range tc.want {
				want = append(want, pages[i])
			}
			c.same(c.find(tc.query), want)
		})
	}
}

// pagesLikeList asks at random, and compares with what a look at every page
// answers.
func pagesLikeList(t *testing.T, c pagesCase) {
	r := rand.New(rand.NewPCG(4, 4))
	key := millrace.StreamKey{ID: 1}
	second := 0
	var pages []store.IndexPage
	for range 60 {
		second += r.IntN(4)
		page := PageOf(key, store.ProducerClock, second, 1+r.IntN(5))
		page.End += int64(r.IntN(20_000))
		if r.IntN(3) == 0 {
			page.Summary = nil // as releases wrote them that knew none
		}
		pages, second = append(pages, page), second+page.Count
	}
	c.apply(store.PageChange{Put: pages})
	some := func() store.Key {
		if r.IntN(4) == 0 {
			return store.Key{}
		}
		return PageOf(key, store.ProducerClock, r.IntN(second+2), 1).First
	}
	for range 300 {
		q := store.PageQuery{
			Stream: key, Clock: store.ProducerClock, From: some(), To: some(), EndAfter: math.MinInt64,
			Backward: r.IntN(2) == 0, Limit: r.IntN(4),
		}
		if r.IntN(2) == 0 {
			q.EndAfter = pages[0].Start + int64(r.IntN(second))*1000
		}
		if r.IntN(3) == 0 {
			q.StartBy = pages[0].Start + int64(r.IntN(second))*1000
		}
		q.Summaries = r.IntN(3) == 0
		if want := answer(pages, q); !samePages(c.find(q), want) {
			t.Errorf("%+v does not find the same", q)
		}
	}
}

// answer is what pages, which are sorted, have to say.
func answer(pages []store.IndexPage, q store.PageQuery) []store.IndexPage {
	found := slices.DeleteFunc(slices.Clone(pages), func(p store.IndexPage) bool {
		behind := q.To != (store.Key{}) && bytes.Compare(p.First[:], q.To[:]) > 0
		behind = behind || q.StartBy != 0 && p.Start > q.StartBy
		return behind || bytes.Compare(p.Last[:], q.From[:]) < 0 || p.End <= q.EndAfter
	})
	if q.Backward {
		slices.Reverse(found)
	}
	if q.Limit > 0 && q.Limit < len(found) {
		found = found[:q.Limit]
	}
	for i := range found {
		if q.Summaries && found[i].Summary != nil {
			found[i].Data = nil
		}
	}
	return found
}

func samePages(got, want []store.IndexPage) bool {
	return slices.EqualFunc(got, want, func(a, b store.IndexPage) bool {
		return a.ID() == b.ID() && a.End == b.End && bytes.Equal(a.Data, b.Data) && bytes.Equal(a.Summary, b.Summary)
	})
}
