package producer

import (
	"crypto/rand"
	"time"

	"github.com/millrace/millrace"
)

// A buffer is what a stream has in memory, besides the list of its fragments:
// where bytes go, what was left out, how fast the network is. The stream's mutex
// guards all of it but pool and share, which have their own.
type buffer struct {
	pool  *pool
	share share
	room  chan struct{} // of one; tells a writer that waits that something changed

	producer millrace.ProducerID // without a spool
	session  millrace.SessionID
	sequence uint64 // of the fragment begun last

	slab    *slab // where the next bytes go; nil if there is none
	bodies  *body // not used now
	gate    gateState
	omitted omitted
	thin    bool // SlowThin is at work
	pressed bool // a Pressure was told that is not over
	rate    meter
}

// newBuffer makes the buffer of a stream, which joins the pool.
func (s *Stream) newBuffer(c *Client) error {
	b := &s.buffer
	b.pool, b.producer, b.room = c.pool, c.producer, make(chan struct{}, 1)
	_, _ = rand.Read(b.session[:]) // never fails
	b.share = share{sheds: s.sheds(), shed: s.shed, wake: s.wakeWriter}
	if s.config.Buffer.Spool {
		if err := s.openSpool(c.Spool); err != nil {
			return err
		}
	}
	b.pool.join(&b.share)
	return nil
}

// wakeWriter tells a writer that waits for room to look again.
func (s *Stream) wakeWriter() {
	select {
	case s.buffer.room <- struct{}{}:
	default: // it was told already
	}
}

// wake tells everybody who waits for a change of the stream. The mutex is held.
func (s *Stream) wake() {
	s.changed.Broadcast()
	s.wakeWriter()
	if s.closing && s.queue.idle() && s.nothing != nil {
		s.nothing()
	}
}

// identify gives out the identity of the next fragment.
func (b *buffer) identify() millrace.Identity {
	b.sequence++
	return millrace.Identity{Session: b.session, Sequence: b.sequence}
}

// newBody returns a body for a fragment.
func (b *buffer) newBody() *body {
	k := b.bodies
	if k == nil {
		return &body{}
	}
	b.bodies, k.next = k.next, nil
	return k
}

// add copies p into slabs.
func (b *buffer) add(to *body, p []byte) {
	for len(p) > 0 {
		if b.slab == nil || b.slab.used == slabSize {
			b.letSlab()
			b.slab = b.pool.take(&b.share)
		}
		p = to.copyTo(b.slab, p)
	}
}

// need is how many bytes of slabs it takes to add n bytes.
func (b *buffer) need(n int64) int64 {
	if b.slab != nil {
		n -= int64(slabSize - b.slab.used)
	}
	return max(n+slabSize-1, 0) / slabSize * slabSize
}

// letSlab lets go the slab that bytes were added to.
func (b *buffer) letSlab() {
	if b.slab != nil {
		b.drop(b.slab)
		b.slab = nil
	}
}

func (b *buffer) drop(s *slab) {
	if s.refs--; s.refs == 0 {
		b.pool.put(&b.share, s)
	}
}

// free lets go what a fragment has in memory, unless somebody writes from it.
func (b *buffer) free(f *fragment) {
	k := f.body
	if k == nil || f.pins > 0 {
		return
	}
	f.body = nil
	for _, s := range k.slabs {
		b.drop(s)
	}
	clear(k.slabs)
	clear(k.pieces)
	*k = body{pieces: k.pieces[:0], slabs: k.slabs[:0], next: b.bodies}
	b.bodies = k
}

// pin keeps the bytes that were taken from fragments from being reused until
// unpin. The mutex is held.
func (s *Stream) pin(f *fragment) { f.pins++ }

// unpin ends pin. Bytes of fragments that were settled meanwhile are let go.
// The mutex is held.
func (s *Stream) unpin(f *fragment) {
	f.pins--
	switch {
	case f.pins > 0:
	case f.settled:
		s.buffer.free(f)
		s.releaseIdle()
	default:
		s.evict(f)
	}
}

// releaseIdle lets go the memory of a stream that keeps nothing.
func (s *Stream) releaseIdle() {
	if s.queue.idle() {
		s.buffer.letSlab()
		s.wakeWriter()
	}
}

// mediaTime is the wall time that a media time stands for.
func (s *Stream) mediaTime(at time.Duration) time.Time {
	if s.config.Time.Relative {
		return s.config.Time.Start.Add(at).UTC()
	}
	return time.Unix(0, int64(at)).UTC()
}
