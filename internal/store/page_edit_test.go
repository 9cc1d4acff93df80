package store_test

import (
	"context"
	"maps"
	"math"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/store"
	"github.com/millrace/millrace/internal/store/mem"
	"github.com/millrace/millrace/internal/store/storetest"
)

// A paged is what a stream's pages on one clock hold, beside a map that holds
// the same.
type paged struct {
	pages *mem.Pages // which refuses pages that overlap
	clock store.Clock
	model map[millrace.FragmentNumber]store.Entry
}

func pagedStream() millrace.StreamKey { return millrace.StreamKey{ID: 9, Generation: 2} }

// entry is the entry of a place in time. Producers' clocks jump.
func (p *paged) entry(n int) store.Entry {
	number := storetest.Number(uint64(n), time.Duration(n)*time.Second)
	return store.Entry{
		Number: number, ProducerTime: number.ServerTime().Add(time.Duration(n%7*n%5) * time.Minute),
		Duration: time.Duration(n%4) * time.Second, Size: int64(n), Position: store.Position{Pack: 1, Offset: int64(n) * 64},
	}
}

func (p *paged) apply(t fataler, edit store.PageEdit) {
	var change store.PageChange
	edit.AddTo(&change)
	if err := p.pages.Apply(context.Background(), &change); err != nil {
		t.Fatal(err)
	}
}

type fataler interface {
	Fatal(...any)
	Fatalf(string, ...any)
}

