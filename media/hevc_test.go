package media_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/millrace/millrace/media"
)

// shiftedRecord is the record that a widely used C client writes: its profile is
// moved by one byte and its level is zero. The sets in it are right.
func shiftedRecord(t testing.TB) []byte {
	t.Helper()
	const record = "01010101600000000000000000f000fcfdf8f800000f03200001002340010c01ffff01600000030000030000030000030096ac0c" +
		"0000030004000003006540210001002b42010101600000030000030000030000030096a005020169636b924c9ae59c0200000300020000030032" +
		"1022000100074401e076b02640"
	return unhex(t, record)
}

func TestHEVCSPSMatchesFFprobe(t *testing.T) {
	t.Parallel()
	tests := map[string]media.HEVCSPS{
		"hevc-crop-hrd": {
			Profile:        media.HEVCProfile{IDC: 1, Level: 120, Compatibility: 0x60000000, Constraints: [6]byte{0x90}},
			TemporalLayers: 1, TemporalNested: true, ChromaFormat: 1, BitDepthLuma: 8, BitDepthChroma: 8,
			Width: 1366, Height: 768, MaxReorderFrames: 2, Aspect: media.Ratio{Width: 512, Height: 683},
			Color: media.Color{Primaries: 2, Transfer: 2, Matrix: 2}, FrameRate: media.Rate{Num: 25, Den: 1},
		},
		"hevc-main10-scaling": {
			Profile:        media.HEVCProfile{IDC: 2, Level: 63, Compatibility: 0x20000000, Constraints: [6]byte{0x90}},
			TemporalLayers: 1, TemporalNested: true, ChromaFormat: 1, BitDepthLuma: 10, BitDepthChroma: 10,
			Width: 640, Height: 360, MaxReorderFrames: 2, Aspect: media.Ratio{Width: 1, Height: 1},
			Color: media.Color{Primaries: 9, Transfer: 16, Matrix: 9}, FrameRate: media.Rate{Num: 30000, Den: 1001},
		},
		"hevc-422-temporal": {
			Profile:        media.HEVCProfile{IDC: 4, Level: 123, Compatibility: 0x08000000, Constraints: [6]byte{0x9d, 0x08}},
			TemporalLayers: 2, ChromaFormat: 2, BitDepthLuma: 10, BitDepthChroma: 10,
			Width: 640, Height: 360, MaxReorderFrames: 2, Aspect: media.Ratio{Width: 1, Height: 1},
			Color: media.Color{Primaries: 2, Transfer: 2, Matrix: 2}, FrameRate: media.Rate{Num: 25, Den: 1},
		},
	}
	all := privates(t)
	for name, want := range tests {
		c, err := media.ParseHEVCConfig(all[name].data)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		got, err := media.ParseHEVCSPS(c.SPS[0])
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// The set is written by hand after the syntax tables: PCM, reference picture sets
// told as changes of others, long-term pictures, timing. A bit too much or too
// little on the way to the timing spoils it.
func TestHEVCSPSWithToolsThatEncodersSeldomUse(t *testing.T) {
	t.Parallel()
	ones := strings.Repeat("1", 32+48)
	bits := "01000010 00000001" + // header
		"0000 000 1" + "00 0 00001" + ones + "01011101" + // profile and level
		"1 010 0000001000001 0000001000001 0 1 1 00101 1 1 1 1" + // 4:2:0, 64x64, order counts of 8 bits
		"111111 0 0 0" + "1 11111111 1 1 1" + // block sizes, PCM
		"00100" + "010 010 1 1 1 1" + "1 0 1 1 00 01" + "1 1 1 1 1 00" + // three short-term sets
		"1 011 10101010 1 10101010 1" + "1 0" + // two long-term pictures
		"1" + "1 00000001 0 0 0 000 1 1111 1" + // usability information up to the timing
		"00000001000000010000000100000001 00000010000000100000001000000010 1"
	got, err := media.ParseHEVCSPS(packBits(t, bits))
	if err != nil {
		t.Fatal(err)
	}
	if got.Width != 64 || got.Height != 64 || got.FrameRate != (media.Rate{Num: 0x02020202, Den: 0x01010101}) {
		t.Errorf("got %+v", got)
	}
}

func TestHEVCConfigRoundTrip(t *testing.T) {
	t.Parallel()
	for name, p := range privates(t) {
		if p.codecID != media.HEVC.CodecID() {
			continue
		}
		c, err := media.ParseHEVCConfig(p.data)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		fromFrame, err := media.HEVCConfigFromAnnexB(append(c.AppendAnnexB(nil), 0, 0, 1, 0x26, 0x01))
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		for _, config := range []media.HEVCConfig{c, fromFrame} {
			got, err := config.Append([]byte("head"))
			if err != nil || !bytes.Equal(got, append([]byte("head"), p.data...)) {
				t.Errorf("%s: %x (%v), want %x", name, got, err, p.data)
			}
		}
	}
}

func TestHEVCConfigKeepsSEI(t *testing.T) {
	t.Parallel()
	c, err := media.ParseHEVCConfig(privates(t)["hevc-crop-hrd"].data)
	if err != nil {
		t.Fatal(err)
	}
	c.SEI = [][]byte{{0x4e, 0x01, 0x05}, {0x50, 0x01, 0x05}}
	b, err := c.Append(nil)
	if err != nil {
		t.Fatal(err)
	}
	again, err := media.ParseHEVCConfig(b)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(c, again); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestHEVCProfileComesFromTheSPS(t *testing.T) {
	t.Parallel()
	record := shiftedRecord(t)
	c, err := media.ParseHEVCConfig(record)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := c.CodecString(), "hvc1.1.6.L150"; got != want {
		t.Errorf("codec string is %q, want %q", got, want)
	}
	mended, err := c.Append(nil)
	if err != nil {
		t.Fatal(err)
	}
	want := unhex(t, "01 01 60000000 000000000000 96 f000 fc fd f8 f8 0000 0f 03")
	if !bytes.Equal(mended[:len(want)], want) {
		t.Errorf("record begins with %x, want %x", mended[:len(want)], want)
	}
	if bytes.Equal(mended, record) {
		t.Error("the record was not mended")
	}
}

func TestHEVCCodecString(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		profile media.HEVCProfile
		want    string
	}{
		{"main", media.HEVCProfile{IDC: 1, Level: 93, Compatibility: 0x60000000, Constraints: [6]byte{0xb0}}, "hvc1.1.6.L93.B0"},
		{"main 10 in the high tier", media.HEVCProfile{IDC: 2, High: true, Level: 150, Compatibility: 0x20000000, Constraints: [6]byte{0xb0}}, "hvc1.2.4.H150.B0"},
		{"a profile space and a gap in the constraints", media.HEVCProfile{Space: 1, IDC: 4, Level: 120, Compatibility: 0x08000000, Constraints: [6]byte{0x90, 0, 0x08}}, "hvc1.A4.10.L120.90.00.08"},
		{"no constraints", media.HEVCProfile{IDC: 1, Level: 90, Compatibility: 0x60000000}, "hvc1.1.6.L90"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if got := test.profile.CodecString(); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func TestHEVCConfigRefuses(t *testing.T) {
	t.Parallel()
	good := shiftedRecord(t)
	change := func(at int, value byte) []byte {
		b := bytes.Clone(good)
		b[at] = value
		return b
	}
	tests := []struct {
		name   string
		record []byte
		want   error
	}{
		{"nothing", nil, media.ErrMissing},
		{"parameter sets with start codes and no SPS", unhex(t, "00000001 4001"), media.ErrInvalid},
		{"a record cut in its head", good[:22], media.ErrTruncated},
		{"a record cut in its sets", good[:60], media.ErrTruncated},
		{"a length size of three", change(21, 0x0e), media.ErrInvalid},
		{"no array", change(22, 0), media.ErrMissing},
		{"no PPS", change(22, 2), media.ErrMissing},
		{"more arrays than there are", change(22, 4), media.ErrTruncated},
		{"more units in an array than a record may have", change(24, 1), media.ErrLimit},
		{"a set of another kind than its array", change(28, 0x42), media.ErrInvalid},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if _, err := media.ParseHEVCConfig(test.record); !errors.Is(err, test.want) {
				t.Errorf("got %v, want %v", err, test.want)
			}
		})
	}
}

func TestHEVCConfigBoundsWhatItWrites(t *testing.T) {
	t.Parallel()
	c, err := media.ParseHEVCConfig(shiftedRecord(t))
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name   string
		change func(*media.HEVCConfig)
		want   error
	}{
		{"too many PPS", func(c *media.HEVCConfig) { c.PPS = make([][]byte, 256) }, media.ErrLimit},
		{"a PPS that is too long", func(c *media.HEVCConfig) { c.PPS = [][]byte{append([]byte{0x44, 1}, make([]byte, 1<<16)...)} }, media.ErrLimit},
		{"a length size of three", func(c *media.HEVCConfig) { c.LengthSize = 3 }, media.ErrInvalid},
		{"no VPS", func(c *media.HEVCConfig) { c.VPS = nil }, media.ErrMissing},
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
