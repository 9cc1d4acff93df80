package consumer

import (
	"bytes"
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// Clone returns the frame with a copy of its data, which stays valid for ever.
func (f Frame) Clone() Frame {
	f.Data = bytes.Clone(f.Data)
	f.memory = nil
	return f
}

// Instant returns Time as nanoseconds since the Unix epoch, or PTS if the frame
// has no Time; see media.Align.
func (f Frame) Instant() time.Duration {
	if f.Time.IsZero() {
		return f.PTS
	}
	return time.Duration(f.Time.UnixNano())
}

// Retain returns the frame with data that stay valid until release is called:
// a copy in memory that the reader uses over and over. Release may be called by
// any goroutine, and more than once. What is retained of one reader is bounded by
// its MaxRetained: above it the reader waits, before it reads on, for frames to
// be given back or its context to end. Whoever retains frames in the loop's body
// and gives none back before the next one waits for ever.
func (f Frame) Retain() (kept Frame, release func()) {
	if f.memory == nil {
		return f.Clone(), func() {}
	}
	s, data := f.memory.keep(f.Data)
	f.Data = data
	memory := f.memory
	return f, sync.OnceFunc(func() { memory.release(s, data) })
}

const (
	// retainedSlab is the unit in which memory for retained frames is taken, in
	// bytes. Frames above half of it have a slab of their own.
	retainedSlab = 256 << 10
	// spareSlabs is how many lie ready that hold nothing.
	spareSlabs = 4
)

// retained is the memory of one reader for frames that outlive their step. What
// it holds counts in whole slabs, so one small frame of each keeps them all.
type retained struct {
	limit int64
	size  int // of a slab that frames share, in bytes

	held atomic.Int64 // bytes of the slabs that frames are in; changed under mu

	mu   sync.Mutex // guards everything below, and the fields of slabs
	open *slab      // takes the next frames; nil if there is none yet
	free []*slab
	room chan struct{} // closed when held is within the limit again; nil if nobody waits
}

// A slab is memory for frames. The bytes that a frame has got there change only
// after it was released.
type slab struct {
	mem  []byte
	used int
	refs int // frames in it that were not released
}

// newRetained returns memory of limit bytes, and what one frame more takes.
func newRetained(limit int64) *retained {
	const most, least = retainedSlab, 4 << 10
	return &retained{limit: limit, size: int(min(most, max(least, limit/8)))}
}

// keep copies data. It does not wait: one frame may always be kept.
func (r *retained) keep(data []byte) (*slab, []byte) {
	s, at := r.reserve(len(data))
	kept := s.mem[at : at+len(data) : at+len(data)]
	copy(kept, data)
	return s, kept
}

// reserve finds room for n bytes.
func (r *retained) reserve(n int) (s *slab, at int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if n > r.size/2 {
		r.held.Add(int64(n))
		return &slab{mem: make([]byte, n), used: n, refs: 1}, 0
	}
	if r.open == nil || r.open.used+n > len(r.open.mem) {
		r.open = r.next()
	}
	s = r.open
	if s.refs == 0 {
		r.held.Add(int64(len(s.mem)))
	}
	at = s.used
	s.used += n
	s.refs++
	return s, at
}

// next returns an empty slab.
func (r *retained) next() *slab {
	n := len(r.free)
	if n == 0 {
		return &slab{mem: make([]byte, r.size)}
	}
	s := r.free[n-1]
	r.free[n-1] = nil
	r.free = r.free[:n-1]
	return s
}

func (r *retained) release(s *slab, data []byte) {
	spoil(data)
	r.mu.Lock()
	defer r.mu.Unlock()
	if s.refs--; s.refs > 0 {
		return
	}
	r.held.Add(-int64(len(s.mem)))
	s.used = 0
	if s != r.open && len(s.mem) == r.size && len(r.free) < spareSlabs {
		r.free = append(r.free, s)
	}
	if r.room != nil && r.held.Load() <= r.limit {
		close(r.room)
		r.room = nil
	}
}

// wait returns when no more is retained than may be, or with what ended ctx.
func (r *retained) wait(ctx context.Context) error {
	for r.held.Load() > r.limit {
		select {
		case <-r.full():
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}

// full returns what says that there may be room again.
func (r *retained) full() <-chan struct{} {
	r.mu.Lock()
	defer r.mu.Unlock()
	room := r.room
	if room == nil {
		room = make(chan struct{})
		r.room = room
	}
	if r.held.Load() <= r.limit {
		close(room)
		r.room = nil
	}
	return room
}
