package export

import (
	"io"
	"math"
	"time"

	"github.com/millrace/millrace/consumer"
	"github.com/millrace/millrace/mkv"
)

// MKV writes fragments as one endless Matroska document, for a pipe: a frame is
// written when it was read, in one write with what has to stand before it. Its time
// begins with zero at the first frame. Gaps stay as they are; where time goes back,
// because a producer started again or two of them overlap, the fragment is moved
// behind what was written before. It is New for ContainerMKV with Options.Live.
type MKV struct{ *output }

// NewMKV returns an MKV on w. It writes nothing yet.
func NewMKV(w io.Writer) *MKV {
	return &MKV{newOutput(&mkvLive{w: w}, Options{Container: ContainerMKV})}
}

// mkvLive is the muxer of an endless document.
type mkvLive struct {
	w      io.Writer
	blocks blocks
	buf    []byte // what the next write begins with
}

func (*mkvLive) carries(*track, []*track) error { return nil }

// begin puts the header into the buffer. It keeps what the producer said about
// its tracks, and nothing of what it said about its file.
func (m *mkvLive) begin(h heading) error {
	m.blocks.scale = tickOf(h.header)
	info := mkv.Info{TimecodeScale: uint64(m.blocks.scale), MuxingApp: writingApp, WritingApp: writingApp}
	b := mkv.AppendEBML(m.buf, mkv.EBML{DocType: h.header.EBML.DocType})
	b = mkv.AppendUnknownSize(mkv.AppendID(b, mkv.IDSegment), 0)
	b = mkv.AppendInfo(b, info)
	m.buf = append(b, h.rawTracks()...)
	return nil
}

func (m *mkvLive) start(*consumer.Fragment, time.Duration) error {
	m.blocks.fresh = true
	return nil
}

func (m *mkvLive) frame(f *consumer.Frame, _ *track, at time.Duration) error {
	begins, rel := m.blocks.next(at)
	if begins {
		m.buf = mkv.AppendUnknownSize(mkv.AppendID(m.buf, mkv.IDCluster), 0)
		m.buf = mkv.AppendUint(m.buf, mkv.IDTimecode, uint64(m.blocks.cluster))
	}
	if f.Padding != 0 {
		m.buf = mkv.AppendPaddedBlock(m.buf, uint64(f.Track), rel, flags(f), f.Data, int64(f.Padding))
	} else {
		m.buf = mkv.AppendSimpleBlockHeader(m.buf, uint64(f.Track), rel, flags(f), len(f.Data))
		m.buf = append(m.buf, f.Data...)
	}
	_, err := m.w.Write(m.buf)
	m.buf = m.buf[:0]
	return err
}

func (*mkvLive) end() error { return nil }

func (*mkvLive) finish() error { return nil }

// writingApp is what documents say that wrote them.
const writingApp = "millrace"

// tickOf is the tick of a document: that of its first fragment, so that the times
// of most need not be rounded.
func tickOf(h *consumer.Header) int64 {
	return int64(scaleOf(&consumer.Fragment{Header: h}))
}

// rawTracks is the Tracks element: as it came, unless tracks are left out.
func (h heading) rawTracks() []byte {
	if len(h.tracks) == len(h.header.Tracks) {
		return h.header.RawTracks()
	}
	var entries []byte
	for _, t := range h.tracks {
		entries = append(entries, t.raw...)
	}
	return mkv.AppendBytes(nil, mkv.IDTracks, entries)
}

// blocks divides frames into Clusters: one for each fragment, and another one
// wherever a frame is too far from the beginning of its own.
type blocks struct {
	scale   int64 // nanoseconds of a tick
	fresh   bool  // the next frame is a fragment's first
	begun   bool
	cluster int64 // Timecode of the open Cluster, in ticks
}

// next returns whether a Cluster begins with a frame, and where in it the frame is.
// Clusters do not go back as long as a block can say that a frame does.
func (b *blocks) next(at time.Duration) (begins bool, rel int16) {
	ticks := nearest(int64(at), b.scale)
	if d := ticks - b.cluster; !b.begun || b.fresh || d < math.MinInt16 || d > math.MaxInt16 {
		begins = true
		if !b.begun || ticks > b.cluster || ticks-b.cluster < math.MinInt16 {
			b.cluster = max(ticks, 0)
		}
		b.begun, b.fresh = true, false
	}
	return begins, int16(max(ticks-b.cluster, math.MinInt16))
}

// nearest is v/by, rounded to the nearest. by is above 0.
func nearest(v, by int64) int64 {
	if v < 0 {
		return -nearest(-v, by)
	}
	return v/by + (v%by+by/2)/by
}

func flags(f *consumer.Frame) (b mkv.BlockFlags) {
	if f.Key {
		b |= mkv.FlagKeyframe
	}
	if f.Discardable {
		b |= mkv.FlagDiscardable
	}
	if f.Invisible {
		b |= mkv.FlagInvisible
	}
	return b
}
