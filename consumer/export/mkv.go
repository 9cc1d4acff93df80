package export

import (
	"bytes"
	"fmt"
	"io"
	"math"
	"time"

	"github.com/millrace/millrace/consumer"
	"github.com/millrace/millrace/media"
	"github.com/millrace/millrace/mkv"
)

// MKV writes fragments as one Matroska document. Its time is in milliseconds
// and begins with zero at the first frame. Gaps stay as they are; where time
// goes back, because a producer started again or two of them overlap, the
// fragment is moved behind what was written before.
type MKV struct {
	w      io.Writer
	tracks []byte // the Tracks element; nil before the first fragment
	shift  int64  // to add to a frame's time, ms
	latest map[media.TrackNumber]int64
	end    int64  // the latest of all
	start  int64  // of the open Cluster
	buf    []byte // what the next write begins with
}

// NewMKV returns an MKV on w. It writes nothing yet.
func NewMKV(w io.Writer) *MKV { return &MKV{w: w, latest: map[media.TrackNumber]int64{}} }

// frameGap is put before a fragment that had to be moved.
const frameGap = 40 // ms

// WriteFragment implements Writer.
func (m *MKV) WriteFragment(f *consumer.Fragment) error {
	if m.tracks == nil {
		m.begin(f.Header)
	} else if !bytes.Equal(m.tracks, f.Header.RawTracks()) {
		return fmt.Errorf("fragment %s: %w", f.Number, ErrTracksChanged)
	}
	first := true
	for frame, err := range f.Frames() {
		if err != nil {
			return fmt.Errorf("fragment %s: %w", f.Number, err)
		}
		if err := m.write(frame, first); err != nil {
			return fmt.Errorf("write frame of fragment %s: %w", f.Number, err)
		}
		first = false
	}
	return nil
}

// begin puts the header into the buffer. It keeps what the producer said about
// its tracks, and nothing of what it said about its file.
func (m *MKV) begin(h *consumer.Header) {
	m.tracks = bytes.Clone(h.RawTracks())
	b := mkv.AppendEBML(m.buf, mkv.EBML{DocType: h.EBML.DocType})
	b = mkv.AppendUnknownSize(mkv.AppendID(b, mkv.IDSegment), 0)
	b = mkv.AppendInfo(b, mkv.Info{MuxingApp: "millrace", WritingApp: "millrace"})
	m.buf = append(b, m.tracks...)
}

// write sends the frame, with what has to stand before it, in one write.
func (m *MKV) write(f consumer.Frame, first bool) error {
	at := int64(f.PTS / time.Millisecond)
	if first {
		m.align(f.Track, at)
	}
	at += m.shift
	if rel := at - m.start; first || rel < math.MinInt16 || rel > math.MaxInt16 {
		m.cluster(at)
	}
	m.buf = mkv.AppendSimpleBlockHeader(m.buf, uint64(f.Track), int16(at-m.start), flags(f), len(f.Data))
	m.buf = append(m.buf, f.Data...)
	_, err := m.w.Write(m.buf)
	m.buf = m.buf[:0]
	m.latest[f.Track] = max(m.latest[f.Track], at)
	m.end = max(m.end, at)
	return err
}

// align sets the shift for a fragment that begins with a frame at the given
// time. Time has gone back if the frame is not later than those of its track.
func (m *MKV) align(track media.TrackNumber, at int64) {
	latest, seen := m.latest[track]
	switch {
	case len(m.latest) == 0:
		m.shift = -at
	case seen && at+m.shift <= latest, at+m.shift < m.start:
		m.shift = m.end + frameGap - at
	}
}

// cluster begins a Cluster at a time that is not before the last one's.
func (m *MKV) cluster(at int64) {
	m.start = max(at, m.start)
	m.buf = mkv.AppendUnknownSize(mkv.AppendID(m.buf, mkv.IDCluster), 0)
	m.buf = mkv.AppendUint(m.buf, mkv.IDTimecode, uint64(m.start))
}

func flags(f consumer.Frame) (b mkv.BlockFlags) {
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
