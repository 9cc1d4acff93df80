package store

import (
	"context"
	"fmt"
	"sync"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/pack"
)

// An index is what is known of all fragments. It is derived from the packs and
// the policies, and keeps the packs' accounts of what is live.
type index struct {
	packs *packTable

	mu      sync.RWMutex // guards what follows; held for reading while a row goes in
	streams map[millrace.StreamKey]*streamIndex
	rules   map[millrace.StreamKey]*rule
	strict  bool              // streams without a rule do not live
	dropped map[uint64]uint32 // highest generation dropped, by stream id
}

// newIndex makes an empty index. Nil policies mean that every stream lives.
func newIndex(packs *packTable, policies map[millrace.StreamKey]Policy) *index {
	ix := &index{
		packs:   packs,
		streams: make(map[millrace.StreamKey]*streamIndex),
		rules:   make(map[millrace.StreamKey]*rule, len(policies)),
		strict:  policies != nil,
		dropped: make(map[uint64]uint32),
	}
	for key, p := range policies {
		ix.rules[key] = newRule(p, nil)
	}
	return ix
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
	if x == nil {
		return millrace.ErrNotFound
	}
	if r := ix.rules[e.Stream]; r != nil && r.Gone(e.Number, e.ProducerTime) {
		return nil
	}
	if !x.insert(rowOf(number, e)) {
		return fmt.Errorf("fragment %v: %w", e.Number, millrace.ErrExists)
	}
	ix.packs.gain(number, e.Size)
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
		ix.streams[key] = newStreamIndex()
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
	v := view{recent: x, since: momentOf(s.Since).ceil()}
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

// applied notes that the index has nothing more of what was deleted.
func (ix *index) applied(key millrace.StreamKey, deletions []Deletion) {
	if len(deletions) == 0 {
		return
	}
	ix.mu.Lock()
	defer ix.mu.Unlock()
	if r := ix.rules[key]; r != nil {
		ix.rules[key] = r.without(deletions)
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
	if x := ix.stream(f.Stream); x != nil && x.has(f.Number) {
		return fmt.Errorf("fragment %v: %w", f.Number, millrace.ErrExists)
	}
	return nil
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
	if g, ok := ix.dropped[key.ID]; !ok || g < key.Generation {
		ix.dropped[key.ID] = key.Generation
	}
	ix.mu.Unlock()
	if x != nil {
		x.empty(ix.lose)
	}
}

func (ix *index) lose(r *row) { ix.packs.lose(r.pack, int64(r.size)) }

// snapshot lists the streams that there are now.
func (ix *index) snapshot() map[millrace.StreamKey]*streamIndex {
	ix.mu.RLock()
	defer ix.mu.RUnlock()
	all := make(map[millrace.StreamKey]*streamIndex, len(ix.streams))
	for k, x := range ix.streams {
		all[k] = x
	}
	return all
}

// feed moves recent rows into the pages: those that are due, or all.
func (ix *index) feed(ctx context.Context, _ bool) error { return ctx.Err() }
