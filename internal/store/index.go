package store

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/pack"
)

// An index is what is known of all fragments. It is derived from the packs and
// the policies, and keeps the packs' accounts of what is live. Fragments are
// found in memory when they are committed; the feeder takes them from there
// into the pages, if there are any. Whoever changes the pages has the turn;
// queries wait for nobody.
type index struct {
	pages    Pages // nil: everything stays in memory
	packs    *packTable
	facts    facts
	logger   *slog.Logger
	elapsed  func() time.Duration
	feedRows int
	feedAge  time.Duration
	most     int64         // rows that memory may hold
	bound    bool          // every stream that lives has a rule
	count    atomic.Int64  // of rows in memory
	turn     chan struct{} // holds a token while somebody changes the pages
	wake     chan struct{} // holds a token while the feeder has something to do at once
	unsynced atomic.Bool   // something was applied and is not durable
	moving   atomic.Bool   // of that, that entries are found elsewhere now
	broken   atomic.Bool   // the pages are damaged, or not whole yet
	remakes  atomic.Int64  // how often the pages were left
	scratch  sync.Pool     // of *[]Entry

	mu      sync.RWMutex // guards what follows; held for reading while a row goes in
	streams map[millrace.StreamKey]*streamIndex
	leaving map[millrace.StreamKey]*streamIndex // dropped, but the pages still have them
	rules   map[millrace.StreamKey]*rule
	strict  bool                // streams without a rule do not live
	dropped map[uint64]uint32   // highest generation dropped, by stream id, of the last maxDropped
	drops   []uint64            // the ids in it, in the order of their first drop
	lost    map[uint64]lostPack // what the pages have of them is not found; replaced, never changed
}

// maxDropped is how many dropped streams are remembered, so that nothing comes
// in any more that was on its way to them. It has come long before so many more
// were dropped; and a start knows of none.
const maxDropped = 1 << 16

// newIndex makes an empty index.
func newIndex(cfg *Config, packs *packTable) *index {
	ix := &index{
		pages: cfg.Pages, packs: packs, logger: cfg.Logger, elapsed: cfg.Elapsed,
		facts:    facts{identity: cfg.Identity, epoch: cfg.Epoch},
		feedRows: cfg.FeedRows, feedAge: cfg.FeedAge, most: int64(cfg.RecentRows),
		turn: make(chan struct{}, 1), wake: make(chan struct{}, 1),
		streams: make(map[millrace.StreamKey]*streamIndex),
		leaving: make(map[millrace.StreamKey]*streamIndex),
		rules:   make(map[millrace.StreamKey]*rule, len(cfg.Policies)),
		strict:  cfg.Policies != nil,
		bound:   cfg.Policies != nil,
		dropped: make(map[uint64]uint32),
	}
	packs.feeding = ix.pages != nil
	ix.unsynced.Store(ix.pages != nil) // what an earlier start applied may not be durable
	ix.moving.Store(ix.pages != nil)
	for key, p := range cfg.Policies {
		ix.rules[key] = newRule(p, nil)
	}
	return ix
}

