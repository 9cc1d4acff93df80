package media_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/millrace/millrace/media"
)

func TestAACConfig(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, data string
		codec      string
		want       media.AACConfig
	}{
		{"stereo at 48 kHz", "1190", "mp4a.40.2", media.AACConfig{ObjectType: 2, SampleRate: 48000, ChannelConfig: 2, Channels: 2}},
		{"mono at 8 kHz", "1588", "mp4a.40.2", media.AACConfig{ObjectType: 2, SampleRate: 8000, ChannelConfig: 1, Channels: 1}},
		{
			"five bytes that say there is no SBR", "120856e500", "mp4a.40.2",
			media.AACConfig{ObjectType: 2, SampleRate: 44100, ChannelConfig: 1, Channels: 1, Signalling: media.AACBackward},
		},
		{
			"SBR told to decoders that know it", "131056e598", "mp4a.40.2",
			media.AACConfig{ObjectType: 2, SampleRate: 24000, ChannelConfig: 2, Channels: 2, Signalling: media.AACBackward, SBR: true, ExtensionRate: 48000},
		},
		{
			"SBR and PS told to decoders that know them", "130856e59d4880", "mp4a.40.2",
			media.AACConfig{ObjectType: 2, SampleRate: 24000, ChannelConfig: 1, Channels: 1, Signalling: media.AACBackward, SBR: true, PS: true, ExtensionRate: 48000},
		},
		{
			"SBR in front", "2b118800", "mp4a.40.5",
			media.AACConfig{ObjectType: 2, SampleRate: 24000, ChannelConfig: 2, Channels: 2, Signalling: media.AACHierarchical, SBR: true, ExtensionRate: 48000},
		},
		{
			"PS in front", "eb098800", "mp4a.40.29",
			media.AACConfig{ObjectType: 2, SampleRate: 24000, ChannelConfig: 1, Channels: 1, Signalling: media.AACHierarchical, SBR: true, PS: true, ExtensionRate: 48000},
		},
		{"a rate that has no index", "178018 6a 10", "mp4a.40.2", media.AACConfig{ObjectType: 2, SampleRate: 12500, ChannelConfig: 2, Channels: 2}},
		{"frames of 960 samples", "1194", "mp4a.40.2", media.AACConfig{ObjectType: 2, SampleRate: 48000, ChannelConfig: 2, Channels: 2, ShortFrames: true}},
		{"eight channels", "11b8", "mp4a.40.2", media.AACConfig{ObjectType: 2, SampleRate: 48000, ChannelConfig: 7, Channels: 8}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			data := unhex(t, test.data)
			got, err := media.ParseAACConfig(data)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if got.CodecString() != test.codec {
				t.Errorf("codec string is %q, want %q", got.CodecString(), test.codec)
			}
			b, err := test.want.Append([]byte("head"))
			if err != nil || !bytes.HasPrefix(append([]byte("head"), data...), b) {
				t.Errorf("wrote %x (%v), want %x", b, err, data)
			}
		})
	}
}

func TestAACConfigReadsWhatItCannotWrite(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		data []byte
		want media.AACConfig
	}{
		{"a program configuration", privates(t)["aac-pce"].data, media.AACConfig{ObjectType: 2, SampleRate: 44100, Channels: 4, Signalling: media.AACBackward}},
		{"error-resilient LC", packBits(t, "10001 0011 0010 0 0 0 00"), media.AACConfig{ObjectType: 17, SampleRate: 48000, ChannelConfig: 2, Channels: 2}},
		{"scalable with an extension", packBits(t, "10100 0011 0010 0 1 00000000000000 1 000 000 0 00"), media.AACConfig{ObjectType: 20, SampleRate: 48000, ChannelConfig: 2, Channels: 2}},
		{"an object type of eleven bits", packBits(t, "11111 001010 0011 0010"), media.AACConfig{ObjectType: 42, SampleRate: 48000, ChannelConfig: 2, Channels: 2}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got, err := media.ParseAACConfig(test.data)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if dst, err := got.Append([]byte("head")); !errors.Is(err, media.ErrUnsupported) || string(dst) != "head" {
				t.Errorf("wrote %q, %v", dst, err)
			}
		})
	}
}

func TestAACConfigRefuses(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		data []byte
		want error
	}{
		{"nothing", nil, media.ErrMissing},
		{"one byte", []byte{0x11}, media.ErrTruncated},
		{"an object type of zero", packBits(t, "00000 0011 0010 000"), media.ErrInvalid},
		{"a reserved rate", packBits(t, "00010 1101 0010 000"), media.ErrInvalid},
		{"a rate of zero", packBits(t, "00010 1111 000000000000000000000000 0010 000"), media.ErrInvalid},
		{"a reserved channel configuration", packBits(t, "00010 0011 1000 000"), media.ErrInvalid},
		{"a program configuration without channels", packBits(t, "00010 0011 0000 000 0000000000 000000000000 00 000 0000 000 00000 00000000"), media.ErrInvalid},
		{"SBR inside SBR", packBits(t, "00101 0110 0010 0011 00101 000"), media.ErrInvalid},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if _, err := media.ParseAACConfig(test.data); !errors.Is(err, test.want) {
				t.Errorf("got %v, want %v", err, test.want)
			}
		})
	}
}

func TestAACConfigRefusesToWrite(t *testing.T) {
	t.Parallel()
	good := media.AACConfig{ObjectType: 2, SampleRate: 48000, ChannelConfig: 2}
	tests := []struct {
		name   string
		change func(*media.AACConfig)
		want   error
	}{
		{"a channel configuration that is not defined", func(c *media.AACConfig) { c.ChannelConfig = 9 }, media.ErrInvalid},
		{"a rate of zero", func(c *media.AACConfig) { c.SampleRate = 0 }, media.ErrInvalid},
		{"a rate of more than 24 bits", func(c *media.AACConfig) { c.SampleRate = 1 << 24 }, media.ErrInvalid},
		{"SBR without a way to say so", func(c *media.AACConfig) { c.SBR, c.ExtensionRate = true, 96000 }, media.ErrInvalid},
		{"SBR without a rate", func(c *media.AACConfig) { c.SBR, c.Signalling = true, media.AACBackward }, media.ErrInvalid},
		{"PS without SBR", func(c *media.AACConfig) { c.PS, c.Signalling = true, media.AACBackward }, media.ErrInvalid},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			c := good
			test.change(&c)
			if dst, err := c.Append([]byte("head")); !errors.Is(err, test.want) || string(dst) != "head" {
				t.Errorf("wrote %q, %v; want %v", dst, err, test.want)
			}
		})
	}
}

func TestAACSamplesPerFrame(t *testing.T) {
	t.Parallel()
	if n := (media.AACConfig{}).SamplesPerFrame(); n != 1024 {
		t.Errorf("got %d, want 1024", n)
	}
	if n := (media.AACConfig{ShortFrames: true}).SamplesPerFrame(); n != 960 {
		t.Errorf("got %d, want 960", n)
	}
}
