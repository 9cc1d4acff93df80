package main

import (
	"encoding/hex"
	"math/rand/v2"
	"strconv"
)

const eofrName = "AWS_KINESISVIDEO_END_OF_FRAGMENT"

// body puts a request body together and keeps its summary up to date.
type body struct {
	bytes  []byte
	sum    expect
	random *rand.Rand
	before [][2]string // tags before the first Cluster
	eofr   bool        // the last thing written was behind an end-of-fragment tag
}

func newBody(seed uint64) *body {
	return &body{
		random: rand.New(rand.NewPCG(seed, 0)),
		sum:    expect{TimecodeScale: 1_000_000, Segments: 1, CleanEnd: true, Fragments: []fragment{}},
	}
}

// header appends everything up to the first Tags or Cluster.
func (b *body) header(parts ...[]byte) {
	for _, p := range parts {
		b.bytes = append(b.bytes, p...)
	}
	b.sum.HeaderBytes = len(b.bytes)
}

// raw appends elements that leave no trace in the summary.
func (b *body) raw(parts ...[]byte) {
	for _, p := range parts {
		b.bytes = append(b.bytes, p...)
	}
}

// cluster is one Cluster to be.
type cluster struct {
	size     []byte // nil for the shortest known size
	timecode uint64
	lead     []byte // what stands before the blocks, Timecode included
	content  []byte
	sum      fragment
	blocks   int
}

func newCluster(timecode uint64, size []byte, lead ...[]byte) *cluster {
	c := &cluster{timecode: timecode, size: size, sum: fragment{Blocks: map[string]int{}}}
	for _, p := range lead {
		c.lead = append(c.lead, p...)
	}
	return c
}

// frame is one frame on its way into a block.
type frame struct {
	track   int
	rel     int // relative to the Cluster, in ticks
	key     bool
	payload []byte
}

// block returns the content of a SimpleBlock or, without its flags, of a Block.
func (f frame) block(flags byte) []byte {
	head := []byte{0x80 | byte(f.track), byte(f.rel >> 8), byte(f.rel), flags}
	return append(head, f.payload...)
}

// simple adds a SimpleBlock with a size field of width bytes.
func (c *cluster) simple(width int, f frame) {
	flags := byte(0)
	if f.key {
		flags = 0x80
	}
	c.content = append(c.content, el(idSimpleBlock, width, f.block(flags))...)
	c.note(f)
}

// group adds a BlockGroup of a frame that refers to the one before.
func (c *cluster) group(f frame, duration, reference int) {
	ref := el(idReference, shortest, num(uint64(reference)&0xff, 1))
	c.content = append(c.content, el(idBlockGroup, shortest,
		el(idBlock, shortest, f.block(0)), el(idBlockDuration, shortest, num(uint64(duration), 0)), ref)...)
	c.note(f)
}

// raw adds an element that is not a block.
func (c *cluster) raw(element []byte) { c.content = append(c.content, element...) }

func (c *cluster) note(f frame) {
	s := &c.sum
	s.Blocks[strconv.Itoa(f.track)]++
	if f.key {
		s.Keyframes++
	}
	if c.blocks == 0 {
		s.FirstRel, s.MinRel, s.MaxRel = f.rel, f.rel, f.rel
	}
	s.LastRel, s.MinRel, s.MaxRel = f.rel, min(s.MinRel, f.rel), max(s.MaxRel, f.rel)
	s.PayloadBytes += len(f.payload)
	c.blocks++
}

// add appends a Cluster to the body. A Cluster with CRC-32 is made of content
// that has it.
func (b *body) add(c *cluster) {
	content := append(c.lead, c.content...)
	size := c.size
	if size == nil {
		size = sizeField(uint64(len(content)), shortest)
	}
	s := c.sum
	s.Offset, s.SizeField, s.Timecode = len(b.bytes), hex.EncodeToString(size), c.timecode
	s.TagsBefore, s.TagsAfter, s.TagsAfterEOFR = b.before, [][2]string{}, [][2]string{}
	if s.TagsBefore == nil {
		s.TagsBefore = [][2]string{}
	}
	b.before, b.eofr = nil, false
	b.sum.Fragments = append(b.sum.Fragments, s)
	b.raw(idBytes(idCluster), size, content)
}

// tags appends a Tags element that was made of pairs, and books the pairs.
func (b *body) tags(element []byte, pairs ...[2]string) {
	b.raw(element)
	n := len(b.sum.Fragments)
	switch {
	case n == 0:
		b.before = append(b.before, pairs...)
	case b.eofr:
		last := &b.sum.Fragments[n-1]
		last.TagsAfterEOFR = append(last.TagsAfterEOFR, pairs...)
	default:
		last := &b.sum.Fragments[n-1]
		last.TagsAfter = append(last.TagsAfter, pairs...)
	}
}

// endOfFragment appends the tag that ends a fragment, as the C client writes it.
func (b *body) endOfFragment() {
	b.raw(tagsElement(8, [][2]string{{eofrName, ""}}))
	b.sum.Fragments[len(b.sum.Fragments)-1].EOFR = true
	b.eofr = true
}

// tagsElement returns Tags with one Tag that has a SimpleTag for each pair, all
// with size fields of width bytes.
func tagsElement(width int, pairs [][2]string) []byte {
	return el(idTags, width, tagElement(width, pairs))
}

func tagElement(width int, pairs [][2]string) []byte {
	var simple []byte
	for _, p := range pairs {
		simple = append(simple, el(idSimpleTag, width,
			el(idTagName, width, []byte(p[0])), el(idTagString, width, []byte(p[1])))...)
	}
	return el(idTag, width, simple)
}

// filler returns n bytes between 1 and 255, among which no start code hides.
func (b *body) filler(n int) []byte {
	p := make([]byte, n)
	for i := range p {
		p[i] = byte(1 + b.random.IntN(255))
	}
	return p
}
