package media_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/millrace/millrace/media"
)

func TestWaveFormat(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, data string
		want       media.WaveFormat
	}{
		{
			"A-law with the numbers that a common client gets wrong", "0600 0100 401f0000 e8030000 0100 0000 0000",
			media.WaveFormat{Tag: 6, Channels: 1, SampleRate: 8000, BytesPerSecond: 1000, BlockAlign: 1},
		},
		{
			"mu-law with extra data", "0700 0200 803e0000 007d0000 0200 0800 0300 010203",
			media.WaveFormat{Tag: 7, Channels: 2, SampleRate: 16000, BytesPerSecond: 32000, BlockAlign: 2, BitsPerSample: 8, Extra: []byte{1, 2, 3}},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			data := unhex(t, test.data)
			got, err := media.ParseWaveFormat(data)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			b, err := got.Append([]byte("head"))
			if err != nil || !bytes.Equal(b, append([]byte("head"), data...)) {
				t.Errorf("wrote %x, %v", b, err)
			}
		})
	}
}

func TestWaveFormatTrustsNoLength(t *testing.T) {
	t.Parallel()
	got, err := media.ParseWaveFormat(unhex(t, "0700 0100 401f0000 401f0000 0100 0800 ffff 0102"))
	if err != nil || !bytes.Equal(got.Extra, []byte{1, 2}) {
		t.Errorf("got %x, %v", got.Extra, err)
	}
}

func TestG711Parameters(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, data string
		codec      string
		want       error
	}{
		{"eight bits", "0600 0100 401f0000 401f0000 0100 0800", "alaw", nil},
		{"no bits", "0700 0100 401f0000 e8030000 0100 0000 0000", "ulaw", nil},
		{"sixteen bits", "0600 0100 401f0000 401f0000 0100 1000", "", media.ErrInvalid},
		{"no channel", "0600 0000 401f0000 401f0000 0100 0800", "", media.ErrInvalid},
		{"no rate", "0600 0100 00000000 401f0000 0100 0800", "", media.ErrInvalid},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			track, err := media.NewTrack(2, "A_MS/ACM", unhex(t, test.data))
			if !errors.Is(err, test.want) {
				t.Fatalf("got %v, want %v", err, test.want)
			}
			if err != nil {
				return
			}
			p, _ := track.Parameters()
			want := media.Parameters{SampleRate: 8000, Channels: 1, BitDepth: 8, CodecString: test.codec}
			if diff := cmp.Diff(want, p); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestNewG711(t *testing.T) {
	t.Parallel()
	for _, codec := range []media.Codec{media.ALaw, media.MuLaw} {
		w, err := media.NewG711(codec, 8000, 1)
		if err != nil || w.Codec() != codec {
			t.Errorf("%v became %v, %v", codec, w.Codec(), err)
		}
	}
	if _, err := media.NewG711(media.AAC, 8000, 1); !errors.Is(err, media.ErrUnsupported) {
		t.Errorf("AAC: %v", err)
	}
	if _, err := media.NewG711(media.ALaw, 0, 1); !errors.Is(err, media.ErrInvalid) {
		t.Errorf("a rate of zero: %v", err)
	}
	w := media.WaveFormat{Extra: make([]byte, 1<<16)}
	if dst, err := w.Append([]byte("head")); !errors.Is(err, media.ErrLimit) || string(dst) != "head" {
		t.Errorf("too much extra data: %q, %v", dst, err)
	}
}

func TestAACInsideAWaveFormat(t *testing.T) {
	t.Parallel()
	track, err := media.NewTrack(1, "A_MS/ACM", unhex(t, "ff00 0200 80bb0000 803e0000 0100 0000 0200 1190"))
	if err != nil || track.Codec != media.AAC || track.SampleRate != 48000 || track.Channels != 2 {
		t.Errorf("got %+v, %v", track, err)
	}
}
