package storetest

import (
	"bytes"
	"context"
	"errors"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/store"
)

// PagesOptions say what TestPages may ask of an implementation.
type PagesOptions struct {
	// Open returns empty pages of their own for each call. The suite closes
	// them.
	Open func(t *testing.T) store.Pages

	// Reopen returns what p, which is closed, has kept.
	Reopen func(t *testing.T, p store.Pages) store.Pages

	// Damage makes what p keeps unreadable. It may return other pages, which
	// are what a new start finds; p is not used any more then.
	Damage func(t *testing.T, p store.Pages) store.Pages
}

// TestPages checks that an implementation keeps what store.Pages promises.
func TestPages(t *testing.T, o PagesOptions) {
	for _, c := range []struct {
		name string
		test func(*testing.T, pagesCase)
	}{
		{"nothing is found in what is empty", emptyHasNothing},
		{"a page comes back as it was put", pageComesBack},
		{"streams, generations and clocks are apart", familiesAreApart},
		{"pages are found by their keys", pagesAreFound},
		{"pages are found as a plain list finds them", pagesLikeList},
		{"a page takes the place of the one before", pageIsReplaced},
		{"removals happen before additions", removalsComeFirst},
		{"a stream goes with all its pages", streamGoes},
		{"rows of packs are kept", packRowsAreKept},
		{"facts are kept and forgotten", factsAreKept},
		{"streams are summed up", streamsAreSummed},
		{"what was handed over is not shared", nothingIsShared},
		{"what was applied is there after a close", appliedSurvivesClose},
		{"a reset forgets everything", resetForgets},
		{"damage is noticed and a reset mends it", resetMends},
		{"closed pages say so", closedPagesSaySo},
		{"a call that was cancelled before it began changes nothing", cancelledApplyChangesNothing},
		{"many pages in one change", manyPagesAtOnce},
		{"readers see each change whole", changesAreWhole},
		{"a close waits for the readers under way", pagesCloseWaits},
	} {
		t.Run(c.name, func(t *testing.T) {
			pages := o.Open(t)
			t.Cleanup(func() { pages.Close() })
			c.test(t, pagesCase{Pages: pages, ctx: t.Context(), t: t, options: o})
		})
	}
}

type pagesCase struct {
	store.Pages
	ctx     context.Context
	t       *testing.T
	options PagesOptions
}

func (c pagesCase) apply(change store.PageChange) {
	c.t.Helper()
	if err := c.Apply(c.ctx, &change); err != nil {
		c.t.Fatal(err)
	}
}

func (c pagesCase) find(q store.PageQuery) []store.IndexPage {
	c.t.Helper()
	list, err := c.Find(c.ctx, q)
	if err != nil {
		c.t.Fatal(err)
	}
	return list
}

// all are the pages of a stream and clock.
func (c pagesCase) all(stream millrace.StreamKey, clock store.Clock) []store.IndexPage {
	c.t.Helper()
	return c.find(store.PageQuery{Stream: stream, Clock: clock, EndAfter: math.MinInt64})
}

func (c pagesCase) state() store.PageState {
	c.t.Helper()
	s, err := c.State(c.ctx)
	if err != nil {
		c.t.Fatal(err)
	}
	return s
}

func (c pagesCase) same(got, want any) {
	c.t.Helper()
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		c.t.Error(diff)
	}
}

// PageOf makes a page of count entries of a stream, of which the first has the
// number first and starts first seconds after Epoch.
func PageOf(stream millrace.StreamKey, clock store.Clock, first, count int) store.IndexPage {
	list := make([]store.Entry, count)
	for i := range list {
		n := first + i
		number := Number(uint64(n), time.Duration(n)*time.Second)
		list[i] = store.Entry{
			Number: number, ProducerTime: number.ServerTime().Add(-time.Minute), Duration: time.Second,
			Size: int64(1000 + n), Position: store.Position{Pack: 7, Offset: int64(64 * n)},
		}
	}
	return store.NewIndexPage(stream, clock, list)
}

