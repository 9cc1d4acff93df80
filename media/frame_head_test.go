package media_test

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"github.com/millrace/millrace/media"
)

func TestADTSHeaders(t *testing.T) {
	t.Parallel()
	h, err := media.ParseADTS(unhex(t, "fff150800220 7c 2100499002190023 80"))
	want := media.ADTSHeader{ObjectType: 2, SampleRate: 44100, ChannelConfig: 2, HeaderSize: 7, FrameSize: 17, Blocks: 1}
	if err != nil || h != want {
		t.Errorf("%+v, %v", h, err)
	}
	if c := h.Config(); c.Channels != 2 || c.SampleRate != 44100 || c.ObjectType != 2 || c.ChannelConfig != 2 {
		t.Errorf("%+v", c)
	}
	h, err = media.ParseADTS(unhex(t, "fff80d c0 13 1f ff abcd 21"))
	want = media.ADTSHeader{ObjectType: 1, SampleRate: 48000, ChannelConfig: 7, HeaderSize: 9, FrameSize: 152, Blocks: 4}
	if err != nil || h != want || h.Config().Channels != 8 {
		t.Errorf("MPEG-2 with a checksum: %+v, %v", h, err)
	}
	for header, kind := range map[string]error{
		"": media.ErrMissing, "ff": media.ErrMissing, "21004990": media.ErrMissing, "fff3508002207c": media.ErrMissing,
		"fff15080022f": media.ErrTruncated, "fff1": media.ErrTruncated,
		"fff17480022f7c": media.ErrInvalid, // a rate there is not
		"fff1508000e07c": media.ErrInvalid, // a header and nothing
		"fff05080012f7c": media.ErrInvalid, // and a checksum
	} {
		_, err := media.ParseADTS(unhex(t, header))
		var details *media.SyntaxError
		if !errors.Is(err, kind) || !errors.As(err, &details) || details.Codec != media.AAC {
			t.Errorf("%s: %v, want %v", header, err, kind)
		}
	}
}

func TestOpusDuration(t *testing.T) {
	t.Parallel()
	for packet, want := range map[string]time.Duration{
		"00": 10 * time.Millisecond, "08": 20 * time.Millisecond, "10": 40 * time.Millisecond, "18": 60 * time.Millisecond,
		"58": 60 * time.Millisecond, "60": 10 * time.Millisecond, "68": 20 * time.Millisecond, "70": 10 * time.Millisecond,
		"80": 2500 * time.Microsecond, "88": 5 * time.Millisecond, "90": 10 * time.Millisecond, "f8": 20 * time.Millisecond,
		"f9": 40 * time.Millisecond, "f90102": 40 * time.Millisecond, "fa00": 40 * time.Millisecond,
		"fb01": 20 * time.Millisecond, "fbc6": 120 * time.Millisecond, "1b02": 120 * time.Millisecond, "8330": 120 * time.Millisecond,
		"": 0, "f901": 0, "fa": 0, "fb": 0, "fb00": 0, "fb07": 0, "1b03": 0, "8331": 0,
	} {
		got, err := media.OpusDuration(unhex(t, packet))
		if got != want || (err == nil) != (want > 0) {
			t.Errorf("%s: %v, %v", packet, got, err)
		}
		if err != nil {
			requireSyntaxError(t, packet, err)
		}
	}
}

func TestPictureSizes(t *testing.T) {
	t.Parallel()
	const jpegHead, pngHead = "ffd8 ffe0 0004 0000 ", "89504e470d0a1a0a 0000000d 49484452 "
	for name, tc := range map[string]struct {
		codec         media.Codec
		frame         string
		width, height int
	}{
		"JPEG":                              {media.MJPEG, jpegHead + "ffc0 000b 08 00f0 0140 01 011100 ffda", 320, 240},
		"progressive, with padding":         {media.MJPEG, jpegHead + "ffffffc2 000b 08 00f0 0140 01", 320, 240},
		"JPEG with tables in front":         {media.MJPEG, jpegHead + "ffc4 0003 00 ffcc 0003 00 ffc0 000b 08 00f0 0140 01", 320, 240},
		"JPEG without a frame header":       {media.MJPEG, jpegHead + "ffda 0002 1234", 0, 0},
		"JPEG with its size in lines to be": {media.MJPEG, jpegHead + "ffc0 000b 08 0000 0140 01", 0, 0},
		"JPEG cut short":                    {media.MJPEG, jpegHead + "ffc0 000b 08 00f0 01", 0, 0},
		"JPEG with a segment of nothing":    {media.MJPEG, jpegHead + "ffe1 0001 ffc0 000b 08 00f0 0140", 0, 0},
		"PNG":                               {media.PNG, pngHead + "00000140 000000f0 08", 320, 240},
		"PNG of a size beyond all":          {media.PNG, pngHead + "80000140 000000f0 08", 0, 0},
		"PNG cut short":                     {media.PNG, pngHead + "00000140 000000", 0, 0},
		"PNG with another chunk first":      {media.PNG, "89504e470d0a1a0a 0000000d 49444154 00000140 000000f0", 0, 0},
		"VP8":                               {media.VP8, "100200 9d012a 4041 f000", 320, 240},
		"VP8 that needs others":             {media.VP8, "110200 9d012a 4001 f000", 0, 0},
		"VP8 without its mark":              {media.VP8, "100200 9d012b 4001 f000", 0, 0},
		"VP8 cut short":                     {media.VP8, "100200 9d012a 4001 f0", 0, 0},
		"VP9":                               {media.VP9, "82 498342 2013f00ef0", 320, 240},
		"VP9 of profile 1":                  {media.VP9, "a2 498342 20027e01de", 320, 240},
		"VP9 of profile 2":                  {media.VP9, "92 498342 1009f80778", 320, 240},
		"VP9 of profile 3, sRGB":            {media.VP9, "b1 24c1a1 38 04fc03bc", 320, 240},
		"VP9 that needs others":             {media.VP9, "86 498342 2013f00ef0", 0, 0},
		"VP9 without its mark":              {media.VP9, "82 498343 2013f00ef0", 0, 0},
		"VP9 cut short":                     {media.VP9, "82 498342 2013f00e", 0, 0},
		"another codec":                     {media.AVC, "6588", 0, 0},
		"nothing":                           {media.VP8, "", 0, 0},
	} {
		width, height, ok := media.PictureSize(tc.codec, unhex(t, tc.frame))
		if ok != (tc.width > 0) || ok && (width != tc.width || height != tc.height) {
			t.Errorf("%s: %dx%d, %v", name, width, height, ok)
		}
	}
}

