package store_test

import (
	"errors"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/pack"
	"github.com/millrace/millrace/internal/store"
	"github.com/millrace/millrace/internal/store/fault"
	"github.com/millrace/millrace/internal/store/mem"
	"github.com/millrace/millrace/internal/store/storetest"
)

// firstPack is the number and the entries of the oldest pack, which is sealed.
func (h *house) firstPack() (uint64, []pack.Entry) {
	h.t.Helper()
	names, err := h.fs.ReadDir()
	if err != nil {
		h.t.Fatal(err)
	}
	f, err := h.fs.Open(names[0])
	if err != nil {
		h.t.Fatal(err)
	}
	defer f.Close()
	size, _ := f.Size()
	footer, header, err := pack.ReadFooter(f, size)
	if err != nil {
		h.t.Fatal(err)
	}
	return header.Pack, footer.Entries
}

// found says where each entry of a pack is found, the zero Position if nowhere.
func (h *house) found(entries []pack.Entry) (at []store.Position) {
	h.t.Helper()
	for _, e := range entries {
		scope := store.Scope{Stream: e.Stream}
		list, err := h.After(h.t.Context(), scope, e.Number.Prev(), 1)
		if err != nil {
			h.t.Fatal(err)
		}
		other, err := h.AtProducerTime(h.t.Context(), scope, e.ProducerTime)
		if len(list) == 0 || list[0].Number != e.Number {
			at = append(at, store.Position{})
			continue
		}
		if err != nil || other.Number == e.Number && other.Position != list[0].Position {
			h.t.Errorf("%v is at %v by one clock and at %v by the other", e.Number, list[0].Position, other.Position)
		}
		at = append(at, list[0].Position)
	}
	return at
}

// fedIn are the states in which a pack's entries may be found.
func fedIn() map[string]func(h *house) {
	return map[string]func(h *house){
		"in memory": func(*house) {},
		"in pages":  func(h *house) { mustFeed(h.t, h.Driver) },
		"in both": func(h *house) {
			mustFeed(h.t, h.Driver)
			h.put(30)
		},
	}
}

func TestEntriesMoveToAnotherPack(t *testing.T) {
	for name, feed := range fedIn() {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			h.put(200)
			feed(h)
			from, old := h.firstPack()
			h.set(old[0].Stream.ID, func(p *store.Policy) { p.KeptSince = old[len(old)/2].Number.ServerTime() })
			h.maintain() // some have died
			to := from + 1<<32
			now := slices.Clone(old)
			for i := range now {
				now[i].Offset = 8192 + int64(i)*pack.Align
			}
			before := h.found(old)
			died := 0
			if err := h.Move(t.Context(), from, to, old, now); err != nil {
				t.Fatal(err)
			}
			for i, at := range h.found(old) {
				want := store.Position{Pack: to, Offset: now[i].Offset}
				if before[i] == (store.Position{}) {
					want, died = store.Position{}, died+1
				}
				if at != want {
					t.Errorf("entry %d is found at %v, want %v", i, at, want)
				}
			}
			if died == 0 || died == len(old) {
				t.Fatalf("%d of %d had died", died, len(old))
			}
			if h.LiveOf(from) != 0 || h.LiveOf(to) != len(old)-died {
				t.Errorf("%d are live in the old pack, %d in the new one, want %d", h.LiveOf(from), h.LiveOf(to), len(old)-died)
			}
			live, err := h.LiveIn(t.Context(), to, now)
			if err != nil {
				t.Fatal(err)
			}
			for i := range live {
				if live[i] != (before[i] != store.Position{}) {
					t.Errorf("entry %d is live: %v", i, live[i])
				}
			}
			pages := h.pages.Crash(func(int) int { return 0 }) // what was not synced is lost
			h.pages, h.fs = pages, h.fs.Kill()
			state, err := pages.State(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range state.Packs {
				if r.Number == from && r.Live != 0 {
					t.Errorf("after a power cut %d are live in the old pack", r.Live)
				}
			}
		})
	}
}

