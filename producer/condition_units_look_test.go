package producer

import (
	"bytes"
	"errors"
	"slices"
	"testing"

	"github.com/millrace/millrace/media"
)

// The bitstream says which frames are key frames, and which nobody needs.
func TestTheBitstreamTellsWhatAFrameIs(t *testing.T) {
	t.Parallel()
	eachDialect(t, func(t *testing.T, d *dialect) {
		c := d.new(t, d.private)
		for _, tc := range []struct {
			name        string
			units       [][]byte
			given       media.Frame
			key         bool
			discardable bool
		}{
			{"a key frame that was not given as one", [][]byte{d.key}, media.Frame{}, true, false},
			{"a key frame of two slices", [][]byte{d.key, d.key2}, media.Frame{Key: true}, true, false},
			{"a picture that needs others", [][]byte{d.delta}, media.Frame{}, false, false},
			{"a picture that nobody needs", [][]byte{d.disposable}, media.Frame{}, false, true},
			{"a picture that somebody needs, given as one that nobody does", [][]byte{d.delta}, media.Frame{Discardable: true}, false, false},
		} {
			tc.given.Track, tc.given.Data = 1, annexB(tc.units...)
			out := takeFrame(t, c, tc.given)
			if out.Key != tc.key || out.Discardable != tc.discardable || out.Notice != nil {
				t.Errorf("%s: %+v", tc.name, out)
			}
		}
	})
}

// With several temporal layers the bitstream does not tell what nobody needs.
func TestWithTemporalLayersTheWriterSaysWhatNobodyNeeds(t *testing.T) {
	t.Parallel()
	d := dialects(t)["H.265"]
	c := d.new(t, privateOf(t, "hevc-422-temporal"))
	for _, discardable := range []bool{false, true} {
		out := takeFrame(t, c, media.Frame{Track: 1, Discardable: discardable, Data: annexB(d.disposable)})
		if out.Discardable != discardable {
			t.Errorf("discardable is %v, given as %v", out.Discardable, discardable)
		}
	}
}

// What is odd about a track is told once, and sent.
func TestOddFramesAreSentWithANotice(t *testing.T) {
	t.Parallel()
	eachDialect(t, func(t *testing.T, d *dialect) {
		c := d.new(t, d.private)
		for _, tc := range []struct {
			name  string
			units [][]byte
			key   bool
			want  error
		}{
			{"a key frame that is none", [][]byte{d.delta}, true, ErrNotKey},
			{"two pictures", [][]byte{d.key, d.delta}, false, ErrManyPictures},
			{"a later slice alone", [][]byte{d.key2}, true, ErrPartialPicture},
		} {
			f := media.Frame{Track: 1, Key: tc.key, Data: annexB(tc.units...)}
			out := takeFrame(t, c, f)
			var n *Notice
			if !errors.Is(out.Notice, tc.want) || !errors.As(out.Notice, &n) || n.Track != 1 || out.Skip {
				t.Errorf("%s: %+v", tc.name, out)
			}
			wantPayload(t, out, tc.units...)
			if out := takeFrame(t, c, f); out.Notice != nil {
				t.Errorf("%s again: %v", tc.name, out.Notice)
			}
		}
	})
}

// Two fields are two pictures to the bitstream, and one frame.
func TestAFrameMayBeTwoFields(t *testing.T) {
	t.Parallel()
	d := dialects(t)["H.264"]
	c := d.new(t, privateOf(t, "avc-interlaced-sar"))
	if out := take(t, c, annexB(d.key, d.delta)); out.Notice != nil || !out.Key {
		t.Errorf("%+v", out)
	}
	inBand := d.new(t, nil)
	take(t, inBand, annexB(with(setsOf(t, media.AVC, privateOf(t, "avc-interlaced-sar")), d.key)...))
	if out := take(t, inBand, annexB(d.delta, d.delta)); out.Notice != nil {
		t.Errorf("with sets in the frames: %v", out.Notice)
	}
	if out := take(t, c, annexB(d.key, d.delta, d.delta)); !errors.Is(out.Notice, ErrManyPictures) {
		t.Errorf("three pictures: %+v", out)
	}
}