func (p *paged) all(t fataler) []store.IndexPage {
	list, err := p.pages.Find(context.Background(), store.PageQuery{
		Stream: pagedStream(), Clock: p.clock, EndAfter: math.MinInt64,
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func (p *paged) merge(t fataler, entries []store.Entry) {
	edit, err := store.MergePages(context.Background(), p.pages, pagedStream(), p.clock, entries)
	if err != nil {
		t.Fatal(err)
	}
	twins := 0
	for _, e := range entries {
		if _, there := p.model[e.Number]; there {
			twins++
			continue
		}
		p.model[e.Number] = e
	}
	if len(edit.Out) != twins {
		t.Fatalf("%d were passed over, of %d", len(edit.Out), twins)
	}
	p.apply(t, edit)
}

// edit takes out what hit says, and moves what shift says.
func (p *paged) edit(t fataler, pages []store.IndexPage, hit, shift func(int64) bool) {
	edit, err := store.EditPages(pages, func(e *store.Entry) bool {
		if shift(e.Size) {
			e.Position.Pack++
		}
		return !hit(e.Size)
	})
	if err != nil {
		t.Fatal(err)
	}
	out := 0
	for _, page := range pages {
		out += p.editModel(t, page, hit, shift)
	}
	if len(edit.Out) != out {
		t.Fatalf("%d were taken out, of %d", len(edit.Out), out)
	}
	p.apply(t, edit)
}

func (p *paged) editModel(t fataler, page store.IndexPage, hit, shift func(int64) bool) (out int) {
	list, err := page.Entries(nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range list {
		if shift(e.Size) {
			e.Position.Pack++
		}
		p.model[e.Number] = e
		if hit(e.Size) {
			delete(p.model, e.Number)
			out++
		}
	}
	return out
}

// check compares all pages with the model.
func (p *paged) check(t fataler) {
	var got []store.Entry
	for _, page := range p.all(t) {
		from := len(got)
		var err error
		if got, err = page.Entries(got); err != nil {
			t.Fatal(err)
		}
		fresh := store.NewIndexPage(page.Stream, page.Clock, got[from:])
		if page.Count > store.PageEntries || page.ID() != fresh.ID() || page.Last != fresh.Last || page.End != fresh.End {
			t.Fatalf("page of %d entries says other things of itself than it holds", page.Count)
		}
	}
	want := slices.SortedFunc(maps.Values(p.model), func(a, b store.Entry) int {
		if p.clock == store.ProducerClock && a.ProducerTime != b.ProducerTime {
			return a.ProducerTime.Compare(b.ProducerTime)
		}
		return a.Number.Compare(b.Number)
	})
	if diff := sameEntries(got, want); diff != "" {
		t.Fatal(diff)
	}
}

func TestEditedPagesHoldWhatAPlainListHolds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := &paged{
			pages: mem.NewPages(), model: map[millrace.FragmentNumber]store.Entry{},
			clock: store.Clock(rapid.IntRange(0, 1).Draw(t, "clock")),
		}
		t.Repeat(map[string]func(*rapid.T){
			"merge": func(t *rapid.T) {
				first, step := rapid.IntRange(0, 1200).Draw(t, "first"), rapid.IntRange(1, 2).Draw(t, "step")
				var list []store.Entry
				for i := range rapid.IntRange(1, 700).Draw(t, "count") {
					list = append(list, p.entry(first+i*step))
				}
				p.merge(t, list)
			},
			"scatter": func(t *rapid.T) {
				var list []store.Entry
				for _, n := range rapid.SliceOfNDistinct(rapid.IntRange(0, 2500), 1, 20, rapid.ID).Draw(t, "places") {
					list = append(list, p.entry(n))
				}
				p.merge(t, list)
			},
			"edit": func(t *rapid.T) {
				pages := p.all(t)
				from := rapid.IntRange(0, len(pages)).Draw(t, "from")
				to := rapid.IntRange(from, len(pages)).Draw(t, "to")
				low, high := rapid.Int64Range(0, 2500).Draw(t, "low"), rapid.Int64Range(0, 2500).Draw(t, "high")
				every := rapid.Int64Range(1, 5).Draw(t, "every")
				p.edit(t, pages[from:to],
					func(n int64) bool { return low <= n && n < high && n%every == 0 },
					func(n int64) bool { return n >= high && n%every == 1 })
			},
			"": func(t *rapid.T) { p.check(t) },
		})
	})
}

func TestAStreamThatGrowsLeavesFullPages(t *testing.T) {
	p := &paged{pages: mem.NewPages(), model: map[millrace.FragmentNumber]store.Entry{}}
	for n := 0; n < 3000; {
		var list []store.Entry
		for range 32 + n%7 {
			list = append(list, p.entry(n))
			n++
		}
		p.merge(t, list)
	}
	p.check(t)
	pages := p.all(t)
	for i, page := range pages[:len(pages)-1] {
		if page.Count != store.PageEntries {
			t.Errorf("page %d of %d has %d entries", i, len(pages), page.Count)
		}
	}
}

func TestAFullPageIsNotWrittenAgain(t *testing.T) {
	p := &paged{pages: mem.NewPages(), model: map[millrace.FragmentNumber]store.Entry{}}
	var list []store.Entry
	for n := range store.PageEntries + 1 {
		list = append(list, p.entry(n))
	}
	p.merge(t, list[:store.PageEntries])
	edit, err := store.MergePages(t.Context(), p.pages, pagedStream(), p.clock, list[store.PageEntries:])
	if err != nil || len(edit.Put) != 1 || edit.Put[0].Count != 1 || len(edit.Remove) != 0 {
		t.Errorf("%d pages are put and %d removed, %v", len(edit.Put), len(edit.Remove), err)
	}
}

func TestPagesOfWhichLittleIsLeftBecomeOne(t *testing.T) {
	p := &paged{pages: mem.NewPages(), model: map[millrace.FragmentNumber]store.Entry{}}
	var list []store.Entry
	for n := range 10 * store.PageEntries {
		list = append(list, p.entry(n))
	}
	p.merge(t, list)
	p.edit(t, p.all(t), func(n int64) bool { return n%10 != 0 }, func(int64) bool { return false })
	p.check(t)
	if n := len(p.all(t)); n > 2 {
		t.Errorf("%d pages", n)
	}
}

func TestPagesThatNothingHappensToAreLeftAlone(t *testing.T) {
	p := &paged{pages: mem.NewPages(), model: map[millrace.FragmentNumber]store.Entry{}}
	var list []store.Entry
	for n := range 3 * store.PageEntries {
		list = append(list, p.entry(n))
	}
	p.merge(t, list)
	pages := p.all(t)
	edit, err := store.EditPages(pages, func(e *store.Entry) bool { return e.Size != store.PageEntries })
	if err != nil || len(edit.Put) != 1 || edit.Put[0].Count != store.PageEntries-1 {
		t.Fatalf("%d pages are put, %v", len(edit.Put), err)
	}
	if want := []store.PageID{pages[1].ID()}; !slices.Equal(edit.Remove, want) {
		t.Errorf("%d pages are removed", len(edit.Remove))
	}
}
