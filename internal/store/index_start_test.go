package store_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
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

// A house is a store of some streams that is closed and opened again.
type house struct {
	t        *testing.T
	fs       *mem.FS
	pages    *mem.Pages
	policies map[millrace.StreamKey]store.Policy
	gen      *storetest.Fragments
	list     []*millrace.Fragment // all that was put
	now      time.Time
	epoch    uint32
	erased   uint64
	log      strings.Builder
	*store.Driver
}

func newHouse(t *testing.T) *house {
	h := &house{
		t: t, fs: mem.NewFS(), pages: mem.NewPages(), gen: storetest.NewFragments(3), now: storetest.Epoch(),
		policies: make(map[millrace.StreamKey]store.Policy),
	}
	for id := range uint64(4) {
		h.policies[millrace.StreamKey{ID: id}] = store.Policy{Retention: time.Hour}
	}
	h.open(func(*store.Config) {})
	return h
}

func (h *house) open(with func(*store.Config)) {
	h.t.Helper()
	h.epoch++
	h.log.Reset()
	cfg := store.Config{
		FS: h.fs, Pages: h.pages, Epoch: h.epoch, Policies: h.policies, PackSize: 20_000,
		Logger: slog.New(slog.NewTextHandler(&h.log, nil)),
	}
	with(&cfg)
	d, err := store.OpenByHand(h.t.Context(), cfg)
	if err != nil {
		h.t.Fatal(err)
	}
	h.Driver = d
}

// put commits n fragments, with producer times that jump now and then.
func (h *house) put(n int) {
	h.t.Helper()
	r := rand.New(rand.NewPCG(uint64(len(h.list)), 1))
	for i := range n {
		f := h.gen.Make(millrace.StreamKey{ID: r.Uint64N(4)}, 100)
		if _, lives := h.policies[f.Stream]; !lives {
			continue
		}
		if r.IntN(5) == 0 {
			f.ProducerTime = f.ProducerTime.Add(-time.Duration(r.IntN(4000)) * time.Second)
		}
		h.now = f.ServerTime()
		submit(h.t, h.Driver, f)
		h.list = append(h.list, f)
		if i%7 == 0 {
			h.Step()
		}
	}
	h.Step()
}

func (h *house) set(id uint64, change func(*store.Policy)) {
	key := millrace.StreamKey{ID: id}
	p := h.policies[key]
	change(&p)
	h.policies[key] = p
	h.SetPolicy(key, p)
}

func (h *house) maintain() {
	h.t.Helper()
	if _, err := h.Maintain(h.t.Context(), storetest.ExpiryAt(h.now)); err != nil {
		h.t.Fatal(err)
	}
}

// answers is everything that queries answer: both clocks, all pages, all times
// at which something begins or ends, and all bytes.
func (h *house) answers() map[string]string {
	h.t.Helper()
	all := make(map[string]string)
	for id := range uint64(5) {
		key := millrace.StreamKey{ID: id}
		policy := h.policies[key]
		scope := store.Scope{Stream: key, Since: policy.Since(storetest.ExpiryAt(h.now))}
		for c := range store.Clock(2) {
			for _, limit := range []int{0, 1, 7} {
				all[fmt.Sprintf("list %d/%d/%d", id, c, limit)] = fmt.Sprint(h.listed(scope, store.Listing{Clock: c, Limit: limit}))
			}
		}
		for _, f := range h.list {
			for _, at := range []time.Time{f.ServerTime(), f.ProducerTime, f.ProducerTime.Add(f.Duration)} {
				s, serr := h.AtServerTime(h.t.Context(), scope, at)
				p, perr := h.AtProducerTime(h.t.Context(), scope, at)
				all[fmt.Sprintf("at %d/%v", id, at)] = fmt.Sprint(named(s, serr), named(p, perr))
			}
		}
		s := h.StreamStats(key)
		all[fmt.Sprintf("stats %d", id)] = fmt.Sprint(s.Newest)
	}
	return all
}

func named(e store.Entry, err error) string {
	if err != nil {
		return fmt.Sprint(errors.Is(err, millrace.ErrNotFound))
	}
	return fmt.Sprint(e.Number, e.ProducerTime, e.Duration, e.Size, e.Flags)
}