// Streams with open groups of pictures have few IDR pictures, or one. Where the
// writer says that decoding may start, and the bitstream does not deny it, it may.
func TestOpenGroupsOfPicturesBeginWhereTheWriterSays(t *testing.T) {
	t.Parallel()
	d := dialects(t)["H.264"]
	intra, recovery := unhex(t, "41 88 84 00"), unhex(t, "06 06 01 84 80")
	twice := unhex(t, "06 05 02 ffff 06 01 84 80") // behind something else
	for _, tc := range []struct {
		name  string
		units [][]byte
		given bool
		key   bool
	}{
		{"a recovery point", [][]byte{recovery, d.delta}, true, true},
		{"a recovery point behind other information", [][]byte{twice, d.delta}, true, true},
		{"a recovery point that nobody gave as a key frame", [][]byte{recovery, d.delta}, false, false},
		{"slices that need no others", [][]byte{intra, intra}, true, true},
		{"a slice that does", [][]byte{intra, d.delta}, true, false},
		{"other information", [][]byte{d.sei, d.delta}, true, false},
	} {
		c := d.new(t, d.private)
		out := takeFrame(t, c, media.Frame{Track: 1, Key: tc.given, Data: annexB(tc.units...)})
		if out.Key != tc.key {
			t.Errorf("%s: key is %v", tc.name, out.Key)
		}
	}
	h := dialects(t)["H.265"]
	c := h.new(t, nil)
	cra := unhex(t, "2a 01 af 08 00 42")
	if out := take(t, c, annexB(with(h.sets, cra)...)); !out.Key {
		t.Errorf("a picture of H.265 at which decoding may start: %+v", out)
	}
}

// The length of a unit of some 300 bytes looks like a start code, and the other
// way round.
func TestLengthsAndStartCodesAreToldApart(t *testing.T) {
	t.Parallel()
	eachDialect(t, func(t *testing.T, d *dialect) {
		c := d.new(t, d.private)
		for _, first := range [][]byte{d.key, d.delta, d.disposable, d.sei} {
			for n := 256; n < 520; n++ {
				unit := append(bytes.Clone(first), bytes.Repeat([]byte{0x55}, n-len(first))...)
				units := [][]byte{unit}
				if &first[0] == &d.sei[0] {
					units = append(units, d.delta)
				}
				if out := take(t, c, prefixed(units...)); out.Copied {
					t.Fatalf("lengths, the first of %d, were taken for something else", n)
				}
				wantPayload(t, take(t, c, annexB(units...)), units...)
				wantPayload(t, take(t, c, annexB(units...)[1:]), units...)
			}
		}
		for name, private := range map[string][]byte{"undeclared": nil, "declared": d.private} {
			c := d.new(t, private)
			frames := [][][]byte{with(d.sets, d.key), {d.delta}}
			for _, framed := range []func(...[]byte) []byte{annexB, prefixed, annexB, prefixed} { // a writer may change its mind
				for _, units := range frames {
					wantPayload(t, take(t, c, framed(units...)), units...)
				}
			}
			if now, _ := c.track(); now.CodecID != d.codec.CodecID() {
				t.Errorf("%s: %s", name, now.CodecID)
			}
		}
	})
}

// Where the codec stands in a structure of another one, what is sent does not.
func TestABitmapHeaderIsTakenOff(t *testing.T) {
	t.Parallel()
	eachDialect(t, func(t *testing.T, d *dialect) {
		m := media.NewMJPEG(320, 240)
		m.FourCC = map[media.Codec]string{media.AVC: "H264", media.HEVC: "HEVC"}[d.codec]
		for _, extra := range [][]byte{nil, d.private} {
			m.Extra = extra
			private, err := m.Append(nil)
			if err != nil {
				t.Fatal(err)
			}
			c := newTestConditioner(t, media.Track{CodecID: "V_MS/VFW/FOURCC", Private: private})
			take(t, c, annexB(with(d.sets, d.key)...))
			if now := declares(t, c, d.private); now.CodecID != d.codec.CodecID() {
				t.Errorf("identifier is %s", now.CodecID)
			}
		}
	})
}

func TestPrivateDataThatCannotBeReadAreErrorsOfTheTrack(t *testing.T) {
	t.Parallel()
	eachDialect(t, func(t *testing.T, d *dialect) {
		for name, private := range map[string][]byte{
			"half a record":      d.private[:len(d.private)/2],
			"no record":          []byte("what is this, and why?"),
			"sets of half":       annexB(d.sets[:len(d.sets)-1]...),
			"more than there is": make([]byte, maxPrivate+1),
		} {
			_, err := newConditioner(media.Track{Number: 7, Codec: d.codec, Private: private})
			var details *TrackError
			if !errors.Is(err, ErrBadTrack) || !errors.As(err, &details) || details.Track != 7 || details.Part != "codec private data" {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}

// Emulation prevention is not taken off what is sent, and is taken off what is read.
func TestEmulationPreventionStays(t *testing.T) {
	t.Parallel()
	eachDialect(t, func(t *testing.T, d *dialect) {
		if !slices.ContainsFunc(d.sets, func(set []byte) bool { return bytes.Contains(set, []byte{0, 0, 3}) }) {
			t.Fatal("the sets have none")
		}
		unit := append(bytes.Clone(d.key), 0, 0, 3, 1, 0, 0, 3, 0, 0, 3)
		c := d.new(t, nil)
		wantPayload(t, take(t, c, annexB(with(d.sets, unit)...)), with(d.sets, unit)...)
		declares(t, c, d.private)
	})
}
