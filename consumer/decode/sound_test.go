package decode_test

import (
	"encoding/binary"
	"errors"
	"math"
	"slices"
	"testing"

	"github.com/millrace/millrace/consumer"
	"github.com/millrace/millrace/consumer/decode"
	"github.com/millrace/millrace/media"
)

func TestSound(t *testing.T) {
	float := binary.LittleEndian.AppendUint32(nil, math.Float32bits(0.25))
	double := binary.LittleEndian.AppendUint64(nil, math.Float64bits(-0.5))
	for name, tc := range map[string]struct {
		codec media.Codec
		bits  int
		data  []byte
		want  []float32 // times 32768
	}{
		"mu-law":               {media.MuLaw, 8, []byte{0xff, 0x7f, 0x80, 0x00, 0xef}, []float32{0, 0, 32124, -32124, 132}},
		"a-law":                {media.ALaw, 8, []byte{0xd5, 0x55, 0xaa, 0x2a, 0xc5}, []float32{8, -8, 32256, -32256, 264}},
		"16 bits":              {media.PCMLittle, 16, []byte{0x01, 0x00, 0x00, 0x80, 0xff, 0x7f}, []float32{1, -32768, 32767}},
		"16 bits, not said":    {media.PCMLittle, 0, []byte{0x01, 0x00}, []float32{1}},
		"16 bits, big":         {media.PCMBig, 16, []byte{0x00, 0x01, 0x80, 0x00}, []float32{1, -32768}},
		"8 bits":               {media.PCMLittle, 8, []byte{0, 128, 255}, []float32{-32768, 0, 32512}},
		"24 bits":              {media.PCMLittle, 24, []byte{0x80, 0x00, 0x00, 0x00, 0x00, 0xc0}, []float32{0.5, -16384}},
		"24 bits, big":         {media.PCMBig, 24, []byte{0x00, 0x00, 0x80, 0xc0, 0x00, 0x00}, []float32{0.5, -16384}},
		"32 bits":              {media.PCMLittle, 32, []byte{0, 0, 1, 0}, []float32{1}},
		"32 bits, big":         {media.PCMBig, 32, []byte{0, 1, 0, 0}, []float32{1}},
		"floats":               {media.PCMFloat, 32, float, []float32{8192}},
		"double floats":        {media.PCMFloat, 64, double, []float32{-16384}},
		"half a sample behind": {media.PCMLittle, 16, []byte{1, 0, 7}, []float32{1}},
		"nothing":              {media.PCMLittle, 16, nil, nil},
	} {
		f := frame(2, 40, 0)
		f.Data = tc.data
		f.Format = &media.Track{Codec: tc.codec, BitDepth: tc.bits, SampleRate: 8000}
		got, err := decode.DecodeSound(make([]float32, 9), f)
		for i := range got.Samples {
			got.Samples[i] *= 32768
		}
		if err != nil || !slices.Equal(got.Samples, tc.want) || got.Rate != 8000 || got.Channels != 1 || got.Index != 2 || !got.Time.Equal(f.Time) {
			t.Errorf("%s: %v, %v, want %v", name, got.Samples, err, tc.want)
		}
	}
}

func TestSoundOfOtherCodecsIsRefused(t *testing.T) {
	for _, track := range []media.Track{{Codec: media.AAC}, {Codec: media.PCMLittle, BitDepth: 12}, {Codec: media.PCMFloat, BitDepth: 16}} {
		if _, err := decode.DecodeSound(nil, consumer.Frame{Format: &track}); !errors.Is(err, decode.ErrUnsupported) {
			t.Errorf("%s: %v", track.Codec, err)
		}
	}
	if _, err := decode.DecodeSound(nil, consumer.Frame{}); !errors.Is(err, decode.ErrNotConfigured) {
		t.Error(err)
	}
}
