package ts_test

import (
	"encoding/binary"
	"encoding/hex"
	"testing"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/timeline"
	"github.com/millrace/millrace/internal/ts"
	"github.com/millrace/millrace/media"
)

// Codec private data of real encoders.
const (
	baseline   = "0142c028ffe100196742c028da01e0089f970110000003001000000303c0f1832a01000468ce0fc8"
	reordering = "014d4020ffe1001a674d4020eca02b030f3780880000030008000003019078c18cb001000468ef8fc8"
	stereo     = "1190"
	milli      = 1_000_000 // ns
	ticks      = 90        // in a millisecond
	headStart  = 90_000
)

type fataler interface {
	Helper()
	Fatal(args ...any)
}

func unhex(t fataler, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func track(t fataler, number media.TrackNumber, codecID string, private []byte) *timeline.Track {
	t.Helper()
	m, err := media.NewTrack(number, codecID, private)
	if err != nil {
		t.Fatal(err)
	}
	made := timeline.NewTrack(m)
	return &made
}

func h264(t fataler, private string) *timeline.Track {
	t.Helper()
	return track(t, 1, "V_MPEG4/ISO/AVC", unhex(t, private))
}

func aac(t fataler, private string) *timeline.Track {
	t.Helper()
	return track(t, 2, "A_AAC", unhex(t, private))
}

// A clip is a fragment in the making.
type clip struct {
	fragment millrace.Fragment
	cluster  []byte
}

func newClip() *clip {
	return &clip{fragment: millrace.Fragment{TimecodeScale: milli}, cluster: []byte{0x1f, 0x43, 0xb6, 0x75, 0xff}}
}

// add appends a frame that is shown at a millisecond.
func (c *clip) add(track uint64, at int32, flags millrace.SampleFlags, payload []byte) *clip {
	c.cluster = append(c.cluster, 0xa3) // something between the frames
	c.fragment.Samples = append(c.fragment.Samples, millrace.Sample{
		Track: track, Time: at, Flags: flags, Offset: uint32(len(c.cluster)), Size: uint32(len(payload)),
	})
	c.cluster = append(c.cluster, payload...)
	return c
}

// pictures appends frames of the first track, the first of them IDR.
func (c *clip) pictures(at ...int32) *clip {
	for i, t := range at {
		if i == 0 {
			c.add(1, t, millrace.SampleKey, frame(idr(i)))
		} else {
			c.add(1, t, 0, frame(slice(i)))
		}
	}
	return c
}

// sound appends n frames of the second track, one each 1,024 samples of 48 kHz.
func (c *clip) sound(from int32, n int) *clip {
	for i := range n {
		c.add(2, from+int32(i)*1024/48, millrace.SampleKey, []byte{0x21, byte(i), 0x31, 0x41})
	}
	return c
}

func (c *clip) runs(tracks ...*timeline.Track) (runs []timeline.Run) {
	for _, t := range tracks {
		runs = append(runs, t.Run(&c.fragment, timeline.Hint{}))
	}
	return runs
}

// segment packages the clip with the delay of its first track.
func (c *clip) segment(t testing.TB, tracks ...*timeline.Track) []byte {
	t.Helper()
	s, err := ts.NewSegment(tracks, c.runs(tracks...), c.cluster, ts.Delay(tracks[0]))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// frame is NAL units behind lengths of four bytes.
func frame(units ...[]byte) (b []byte) {
	for _, u := range units {
		b = binary.BigEndian.AppendUint32(b, uint32(len(u)))
		b = append(b, u...)
	}
	return b
}

// annexB is NAL units behind start codes.
func annexB(units ...[]byte) (b []byte) {
	for _, u := range units {
		b = append(append(b, 0, 0, 0, 1), u...)
	}
	return b
}

// idr and slice are slices that are told apart by a number.
func idr(n int) []byte { return unit(0x65, n) }

func slice(n int) []byte { return unit(0x41, n) }

func unit(header byte, n int) []byte {
	u := []byte{header, 0x88, byte(n), byte(n >> 8)}
	for i := range (n % 7) * 61 {
		u = append(u, byte(i)|1)
	}
	return u
}

// sets are the parameter sets of private data.
func sets(t fataler, private string) (sps, pps []byte) {
	t.Helper()
	c, err := media.ParseAVCConfig(unhex(t, private))
	if err != nil {
		t.Fatal(err)
	}
	return c.SPS[0], c.PPS[0]
}
