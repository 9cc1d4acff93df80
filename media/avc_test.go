package media_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/millrace/millrace/media"
)

func TestAVCSPSMatchesFFprobe(t *testing.T) {
	t.Parallel()
	square := media.Ratio{Width: 1, Height: 1}
	pal := media.Rate{Num: 25, Den: 1}
	tests := map[string]media.AVCSPS{
		"avc-interlaced-sar": {
			Profile: 100, Level: 30, ChromaFormat: 1, BitDepthLuma: 8, BitDepthChroma: 8, Width: 720, Height: 576,
			Interlaced: true, MaxReorderFrames: 2, Aspect: media.Ratio{Width: 64, Height: 45}, FrameRate: pal,
		},
		"avc-hrd-cqm": {
			Profile: 100, Level: 30, ChromaFormat: 1, BitDepthLuma: 8, BitDepthChroma: 8, Width: 640, Height: 360,
			MaxReorderFrames: 2, Aspect: square, FrameRate: pal,
		},
		"avc-422-10": {
			Profile: 122, Level: 30, ChromaFormat: 2, BitDepthLuma: 10, BitDepthChroma: 10, Width: 640, Height: 360,
			MaxReorderFrames: 2, Aspect: square, FrameRate: media.Rate{Num: 30000, Den: 1001},
			Color: media.Color{Primaries: 1, Transfer: 1, Matrix: 1, FullRange: true},
		},
		"avc-gray": {
			Profile: 100, Level: 30, ChromaFormat: 0, BitDepthLuma: 8, BitDepthChroma: 8, Width: 640, Height: 360,
			MaxReorderFrames: 2, Aspect: square, FrameRate: pal,
			Color: media.Color{Primaries: 2, Transfer: 2, Matrix: 2, FullRange: true},
		},
		"avc-baseline-1080": {
			Profile: 66, Constraints: 0xc0, Level: 40, ChromaFormat: 1, BitDepthLuma: 8, BitDepthChroma: 8, Width: 1920, Height: 1080,
			MaxReorderFrames: 0, Aspect: square, FrameRate: media.Rate{Num: 30, Den: 1},
		},
	}
	all := privates(t)
	for name, want := range tests {
		c, err := media.ParseAVCConfig(all[name].data)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		got, err := media.ParseAVCSPS(c.SPS[0])
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// The set is written by hand after the syntax tables: scaling lists of 4:4:4, one
// of which ends early, picture order of type 1, cropping by single samples.
func TestAVCSPSWithFieldsThatEncodersSeldomWrite(t *testing.T) {
	t.Parallel()
	bits := "01100111 11110100 00000000 00011110" + // header, profile, level
		"1 00100 0 1 1 0 1" + // 4:4:4, scaling lists follow
		"1 000010001" + "1" + strings.Repeat("1", 16) + "0000" + "1" + strings.Repeat("1", 64) + "00000" +
		"1 010 0 1 1 011 1 1 010 0" + // frame numbers, picture order
		"00100 00100 1 1" + "1 010 1 1 010" + "0 1" // 64x64, less a column and a row
	got, err := media.ParseAVCSPS(packBits(t, bits))
	if err != nil {
		t.Fatal(err)
	}
	want := media.AVCSPS{
		Profile: 244, Level: 30, ChromaFormat: 3, BitDepthLuma: 8, BitDepthChroma: 8,
		Width: 63, Height: 63, MaxReorderFrames: -1,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestAVCConfigIsWrittenAsOthersWriteIt(t *testing.T) {
	t.Parallel()
	for name, p := range privates(t) {
		if p.codecID != media.AVC.CodecID() {
			continue
		}
		c, err := media.ParseAVCConfig(p.data)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		made, err := media.NewAVCConfig(c.SPS, c.PPS)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		fromFrame, err := media.AVCConfigFromAnnexB(append(c.AppendAnnexB(nil), 0, 0, 1, 0x65, 0x88))
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		for _, config := range []media.AVCConfig{c, made, fromFrame} {
			got, err := config.Append([]byte("head"))
			if err != nil || !bytes.Equal(got, append([]byte("head"), p.data...)) {
				t.Errorf("%s: %x (%v), want %x", name, got, err, p.data)
			}
		}
	}
}

func TestAVCConfigRefuses(t *testing.T) {
	t.Parallel()
	const sps, pps = "0019 6742c028da01e0089f970110000003001000000303c0f1832a", "0004 68ce0fc8"
	tests := []struct {
		name, record string
		want         error
	}{
		{"nothing", "", media.ErrMissing},
		{"parameter sets with start codes", "00000001 6742", media.ErrInvalid},
		{"a record of two bytes", "0142", media.ErrTruncated},
		{"a length size of three", "0142c028 fe e1" + sps + "01" + pps, media.ErrInvalid},
		{"no SPS", "0142c028 ff e0 01" + pps, media.ErrMissing},
		{"no PPS", "0142c028 ff e1" + sps + "00", media.ErrMissing},
		{"no count of PPS", "0142c028 ff e1" + sps, media.ErrTruncated},
		{"an SPS that reaches past the end", "0142c028 ff e1 ffff 6742", media.ErrTruncated},
		{"a PPS that reaches past the end", "0142c028 ff e1" + sps + "01 ffff 68", media.ErrTruncated},
		{"an empty SPS", "0142c028 ff e1 0000 01" + pps, media.ErrTruncated},
		{"a PPS in the place of the SPS", "0142c028 ff e1" + pps + "01" + pps, media.ErrInvalid},
		{"an SPS in the place of the PPS", "0142c028 ff e1" + sps + "01" + sps, media.ErrInvalid},
		{"an SPS of nothing but its level", "0142c028 ff e1 0004 6742c028 01" + pps, media.ErrTruncated},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			_, err := media.ParseAVCConfig(unhex(t, test.record))
			if !errors.Is(err, test.want) {
				t.Errorf("got %v, want %v", err, test.want)
			}
		})
	}
}

func TestAVCConfigBoundsWhatItWrites(t *testing.T) {
	t.Parallel()
	c, err := media.ParseAVCConfig(privates(t)["avc-422-10"].data)
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name   string
		change func(*media.AVCConfig)
		want   error
	}{
		{"too many SPS", func(c *media.AVCConfig) { c.SPS = make([][]byte, 32) }, media.ErrLimit},
		{"too many PPS", func(c *media.AVCConfig) { c.PPS = make([][]byte, 256) }, media.ErrLimit},
		{"a PPS that is too long", func(c *media.AVCConfig) { c.PPS = [][]byte{append([]byte{0x68}, make([]byte, 1<<16)...)} }, media.ErrLimit},
		{"a length size of three", func(c *media.AVCConfig) { c.LengthSize = 3 }, media.ErrInvalid},
		{"no PPS", func(c *media.AVCConfig) { c.PPS = nil }, media.ErrMissing},
		{"too many extensions", func(c *media.AVCConfig) { c.Format = &media.AVCFormat{SPSExt: make([][]byte, 256)} }, media.ErrLimit},
		{"an extension that is too long", func(c *media.AVCConfig) {
			c.Format = &media.AVCFormat{SPSExt: [][]byte{make([]byte, 1<<16)}}
		}, media.ErrLimit},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			changed := c
			test.change(&changed)
			dst, err := changed.Append([]byte("head"))
			if !errors.Is(err, test.want) || string(dst) != "head" {
				t.Errorf("got %q, %v; want %v", dst, err, test.want)
			}
		})
	}
}

func TestAnnexBPrivateDataAreUnderstood(t *testing.T) {
	t.Parallel()
	for name, p := range privates(t) {
		var annexB []byte
		switch p.codecID {
		case media.AVC.CodecID():
			c, err := media.ParseAVCConfig(p.data)
			if err != nil {
				t.Fatal(err)
			}
			annexB = c.AppendAnnexB(nil)
		case media.HEVC.CodecID():
			c, err := media.ParseHEVCConfig(p.data)
			if err != nil {
				t.Fatal(err)
			}
			annexB = c.AppendAnnexB(nil)
		default:
			continue
		}
		record, err := media.NewTrack(1, p.codecID, p.data)
		if err != nil {
			t.Fatal(err)
		}
		bare, err := media.NewTrack(1, p.codecID, annexB)
		if err != nil || bare.Width != record.Width || bare.Height != record.Height {
			t.Errorf("%s: %dx%d, %v", name, bare.Width, bare.Height, err)
		}
		if params, err := bare.Parameters(); err != nil || params.LengthSize != 0 {
			t.Errorf("%s: length size %d, %v", name, params.LengthSize, err)
		}
	}
}