func TestAPackThatIsTakenOutIsNotFoundWhateverFails(t *testing.T) {
	for name, feed := range fedIn() {
		for _, op := range []fault.Op{fault.Apply, fault.Find, fault.Reset} { // the last never comes
			t.Run(name, func(t *testing.T) {
				h := newHouse(t)
				h.Close()
				bad := fault.NewPages(h.pages)
				h.open(func(c *store.Config) { c.Pages = bad })
				h.put(200)
				feed(h)
				number, entries := h.firstPack()
				before := h.PackStats().LiveFragments
				mend := bad.Break(fault.Fault{Op: op, At: 1, Err: syscall.EIO})
				r, err := h.TakeOut(t.Context(), number, entries)
				failed := bad.Hits() > 0
				if failed != (err != nil) {
					t.Errorf("%d faults, %v", bad.Hits(), err)
				}
				mend()
				for i, at := range h.found(entries) {
					if at != (store.Position{}) {
						t.Fatalf("entry %d is found at %v", i, at)
					}
				}
				if !failed && (r.Fragments != len(entries) || h.LiveOf(number) != 0) {
					t.Errorf("%+v went, of %d; %d are live", r, len(entries), h.LiveOf(number))
				}
				mustFeed(t, h.Driver)
				if got := h.PackStats().LiveFragments; got != before-len(entries) {
					t.Errorf("%d fragments are live, want %d", got, before-len(entries))
				}
			})
		}
	}
}

// Memory is bounded where the pages cannot be written, and nothing that was
// taken is lost.
func TestFragmentsAreRefusedWhenTheIndexCannotBeWrittenForLong(t *testing.T) {
	h := newHouse(t)
	h.Close()
	bad := fault.NewPages(h.pages)
	h.open(func(c *store.Config) { c.Pages, c.RecentRows = bad, 50 })
	mend := bad.Break(fault.Fault{Op: fault.Apply, At: 1, Forever: true, Err: syscall.ENOSPC})
	h.put(49)
	if err := h.Feed(t.Context()); !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("fed: %v", err)
	}
	h.put(1)
	f := h.gen.Make(millrace.StreamKey{ID: 1}, 10)
	if err := h.Submit(t.Context(), f, func(error) { t.Error("it was settled") }); !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("submit: %v", err)
	}
	want := h.everything()
	mend()
	mustFeed(t, h.Driver)
	if got := h.everything(); len(want) != 50 || !slices.Equal(got, want) {
		t.Errorf("%d fragments are found, %d before", len(got), len(want))
	}
	h.put(10)
}

// everything lists all that is found of all streams.
func (h *house) everything() (all []string) {
	for id := range uint64(4) {
		all = append(all, h.listed(store.Scope{Stream: millrace.StreamKey{ID: id}}, store.Listing{})...)
	}
	return all
}

// A stream that comes now and then goes into the pages when its fragments have
// waited long enough, others as soon as there are some.
func TestRowsAreFedWhenTheyAreDue(t *testing.T) {
	var elapsed time.Duration
	pages := mem.NewPages()
	e, err := store.OpenByHand(t.Context(), store.Config{
		FS: mem.NewFS(), Pages: pages, FeedRows: 5, FeedAge: time.Minute, Elapsed: func() time.Duration { return elapsed },
	})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	gen := storetest.NewFragments(1)
	put := func(id uint64, n int) {
		for range n {
			submit(t, e, gen.Make(millrace.StreamKey{ID: id}, 10))
		}
		e.Step()
	}
	check := func(want map[uint64]int) {
		t.Helper()
		if err := e.FeedDue(t.Context()); err != nil {
			t.Fatal(err)
		}
		state, err := pages.State(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range state.Streams {
			if s.Count != want[s.Stream.ID] {
				t.Errorf("%d entries of stream %d are in the pages, want %d", s.Count, s.Stream.ID, want[s.Stream.ID])
			}
			delete(want, s.Stream.ID)
		}
		if len(want) > 0 {
			t.Errorf("not in the pages: %v", want)
		}
	}
	put(1, 4)
	put(2, 5)
	check(map[uint64]int{2: 5})
	elapsed = 59 * time.Second
	put(1, 1)
	put(2, 1)
	check(map[uint64]int{1: 5, 2: 5})
	elapsed += 59 * time.Second
	put(1, 1)
	check(map[uint64]int{1: 5, 2: 5})
	elapsed += time.Second
	check(map[uint64]int{1: 5, 2: 6})
}