// listed is what a listing returns, all of it read.
func (h *house) listed(scope store.Scope, l store.Listing) (all []string) {
	h.t.Helper()
	for {
		list, err := h.List(h.t.Context(), scope, l)
		if err != nil {
			h.t.Fatal(err)
		}
		for _, e := range list {
			all = append(all, named(e, nil))
			if l.Limit == 0 {
				h.read(scope, e)
			}
		}
		if len(list) == 0 || l.Limit == 0 {
			return all
		}
		l.After = list[len(list)-1].Key(l.Clock)
	}
}

func (h *house) read(scope store.Scope, e store.Entry) {
	h.t.Helper()
	i := slices.IndexFunc(h.list, func(f *millrace.Fragment) bool { return f.Number == e.Number })
	got, err := h.Read(h.t.Context(), scope, e, nil)
	if err == nil {
		err = storetest.Same(got, h.list[i])
	}
	if err != nil {
		h.t.Errorf("read %v: %v", e.Number, err)
	}
}

func (h *house) sameAs(want map[string]string, when string) {
	h.t.Helper()
	got := h.answers()
	if len(want) < 500 {
		h.t.Fatalf("%d answers are few", len(want))
	}
	for question, answer := range want {
		if got[question] != answer {
			h.t.Fatalf("%s, %q is answered with\n%s, was\n%s", when, question, got[question], answer)
		}
	}
}

// live has everything happen that decides what there is: expiry, a retention
// that was raised again, deletions on both clocks, a stream that was dropped,
// maintenance that has seen some of it and not the rest.
func (h *house) live() {
	h.t.Helper()
	h.put(200)
	h.set(1, func(p *store.Policy) { p.Retention = time.Minute })
	h.maintain()
	h.put(100)
	h.set(1, func(p *store.Policy) { p.KeptSince, p.Retention = h.now.Add(-time.Minute), 2*time.Hour })
	h.erase(2, store.ServerClock, h.now.Add(-2*time.Minute), h.now.Add(-time.Minute))
	h.put(50)
	h.maintain()
	h.erase(2, store.ProducerClock, h.now.Add(-20*time.Minute), h.now.Add(-30*time.Second))
	h.erase(0, store.ProducerClock, h.now.Add(-time.Hour), h.now.Add(-4*time.Minute))
	if err := h.Drop(h.t.Context(), millrace.StreamKey{ID: 3}); err != nil {
		h.t.Fatal(err)
	}
	delete(h.policies, millrace.StreamKey{ID: 3})
	h.put(60)
}

func (h *house) erase(id uint64, c store.Clock, from, to time.Time) {
	h.set(id, func(p *store.Policy) {
		h.erased++
		d := store.Deletion{ID: h.erased, Clock: c, From: from, To: to, Last: h.list[len(h.list)-1].Number}
		p.Deletions = append(slices.Clone(p.Deletions), d)
	})
}

// TestAnIndexThatIsMadeAgainAnswersTheSame throws the index away in every way,
// after a kill and after a shutdown, and compares all answers.
func TestAnIndexThatIsMadeAgainAnswersTheSame(t *testing.T) {
	ways := map[string]func(h *house) func(*store.Config){
		"it is kept": func(*house) func(*store.Config) { return func(*store.Config) {} },
		"it is deleted": func(h *house) func(*store.Config) {
			h.pages = mem.NewPages()
			return func(c *store.Config) { c.Pages = h.pages }
		},
		"it is damaged": func(h *house) func(*store.Config) { h.pages.Damage(); return func(*store.Config) {} },
		"it is to be made again": func(*house) func(*store.Config) {
			return func(c *store.Config) { c.Rebuild = true }
		},
		"it belongs to another control state": func(*house) func(*store.Config) {
			return func(c *store.Config) { c.Identity[3]++ }
		},
		"none is used": func(*house) func(*store.Config) { return func(c *store.Config) { c.Pages = nil } },
	}
	for name, way := range ways {
		for _, killed := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, killed is %v", name, killed), func(t *testing.T) {
				h := newHouse(t)
				h.live()
				want := h.answers()
				mustFeed(t, h.Driver)
				h.put(0)
				h.sameAs(want, "in pages")
				if killed {
					h.fs, h.pages = h.fs.Kill(), h.pages.Kill()
				} else {
					h.Close()
				}
				h.open(way(h))
				h.sameAs(want, "after the start")
				h.maintain()
				h.sameAs(want, "after maintenance")
				if h.pages.Power().Off() {
					return
				}
				mustFeed(t, h.Driver)
				h.sameAs(want, "fed")
				h.Close()
			})
		}
	}
}

// opens counts the files that are opened.
type opens struct {
	store.FS
	names []string
}