func emptyHasNothing(t *testing.T, c pagesCase) {
	c.same(c.state(), store.PageState{})
	c.same(c.all(millrace.StreamKey{ID: 1}, store.ServerClock), []store.IndexPage(nil))
	c.apply(store.PageChange{})
}

func pageComesBack(t *testing.T, c pagesCase) {
	for _, page := range []store.IndexPage{
		PageOf(millrace.StreamKey{ID: 1, Generation: 1}, store.ServerClock, 1, 500),
		PageOf(millrace.StreamKey{ID: math.MaxUint64, Generation: math.MaxUint32}, store.ProducerClock, 1, 1),
		{
			Stream: millrace.StreamKey{ID: 2}, Clock: store.ProducerClock, First: store.Key{1}, Last: store.Key{0xff},
			Start: math.MinInt64, Latest: -1, End: math.MaxInt64, Count: math.MaxInt32, Bytes: math.MaxInt64,
			Data: bytes.Repeat([]byte{0, 0xff}, 10_000),
		},
	} {
		c.apply(store.PageChange{Put: []store.IndexPage{page}})
		c.same(c.all(page.Stream, page.Clock), []store.IndexPage{page})
	}
}

func familiesAreApart(t *testing.T, c pagesCase) {
	var change store.PageChange
	for _, stream := range []millrace.StreamKey{{ID: 1, Generation: 1}, {ID: 1, Generation: 2}, {ID: 2, Generation: 1}} {
		for _, clock := range []store.Clock{store.ServerClock, store.ProducerClock} {
			change.Put = append(change.Put, PageOf(stream, clock, 10*len(change.Put), 5))
		}
	}
	c.apply(change)
	for _, page := range change.Put {
		c.same(c.all(page.Stream, page.Clock), []store.IndexPage{page})
	}
}

func pageIsReplaced(t *testing.T, c pagesCase) {
	key := millrace.StreamKey{ID: 1}
	for _, count := range []int{3, 400, 2} {
		page := PageOf(key, store.ServerClock, 100, count)
		c.apply(store.PageChange{Put: []store.IndexPage{page}})
		c.same(c.all(key, store.ServerClock), []store.IndexPage{page})
	}
}

func removalsComeFirst(t *testing.T, c pagesCase) {
	key := millrace.StreamKey{ID: 1}
	a, b := PageOf(key, store.ServerClock, 0, 5), PageOf(key, store.ServerClock, 100, 5)
	c.apply(store.PageChange{Put: []store.IndexPage{a, b}})
	longer := PageOf(key, store.ServerClock, 0, 9)
	c.apply(store.PageChange{
		Remove: []store.PageID{a.ID(), b.ID(), {Stream: key, First: store.Key{1}}},
		Put:    []store.IndexPage{longer},
	})
	c.same(c.all(key, store.ServerClock), []store.IndexPage{longer})
	c.apply(store.PageChange{RemoveStreams: []millrace.StreamKey{key}, Put: []store.IndexPage{b}})
	c.same(c.all(key, store.ServerClock), []store.IndexPage{b})
}

func streamGoes(t *testing.T, c pagesCase) {
	gone, stays := millrace.StreamKey{ID: 1, Generation: 1}, millrace.StreamKey{ID: 1, Generation: 2}
	kept := PageOf(stays, store.ServerClock, 0, 5)
	c.apply(store.PageChange{Put: []store.IndexPage{
		PageOf(gone, store.ServerClock, 0, 5), PageOf(gone, store.ServerClock, 10, 5),
		PageOf(gone, store.ProducerClock, 0, 5), kept,
	}})
	c.apply(store.PageChange{RemoveStreams: []millrace.StreamKey{gone, {ID: 99}}})
	c.same(c.all(gone, store.ServerClock), []store.IndexPage(nil))
	c.same(c.all(gone, store.ProducerClock), []store.IndexPage(nil))
	c.same(c.all(stays, store.ServerClock), []store.IndexPage{kept})
	c.same(c.state().Streams, []store.StreamPages{{Stream: stays, Count: 5, Bytes: kept.Bytes, First: kept.First, Last: kept.Last}})
}

