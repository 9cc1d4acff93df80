package tail

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/memory"
)

// Info is what is known of a fragment when it opens.
type Info struct {
	Number       millrace.FragmentNumber // given by Stream.Open
	Header       *millrace.Header
	Leading      []byte
	KnownSize    bool // the Cluster declares its size, so it cannot be cut short
	ProducerTime time.Time
	Memory       *memory.Writer // of the session; the fragment has one of its own if nil
}

// State is where a fragment is in its life.
type State uint8

// The states of a fragment. Settled and Failed are final.
const (
	Open     State = iota // growing
	Complete              // whole, and not yet answered for by the store
	Settled               // durable, or with zero retention complete
	Failed                // never to be found
)

// A Fragment is one fragment in memory. One writer makes it grow; any number
// of readers read it meanwhile. Whoever got it from Open or from a Cursor
// releases it; its writer calls Complete or Abort before.
type Fragment struct {
	Info
	stream *Stream
	refs   atomic.Int32
	taken  int  // bytes that the writer has taken for it; the writer's alone
	own    bool // Memory is the fragment's own

	// Guarded by stream.mu.
	state    State
	slabs    [][]byte // the Cluster; bytes below size are immutable
	size     int
	whole    bool // it was complete once
	trailing []byte
	duration time.Duration
	frames   int
	hidden   bool  // no reader begins with it any more
	err      error // why it failed
	opened   time.Time
	grown    time.Time     // last progress
	changed  chan struct{} // closed at the next change; nil if nobody waits
	fail     func(error)   // tells the writer, once
	account  account
}

// Release lets go of the fragment. Its bytes must not be used after it.
func (f *Fragment) Release() {
	if f.refs.Add(-1) == 0 {
		f.stream.tail.slabs.put(f.slabs)
		f.slabs = nil
		f.account.close(f.stream.tail.budget)
	}
}

func (f *Fragment) acquire() *Fragment {
	f.refs.Add(1)
	return f
}

// Append adds a whole element to the Cluster, and shows it to the readers. It
// waits for memory, at most until ctx ends. The error of a fragment that has
// failed is the one it failed with. Only the writer calls it.
func (f *Fragment) Append(ctx context.Context, p []byte) error {
	if err := f.reserve(ctx, len(p)); err != nil {
		return err
	}
	// The bytes between size and the end of the slabs belong to the writer
	// alone.
	end := f.fill(p)
	f.stream.mu.Lock()
	defer f.stream.mu.Unlock()
	if f.state != Open {
		return f.err
	}
	f.size = end
	f.grown = f.stream.tail.now()
	f.wake()
	return nil
}

// reserve makes room for n more bytes.
func (f *Fragment) reserve(ctx context.Context, n int) error {
	for capacity(len(f.slabs))-f.size < n { // only the writer changes them
		i := len(f.slabs)
		if err := f.take(ctx, sizeOf(i)); err != nil {
			return err
		}
		f.add(f.stream.tail.slabs.get(i))
	}
	return nil
}

// take takes memory of the session's. With the first slab comes what the
// fragment refers to.
func (f *Fragment) take(ctx context.Context, n int) error {
	if f.taken == 0 {
		n += fragmentCost + len(f.Leading)
		if f.Header != nil {
			n += len(f.Header.Bytes)
		}
	}
	if err := f.Memory.Take(ctx, n); err != nil {
		return err
	}
	f.taken += n
	return nil
}

func (f *Fragment) add(slab []byte) {
	f.stream.mu.Lock()
	defer f.stream.mu.Unlock()
	f.slabs = append(f.slabs, slab)
}

// fill copies p behind the bytes that are there and returns the new size.
func (f *Fragment) fill(p []byte) int {
	at := f.size
	for len(p) > 0 {
		i, offset := place(at)
		n := copy(f.slabs[i][offset:], p)
		p, at = p[n:], at+n
	}
	return at
}

// A Finish is what is known of a fragment at its end.
type Finish struct {
	Trailing  []byte
	Duration  time.Duration
	Frames    int
	Ephemeral bool // there is no store behind it: it is settled as well
	Table     int  // bytes that its samples take until it is durable
}

// Complete ends the fragment's growth. It reports false if the fragment has
// failed before, and then it stays failed (T3). Only the writer calls it.
func (f *Fragment) Complete(fin Finish) bool {
	ok := f.complete(fin)
	if ok && fin.Ephemeral {
		f.stream.tail.ephemeral.limit()
	}
	return ok
}

