package store

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/pack"
)

// An index is what memory knows of all fragments. It is derived from the packs
// and keeps their accounts of what is live.
type index struct {
	packs *packTable

	mu      sync.RWMutex // guards what follows; held for reading while a row goes in
	streams map[millrace.StreamKey]*streamIndex
	dropped map[uint64]uint32 // highest generation dropped, by stream id
}

func newIndex(packs *packTable) *index {
	return &index{
		packs:   packs,
		streams: make(map[millrace.StreamKey]*streamIndex),
		dropped: make(map[uint64]uint32),
	}
}

// insert makes a fragment findable. A stream that was dropped is
// millrace.ErrNotFound, a number that is there millrace.ErrExists.
func (ix *index) insert(number uint64, e *pack.Entry) error {
	ix.ensure(e.Stream)
	ix.mu.RLock()
	defer ix.mu.RUnlock()
	x := ix.streams[e.Stream]
	if x == nil {
		return millrace.ErrNotFound
	}
	if !x.insert(rowOf(number, e)) {
		return fmt.Errorf("fragment %v: %w", e.Number, millrace.ErrExists)
	}
	ix.packs.gain(number, e.Size)
	return nil
}

// ensure makes the index of a stream that has none, unless it was dropped.
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
	return ok && key.Generation <= generation
}

// drop forgets a stream for good.
func (ix *index) drop(key millrace.StreamKey) {
	ix.mu.Lock()
	x := ix.streams[key]
	delete(ix.streams, key)
	if g, ok := ix.dropped[key.ID]; !ok || g < key.Generation {
		ix.dropped[key.ID] = key.Generation
	}
	ix.mu.Unlock()
	if x != nil {
		x.empty(ix.lose)
	}
}

func (ix *index) lose(r *row) { ix.packs.lose(r.pack, int64(r.size)) }

// expire takes away what is expired, and returns how much that was.
func (ix *index) expire(ctx context.Context, expired func(millrace.StreamKey, time.Time) bool) (n int, bytes int64, err error) {
	for key, x := range ix.snapshot() {
		if err := ctx.Err(); err != nil {
			return n, bytes, err
		}
		x.expire(func(t time.Time) bool { return expired(key, t) }, func(r *row) {
			ix.lose(r)
			n, bytes = n+1, bytes+int64(r.size)
		})
	}
	return n, bytes, nil
}

func (ix *index) snapshot() map[millrace.StreamKey]*streamIndex {
	ix.mu.RLock()
	defer ix.mu.RUnlock()
	all := make(map[millrace.StreamKey]*streamIndex, len(ix.streams))
	for k, x := range ix.streams {
		all[k] = x
	}
	return all
}