func packRowsAreKept(t *testing.T, c pagesCase) {
	full := store.PackRow{
		Number: math.MaxUint64, Salt: math.MaxUint64, Class: store.ClassLong, Sealed: true, Size: math.MaxInt64,
		Fed: 3, Fragments: 4, Live: 5, LiveBytes: 6, Punched: 7, Oldest: -8, Newest: 9, Limits: []byte{0, 1},
	}
	other := store.PackRow{Number: 5, Fed: 8192}
	c.apply(store.PageChange{PutPacks: []store.PackRow{full, other, {Number: 6}}})
	other.Fed = 9000
	c.apply(store.PageChange{RemovePacks: []uint64{5, 6, 77}, PutPacks: []store.PackRow{other}})
	c.same(c.state().Packs, []store.PackRow{other, full})
}

func factsAreKept(t *testing.T, c pagesCase) {
	c.apply(store.PageChange{Facts: map[string]string{"a": "1", "b": "two\x00", "c": "3"}})
	c.apply(store.PageChange{Facts: map[string]string{"a": "", "b": "2", "none": ""}})
	c.same(c.state().Facts, map[string]string{"b": "2", "c": "3"})
}

func streamsAreSummed(t *testing.T, c pagesCase) {
	high, low := millrace.StreamKey{ID: math.MaxUint64}, millrace.StreamKey{ID: 1, Generation: 3}
	a, b := PageOf(low, store.ServerClock, 0, 5), PageOf(low, store.ServerClock, 50, 7)
	d := PageOf(high, store.ServerClock, 9, 1)
	c.apply(store.PageChange{Put: []store.IndexPage{
		b, a, d, PageOf(low, store.ProducerClock, 0, 5), PageOf(millrace.StreamKey{ID: 5}, store.ProducerClock, 0, 5),
	}})
	c.same(c.state().Streams, []store.StreamPages{
		{Stream: low, Count: 12, Bytes: a.Bytes + b.Bytes, First: a.First, Last: b.Last},
		{Stream: high, Count: 1, Bytes: d.Bytes, First: d.First, Last: d.Last},
	})
}

func nothingIsShared(t *testing.T, c pagesCase) {
	key := millrace.StreamKey{ID: 1}
	page := PageOf(key, store.ServerClock, 0, 5)
	want := page
	want.Data, want.Summary = bytes.Clone(page.Data), bytes.Clone(page.Summary)
	limits := []byte{1, 2, 3}
	c.apply(store.PageChange{Put: []store.IndexPage{page}, PutPacks: []store.PackRow{{Number: 1, Limits: limits}}})
	clear(page.Data)
	clear(page.Summary)
	clear(limits)
	clear(c.all(key, store.ServerClock)[0].Data)
	clear(c.all(key, store.ServerClock)[0].Summary)
	clear(c.state().Packs[0].Limits)
	c.same(c.all(key, store.ServerClock), []store.IndexPage{want})
	c.same(c.state().Packs[0].Limits, []byte{1, 2, 3})
}

func appliedSurvivesClose(t *testing.T, c pagesCase) {
	key := millrace.StreamKey{ID: 1}
	page := PageOf(key, store.ServerClock, 0, 5)
	c.apply(store.PageChange{Put: []store.IndexPage{page}, Facts: map[string]string{"a": "1"}})
	if err := c.Sync(c.ctx); err != nil {
		t.Fatal(err)
	}
	behind := PageOf(key, store.ServerClock, 50, 5)
	c.apply(store.PageChange{Put: []store.IndexPage{behind}})
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	c.Pages = c.options.Reopen(t, c.Pages)
	defer c.Close()
	c.same(c.all(key, store.ServerClock), []store.IndexPage{page, behind})
	c.same(c.state().Facts, map[string]string{"a": "1"})
}

