package media_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/millrace/millrace/media"
)

func TestBitmapInfo(t *testing.T) {
	t.Parallel()
	const head = "28000000 40010000 %s 0100 1800 4d4a5047 00840300 00000000 00000000 00000000 00000000"
	tests := []struct {
		name, height string
		want         media.BitmapInfo
	}{
		{"rows from the bottom", "f0000000", media.BitmapInfo{Width: 320, Height: 240, BitsPerPixel: 24, FourCC: "MJPG", ImageSize: 230400}},
		{"rows from the top", "10ffffff", media.BitmapInfo{Width: 320, Height: 240, TopDown: true, BitsPerPixel: 24, FourCC: "MJPG", ImageSize: 230400}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			data := unhex(t, string(bytes.Replace([]byte(head), []byte("%s"), []byte(test.height), 1)))
			got, err := media.ParseBitmapInfo(data)
			if err != nil {
				t.Fatal(err)
			}
			test.want.Extra = []byte{}
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

func TestBitmapInfoRefuses(t *testing.T) {
	t.Parallel()
	make40 := func(width, height uint32) []byte {
		b := make([]byte, 40)
		for i := range 4 {
			b[4+i], b[8+i] = byte(width>>(8*i)), byte(height>>(8*i))
		}
		return b
	}
	tests := []struct {
		name string
		data []byte
		want error
	}{
		{"nothing", nil, media.ErrMissing},
		{"a structure cut short", make40(320, 240)[:39], media.ErrTruncated},
		{"no width", make40(0, 240), media.ErrInvalid},
		{"no height", make40(320, 0), media.ErrInvalid},
		{"a negative width", make40(1<<31, 240), media.ErrInvalid},
		{"the most negative height", make40(320, 1<<31), media.ErrInvalid},
		{"a width that no player takes", make40(65536, 240), media.ErrLimit},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if _, err := media.ParseBitmapInfo(test.data); !errors.Is(err, test.want) {
				t.Errorf("got %v, want %v", err, test.want)
			}
		})
	}
	if data, err := media.NewMJPEG(320, 240).Append(nil); err != nil || media.DetectCodec("V_MS/VFW/FOURCC", data) != media.MJPEG {
		t.Errorf("new MJPEG: %x, %v", data, err)
	}
	if dst, err := (media.BitmapInfo{Width: 1, Height: 1, FourCC: "MJPEG"}).Append([]byte("head")); !errors.Is(err, media.ErrInvalid) || string(dst) != "head" {
		t.Errorf("a FourCC of five: %q, %v", dst, err)
	}
}

func TestCodecsByFourCC(t *testing.T) {
	t.Parallel()
	tests := map[string]media.Codec{
		"MJPG": media.MJPEG, "mjpg": media.MJPEG, "H264": media.AVC, "HEVC": media.HEVC, "av01": media.AV1,
		"VP80": media.VP8, "VP90": media.VP9, "DIVX": media.Unknown,
	}
	for fourCC, want := range tests {
		data, err := media.BitmapInfo{Width: 320, Height: 240, FourCC: fourCC}.Append(nil)
		if err != nil {
			t.Fatal(err)
		}
		track, err := media.NewTrack(1, "V_MS/VFW/FOURCC", data)
		if err != nil || track.Codec != want || track.Width != 320 || track.Height != 240 {
			t.Errorf("%s: %v %dx%d, %v", fourCC, track.Codec, track.Width, track.Height, err)
		}
	}
}

func TestConfigurationBehindABitmap(t *testing.T) {
	t.Parallel()
	for name, fourCC := range map[string]string{"avc-main-crop": "H264", "hevc-crop-hrd": "HEVC"} {
		extra := privates(t)[name].data
		data, err := media.BitmapInfo{Width: 1366, Height: 768, FourCC: fourCC, Extra: extra}.Append(nil)
		if err != nil {
			t.Fatal(err)
		}
		track := media.Track{Codec: media.DetectCodec("V_MS/VFW/FOURCC", data), CodecID: "V_MS/VFW/FOURCC", Private: data}
		p, err := track.Parameters()
		if err != nil || p.LengthSize != 4 || p.Width != 1366 || p.CodecString == "" {
			t.Errorf("%s: %+v, %v", name, p, err)
		}
		track.Private = data[:len(data)-20]
		if _, err := track.Parameters(); !errors.Is(err, media.ErrTruncated) {
			t.Errorf("%s cut short: %v", name, err)
		}
	}
}
