package consumertest

import "github.com/millrace/millrace"

// An Arrival is a fragment that is arriving. Readers see each frame as soon as it
// is there. Its methods may be called by one goroutine at a time.
type Arrival struct {
	stream *Stream
	chunk  *chunk
}

// Begin adds a fragment that is arriving, and shows none of its frames yet: Step
// shows those that it has, Write further ones.
func (s *Stream) Begin(f Fragment) *Arrival { return &Arrival{s, s.insert(f)} }

// Number is the fragment's.
func (a *Arrival) Number() millrace.FragmentNumber { return a.chunk.Number }

// Step shows the next frame, and reports whether there was one.
func (a *Arrival) Step() bool {
	s, c := a.stream, a.chunk
	s.mu.Lock()
	defer s.mu.Unlock()
	if c.state != Open || c.shown == len(c.Frames) {
		return false
	}
	c.shown++
	s.announce()
	return true
}

// Write adds frames and shows them. A fragment whose Cluster says its size takes
// none, and one that is over neither.
func (a *Arrival) Write(frames ...Frame) {
	s, c := a.stream, a.chunk
	s.mu.Lock()
	defer s.mu.Unlock()
	if c.state != Open || c.Known {
		return
	}
	c.Frames = append(c.Frames, frames...)
	c.shown = len(c.Frames)
	s.announce()
}

// End shows what is left, and completes the fragment.
func (a *Arrival) End() { a.stream.settle(a.chunk, Kept) }

// Fail gives the fragment up, as a server does whose producer broke off: readers
// in it are told its end, or cut off if its Cluster has promised more; later ones
// do not see it.
func (a *Arrival) Fail() { a.stream.settle(a.chunk, Failed) }
