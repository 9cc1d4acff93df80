package producer

import (
	"bytes"
	"errors"
	"slices"
	"testing"

	"github.com/millrace/millrace/media"
)

// cutFrames takes a fuzzer's bytes for frames: two bytes of length before each, of
// which the highest bit is the key flag. What is left is the last frame.
func cutFrames(data []byte) (frames []media.Frame) {
	for len(data) > 2 && len(frames) < 16 {
		n := int(data[0]&0x7f)<<8 | int(data[1])
		f := media.Frame{Track: 1, PTS: 7, Key: data[0]&0x80 != 0}
		data = data[2:]
		n = min(n, len(data))
		f.Data, data = slices.Clip(data[:n]), data[n:]
		frames = append(frames, f)
	}
	return frames
}

// joinFrames is the other way round, for seeds.
func joinFrames(frames ...[]byte) (data []byte) {
	for _, f := range frames {
		data = append(append(data, byte(len(f)>>8), byte(len(f))), f...)
	}
	return data
}

// runFrames gives frames to a conditioner and checks what holds of all of them.
func runFrames(t *testing.T, c *conditioner, frames []media.Frame, check func(conditioned)) {
	t.Helper()
	var dst []byte
	for _, f := range frames {
		before, knew := c.track()
		kept := bytes.Clone(f.Data)
		private := bytes.Clone(before.Private)
		_ = c.starts(f)
		out, err := c.condition(dst, f)
		now, knows := c.track()
		if !bytes.Equal(kept, f.Data) || !bytes.Equal(private, before.Private) {
			t.Fatal("bytes of others were written to")
		}
		if err != nil {
			wantFrameError(t, f, err)
			if knew != knows || !sameTrack(before, now) {
				t.Errorf("a refused frame changed the track")
			}
			continue
		}
		if knew && !knows || out.Changed && !knew || knew && !out.Changed && !sameTrack(before, now) {
			t.Errorf("%+v, the track was %+v and is %+v", out, before, now)
		}
		if out.Changed && !out.Key || out.Skip != (len(out.Payload) == 0) || len(out.Payload) > MaxFrameSize || !knows && !out.Skip {
			t.Errorf("known is %v, %+v", knows, out)
		}
		if out.Copied {
			dst = out.Payload
		} else if len(out.Payload) > 0 && !bytes.Contains(f.Data, out.Payload) {
			t.Error("what was not copied is not the frame's")
		}
		if !out.Skip {
			check(out)
		}
	}
	wantDeclaration(t, c)
}

func wantFrameError(t *testing.T, f media.Frame, err error) {
	t.Helper()
	kinds := []error{ErrBadFrame, ErrNeedKeyFrame, ErrNeedPrivate, ErrFrameTooLarge}
	var details *FrameError
	if !errors.As(err, &details) || !slices.ContainsFunc(kinds, func(kind error) bool { return errors.Is(err, kind) }) {
		t.Fatalf("%v", err)
	}
	if details.Offset < 0 || details.Offset > len(f.Data) || details.Part == "" || details.Track != f.Track || details.PTS != f.PTS {
		t.Errorf("%+v for a frame of %d bytes", details, len(f.Data))
	}
}

// wantDeclaration checks that others can read what a track is declared as.
func wantDeclaration(t *testing.T, c *conditioner) {
	t.Helper()
	now, known := c.track()
	if !known || now.Codec == media.Data || now.Codec == media.Unknown {
		return
	}
	p, err := now.Parameters()
	if err != nil {
		t.Errorf("%+v: %v", now, err)
	}
	if units := now.Codec == media.AVC || now.Codec == media.HEVC; units && p.LengthSize != lengths {
		t.Errorf("lengths of %d bytes", p.LengthSize)
	}
	if now.CodecID == "" || now.Type == 0 || now.Number == 0 || media.DetectCodec(now.CodecID, now.Private) != now.Codec {
		t.Errorf("%+v", now)
	}
}

func FuzzConditionUnits(f *testing.F) {
	for _, d := range dialects(f) {
		hevc := d.codec == media.HEVC
		f.Add(hevc, []byte(nil), joinFrames(annexB(with(d.sets, d.aud, d.key, d.key2)...), prefixed(d.delta), annexB(with(d.others, d.key)...)))
		f.Add(hevc, d.private, joinFrames(prefixed(d.key), prefixed(d.sei, d.filler), annexB(d.sets...), annexB(d.aud, d.delta, d.end)))
		f.Add(hevc, relengthened(d.codec, d.private, 2), joinFrames(shortened(2, d.key), shortened(2, d.delta)))
		f.Add(hevc, annexB(d.sets...), joinFrames(shortened(1, d.key), []byte{0, 0, 1, 0, 0, 0, 0}))
	}
	f.Fuzz(func(t *testing.T, hevc bool, private, data []byte) {
		codec := media.AVC
		if hevc {
			codec = media.HEVC
		}
		c, err := newConditioner(media.Track{Number: 1, Codec: codec, Private: private})
		if err != nil {
			wantTrackError(t, err)
			return
		}
		runFrames(t, c, cutFrames(data), func(out conditioned) {
			if !media.CleanLengthPrefixed(out.Payload, lengths) && !hasEmptyUnits(out) {
				t.Errorf("%x is not well framed", out.Payload)
			}
		})
		u := c.shape.(*units)
		if len(u.held) > maxLoose || cap(u.list) > maxUnits+keptUnits {
			t.Errorf("%d bytes and %d units are kept", len(u.held), cap(u.list))
		}
	})
}

