package producer

import (
	"crypto/sha256"
	"encoding/binary"
	"hash"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/mkv"
)

// A stamp puts into the Clusters that go over one connection which of the
// producer's fragments they are: a Void behind the Timecode, and as the last
// child a Void with the digest of what was sent before it. Servers that know the
// producer keep such a fragment once, however often it is sent. A stamp allocates
// nothing while it is used.
type stamp struct {
	of     *fragment
	named  bool // the first Void was sent
	summed bool // the second was
	sum    hash.Hash
	name   []byte // memory for the first
	digest []byte // for the second
	total  [sha256.Size]byte
	head   []byte // for the head of a Cluster of declared size
	out    [][]byte
}

// A place is where the parts of a fragment are, in bytes from its start, and who
// it is.
type place struct {
	start, headEnd, end int64 // end is 0 while it is not known
	whole               bool
	identity            millrace.Identity
}

func (f *fragment) place() place {
	return place{start: f.clusterStart, headEnd: f.headEnd, end: f.clusterEnd, whole: f.whole, identity: f.identity}
}

func newStamp() *stamp { return &stamp{sum: sha256.New()} }

// owes reports whether all bytes of a fragment that has ended may have been sent
// but for its digest.
func (st *stamp) owes(f *fragment) bool { return st != nil && st.of == f && !st.summed }

// mark returns the pieces of a batch of f, which begins at byte at, with what is
// to be sent between them, and how many bytes that is in all. The result is good
// until the next call.
func (st *stamp) mark(f *fragment, p place, batch [][]byte, at int64) ([][]byte, int) {
	if st.of != f {
		st.of, st.named, st.summed = f, false, false
		st.sum.Reset()
	}
	clear(st.out)
	st.out = st.out[:0]
	n := st.due(p, at)
	for _, piece := range batch {
		for len(piece) > 0 {
			k := p.upTo(at, int64(len(piece)))
			n += st.put(p, piece[:k], at)
			at, piece = at+k, piece[k:]
			n += st.due(p, at)
		}
	}
	return st.out, n
}

// upTo is how many of n bytes lie before the next place where something changes.
func (p *place) upTo(at, n int64) int64 {
	for _, bound := range [...]int64{p.start, p.headEnd, p.end} {
		if bound > at {
			n = min(n, bound-at)
		}
	}
	return n
}

// put adds bytes of the fragment itself.
func (st *stamp) put(p place, piece []byte, at int64) int {
	if p.whole && at == p.start && len(piece) >= sizeEnd {
		st.head = appendLarger(st.head[:0], piece)
		piece = st.head
	}
	if at >= p.start && (p.end == 0 || at < p.end) {
		st.sum.Write(piece)
	}
	st.out = append(st.out, piece)
	return len(piece)
}

// due adds the Voids that belong at a place.
func (st *stamp) due(p place, at int64) (n int) {
	if at == p.headEnd && !st.named {
		st.named = true
		st.name = mkv.AppendSize(mkv.AppendID(st.name[:0], mkv.IDVoid), millrace.IdentitySize, 1)
		st.name = millrace.AppendIdentity(st.name, p.identity)
		st.sum.Write(st.name)
		st.out = append(st.out, st.name)
		n += len(st.name)
	}
	if at == p.end && p.end > 0 && !st.summed {
		st.summed = true
		st.sum.Sum(st.total[:0])
		st.digest = mkv.AppendSize(mkv.AppendID(st.digest[:0], mkv.IDVoid), millrace.DigestSize, 1)
		st.digest = millrace.AppendDigest(st.digest, st.total)
		st.out = append(st.out, st.digest)
		n += len(st.digest)
	}
	return n
}

// Where the size of a Cluster stands in its head, as this package writes it.
const (
	sizeStart = 4
	sizeEnd   = sizeStart + 8
)

// appendLarger appends a Cluster's head whose size is declared in eight bytes,
// for one that has both Voids as well.
func appendLarger(b, head []byte) []byte {
	at := len(b)
	b = append(b, head...)
	field := b[at+sizeStart : at+sizeEnd]
	binary.BigEndian.PutUint64(field, binary.BigEndian.Uint64(field)+millrace.IdentityVoidSize+millrace.DigestVoidSize)
	return b
}
