package store_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/store"
	"github.com/millrace/millrace/internal/store/mem"
)

// watchedPages are pages after whose next answer something happens, or after
// some more.
type watchedPages struct {
	*mem.Pages
	more int
	then func()
}

func (p *watchedPages) Find(ctx context.Context, q store.PageQuery) ([]store.IndexPage, error) {
	pages, err := p.Pages.Find(ctx, q)
	if then := p.then; then != nil {
		if p.more--; p.more < 0 {
			p.then = nil
			then()
		}
	}
	return pages, err
}

// TestWhatIsFedDuringAQueryIsFound: an entry goes from memory to the pages
// between a query's looks at them, when the pages have answered already.
func TestWhatIsFedDuringAQueryIsFound(t *testing.T) {
	scope := func(f *millrace.Fragment) store.Scope { return store.Scope{Stream: f.Stream} }
	for name, ask := range map[string]func(h *house, f *millrace.Fragment) (store.Entry, error){
		"in a list": func(h *house, f *millrace.Fragment) (store.Entry, error) {
			return lastOf(h.List(h.t.Context(), scope(f), store.Listing{}))
		},
		"in a list by the producer's clock": func(h *house, f *millrace.Fragment) (store.Entry, error) {
			return lastOf(h.List(h.t.Context(), scope(f), store.Listing{Clock: store.ProducerClock}))
		},
		"in its midst": func(h *house, f *millrace.Fragment) (store.Entry, error) {
			return h.AtServerTime(h.t.Context(), scope(f), f.ServerTime().Add(f.Duration/2))
		},
		"in its midst by the producer's clock": func(h *house, f *millrace.Fragment) (store.Entry, error) {
			return h.AtProducerTime(h.t.Context(), scope(f), f.ProducerTime.Add(f.Duration/2))
		},
		"before it": func(h *house, f *millrace.Fragment) (store.Entry, error) {
			return h.AtServerTime(h.t.Context(), scope(f), f.ServerTime().Add(-time.Millisecond))
		},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			defer func() { h.Close() }()
			h.Close()
			pages := &watchedPages{Pages: h.pages}
			h.open(func(c *store.Config) { c.Pages = pages })
			key := millrace.StreamKey{ID: 1}
			for range 3 {
				submit(t, h.Driver, h.gen.Make(key, 100))
				h.Step()
			}
			mustFeed(t, h.Driver)
			last := h.gen.Make(key, 100)
			last.Number = millrace.NewFragmentNumber(last.Number.Sequence(), last.ServerTime().Add(time.Hour), 0)
			last.ProducerTime = last.ProducerTime.Add(time.Hour)
			submit(t, h.Driver, last)
			h.Step()
			fed := false
			pages.then = func() {
				fed = true
				mustFeed(t, h.Driver)
			}
			if e, err := ask(h, last); err != nil || e.Number != last.Number {
				t.Errorf("found %v, %v, want %v", e.Number, err, last.Number)
			}
			if !fed {
				t.Error("the pages were not asked")
			}
		})
	}
}

func lastOf(list []store.Entry, err error) (store.Entry, error) {
	if err != nil || len(list) == 0 {
		return store.Entry{}, err
	}
	return list[len(list)-1], nil
}

// TestAPageThatIsMadeAnewDuringAQueryIsListedOnce: what comes late goes between
// two looks into a page that was read already, and makes it longer. It is found
// again by what is new at its end, and all of it that was listed is not listed
// twice (I4).
func TestAPageThatIsMadeAnewDuringAQueryIsListedOnce(t *testing.T) {
	for c := range store.Clock(2) {
		for _, limit := range []int{0, 64, 5, 3} {
			for look := range 3 {
				t.Run(fmt.Sprint("clock ", c, " limit ", limit, " look ", look), func(t *testing.T) {
					h := newHouse(t)
					defer func() { h.Close() }()
					h.Close()
					pages := &watchedPages{Pages: h.pages, more: look}
					h.open(func(c *store.Config) { c.Pages = pages })
					list := overtaken(t, h)
					pages.then = func() { mustFeed(t, h.Driver) }
					got, err := h.List(t.Context(), store.Scope{Stream: list[0].Stream}, store.Listing{Clock: c, Limit: limit})
					pages.then = nil // a query of fewer looks leaves it to Close
					if limit > 0 {
						list = list[:min(limit, len(list))]
					}
					if err != nil || len(got) != len(list) {
						t.Fatalf("%d entries, %v, want %d", len(got), err, len(list))
					}
					for i := range got {
						if got[i].Number != list[i].Number {
							t.Errorf("entry %d is %v, want %v", i, got[i].Number, list[i].Number)
						}
					}
				})
			}
		}
	}
}

// overtaken keeps six fragments, the first, third and fourth in the pages and
// the others in memory.
func overtaken(t *testing.T, h *house) (list []*millrace.Fragment) {
	t.Helper()
	for i := range 6 {
		f := h.gen.Make(millrace.StreamKey{ID: 1}, 100)
		if list = append(list, f); i > 0 {
			f.ProducerTime = list[0].ProducerTime.Add(time.Duration(i) * time.Second)
		}
	}
	for i, which := range []int{0, 2, 3, 1, 4, 5} {
		if i == 3 {
			mustFeed(t, h.Driver)
		}
		submit(t, h.Driver, list[which])
		h.Step()
	}
	return list
}
