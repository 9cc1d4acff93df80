package media_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/millrace/millrace/media"
)

func TestAV1ConfigRoundTrip(t *testing.T) {
	t.Parallel()
	want := map[string]media.AV1Config{
		"av1-10":  {BitDepth: 10, SubsamplingX: true, SubsamplingY: true},
		"av1-444": {Profile: 1, BitDepth: 8},
	}
	for name, config := range want {
		data := privates(t)[name].data
		config.OBUs = data[4:]
		got, err := media.ParseAV1Config(data)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(config, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		made, err := media.NewAV1Config(append([]byte{0x12, 0}, data[4:]...)) // a temporal delimiter in front
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range []media.AV1Config{got, made} {
			b, err := c.Append([]byte("head"))
			if err != nil || !bytes.Equal(b, append([]byte("head"), data...)) {
				t.Errorf("%s: %x (%v), want %x", name, b, err, data)
			}
		}
	}
}

func TestAV1SequenceMatchesFFprobe(t *testing.T) {
	t.Parallel()
	got, err := media.ParseAV1Sequence(privates(t)["av1-10"].data[6:])
	if err != nil {
		t.Fatal(err)
	}
	want := media.AV1Sequence{
		Config: media.AV1Config{BitDepth: 10, SubsamplingX: true, SubsamplingY: true},
		Width:  320, Height: 240, Color: media.Color{Primaries: 9, Transfer: 16, Matrix: 9},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// The two headers are written by hand after the syntax tables of the format.
func TestAV1SequenceShapesThatEncodersSeldomWrite(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, bits string
		want       media.AV1Sequence
	}{
		{
			// profile 0, still, reduced, level 5, 8+8 bits of size, tools, 8 bit 4:2:0 vertical
			"a still picture",
			"000 1 1 00101 0111 0111 01111111 00111111 000 000 0 0 0 1 01 0",
			media.AV1Sequence{
				Config: media.AV1Config{Level: 5, BitDepth: 8, SubsamplingX: true, SubsamplingY: true, ChromaPosition: 1},
				Width:  128, Height: 64, Color: media.Color{Primaries: 2, Transfer: 2, Matrix: 2, FullRange: true},
			},
		},
		{
			// profile 2, timing 1001/30000 at equal intervals of one tick, decoder model, two
			// operating points, the first high tier with a delay of four frames; 12 bit monochrome
			"timing, a decoder model and monochrome",
			"010 0 0 1 00000000000000000000001111101001 00000000000000000111010100110000 1 1 " +
				"1 00100 00000000000000000000000000000001 00100 00100 " +
				"1 00001 " +
				"000000000001 01001 1 1 00001 00001 0 1 0011 " +
				"000000000000 00001 0 0 " +
				"0111 0111 01111111 00111111 1 0000 000 000 0000 0 1 1 000 " +
				"11 1 1 00000001 00000001 00000001 0",
			media.AV1Sequence{
				Config: media.AV1Config{
					Profile: 2, Level: 9, High: true, BitDepth: 12, Monochrome: true,
					SubsamplingX: true, SubsamplingY: true, PresentationDelay: 4,
				},
				Width: 128, Height: 64, Color: media.Color{Primaries: 1, Transfer: 1, Matrix: 1}, FrameRate: media.Rate{Num: 30000, Den: 1001},
			},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got, err := media.ParseAV1Sequence(packBits(t, test.bits))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func packBits(t testing.TB, bits string) []byte {
	t.Helper()
	var b []byte
	n := 0
	for _, c := range bits {
		if c == ' ' {
			continue
		}
		if n%8 == 0 {
			b = append(b, 0)
		}
		if c == '1' {
			b[n/8] |= 0x80 >> (n % 8)
		}
		n++
	}
	return b
}

func TestAV1Refuses(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, record string
		want         error
	}{
		{"nothing", "", media.ErrMissing},
		{"another version", "82000c00", media.ErrInvalid},
		{"a record of three bytes", "81000c", media.ErrTruncated},
		{"twelve bits that are not high", "81002c00", media.ErrInvalid},
		{"a profile of three", "81600c00", media.ErrInvalid},
		{"an OBU that reaches past the end", "81000c00 0aff01", media.ErrTruncated},
		{"OBUs without a sequence header", "81000c00 1200", media.ErrMissing},
		{"a sequence header cut short", "81000c00 0a0100", media.ErrTruncated},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if _, err := media.NewTrack(1, "V_AV1", unhex(t, test.record)); !errors.Is(err, test.want) {
				t.Errorf("got %v, want %v", err, test.want)
			}
		})
	}
	if _, err := (media.AV1Config{BitDepth: 9}).Append(nil); !errors.Is(err, media.ErrInvalid) {
		t.Errorf("nine bits: %v", err)
	}
	if _, err := (media.AV1Config{BitDepth: 8, Profile: 3}).Append(nil); !errors.Is(err, media.ErrInvalid) {
		t.Errorf("a profile of three: %v", err)
	}
	if _, err := media.NewAV1Config([]byte{0x12, 0}); !errors.Is(err, media.ErrMissing) {
		t.Errorf("a temporal unit without a sequence header: %v", err)
	}
}
