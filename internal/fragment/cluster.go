package fragment

import (
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/media"
	"github.com/millrace/millrace/mkv"
)

// state is where the present Cluster is in its life.
type state uint8

const (
	none      state = iota // no Cluster, or the last one is handed over
	opening                // its timecode is not read yet
	timed                  // its timecode is read, and what is behind it may say which fragment it is
	open                   // the Sink has begun it
	kept                   // the Sink has it already; its blocks are not looked at
	condemned              // faulty from its timecode on; its blocks are not looked at
	ended                  // whole; elements behind it still belong to it
)

// A cluster is the present fragment in the making. Its slices are used again
// for the next one, but for those that are handed over.
type cluster struct {
	state    state
	declared int64  // bytes behind its head; mkv.UnknownSize if it does not say
	prefix   []byte // up to the Timecode, or to what says which fragment it is
	size     int    // bytes of the Cluster so far
	leading  int    // bytes
	trailing []byte
	userTags int // behind the Cluster
	samples  []millrace.Sample
	usual    int // samples of the fragment before, to allot as many
	first    int32
	last     int32
	begin    Begin
	err      error // why it is condemned
}

// maxPrefix bounds what may stand in a Cluster before its Timecode, in bytes.
const maxPrefix = 64 << 10

func (c *cluster) start(e mkv.Element) {
	*c = cluster{
		state: opening, declared: e.Size, prefix: append(c.prefix[:0], e.Raw...), size: len(e.Raw),
		usual: c.usual,
	}
}

// abort tells the Sink that the open fragment will not be finished.
func (c *cluster) abort(s Sink) error {
	was := c.state
	c.state = none
	if was != open && was != kept && was != ended {
		return nil
	}
	return s.Abort()
}

// append takes an element of the open Cluster behind its Timecode.
// The fault of one that says which fragment it is waits for its end, which tells
// whether the producer has sent it so.
func (c *cluster) append(a *Assembler, e mkv.Element) error {
	err := c.blocks(a, e)
	a.sum.add(e)
	if err != nil && a.sum.on {
		err = c.condemn(a.sink, err)
	}
	if err != nil {
		return err
	}
	c.size += len(e.Raw)
	if c.state == condemned {
		return nil
	}
	return a.sink.Append(e.Raw)
}

// blocks takes the block that an element is, if it is one.
func (c *cluster) blocks(a *Assembler, e mkv.Element) error {
	switch e.ID {
	case mkv.IDSimpleBlock:
		b, err := mkv.ParseBlock(e.Data())
		if err != nil {
			return invalidMKV(err)
		}
		return c.block(a, b, len(e.Raw), blockFlags(b, b.Keyframe()))
	case mkv.IDBlockGroup:
		g, err := mkv.ParseBlockGroup(e.Data())
		if err != nil {
			return invalidMKV(err)
		}
		return c.block(a, g.Block, endOfBlock(e), blockFlags(g.Block, g.Keyframe())|millrace.SampleGroup)
	}
	return nil
}

// condemn gives the open fragment up. The fault is told at the fragment's end:
// clients that are told in its middle lose frames of the fragment before.
func (c *cluster) condemn(s Sink, err error) error {
	c.state, c.err, c.samples = condemned, err, nil
	return s.Abort()
}

func blockFlags(b mkv.Block, key bool) (f millrace.SampleFlags) {
	if key {
		f |= millrace.SampleKey
	}
	if b.Invisible() {
		f |= millrace.SampleInvisible
	}
	if b.Lacing() != mkv.LacingNone {
		f |= millrace.SampleLaced
	}
	return f
}

// endOfBlock is where the Block of a well-formed BlockGroup ends, in bytes from
// the group's id.
func endOfBlock(group mkv.Element) int {
	for e, err := range mkv.Children(group.Data()) {
		if err == nil && e.ID == mkv.IDBlock {
			return len(group.Raw) - len(group.Data()) + int(e.Offset) + len(e.Raw)
		}
	}
	return len(group.Raw)
}

// block judges one block of the open Cluster and notes where its payload lies:
// it ends end bytes behind the start of the element that is about to be added.
func (c *cluster) block(a *Assembler, b mkv.Block, end int, flags millrace.SampleFlags) error {
	t := a.header.track(b.Track)
	if t == nil {
		return fault(millrace.CodeTrackNumberMismatch, "a block of track %d, which is not in Tracks", b.Track)
	}
	if len(c.samples) == a.limits.MaxBlocks {
		return fault(millrace.CodeFragmentSize, "the fragment has over %d blocks", a.limits.MaxBlocks)
	}
	t.blocks++
	rel := int32(b.RelTime)
	if len(c.samples) == 0 {
		c.first, c.last = rel, rel
		c.samples = make([]millrace.Sample, 0, c.usual+c.usual/4+8)
	}
	c.first, c.last = min(c.first, rel), max(c.last, rel)
	if span := time.Duration(c.last-c.first) * time.Duration(a.header.scale); span > a.limits.MaxDuration {
		return c.condemn(a.sink, fault(millrace.CodeFragmentDuration, "the fragment spans %v and may span %v", span, a.limits.MaxDuration))
	}
	c.samples = append(c.samples, millrace.Sample{
		Track: b.Track, Offset: uint32(c.size + end - len(b.Payload)), Size: uint32(len(b.Payload)), Time: rel,
		Flags: flags | t.payloadFlags(b.Payload, flags),
	})
	return nil
}

// payloadFlags looks at what later readers would otherwise look at again.
func (t *track) payloadFlags(payload []byte, flags millrace.SampleFlags) (f millrace.SampleFlags) {
	if t.codec != media.AVC && t.codec != media.HEVC || flags&millrace.SampleLaced != 0 {
		return 0
	}
	info := media.Inspect(t.codec, payload, t.lengthSize)
	if info.Clean {
		f |= millrace.SampleCleanNAL
	}
	if info.ParameterSets {
		f |= millrace.SampleParams
	}
	return f
}

// trail keeps an element that stands behind the Cluster. Between fragments
// there is nothing for it to belong to, and it is let go.
func (c *cluster) trail(raw []byte, l Limits) error {
	if c.state != ended {
		return nil
	}
	if int64(c.leading+c.size+len(c.trailing)+len(raw)) > l.MaxSize {
		return fault(millrace.CodeFragmentSize, "the fragment is over %d bytes", l.MaxSize)
	}
	if int64(len(c.trailing)+len(raw)) > l.MaxHeader {
		return fault(millrace.CodeFragmentSize, "the elements behind the Cluster are over %d bytes", l.MaxHeader)
	}
	c.trailing = append(c.trailing, raw...)
	return nil
}

func (c *cluster) trailTags(t tagsElement, l Limits) error {
	c.userTags += t.user
	if c.userTags > l.MaxTags {
		return tooManyTags(l)
	}
	return c.trail(t.raw, l)
}

// finish says what the whole fragment came to.
func (c *cluster) finish(h *header, flags millrace.FragmentFlags) Finish {
	f := Finish{Trailing: c.trailing, Duration: duration(h.tracks, c.samples, h.scale), Samples: c.samples, Flags: flags}
	c.usual = len(c.samples)
	c.trailing, c.samples = nil, nil
	return f
}