func resetForgets(t *testing.T, c pagesCase) {
	key := millrace.StreamKey{ID: 1}
	page := PageOf(key, store.ServerClock, 0, 5)
	full := store.PageChange{
		Put: []store.IndexPage{page}, PutPacks: []store.PackRow{{Number: 1}}, Facts: map[string]string{"a": "1"},
	}
	c.apply(full)
	if err := c.Reset(c.ctx); err != nil {
		t.Fatal(err)
	}
	emptyHasNothing(t, c)
	c.apply(full)
	c.same(c.all(key, store.ServerClock), []store.IndexPage{page})
}

func resetMends(t *testing.T, c pagesCase) {
	if c.options.Damage == nil {
		t.Skip("cannot be damaged")
	}
	page := PageOf(millrace.StreamKey{ID: 1}, store.ServerClock, 0, 5)
	c.apply(store.PageChange{Put: []store.IndexPage{page}})
	c.Pages = c.options.Damage(t, c.Pages)
	defer c.Close()
	_, stateErr := c.State(c.ctx)
	_, findErr := c.Find(c.ctx, store.PageQuery{Stream: page.Stream, EndAfter: math.MinInt64})
	for name, err := range map[string]error{"state": stateErr, "find": findErr, "apply": c.Apply(c.ctx, &store.PageChange{Put: []store.IndexPage{page}})} {
		if !errors.Is(err, millrace.ErrCorrupt) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := c.Reset(c.ctx); err != nil {
		t.Fatal(err)
	}
	resetForgets(t, c)
}

func closedPagesSaySo(t *testing.T, c pagesCase) {
	for range 2 {
		if err := c.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	}
	_, stateErr := c.State(c.ctx)
	_, findErr := c.Find(c.ctx, store.PageQuery{})
	for name, err := range map[string]error{
		"state": stateErr, "find": findErr, "apply": c.Apply(c.ctx, &store.PageChange{}),
		"sync": c.Sync(c.ctx), "reset": c.Reset(c.ctx),
	} {
		if !errors.Is(err, millrace.ErrClosed) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func cancelledApplyChangesNothing(t *testing.T, c pagesCase) {
	ctx, cancel := context.WithCancel(c.ctx)
	cancel()
	key := millrace.StreamKey{ID: 1}
	_, stateErr := c.State(ctx)
	_, findErr := c.Find(ctx, store.PageQuery{Stream: key})
	put := store.PageChange{Put: []store.IndexPage{PageOf(key, store.ServerClock, 0, 5)}}
	for name, err := range map[string]error{
		"state": stateErr, "find": findErr, "apply": c.Apply(ctx, &put), "sync": c.Sync(ctx), "reset": c.Reset(ctx),
	} {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", name, err)
		}
	}
	c.same(c.all(key, store.ServerClock), []store.IndexPage(nil))
}

func manyPagesAtOnce(t *testing.T, c pagesCase) {
	key := millrace.StreamKey{ID: 1}
	var change store.PageChange
	for i := range 3000 {
		change.Put = append(change.Put, PageOf(key, store.ServerClock, 10*i, 5))
	}
	c.apply(change)
	if n := len(c.all(key, store.ServerClock)); n != len(change.Put) {
		t.Fatalf("%d pages", n)
	}
	got := c.find(store.PageQuery{Stream: key, From: change.Put[1500].First, EndAfter: math.MinInt64, Limit: 2})
	c.same(got, change.Put[1500:1502])
	for _, page := range change.Put {
		change.Remove = append(change.Remove, page.ID())
	}
	change.Put = slices.Clone(change.Put[:1])
	c.apply(change)
	c.same(c.all(key, store.ServerClock), change.Put)
}
