package tail

import "sync"

// A fragment takes memory in slabs: a small one first, because a fragment may
// be small, and then large ones. In bytes.
const (
	firstSlab = 4 << 10
	slabSize  = 64 << 10
)

// fragmentCost is what a fragment takes beside its bytes, here and on its way to
// the disk.
const fragmentCost = 2 << 10

// slabs keeps slabs that are free for the next taker.
type slabs struct {
	first, other sync.Pool
}

// get returns slab i of a fragment.
func (s *slabs) get(i int) []byte {
	if i == 0 {
		if b, ok := s.first.Get().(*[firstSlab]byte); ok {
			return b[:]
		}
		return new([firstSlab]byte)[:]
	}
	if b, ok := s.other.Get().(*[slabSize]byte); ok {
		return b[:]
	}
	return new([slabSize]byte)[:]
}

// put takes the slabs of a fragment back. Nobody may refer to them any more.
func (s *slabs) put(all [][]byte) {
	for i, b := range all {
		if i == 0 {
			s.first.Put((*[firstSlab]byte)(b))
		} else {
			s.other.Put((*[slabSize]byte)(b))
		}
	}
}

// sizeOf is how large slab i of a fragment is.
func sizeOf(i int) int {
	if i == 0 {
		return firstSlab
	}
	return slabSize
}

// capacity is what n slabs hold.
func capacity(n int) int {
	if n == 0 {
		return 0
	}
	return firstSlab + (n-1)*slabSize
}

// place is where byte at of a fragment lies: in which slab, and where in it.
func place(at int) (slab, offset int) {
	if at < firstSlab {
		return 0, at
	}
	at -= firstSlab
	return 1 + at/slabSize, at % slabSize
}
