package decode_test

import (
	"bytes"
	"errors"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"strings"
	"testing"

	"github.com/millrace/millrace/consumer"
	"github.com/millrace/millrace/consumer/decode"
	"github.com/millrace/millrace/media"
)

func grey(width, height int, level uint8) *image.Gray {
	img := image.NewGray(image.Rect(0, 0, width, height))
	for i := range img.Pix {
		img.Pix[i] = level
	}
	return img
}

func encoded(t *testing.T, codec media.Codec, img image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	err := png.Encode(&b, img)
	if codec == media.MJPEG {
		b.Reset()
		err = jpeg.Encode(&b, img, nil)
	}
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func still(codec media.Codec) media.Track {
	return media.Track{Number: 1, Type: media.Video, Codec: codec, CodecID: codec.CodecID()}
}

func TestStills(t *testing.T) {
	for _, codec := range []media.Codec{media.MJPEG, media.PNG} {
		d := decode.New(decode.Options{})
		defer d.Close()
		if err := d.Configure(still(codec)); err != nil {
			t.Fatal(err)
		}
		f := frame(3, 40, 0)
		f.Data = encoded(t, codec, grey(32, 24, 200))
		got, err := run(t.Context(), d, f)
		if err != nil || len(got) != 1 {
			t.Fatalf("%s: %d pictures, %v", codec, len(got), err)
		}
		p := got[0]
		level := color.GrayModel.Convert(p.Image.At(5, 5)).(color.Gray).Y
		if p.Index != 3 || !p.Time.Equal(f.Time) || p.Image.Bounds() != image.Rect(0, 0, 32, 24) || level < 198 || level > 202 {
			t.Errorf("%s: picture %d of %v at %v, grey %d", codec, p.Index, p.Image.Bounds(), p.Time, level)
		}
	}
}

func TestAStillThatCannotBeReadIsAnErrorOfItsOwn(t *testing.T) {
	d := decode.NewStills(decode.Options{MaxPixels: 1000})
	if _, err := told(d.Decode(t.Context(), frame(0, 0, 0))); !errors.Is(err, decode.ErrNotConfigured) {
		t.Errorf("error %v", err)
	}
	if err := d.Configure(still(media.MJPEG)); err != nil {
		t.Fatal(err)
	}
	good, large, cut := frame(0, 0, 0), frame(0, 0, 0), frame(0, 0, 0)
	good.Data = encoded(t, media.MJPEG, grey(20, 20, 9))
	large.Data = encoded(t, media.MJPEG, grey(100, 20, 9))
	cut.Data = good.Data[:len(good.Data)/2]
	for _, tc := range []struct {
		frame consumer.Frame
		want  string
	}{{frame(0, 0, 0), "decode still"}, {large, decode.ErrTooLarge.Error()}, {cut, "decode still"}} {
		if _, err := told(d.Decode(t.Context(), tc.frame)); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("error %v, want %q", err, tc.want)
		}
		if got, err := told(d.Decode(t.Context(), good)); err != nil || len(got) != 1 {
			t.Errorf("the next one: %d pictures, %v", len(got), err)
		}
	}
}
