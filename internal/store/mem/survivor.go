package mem

import (
	"math"
	"slices"
)

// A survivor finds out what a crash leaves of one file. Package doc says what
// may be left.
type survivor struct {
	before *inode
	choose Chooser

	cut  int // index of the last cut that is durable, -1 if none is
	next int // of the first that is not
}

// A version is what one block held once.
type version struct {
	op       int // that made it, -1 for the last sync
	data     []byte
	from, to int  // bytes of the block that op wrote
	gone     bool // op cut the block off
	hole     bool
}

// content decides.
func (s survivor) content() content {
	if len(s.before.pending) == 0 {
		return s.before.stable.clone()
	}
	s.chooseCut()
	size := s.chooseSize()
	left := content{data: make([]byte, size)}
	kept := s.chooseBlocks(&left)
	s.tear(&left, kept)
	return left
}

// chooseCut decides how many of the cuts are durable. They are, in order.
func (s *survivor) chooseCut() {
	var cuts []int
	for i, o := range s.before.pending {
		if o.kind == opCut {
			cuts = append(cuts, i)
		}
	}
	s.cut, s.next = -1, len(s.before.pending)
	n := 0
	if len(cuts) > 0 {
		n = s.choose(len(cuts) + 1)
	}
	if n > 0 {
		s.cut = cuts[n-1]
	}
	if n < len(cuts) {
		s.next = cuts[n]
	}
}

// chooseSize decides how much of what was appended the length tells of: up to
// the end of any write, or to the end of any block.
func (s *survivor) chooseSize() int64 {
	size := int64(len(s.before.stable.data))
	if s.cut >= 0 {
		size = s.before.pending[s.cut].at
	}
	sizes := []int64{size}
	for _, o := range s.before.pending[s.cut+1 : s.next] {
		end := o.at + int64(len(o.data))
		if o.kind != opWrite || end <= size {
			continue
		}
		for b := size/blockSize + 1; b*blockSize < end; b++ {
			sizes = append(sizes, b*blockSize)
		}
		size = end
		sizes = append(sizes, size)
	}
	return sizes[s.choose(len(sizes))]
}

// fewBlocks is up to how many blocks a crash decides one by one at once. Of
// more it may decide that all or none are kept, which would be rare otherwise.
const fewBlocks = 4

// A keptBlock is one that is not as it was at the last sync.
type keptBlock struct {
	number   int64
	old, new version
}

// chooseBlocks decides which version is left of each block.
func (s *survivor) chooseBlocks(left *content) (kept []keptBlock) {
	var open [][]version
	var numbers []int64
	for b := int64(0); b*blockSize < int64(len(left.data)); b++ {
		versions := s.versions(b)
		if len(versions) > 1 {
			open, numbers = append(open, versions), append(numbers, b)
			continue
		}
		left.put(b, versions[0])
	}
	choose := s.choose
	if len(open) > fewBlocks {
		switch s.choose(3) {
		case 0:
			choose = func(int) int { return 0 }
		case 2:
			choose = func(n int) int { return n - 1 }
		}
	}
	for i, versions := range open {
		n := choose(len(versions))
		left.put(numbers[i], versions[n])
		if n > 0 {
			kept = append(kept, keptBlock{numbers[i], versions[n-1], versions[n]})
		}
	}
	return kept
}

// versions are those that may be left of a block, oldest first.
func (s *survivor) versions(b int64) []version {
	stable := &s.before.stable
	at := b * blockSize
	v := version{op: -1, gone: true, hole: true}
	if at < int64(len(stable.data)) {
		v = version{op: -1, data: stable.data[at:min(at+blockSize, int64(len(stable.data)))], hole: stable.holes[b]}
	}
	list := []version{v}
	for i, o := range s.before.pending {
		next, changed := v.after(o, at)
		if !changed {
			continue
		}
		next.op = i
		switch {
		case i <= s.cut && o.kind == opCut:
			list = list[:0]
		case i >= s.next && o.kind == opCut && next.gone:
			return list // it was never cut off, so nothing else took its place
		}
		v = next
		list = append(list, v)
	}
	return list
}

// after is the version that an op makes of a block that starts at at, if it
// concerns the block.
func (v version) after(o op, at int64) (_ version, changed bool) {
	switch o.kind {
	case opWrite:
		from, to := max(o.at-at, 0), min(o.at+int64(len(o.data))-at, blockSize)
		if from >= to {
			return v, false
		}
		data := make([]byte, max(int(to), len(v.data)))
		copy(data, v.data)
		copy(data[from:to], o.data[at+from-o.at:])
		return version{data: data, from: int(from), to: int(to)}, true
	case opCut:
		if o.at <= at {
			return version{gone: true, hole: true}, !v.gone
		}
		if keep := o.at - at; keep < int64(len(v.data)) {
			return version{data: v.data[:keep]}, true
		}
	case opPunch:
		first, last := o.blocks(math.MaxInt64)
		if b := at / blockSize; first <= b && b < last && len(v.data) == blockSize {
			return version{data: make([]byte, blockSize), hole: true}, true
		}
	}
	return v, false
}

// put makes v the content of a block.
func (c *content) put(b int64, v version) {
	at := min(b*blockSize, int64(len(c.data)))
	copy(c.data[at:], v.data)
	if v.hole {
		c.punch(b)
	}
}

// tears is how a block can be left torn, and one for whole.
const tears = 5

// tear mixes, in one of the blocks that were kept, what was written last with
// what was there before.
func (s *survivor) tear(left *content, kept []keptBlock) {
	kept = slices.DeleteFunc(kept, func(k keptBlock) bool { return k.new.to-k.new.from < 2 })
	if len(kept) == 0 {
		return
	}
	how := s.choose(tears)
	if how == tears-1 {
		return
	}
	k := kept[s.choose(len(kept))]
	from, to := k.new.from, k.new.to
	switch how { // the part that is lost
	case 0:
		from++
	case 1:
		to -= (to - from) / 2
	case 2:
		from += (to - from) / 2
	case 3:
		from = to - 1
	}
	lost := make([]byte, to-from)
	if from < len(k.old.data) {
		copy(lost, k.old.data[from:])
	}
	if at := k.number*blockSize + int64(from); at < int64(len(left.data)) {
		copy(left.data[at:], lost)
	}
}
