package mkv

import (
	"encoding/binary"
	"io"
	"math"
)

// Default limits of a Reader, in bytes of declared payload.
const (
	DefaultMaxElementSize = 4 << 20
	DefaultMaxBlockSize   = 50_000_000
)

// ReaderOptions bounds what a Reader takes. The zero value is the default.
type ReaderOptions struct {
	// MaxElementSize bounds the payload, in bytes, of an element that arrives
	// whole outside a Cluster: EBML, Info, Tracks, Tags, Cues and so on.
	// 0 means DefaultMaxElementSize.
	MaxElementSize int64
	// MaxBlockSize bounds the payload, in bytes, of a Cluster's child.
	// 0 means DefaultMaxBlockSize.
	MaxBlockSize int64
	// Memory is asked for the memory that elements are collected in, beyond the
	// first few KiB. If nil, there is as much as it takes.
	Memory Memory
}

// A Memory says when a Reader may have memory. A Reader holds less than three
// times the bytes of the element that it waits for.
type Memory interface {
	// Take is called before the Reader takes n bytes more, because of an element
	// of size bytes, of which a part is there. It may wait. Its error is
	// returned by Next as one of the source is.
	Take(n, size int) error

	// Give is called when the Reader has let n bytes go. What it holds when it
	// is not used any more it does not give.
	Give(n int)

	// Short reports whether there is too little, so that the Reader should not
	// keep for a later element what the next one has no need of.
	Short() bool
}

// Reader walks Matroska elements as they come from a source.
//
// Segment and Cluster are walked through; all else arrives whole. The sequence
// is not validated beyond what bytes need to be cut into elements: a Cluster
// may come without a Segment, so that a stored one can be read by itself, and
// ids the package does not know pass as Whole.
//
//   - A Cluster of known size ends where its size says. An EBML header or a
//     child of Segment inside it is ErrMisplaced: the size is wrong then, and
//     so would be whatever is made of the Cluster's bytes. Input that ends
//     before it is io.ErrUnexpectedEOF.
//   - A Cluster of unknown size ends before the next EBML, Segment or child of
//     Segment other than Void and CRC-32, or with the input.
//   - A Segment ends before the next EBML or Segment, or with the input. Its
//     declared size is reported and not believed: what follows behind it is
//     still its content, and input may end before it.
//
// The buffer is allocated by the first Next, small at first. A Reader is not
// safe for concurrent use.
type Reader struct {
	buf        buffer
	off        int64
	err        error
	segment    master
	cluster    master
	maxElement int64
	maxBlock   int64
}

// master is an open Segment or Cluster.
type master struct {
	open  bool
	level int
	start int64 // offset of the id
	size  int64 // declared
	end   int64 // offset behind the last byte; noEnd if the size is unknown
}

const noEnd = math.MaxInt64

// NewReader returns a Reader on src. It reads nothing yet.
func NewReader(src io.Reader, o ReaderOptions) *Reader {
	r := &Reader{
		maxElement: limit(o.MaxElementSize, DefaultMaxElementSize),
		maxBlock:   limit(o.MaxBlockSize, DefaultMaxBlockSize),
	}
	r.buf.src, r.buf.memory = src, o.Memory
	return r
}

// limit returns the bound to use, small enough for int arithmetic anywhere.
func limit(given, fallback int64) int64 {
	if given <= 0 {
		return fallback
	}
	return min(given, math.MaxInt/4)
}

// Reset makes r read from src as if new, with its old limits and memory.
func (r *Reader) Reset(src io.Reader) {
	r.buf.reset(src)
	r.off, r.err = 0, nil
	r.segment, r.cluster = master{}, master{}
}

// Offset returns how many bytes of the input the returned elements make up.
func (r *Reader) Offset() int64 { return r.off }

// Buffered returns how many bytes were read from the source and belong to
// elements not yet returned.
func (r *Reader) Buffered() int { return r.buf.w - r.buf.r }

// Next returns the next element. It reads from the source only while the
// element is not whole, and returns as soon as it is.
//
// When the input ends between elements, the Ends of the open Cluster and
// Segment are returned and then io.EOF itself. A fault in the bytes is a
// *SyntaxError; that and io.EOF are returned again by every further call. An
// error of the source is returned wrapped and not kept: a further call reads
// on, at the byte where the source stopped.
func (r *Reader) Next() (e Element, err error) {
	r.buf.retract()
	if r.cluster.open && r.nextBlock(&e) {
		return e, nil
	}
	return r.next()
}

// nextBlock is the short way for what nearly every call returns: a Cluster's
// child with an id of one byte, all of it in the buffer. Where anything else
// is to be said about the input, it leaves that to next; a fault is still in
// the buffer when it has been reported, so that it stays one.
func (r *Reader) nextBlock(e *Element) bool {
	b := r.buf.bytes()
	if len(b) < 1+maxSizeLength || b[0] < 0x80 || b[0] == 0xFF || b[1] == 0 {
		return false
	}
	n := sizeLength(b[1])
	bits := binary.BigEndian.Uint64(b[1:9]) << n >> n // without the length's marker
	size := int64(bits >> (64 - 8*n))
	whole := int64(1+n) + size
	if whole > int64(len(b)) || whole > r.cluster.end-r.off || size > r.maxBlock || size == 1<<(7*n)-1 {
		return false
	}
	e.Kind, e.ID, e.Level, e.Offset, e.Size = Whole, ElementID(b[0]), 2, r.off, size
	e.Raw = r.buf.take(int(whole))
	r.off += whole
	return true
}