func TestOBUsAreCutAndJoined(t *testing.T) {
	t.Parallel()
	frame := unhex(t, "1200 0a03010203 3405 08 1122334455 36 08 03 aabbcc 2a00")
	unit, rest, ok := media.CutOBU(frame)
	if !ok || unit.Kind != media.OBUTemporalDelimiter || !unit.Sized || len(unit.Payload) != 0 || len(rest) != len(frame)-2 {
		t.Errorf("%+v, %v", unit, ok)
	}
	unit, rest, ok = media.CutOBU(rest)
	if !ok || unit.Kind != media.OBUSequenceHeader || !bytes.Equal(unit.Payload, []byte{1, 2, 3}) {
		t.Errorf("%+v, %v", unit, ok)
	}
	unit, _, ok = media.CutOBU(rest) // without a size, with an extension
	if !ok || unit.Kind != media.OBUFrame || unit.Sized || len(unit.Raw) != len(rest) {
		t.Errorf("%+v, %v", unit, ok)
	}
	joined := media.AppendOBU([]byte("head"), unit)
	again, tail, ok := media.CutOBU(joined[4:])
	if !ok || !again.Sized || len(tail) > 0 || !bytes.Equal(again.Payload, unit.Payload) || again.Raw[1] != 5 {
		t.Errorf("%x became %x", unit.Raw, joined)
	}
	for _, bad := range []string{"", "92", "3205", "34", "32ff", "32ffffffffffffffffff01", "3203 1122"} {
		if unit, _, ok := media.CutOBU(unhex(t, bad)); ok {
			t.Errorf("%s: %+v", bad, unit)
		}
	}
}

func FuzzFrameHead(f *testing.F) {
	f.Add(unhex(f, "fff150800220 7c 2100499002190023 80"))
	f.Add(unhex(f, "1200 0a03010203 3405 08 1122334455"))
	f.Add(unhex(f, "ffd8 ffe0 0004 0000 ffc0 000b 08 00f0 0140 01"))
	f.Add(unhex(f, "82 498342 2013f00ef0"))
	f.Add(unhex(f, "fbc6"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if h, err := media.ParseADTS(data); err != nil {
			requireSyntaxError(t, "adts", err)
		} else if h.HeaderSize >= h.FrameSize || h.Blocks < 1 || h.Blocks > 4 {
			t.Errorf("%+v", h)
		} else if _, err := h.Config().Append(nil); (err == nil) != (h.ChannelConfig > 0) {
			t.Errorf("%+v: %v", h, err)
		}
		if d, err := media.OpusDuration(data); err != nil {
			requireSyntaxError(t, "opus", err)
		} else if d < 2500*time.Microsecond || d > 120*time.Millisecond {
			t.Error(d)
		}
		for codec := media.Unknown; codec <= media.PNG; codec++ {
			if w, h, ok := media.PictureSize(codec, data); ok && (w < 1 || h < 1 || w > 1<<16 || h > 1<<16) {
				t.Errorf("%v: %dx%d", codec, w, h)
			}
			_ = media.IsPicture(codec, data)
		}
		for rest := data; ; {
			unit, tail, ok := media.CutOBU(rest)
			if !ok {
				break
			}
			if again, more, ok := media.CutOBU(media.AppendOBU(nil, unit)); !ok || len(more) > 0 || again.Kind != unit.Kind || !bytes.Equal(again.Payload, unit.Payload) {
				t.Errorf("%x became %x", unit.Raw, again.Raw)
			}
			rest = tail
		}
	})
}
