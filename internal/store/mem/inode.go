package mem

import (
	"maps"
	"slices"
)

// blockSize is how much of a file is lost or kept at once.
const blockSize = 4096

// An inode is the bytes of one file, as programs see them and as they were at
// the last sync, and what happened in between.
type inode struct {
	name    string // under which it was made
	now     content
	stable  content
	pending []op // in order
	opened  int  // how often it is open
}

// An op is one thing that was done to the bytes of a file.
type op struct {
	kind opKind
	at   int64
	data []byte // of a write
	n    int64  // length of a hole
}

type opKind uint8

const (
	opWrite opKind = iota // data was put at an offset
	opCut                 // the file was cut, or lengthened, to at bytes
	opPunch               // the whole blocks among n bytes from at on were given back
)

// do makes the change, which is not durable before commit.
func (n *inode) do(o op) {
	n.now.apply(o)
	n.pending = append(n.pending, o)
}

// commit makes all that was done durable.
func (n *inode) commit() {
	for _, o := range n.pending {
		n.stable.apply(o)
	}
	n.pending = nil
}

// A content is what is in a file.
type content struct {
	data  []byte
	holes map[int64]bool // blocks that take no room, by their number
}

func (c *content) clone() content {
	return content{data: slices.Clone(c.data), holes: maps.Clone(c.holes)}
}

func (c *content) apply(o op) {
	switch o.kind {
	case opWrite:
		c.resize(max(int64(len(c.data)), o.at+int64(len(o.data))))
		copy(c.data[o.at:], o.data)
		for b := o.at / blockSize; b*blockSize < o.at+int64(len(o.data)); b++ {
			delete(c.holes, b)
		}
	case opCut:
		c.resize(o.at)
	case opPunch:
		first, last := o.blocks(int64(len(c.data)))
		for b := first; b < last; b++ {
			clear(c.data[b*blockSize : (b+1)*blockSize])
			c.punch(b)
		}
	}
}

// blocks are the whole ones that a hole takes away in a file of some size, the
// second not included.
func (o op) blocks(size int64) (first, last int64) {
	return (o.at + blockSize - 1) / blockSize, min(o.at+o.n, size) / blockSize
}

// punch notes that a block takes no room.
func (c *content) punch(b int64) {
	if c.holes == nil {
		c.holes = make(map[int64]bool)
	}
	c.holes[b] = true
}

// resize cuts the bytes, or fills them up with zeros.
func (c *content) resize(size int64) {
	if grow := size - int64(len(c.data)); grow > 0 {
		c.data = append(c.data, make([]byte, grow)...)
		return
	}
	c.data = c.data[:size:size]
	maps.DeleteFunc(c.holes, func(b int64, _ bool) bool { return b*blockSize >= size })
}

// allocated is how many bytes the blocks take that are no holes.
func (c *content) allocated() int64 {
	blocks := (int64(len(c.data)) + blockSize - 1) / blockSize
	return (blocks - int64(len(c.holes))) * blockSize
}