// take waits for the turn. The caller must release it.
func (ix *index) take(ctx context.Context) (release func(), err error) {
	select {
	case ix.turn <- struct{}{}:
		return func() { <-ix.turn }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// takePages waits for the turn of a change that relies on the pages.
func (ix *index) takePages(ctx context.Context) (release func(), err error) {
	if release, err = ix.take(ctx); err == nil && ix.broken.Load() {
		release()
		return nil, errRemaking()
	}
	return release, err
}

// nudge lets the feeder begin at once.
func (ix *index) nudge() {
	select {
	case ix.wake <- struct{}{}:
	default:
	}
}

// started says that what was there before has been found: streams that come
// now are new ones.
func (ix *index) started() {
	ix.mu.Lock()
	defer ix.mu.Unlock()
	ix.strict = false
}

// setPolicy replaces the policy of a stream, unless that was dropped.
func (ix *index) setPolicy(key millrace.StreamKey, p Policy) {
	ix.mu.Lock()
	defer ix.mu.Unlock()
	if !ix.goneLocked(key) {
		ix.rules[key] = newRule(p, ix.rules[key])
	}
}

// insert makes a fragment findable, unless its stream's policy has taken it
// away already. A stream that was dropped is millrace.ErrNotFound, a number
// that is there millrace.ErrExists.
func (ix *index) insert(number uint64, e *pack.Entry) error {
	ix.ensure(e.Stream)
	ix.mu.RLock()
	defer ix.mu.RUnlock()
	x := ix.streams[e.Stream]
	ix.facts.saw(e.Number, e.Duration)
	if x == nil {
		ix.packs.settle(number, e, false)
		return millrace.ErrNotFound
	}
	if r := ix.rules[e.Stream]; r != nil && r.Gone(e.Number, e.ProducerTime) {
		ix.packs.settle(number, e, false)
		return nil
	}
	found := x.insert(rowOf(number, e), ix.elapsed())
	ix.packs.settle(number, e, found)
	if !found {
		return fmt.Errorf("fragment %v: %w", e.Number, millrace.ErrExists)
	}
	return nil
}

// ensure makes the index of a stream that has none, unless it does not live.
func (ix *index) ensure(key millrace.StreamKey) {
	if ix.stream(key) != nil {
		return
	}
	ix.mu.Lock()
	defer ix.mu.Unlock()
	if ix.streams[key] == nil && !ix.goneLocked(key) {
		ix.streams[key] = newStreamIndex(&ix.count)
	}
}

func (ix *index) stream(key millrace.StreamKey) *streamIndex {
	ix.mu.RLock()
	defer ix.mu.RUnlock()
	return ix.streams[key]
}

// view is what a query of scope sees, false if the stream has nothing.
func (ix *index) view(s Scope) (view, bool) {
	ix.mu.RLock()
	defer ix.mu.RUnlock()
	x := ix.streams[s.Stream]
	if x == nil {
		return view{}, false
	}
	v := view{key: s.Stream, recent: x, lost: ix.lost, since: momentOf(s.Since).ceil()}
	if r := ix.rules[s.Stream]; r != nil {
		v.since = max(v.since, momentOf(r.KeptSince).ceil())
		v.hiding = r.hiding
	}
	return v, true
}

// rule returns the rule of a stream, nil if it has none.
func (ix *index) rule(key millrace.StreamKey) *rule {
	ix.mu.RLock()
	defer ix.mu.RUnlock()
	return ix.rules[key]
}

// policy is what the control state says of a stream. One of which it says
// nothing is kept for ever.
func (ix *index) policy(key millrace.StreamKey) Policy {
	if r := ix.rule(key); r != nil {
		return r.Policy
	}
	return Policy{Retention: millrace.MaxRetention}
}

// swept notes that the index has nothing more of what was deleted, nor of
// anything from before since.
func (ix *index) swept(key millrace.StreamKey, deletions []Deletion, since int64) {
	ix.mu.Lock()
	defer ix.mu.Unlock()
	if r := ix.rules[key]; r != nil && len(r.Deletions) > 0 {
		ix.rules[key] = r.after(deletions, since)
	}
}

func (ix *index) isDropped(key millrace.StreamKey) bool {
	ix.mu.RLock()
	defer ix.mu.RUnlock()
	return ix.goneLocked(key)
}

// admits says why a fragment cannot go in: its stream was dropped, or its
// number is there.
func (ix *index) admits(f *millrace.Fragment) error {
	if ix.isDropped(f.Stream) {
		return fmt.Errorf("stream of fragment %v: %w", f.Number, millrace.ErrNotFound)
	}
	there, err := ix.has(context.Background(), f.Stream, f.Number)
	if err == nil && there {
		err = millrace.ErrExists
	}
	if err != nil {
		return fmt.Errorf("fragment %v: %w", f.Number, err)
	}
	return nil
}

// has reports whether a stream has a number. Numbers grow, so that it is rarely
// the pages that must tell. While these are being made again nothing is known of
// what they held, and a number counts as new: the feeder drops twins.
func (ix *index) has(ctx context.Context, key millrace.StreamKey, n millrace.FragmentNumber) (bool, error) {
	x := ix.stream(key)
	if x == nil {
		return false, nil
	}
	there, p := x.has(n)
	if there || p.count == 0 || n.Compare(p.last) > 0 || ix.broken.Load() {
		return there, nil
	}
	e, err := ix.entryPaged(ctx, key, n)
	return e != nil, err
}

// full says why memory takes no more fragments: too many wait for pages that
// cannot be written.
func (ix *index) full() error {
	if ix.pages == nil || ix.count.Load() < ix.most {
		return nil
	}
	ix.nudge()
	return fmt.Errorf("%d fragments are not in the index: %w", ix.most, ErrUnavailable)
}

func (ix *index) goneLocked(key millrace.StreamKey) bool {
	generation, ok := ix.dropped[key.ID]
	return ok && key.Generation <= generation || ix.strict && ix.rules[key] == nil
}

// drop forgets a stream for good.
func (ix *index) drop(key millrace.StreamKey) {
	ix.mu.Lock()
	x := ix.streams[key]
	delete(ix.streams, key)
	delete(ix.rules, key)
	if x != nil && ix.pages != nil {
		ix.leaving[key] = x
	}
	ix.rememberDropLocked(key)
	ix.mu.Unlock()
	if x != nil {
		x.empty(ix.packs.lose)
	}
}

func (ix *index) rememberDropLocked(key millrace.StreamKey) {
	g, ok := ix.dropped[key.ID]
	if !ok || g < key.Generation {
		ix.dropped[key.ID] = key.Generation
	}
	if !ok {
		ix.drops = append(ix.drops, key.ID)
	}
	if len(ix.drops) > maxDropped {
		delete(ix.dropped, ix.drops[0])
		ix.drops = ix.drops[1:]
	}
}

// keys lists the streams that there are now, in order.
func (ix *index) keys() []millrace.StreamKey {
	ix.mu.RLock()
	defer ix.mu.RUnlock()
	return sortedKeys(ix.streams)
}

func sortedKeys[T any](m map[millrace.StreamKey]T) []millrace.StreamKey {
	return slices.SortedFunc(maps.Keys(m), func(a, b millrace.StreamKey) int {
		return cmp.Or(cmp.Compare(a.ID, b.ID), cmp.Compare(a.Generation, b.Generation))
	})
}
