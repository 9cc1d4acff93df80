package mkv

import (
	"errors"
	"io"
)

const (
	// firstBuffer is what a connection costs that has said little.
	firstBuffer = 4 << 10
	// normalBuffer is what reads that keep filling the buffer make of it.
	normalBuffer = 64 << 10
	// hugeBuffer is the size from which a buffer is given back sooner.
	hugeBuffer = 1 << 20

	// A buffer above normalBuffer is given back after so many elements in a
	// row that did not need it: often enough to keep it from key frame to key
	// frame, seldom enough not to allocate for each.
	patience     = 256
	hugePatience = 16

	// cheapMove is how many bytes are moved to the front of the buffer to make
	// room for a longer read.
	cheapMove = 512

	maxEmptyReads = 100
)

var errBadRead = errors.New("source returned an impossible count from Read")

// buffer holds what was read from the source and not yet taken: mem[r:w].
type buffer struct {
	src    io.Reader
	memory Memory // nil: there is enough
	mem    []byte
	r, w   int
	err    error  // from the source, not yet reported
	eager  bool   // the last read filled all the room it had
	small  int    // elements taken in a row that would fit a normal buffer
	lent   []byte // what was taken last, if it is to be spoiled
}

// reset forgets everything but the memory.
func (b *buffer) reset(src io.Reader) {
	b.retract()
	mem := b.mem
	if len(mem) > normalBuffer {
		b.give(len(mem))
		mem = nil
	}
	*b = buffer{src: src, memory: b.memory, mem: mem}
}

// bytes returns what is there. It is valid until the next fill.
func (b *buffer) bytes() []byte { return b.mem[b.r:b.w] }

// take returns the first n bytes and steps over them. They stay valid until
// the next fill.
func (b *buffer) take(n int) []byte {
	p := b.mem[b.r : b.r+n : b.r+n]
	b.r += n
	if n > normalBuffer {
		b.small = 0
	} else {
		b.small++
	}
	if spoiling {
		b.lent = p
	}
	return p
}

// retract ends the validity of what was taken last. Nothing but a test notices.
func (b *buffer) retract() {
	if spoiling {
		spoil(b.lent)
		b.lent = nil
	}
}

// fill reads until n bytes are there. It returns the source's error, io.EOF
// included, if that comes first; what has been read stays.
func (b *buffer) fill(n int) error {
	if b.w-b.r >= n {
		return nil
	}
	return b.fillSlow(n)
}

func (b *buffer) fillSlow(n int) error {
	for empty := 0; b.w-b.r < n; {
		if b.err != nil {
			return b.report()
		}
		if err := b.makeRoom(n); err != nil {
			return err
		}
		m, err := b.read()
		if m == 0 && err == nil {
			if empty++; empty == maxEmptyReads {
				return io.ErrNoProgress
			}
			continue
		}
		empty = 0
		b.err = err
	}
	return nil
}

// report hands out the source's error. The end is final; any other error is
// forgotten, so that the next fill reads on.
func (b *buffer) report() error {
	err := b.err
	if !isEnd(err) {
		b.err = nil
	}
	return err
}

// isEnd reports whether err is the end of input: io.EOF itself. A source that
// wraps it in something has something else to say.
func isEnd(err error) bool {
	return errors.Is(err, io.EOF) && errors.Unwrap(err) == nil
}

func (b *buffer) read() (int, error) {
	room := b.mem[b.w:]
	m, err := b.src.Read(room)
	if m < 0 || m > len(room) {
		return 0, errBadRead
	}
	b.w += m
	b.eager = m == len(room) && m >= len(b.mem)/2
	return m, err
}

// makeRoom leaves room for at least one byte, and for all n as far as bytes
// have come to justify it.
func (b *buffer) makeRoom(n int) error {
	have := b.w - b.r
	size := b.wantedSize(n, have)
	if size != len(b.mem) {
		return b.resize(size, n)
	}
	if b.r > 0 && (have <= cheapMove || b.r+n > len(b.mem)) {
		copy(b.mem, b.bytes())
		b.r, b.w = 0, have
	}
	return nil
}

// resize moves what is there to memory of another size, for an element of n
// bytes.
func (b *buffer) resize(size, n int) error {
	was := len(b.mem)
	if size > was && size > firstBuffer && b.memory != nil {
		if err := b.memory.Take(size, n); err != nil {
			return err
		}
	}
	mem := make([]byte, size)
	b.w = copy(mem, b.bytes())
	b.mem, b.r = mem, 0
	if size < was {
		was -= size
	}
	b.give(was)
	return nil
}

// give says that memory of some size is not held any more.
func (b *buffer) give(size int) {
	if size > firstBuffer && b.memory != nil {
		b.memory.Give(size)
	}
}

// wantedSize returns the length the buffer should have for the next read.
func (b *buffer) wantedSize(n, have int) int {
	size := len(b.mem)
	switch {
	case size == 0:
		return firstBuffer
	case have == size && size >= normalBuffer && n+n/8 < 2*size:
		return n + n/8
	case have == size:
		return 2 * size
	case size < normalBuffer && b.eager:
		return min(4*size, normalBuffer)
	case size > normalBuffer && n <= normalBuffer && b.idle(size):
		return normalBuffer
	}
	return size
}

// idle reports whether a large buffer has not been needed for long enough.
func (b *buffer) idle(size int) bool {
	if b.memory != nil && b.memory.Short() {
		return true
	}
	if size > hugeBuffer {
		return b.small >= hugePatience
	}
	return b.small >= patience
}
