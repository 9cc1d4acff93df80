package media_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/millrace/millrace/media"
)

func TestOpusHead(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		data []byte
		want media.OpusHead
	}{
		{"mono", unhex(t, "4f70757348656164 01 01 3801 80bb0000 0000 00"), media.OpusHead{Channels: 1, PreSkip: 312, InputRate: 48000}},
		{"a negative gain", unhex(t, "4f70757348656164 01 02 0000 401f0000 00ff 00"), media.OpusHead{Channels: 2, InputRate: 8000, Gain: -256}},
		{"six channels", privates(t)["opus-51"].data, media.OpusHead{
			Channels: 6, PreSkip: 312, InputRate: 48000, Family: 1, Streams: 4, Coupled: 2, Mapping: []byte{0, 4, 1, 2, 3, 5},
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got, err := media.ParseOpusHead(test.data)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			b, err := got.Append([]byte("head"))
			if err != nil || !bytes.Equal(b, append([]byte("head"), test.data...)) {
				t.Errorf("wrote %x, %v", b, err)
			}
		})
	}
}

func TestOpusHeadRefuses(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, data string
		want       error
	}{
		{"nothing", "", media.ErrMissing},
		{"another magic", "4f70757354616773 01 01 3801 80bb0000 0000 00", media.ErrInvalid},
		{"a head cut short", "4f70757348656164 01 01", media.ErrTruncated},
		{"a new major version", "4f70757348656164 11 01 3801 80bb0000 0000 00", media.ErrUnsupported},
		{"no channel", "4f70757348656164 01 00 3801 80bb0000 0000 00", media.ErrInvalid},
		{"three channels without a mapping", "4f70757348656164 01 03 3801 80bb0000 0000 00", media.ErrInvalid},
		{"a mapping cut short", "4f70757348656164 01 03 3801 80bb0000 0000 01 0201 0001", media.ErrTruncated},
		{"more coupled streams than streams", "4f70757348656164 01 02 3801 80bb0000 0000 01 0102 0001", media.ErrInvalid},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if _, err := media.ParseOpusHead(unhex(t, test.data)); !errors.Is(err, test.want) {
				t.Errorf("got %v, want %v", err, test.want)
			}
		})
	}
	if dst, err := (media.OpusHead{}).Append([]byte("head")); !errors.Is(err, media.ErrInvalid) || string(dst) != "head" {
		t.Errorf("no channel: %q, %v", dst, err)
	}
}