func (o *opens) Open(name string) (store.File, error) {
	o.names = append(o.names, name)
	return o.FS.Open(name)
}

func TestAStartOpensNoPackThatIsInTheIndex(t *testing.T) {
	h := newHouse(t)
	h.put(400)
	h.Close()
	o := &opens{FS: h.fs}
	h.open(func(c *store.Config) { c.FS = o })
	if len(o.names) > 0 {
		t.Errorf("opened %v, though all was fed", o.names)
	}
	if s := h.PackStats(); s.LiveFragments != 400 || s.Packs < 3 {
		t.Errorf("%+v", s)
	}
	if got := h.LastServerTime(); !got.Equal(h.now) {
		t.Errorf("latest server time is %v, want %v", got, h.now)
	}
	h.put(150)
	h.fs, h.pages = h.fs.Kill(), h.pages.Kill()
	o = &opens{FS: h.fs}
	h.open(func(c *store.Config) { c.FS = o })
	names, err := h.fs.ReadDir()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range o.names {
		if name < names[len(names)-1][:8] {
			t.Errorf("opened %s of an earlier epoch", name)
		}
	}
	if s := h.PackStats(); s.LiveFragments != 550 {
		t.Errorf("%+v", s)
	}
}

// Some streams have been fed and others not when the machine loses power.
func TestAStartFindsWhatWasFedInPart(t *testing.T) {
	for feeds := range 4 {
		h := newHouse(t)
		h.Close()
		h.open(func(c *store.Config) { c.FeedRows = 15 })
		for range feeds + 1 {
			h.put(53)
			if err := h.FeedDue(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		want, stats := h.answers(), h.PackStats()
		h.fs, h.pages = h.fs.Kill(), h.pages.Kill()
		h.open(func(*store.Config) {})
		h.sameAs(want, "after the start")
		if s := h.PackStats(); s.LiveFragments != stats.LiveFragments || s.LiveBytes != stats.LiveBytes {
			t.Errorf("%+v, before %+v", s, stats)
		}
		mustFeed(t, h.Driver)
		h.sameAs(want, "fed")
		h.Close()
		h.open(func(*store.Config) {})
		h.sameAs(want, "after another start")
	}
}

// Two stores that were made alike have packs of the same names: by their salts
// an index finds out that it is of the other one.
func TestAnIndexOfOtherPacksIsMadeAgain(t *testing.T) {
	a, b := newHouse(t), newHouse(t)
	a.put(20)
	b.put(40)
	want := b.answers()
	mustFeed(t, a.Driver)
	b.fs, b.pages = b.fs.Kill(), a.pages.Kill()
	b.open(func(*store.Config) {})
	b.sameAs(want, "with the other's index")
}

// An index that was left beside another control state, whose deletions it may
// not have heard of.
func TestAnIndexOfAnotherControlStateIsMadeAgain(t *testing.T) {
	h := newHouse(t)
	h.put(100)
	want := h.answers()
	h.Close()
	for identity, again := range map[[16]byte]bool{{}: false, {1}: true} {
		b := *h
		b.fs, b.pages = h.fs.Kill(), h.pages.Kill()
		b.open(func(c *store.Config) { c.Identity = identity })
		if made := strings.Contains(b.log.String(), "another control state"); made != again {
			t.Errorf("with the identity %x: the log says %q", identity, b.log.String())
		}
		b.sameAs(want, "with another control state")
		b.Close()
	}
}

// A pack that was open has lost its end behind the store's back.
func TestAnIndexThatHasMoreOfAPackIsMadeAgain(t *testing.T) {
	h := newHouse(t)
	h.put(60)
	mustFeed(t, h.Driver)
	h.fs, h.pages = h.fs.Kill(), h.pages.Kill()
	names, err := h.fs.ReadDir()
	if err != nil {
		t.Fatal(err)
	}
	f, err := h.fs.Open(names[len(names)-1])
	if err != nil {
		t.Fatal(err)
	}
	size, err := f.Size()
	if err := errors.Join(err, f.Truncate(pack.Aligned(size*2/3)), f.Close()); err != nil {
		t.Fatal(err)
	}
	h.open(func(*store.Config) {})
	found := 0
	for key := range h.policies {
		list, err := h.List(t.Context(), store.Scope{Stream: key}, store.Listing{})
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range list {
			if _, err := h.Read(t.Context(), store.Scope{Stream: key}, e, nil); err != nil {
				t.Errorf("%v is listed: %v", e.Number, err)
			}
		}
		found += len(list)
	}
	if found == 0 || found == len(h.list) {
		t.Errorf("%d of %d are found", found, len(h.list))
	}
}

func TestPacksThatHaveGoneLeaveTheIndex(t *testing.T) {
	h := newHouse(t)
	h.put(400)
	h.Close()
	names, err := h.fs.ReadDir()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{names[1], names[3]} {
		if err := h.fs.Remove(name); err != nil {
			t.Fatal(err)
		}
	}
	bare := &house{t: t, fs: h.fs.Kill(), pages: mem.NewPages(), policies: h.policies, list: h.list, now: h.now, epoch: 1}
	bare.open(func(*store.Config) {})
	want := bare.answers()
	h.fs = h.fs.Kill()
	h.open(func(*store.Config) {})
	h.sameAs(want, "before the pages are purged")
	mustFeed(t, h.Driver)
	h.sameAs(want, "after that")
	h.put(0)
	state, err := h.pages.State(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	left := 0
	for _, s := range state.Streams {
		left += s.Count
	}
	if s := h.PackStats(); left != s.LiveFragments || len(state.Packs) != s.Packs || s.Packs != len(names)-2 {
		t.Errorf("%d entries of %d packs are in the pages, %+v are there", left, len(state.Packs), s)
	}
}

// A copy of the control state and of the packs is put back beside an index that
// has gone on.
func TestAnIndexThatIsNewerThanTheControlStateIsMadeAgain(t *testing.T) {
	h := newHouse(t)
	h.put(100)
	h.Close()
	want := h.answers()
	copied := h.fs.Kill()
	h.fs = copied.Kill()
	h.epoch = 40
	h.open(func(*store.Config) {})
	list, now := h.list, h.now
	h.put(100)
	h.Close()
	h.fs, h.list, h.now = copied.Kill(), list, now
	h.epoch = 10
	h.open(func(*store.Config) {})
	if !strings.Contains(h.log.String(), "newer than the control state") {
		t.Errorf("the log says %q", h.log.String())
	}
	h.sameAs(want, "with an older control state")
}

// TestDamageOfTheIndexCostsNoAnswer damages the pages of a running engine: what
// cannot be answered is not answered wrongly, what is live goes on, and after
// that everything is as it was.
func TestDamageOfTheIndexCostsNoAnswer(t *testing.T) {
	h := newHouse(t)
	h.live()
	h.maintain()
	mustFeed(t, h.Driver)
	h.put(10)
	before := h.PackStats()
	h.pages.Damage()
	scope := store.Scope{Stream: millrace.StreamKey{ID: 0}}
	for range 2 {
		if _, err := h.List(t.Context(), scope, store.Listing{}); !errors.Is(err, store.ErrUnavailable) || errors.Is(err, millrace.ErrCorrupt) {
			t.Errorf("list from damaged pages: %v", err)
		}
		if _, err := h.AtProducerTime(t.Context(), scope, h.now); !errors.Is(err, store.ErrUnavailable) {
			t.Errorf("at producer time in damaged pages: %v", err)
		}
	}
	n := len(h.list)
	h.put(20)
	for _, f := range h.list[n:] {
		last := h.list[n-1]
		list, err := h.After(t.Context(), store.Scope{Stream: f.Stream}, last.Number, 100)
		if err != nil || !slices.ContainsFunc(list, func(e store.Entry) bool { return e.Number == f.Number }) {
			t.Errorf("what comes now is not found: %d entries, %v", len(list), err)
		}
	}
	mustFeed(t, h.Driver)
	if s := h.PackStats(); s.LiveFragments < before.LiveFragments {
		t.Errorf("%d fragments are live, before %d", s.LiveFragments, before.LiveFragments)
	}
	got := h.answers()
	bare := &house{t: t, fs: h.fs.Kill(), policies: h.policies, list: h.list, now: h.now, epoch: h.epoch}
	bare.open(func(c *store.Config) { c.Pages = nil })
	bare.sameAs(got, "without the index that was made again")
}

// What was written anew is found where it is now, when the index is made again.
func TestAnIndexThatIsMadeAgainKnowsPacksThatWereWrittenAnew(t *testing.T) {
	h := newHouse(t)
	h.put(400)
	h.set(3, func(p *store.Policy) { p.Retention = 60 * 24 * time.Hour }) // so that it is worth it
	for at := storetest.Epoch(); at.Before(h.now); at = at.Add(time.Minute) {
		h.erase(3, store.ServerClock, at, at.Add(30*time.Second))
	}
	for id := range uint64(3) {
		h.set(id, func(p *store.Policy) { p.KeptSince = h.now })
	}
	rewritten := 0
	for range 4 {
		r, err := h.Maintain(t.Context(), storetest.ExpiryAt(h.now))
		if err != nil {
			t.Fatal(err)
		}
		rewritten += r.Rewritten
		h.now = h.now.Add(20 * time.Minute)
	}
	if rewritten == 0 {
		t.Fatal("nothing was written anew")
	}
	h.maintain()
	want := h.answers()
	h.pages.Damage()
	mustFeed(t, h.Driver)
	h.maintain()
	h.sameAs(want, "made again")
}

// What a query has begun to ask of pages that are left meanwhile is not taken
// for an answer.
type leaving struct {
	store.Pages
	find func()
}

func (l *leaving) Find(ctx context.Context, q store.PageQuery) ([]store.IndexPage, error) {
	if f := l.find; f != nil {
		l.find = nil
		f()
	}
	return l.Pages.Find(ctx, q)
}

func TestAQueryDuringWhichTheIndexIsMadeAgainFindsNothingMissing(t *testing.T) {
	h := newHouse(t)
	l := &leaving{Pages: h.pages}
	h.Close()
	h.open(func(c *store.Config) { c.Pages = l })
	h.put(50)
	mustFeed(t, h.Driver)
	scope := store.Scope{Stream: h.list[0].Stream}
	l.find = func() {
		h.pages.Damage()
		_ = h.Feed(t.Context()) // discovers it, and makes the index again
		h.put(3)
		mustFeed(t, h.Driver)
	}
	if list, err := h.List(t.Context(), scope, store.Listing{}); err == nil || len(list) > 0 {
		t.Errorf("%d entries, %v", len(list), err)
	}
	if list, err := h.List(t.Context(), scope, store.Listing{}); err != nil || len(list) == 0 {
		t.Errorf("%d entries, %v", len(list), err)
	}
}

// A start reads no pack that is in the index; that it is of a newer release
// shows all the same.
func TestAnIndexOfNewerPacksIsRefused(t *testing.T) {
	h := newHouse(t)
	h.put(100)
	h.Close()
	change := &store.PageChange{Facts: map[string]string{"packs": "99"}}
	if err := h.pages.Apply(t.Context(), change); err != nil {
		t.Fatal(err)
	}
	_, err := store.Open(t.Context(), store.Config{FS: h.fs, Pages: h.pages, Epoch: 99})
	if !errors.Is(err, pack.ErrVersion) || !strings.Contains(err.Error(), "version 99") {
		t.Errorf("opened: %v", err)
	}
}

// A start that has to make the index again where that cannot be written goes on
// with what memory holds, and says so if that is not enough.
func TestAnIndexThatCannotBeWrittenIsMadeInMemory(t *testing.T) {
	h := newHouse(t)
	h.put(300)
	h.Close()
	h.open(func(*store.Config) {})
	want := h.everything()
	h.Close()
	bad := fault.NewPages(mem.NewPages())
	mend := bad.Break(fault.Fault{Op: fault.Apply, At: 1, Forever: true, Err: syscall.ENOSPC})
	h.open(func(c *store.Config) { c.Pages, c.RecentRows = bad, 400 })
	if got := h.everything(); !slices.Equal(got, want) {
		t.Errorf("%d fragments are found, %d before", len(got), len(want))
	}
	if !strings.Contains(h.log.String(), "stays in memory") {
		t.Errorf("the log does not tell: %s", h.log.String())
	}
	mend()
	mustFeed(t, h.Driver)
	h.put(10)
	if got := h.everything(); len(want) != 300 || len(got) != 310 {
		t.Errorf("%d fragments are found in the end, %d before", len(got), len(want))
	}
	want = h.everything()
	h.Close()
	h.open(func(c *store.Config) { c.Pages = bad })
	if got := h.everything(); !slices.Equal(got, want) {
		t.Errorf("%d fragments are found with the index, %d before", len(got), len(want))
	}
	h.Close()
	_, err := store.OpenByHand(t.Context(), store.Config{
		FS: h.fs, Epoch: 9, Policies: h.policies, RecentRows: 200,
		Pages: fault.NewPages(mem.NewPages(), fault.Fault{Op: fault.Apply, At: 1, Forever: true, Err: syscall.ENOSPC}),
	})
	if !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("with more than memory holds: %v", err)
	}
}
