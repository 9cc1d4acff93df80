package producer

import (
	"slices"
	"sync"
)

// slabSize is the unit in which memory for media is taken, in bytes. A fragment
// of a camera takes a handful; many small fragments of one stream share one.
const slabSize = 64 << 10

// A slab is memory of one stream at a time. The stream's mutex guards used and
// refs; the bytes below used never change while refs is above zero.
type slab struct {
	bytes [slabSize]byte
	used  int // bytes that were given out
	refs  int // fragments that have bytes here, and the stream as long as it adds to it
}

// A pool is the memory for media of all streams of a client. What its streams
// hold is never more than its limit, but for fragments that are alone in their
// streams, which may always grow. A share of the limit, divided by the number of
// streams, is for each stream to take whatever the others do: streams that can
// give something back are asked to, others take no more than half of the limit
// beyond their shares.
type pool struct {
	limit int64

	mu      sync.Mutex // guards everything below, and the fields of shares; the innermost lock
	held    int64      // bytes in slabs that streams hold
	free    []*slab
	shares  []*share
	waiting int // shares whose streams wait
}

// A share is what one stream has to do with its pool.
type share struct {
	sheds   bool        // the stream can give memory back when it is asked to
	shed    func(int64) // has the stream give back what it holds above so many bytes; called without locks
	wake    func()      // tells the stream that there is room again; must not block
	held    int64       // bytes
	waiting bool
}

func newPool(limit int64) *pool { return &pool{limit: limit} }

// join adds a stream.
func (p *pool) join(s *share) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.shares = append(p.shares, s)
}

// setSheds says whether a stream can give memory back from now on.
func (p *pool) setSheds(s *share, sheds bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	s.sheds = sheds
}

// leave takes a stream out, which holds nothing any more.
func (p *pool) leave(s *share) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.shares = slices.DeleteFunc(p.shares, func(o *share) bool { return o == s })
	p.wakeAll()
}

// allows reports whether a stream may take n bytes more.
func (p *pool) allows(s *share, n int64) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	after := p.held + n
	switch {
	case after > p.limit:
		return false
	case s.held+n <= p.fair() || s.sheds:
		return true
	}
	return after <= p.limit/2
}

// holds is how many bytes a stream holds.
func (p *pool) holds(s *share) int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return s.held
}

// fair is what each stream may take whatever the others do.
func (p *pool) fair() int64 { return p.limit / int64(max(len(p.shares), 1)) }

// hog returns the stream that holds most of those that can give something
// back, and down to what; nil if none is above its share, or if s itself is.
func (p *pool) hog(s *share) (largest *share, keep int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	keep = p.fair()
	if s.held > keep {
		return nil, 0
	}
	for _, o := range p.shares {
		if o != s && o.sheds && o.held > keep && (largest == nil || o.held > largest.held) {
			largest = o
		}
	}
	return largest, keep
}

// take gives out a slab. Whether that is allowed was asked before.
func (p *pool) take(s *share) *slab {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.held += slabSize
	s.held += slabSize
	if n := len(p.free); n > 0 {
		b := p.free[n-1]
		p.free[n-1] = nil
		p.free = p.free[:n-1]
		b.used, b.refs = 0, 1
		return b
	}
	return &slab{refs: 1}
}

// spare is how many slabs lie ready beyond a quarter of those in use.
const spare = 16

// put takes a slab back.
func (p *pool) put(s *share, b *slab) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.held -= slabSize
	s.held -= slabSize
	p.free = append(p.free, b)
	if bound := int(p.held/slabSize/4 + spare); len(p.free) > bound {
		clear(p.free[bound:])
		p.free = p.free[:bound]
	}
	p.wakeAll()
}

// await has the stream woken when there is room again.
func (p *pool) await(s *share, waits bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if s.waiting == waits {
		return
	}
	s.waiting = waits
	if waits {
		p.waiting++
	} else {
		p.waiting--
	}
}

func (p *pool) wakeAll() {
	if p.waiting == 0 {
		return
	}
	for _, s := range p.shares {
		if s.waiting {
			s.wake()
		}
	}
}