// hasEmptyUnits reports whether a frame has gone as it was, with lengths of zero.
func hasEmptyUnits(out conditioned) bool {
	return !out.Copied && bytes.Contains(out.Payload, make([]byte, lengths))
}

func FuzzConditionAV1(f *testing.F) {
	k := av1Kit(f)
	f.Add([]byte(nil), joinFrames(slices.Concat(k.delimiter, k.sequence, k.key), k.delta, slices.Concat(k.other, k.metadata), k.key))
	f.Add(k.private, joinFrames(slices.Concat(k.delimiter, unsized(6, 0x10)), slices.Concat(k.sequence, k.padding, k.key, k.delimiter)))
	f.Fuzz(func(t *testing.T, private, data []byte) {
		c, err := newConditioner(media.Track{Number: 1, Codec: media.AV1, Private: private})
		if err != nil {
			wantTrackError(t, err)
			return
		}
		runFrames(t, c, cutFrames(data), func(out conditioned) {
			for rest := out.Payload; len(rest) > 0; {
				unit, tail, ok := media.CutOBU(rest)
				if !ok || dropsOBU(unit) || !unit.Sized {
					t.Fatalf("%x is not well framed", out.Payload)
				}
				rest = tail
			}
		})
		if n := len(c.shape.(*temporalUnits).held); n > maxLoose {
			t.Errorf("%d bytes are kept", n)
		}
	})
}

// FuzzConditionOthers is for codecs whose frames are looked at and sent as they are.
func FuzzConditionOthers(f *testing.F) {
	raw := []byte{0x21, 0, 0x49, 0x90}
	f.Add("A_AAC", []byte(nil), uint16(0), uint8(0), joinFrames(adts(2, 3, 2, false, raw), adts(2, 4, 1, true, raw), raw))
	f.Add("A_AAC", []byte{0x11, 0x90}, uint16(48000), uint8(2), joinFrames(raw))
	f.Add("A_OPUS", []byte(nil), uint16(16000), uint8(2), joinFrames([]byte{0xfb, 6, 1, 2, 3, 4, 5, 6}))
	f.Add("A_MS/ACM", unhex(f, "0700 0200 803e0000 007d0000 0200 0800 0000"), uint16(16000), uint8(2), joinFrames(raw, raw[:3]))
	f.Add("A_PCM/INT/LIT", []byte(nil), uint16(44100), uint8(1), joinFrames(raw))
	f.Add("V_VP8", []byte(nil), uint16(0), uint8(0), joinFrames(vp8Key(320, 240), []byte{1}, vp8Key(640, 480)))
	f.Add("V_VP9", []byte(nil), uint16(0), uint8(0), joinFrames(vp9Key(320, 240), []byte{0x86}, vp9Key(640, 480)))
	f.Add("V_MJPEG", []byte(nil), uint16(0), uint8(0), joinFrames(jpeg(320, 240), jpeg(640, 480)))
	bitmap, err := media.NewPNG(320, 240).Append(nil)
	if err != nil {
		f.Fatal(err)
	}
	f.Add("V_MS/VFW/FOURCC", bitmap, uint16(0), uint8(0), joinFrames(png(320, 240), png(640, 480)))
	f.Add("X_RADAR", []byte("anything"), uint16(0), uint8(0), joinFrames(raw))
	f.Fuzz(func(t *testing.T, id string, private []byte, rate uint16, channels uint8, data []byte) {
		c, err := newConditioner(media.Track{Number: 1, CodecID: id, Private: private, SampleRate: float64(rate), Channels: int(channels), BitDepth: 16})
		if err != nil {
			wantTrackError(t, err)
			return
		}
		if codec := c.now.Codec; codec == media.AVC || codec == media.HEVC || codec == media.AV1 {
			return // these have targets of their own
		}
		runFrames(t, c, cutFrames(data), func(out conditioned) {
			if out.Copied || c.now.Codec == media.AAC && media.HasADTS(out.Payload) && len(out.Payload) == len(data) {
				t.Errorf("%+v", out)
			}
		})
		next, err := c.replaced(private)
		if err != nil {
			wantTrackError(t, err)
		} else if next != nil {
			wantDeclaration(t, next)
		}
	})
}

func wantTrackError(t *testing.T, err error) {
	t.Helper()
	var details *TrackError
	if !errors.As(err, &details) || !errors.Is(err, ErrBadTrack) || details.Track != 1 || details.Part == "" {
		t.Errorf("%v", err)
	}
}