func (r *Reader) next() (Element, error) {
	if r.err != nil {
		return Element{}, r.err
	}
	if r.cluster.open && r.off >= r.cluster.end {
		return r.end(IDCluster, &r.cluster), nil
	}
	if err := r.buf.fill(1); err != nil {
		if isEnd(err) {
			return r.atEOF()
		}
		return Element{}, r.sourceError(err, 0)
	}
	id, idLen, err := r.peekID()
	if err != nil {
		return Element{}, err
	}
	if m, parent := r.closedBy(id); m != nil {
		return r.end(parent, m), nil
	}
	h, err := r.peekSize(id, idLen)
	if err != nil {
		return Element{}, err
	}
	if id == IDSegment || id == IDCluster {
		return r.start(h)
	}
	return r.whole(h)
}

// peekID reads far enough to know the next id and its length. Its first byte
// is there.
func (r *Reader) peekID() (ElementID, int, error) {
	n := idLength(r.buf.mem[r.buf.r])
	if n == 0 {
		return 0, 0, r.fault(ErrBadID, 0)
	}
	if err := r.buf.fill(n); err != nil {
		return 0, 0, r.sourceError(err, 0)
	}
	id, err := decodeID(r.buf.bytes(), n)
	if err != nil {
		return 0, 0, r.fault(err, 0)
	}
	return id, n, nil
}

// peekSize reads far enough to know the size that follows an id of n bytes.
func (r *Reader) peekSize(id ElementID, n int) (head, error) {
	if err := r.buf.fill(n + 1); err != nil {
		return head{}, r.sourceError(err, id)
	}
	m := sizeLength(r.buf.mem[r.buf.r+n])
	if m == 0 {
		return head{}, r.fault(ErrBadSize, id)
	}
	if err := r.buf.fill(n + m); err != nil {
		return head{}, r.sourceError(err, id)
	}
	size := decodeSize(r.buf.bytes()[n:], m)
	h := head{id: id, size: size, len: n + m}
	if r.cluster.open {
		return h, r.checkChild(h)
	}
	return h, nil
}

// checkChild holds a child of a Cluster against the Cluster's end.
func (r *Reader) checkChild(h head) error {
	if topLevel(h.id) >= 0 {
		return r.fault(ErrMisplaced, h.id)
	}
	if h.size > r.cluster.end-r.off-int64(h.len) {
		return r.fault(ErrOverrun, h.id)
	}
	return nil
}

// closedBy returns the open element that id cannot be inside of, if any.
func (r *Reader) closedBy(id ElementID) (*master, ElementID) {
	level := topLevel(id)
	if level < 0 {
		return nil, 0
	}
	if r.cluster.open {
		if r.cluster.end == noEnd {
			return &r.cluster, IDCluster
		}
		return nil, 0
	}
	if level == 0 && r.segment.open {
		return &r.segment, IDSegment
	}
	return nil, 0
}

// start opens a Segment or Cluster.
func (r *Reader) start(h head) (Element, error) {
	m := master{open: true, start: r.off, size: h.size, end: noEnd}
	if h.size != UnknownSize {
		m.end = r.off + int64(h.len) + h.size
	}
	if m.end < 0 {
		return Element{}, r.fault(ErrTooLarge, h.id)
	}
	if h.id == IDCluster {
		m.level = 1
		r.cluster = m
	} else {
		r.segment = m
	}
	return r.element(Start, h, m.level, h.len), nil
}

// whole waits for all of an element.
func (r *Reader) whole(h head) (Element, error) {
	if h.size == UnknownSize {
		return Element{}, r.fault(ErrUnknownSizeNotAllowed, h.id)
	}
	level, most := r.level(h.id), r.maxElement
	if r.cluster.open {
		most = r.maxBlock
	}
	if h.size > most {
		return Element{}, r.fault(ErrTooLarge, h.id)
	}
	n := h.len + int(h.size)
	if err := r.buf.fill(n); err != nil {
		return Element{}, r.sourceError(err, h.id)
	}
	return r.element(Whole, h, level, n), nil
}

// level returns the depth of a whole element at the present place.
func (r *Reader) level(id ElementID) int {
	switch {
	case r.cluster.open:
		return 2
	case r.segment.open:
		return 1
	}
	return max(topLevel(id), 0)
}

// element takes n bytes off the buffer.
func (r *Reader) element(k Kind, h head, level, n int) Element {
	e := Element{Kind: k, ID: h.id, Level: level, Offset: r.off, Size: h.size, Raw: r.buf.take(n)}
	r.off += int64(n)
	return e
}

// end closes an open element.
func (r *Reader) end(id ElementID, m *master) Element {
	m.open = false
	return Element{Kind: End, ID: id, Level: m.level, Offset: m.start, Size: m.size}
}

// atEOF closes what is open, one call after the other, and then says io.EOF.
func (r *Reader) atEOF() (Element, error) {
	switch {
	case r.cluster.open && r.cluster.end != noEnd:
		return Element{}, r.fault(io.ErrUnexpectedEOF, 0)
	case r.cluster.open:
		return r.end(IDCluster, &r.cluster), nil
	case r.segment.open:
		return r.end(IDSegment, &r.segment), nil
	}
	r.err = io.EOF
	return Element{}, io.EOF
}