func (f *Fragment) complete(fin Finish) bool {
	s := f.stream
	s.mu.Lock()
	defer s.mu.Unlock()
	if f.state != Open {
		f.hand(0)
		return false
	}
	f.hand(len(fin.Trailing) + fin.Table)
	f.state, f.whole, f.trailing, f.duration, f.frames, f.fail = Complete, true, fin.Trailing, fin.Duration, fin.Frames, nil
	if fin.Ephemeral {
		f.state = Settled
		s.tail.ephemeral.add(f)
	}
	f.wake()
	s.trim()
	return true
}

// Settle says what became of the commit: nil means that the store answers for
// the fragment now. It is called once, after Complete.
func (f *Fragment) Settle(err error) {
	s := f.stream
	s.mu.Lock()
	defer s.mu.Unlock()
	f.state, f.err = Settled, err
	f.wake()
	if err != nil {
		f.state = Failed
		s.forget(f)
		return
	}
	s.trim()
}

// Abort ends an open fragment for good, by its own writer.
func (f *Fragment) Abort(err error) {
	s := f.stream
	s.mu.Lock()
	defer s.mu.Unlock()
	f.fail = nil
	f.failLocked(err)
	f.hand(0)
}

// Fail ends an open fragment for good; it reports false if it was not open.
// The writer learns of it through the function it gave to Open.
func (f *Fragment) Fail(err error) bool {
	s := f.stream
	s.mu.Lock()
	defer s.mu.Unlock()
	return f.failLocked(err)
}

func (f *Fragment) failLocked(err error) bool {
	if f.state != Open {
		return false
	}
	f.state, f.err = Failed, err
	if f.fail != nil {
		f.fail(err)
		f.fail = nil
	}
	f.wake()
	f.stream.forget(f)
	return true
}

// wake tells the waiting readers of a change. stream.mu is held.
func (f *Fragment) wake() {
	if f.changed != nil {
		close(f.changed)
		f.changed = nil
	}
}

// Err is why the fragment failed; nil if it has not.
func (f *Fragment) Err() error {
	f.stream.mu.Lock()
	defer f.stream.mu.Unlock()
	return f.err
}

// Cluster returns the pieces of the whole Cluster. The fragment must be
// complete and held.
func (f *Fragment) Cluster() [][]byte {
	f.stream.mu.Lock()
	defer f.stream.mu.Unlock()
	return f.pieces(nil, 0)
}

// pieces appends the bytes from offset from on. stream.mu is held.
func (f *Fragment) pieces(to [][]byte, from int) [][]byte {
	for at := from; at < f.size; {
		i, offset := place(at)
		n := min(sizeOf(i)-offset, f.size-at)
		to = append(to, f.slabs[i][offset:offset+n])
		at += n
	}
	return to
}

// A View is what a reader sees of a fragment at one moment.
type View struct {
	State    State
	Pieces   [][]byte // the Cluster's bytes behind what was seen before
	Size     int      // bytes of the Cluster seen with these pieces
	Whole    bool     // there will be no more of them
	Trailing []byte   // once it is whole
	Frames   int      // and how many there are
}

// Read returns what there is of the fragment behind the first seen bytes,
// waiting until there is something or the state is no longer the one given.
// The pieces are appended to buf[:0]; they are valid until the fragment is
// released.
func (f *Fragment) Read(ctx context.Context, seen int, state State, buf [][]byte) (View, error) {
	for {
		v, changed := f.look(seen, state, buf)
		if changed == nil {
			return v, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return View{}, context.Cause(ctx)
		}
	}
}

// look returns a View, or a channel that closes at the next change.
func (f *Fragment) look(seen int, state State, buf [][]byte) (View, <-chan struct{}) {
	f.stream.mu.Lock()
	defer f.stream.mu.Unlock()
	if f.size > seen || f.state != state {
		return View{State: f.state, Pieces: f.pieces(buf[:0], seen), Size: f.size, Whole: f.whole, Trailing: f.trailing, Frames: f.frames}, nil
	}
	return View{}, f.change()
}

// change returns a channel that closes at the next change. stream.mu is held.
func (f *Fragment) change() <-chan struct{} {
	if f.changed == nil {
		f.changed = make(chan struct{})
	}
	return f.changed
}
