package playback

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/hashicorp/golang-lru/v2/simplelru"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/memory"
	"github.com/millrace/millrace/internal/store"
	"github.com/millrace/millrace/internal/timeline"
)

// factSize is about how many bytes what is known of a fragment takes in memory.
const factSize = 384

// mostFormats is how many headers are kept as they were understood, if there is
// room for them.
const mostFormats = 1024

// A fact is what playback knows of a fragment without its media. It is shared and
// never changed.
type fact struct {
	admission *admission       // nil if it is damaged
	spans     [2]timeline.Span // of the admission's picture and sound
}

// An admission is what the rules say of one header: what is played of it.
type admission struct {
	Program
	format  *timeline.Format
	refused error // what a player is told who asks for a segment; nil if there is nothing to be said
	size    int64 // about how many bytes of memory it takes

	kept int // how often it is kept, guarded by the mutex of facts
}

// factKey tells facts apart. What is played depends on what it is made into.
type factKey struct {
	stream millrace.StreamKey
	number millrace.FragmentNumber
	use    Use
}

type admissionKey struct {
	header [32]byte
	use    Use
}

// facts are what is known of fragments, as many as there is room for, for all
// sessions together. Any number of goroutines may use it.
type facts struct {
	archive store.Archive
	budget  *memory.Budget
	rules   Rules
	flights flights[factKey, *fact]

	room int64 // bytes that admissions may take

	mu         sync.Mutex // guards what follows
	known      *simplelru.LRU[factKey, *fact]
	admissions *simplelru.LRU[admissionKey, *admission]
	used       int64 // bytes of the admissions that either has
}

func newFacts(c *HLSConfig, bytes int64) *facts {
	f := &facts{archive: c.Archive, budget: c.Memory, rules: c.Rules, room: bytes}
	f.known, _ = simplelru.NewLRU(int(max(bytes/factSize, 64)), func(_ factKey, known *fact) { f.drop(known.admission) }) // fails for no size above 0
	f.admissions, _ = simplelru.NewLRU(mostFormats, func(_ admissionKey, c *admission) { f.drop(c) })
	return f
}

// keep counts an admission that is kept once more, and drop one that is once less. mu is
// held.
func (f *facts) keep(c *admission) {
	if c.kept++; c.kept == 1 {
		f.used += c.size
	}
}

func (f *facts) drop(c *admission) {
	if c.kept--; c.kept == 0 {
		f.used -= c.size
	}
}

// shrink lets go of what was not asked for longest while admissions take too much: a
// producer may send another header with every fragment. mu is held.
func (f *facts) shrink() {
	for f.used > f.room && f.admissions.Len() > 1 {
		f.admissions.RemoveOldest()
	}
	for f.used > f.room && f.known.Len() > 1 {
		f.known.RemoveOldest()
	}
}

// of returns what is known of a fragment; one that has gone since is ErrNotFound.
func (f *facts) of(ctx context.Context, s store.Scope, e store.Entry, u Use) (*fact, error) {
	key := factKey{s.Stream, e.Number, u}
	if known := f.find(key); known != nil {
		return known, nil
	}
	known, _, err := f.flights.do(ctx, key, func(ctx context.Context) (*fact, error) {
		if known := f.find(key); known != nil {
			return known, nil
		}
		outline, err := f.archive.Outline(ctx, s, e)
		if errors.Is(err, millrace.ErrCorrupt) {
			return &fact{}, nil // not remembered: the store does, and may mend it
		}
		if err != nil {
			return nil, err
		}
		known, err := f.read(ctx, s, e, outline, u)
		if errors.Is(err, millrace.ErrCorrupt) {
			return &fact{}, nil
		}
		if err != nil {
			return nil, err
		}
		f.remember(key, known)
		return known, nil
	})
	return known, err
}

// single is the span of a track in a fragment that has one frame of it, which
// lasts as long as those of the fragment before.
func (f *facts) single(ctx context.Context, s store.Scope, e store.Entry, t *timeline.Track, usual int64) (timeline.Span, error) {
	outline, err := f.archive.Outline(ctx, s, e)
	if err != nil {
		return timeline.Span{}, err
	}
	return t.Span(outline, timeline.Hint{Usual: usual}), nil
}

// read makes a fact of an outline. Where blocks hold several frames only the media
// say how many.
func (f *facts) read(ctx context.Context, s store.Scope, e store.Entry, outline *millrace.Fragment, u Use) (*fact, error) {
	c, err := f.admissionOf(outline.Header, u)
	if err != nil {
		return nil, err
	}
	if timeline.Laced(outline) {
		loan, err := f.budget.Borrow(ctx, e.Size, nil)
		if err != nil {
			return nil, err
		}
		defer loan.Return()
		if outline, err = f.archive.Read(ctx, s, e, nil); err != nil {
			return nil, err
		}
		if err := timeline.Unlace(outline, c.format); err != nil {
			return nil, err
		}
	}
	known := &fact{admission: c}
	for i, t := range [2]*timeline.Track{c.Video, c.Audio} {
		if t != nil {
			known.spans[i] = t.Span(outline, timeline.Hint{})
		}
	}
	return known, nil
}

// admissionOf returns what is played of a header. What the rules refuse is timed all
// the same, if it can be: a playlist goes on, and the segment says why there is
// none.
func (f *facts) admissionOf(h *millrace.Header, u Use) (*admission, error) {
	if h == nil {
		return nil, fmt.Errorf("fragment without a header: %w", millrace.ErrCorrupt)
	}
	key := admissionKey{h.Hash, u}
	f.mu.Lock()
	c, ok := f.admissions.Get(key)
	f.mu.Unlock()
	if ok {
		return c, nil
	}
	format, err := timeline.Parse(h)
	if err != nil {
		return nil, err
	}
	c = &admission{format: format, size: format.Size()}
	if c.Program, c.refused = f.rules.Admit(u, format); c.refused != nil {
		c.Program, _ = Rules{}.choose(u, format)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if other, ok := f.admissions.Get(key); ok {
		return other, nil // that its tracks can be told apart by their addresses
	}
	f.admissions.Add(key, c)
	f.keep(c)
	f.shrink()
	return c, nil
}

func (f *facts) find(key factKey) *fact {
	f.mu.Lock()
	defer f.mu.Unlock()
	known, _ := f.known.Get(key)
	return known
}

func (f *facts) remember(key factKey, known *fact) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.known.Contains(key) {
		return
	}
	f.known.Add(key, known)
	f.keep(known.admission)
	f.shrink()
}

// forget drops what is known of a fragment that turned out to be damaged.
func (f *facts) forget(stream millrace.StreamKey, n millrace.FragmentNumber) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, u := range [...]Use{UseFMP4, UseTS} {
		f.known.Remove(factKey{stream, n, u})
	}
}
