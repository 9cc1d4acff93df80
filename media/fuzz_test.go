package media_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/millrace/millrace/media"
)

// FuzzPrivate reads codec private data of every codec. What was read and can be
// written has to read back the same.
func FuzzPrivate(f *testing.F) {
	for _, p := range privates(f) {
		f.Add(p.codecID, p.data)
	}
	f.Add("V_MPEGH/ISO/HEVC", shiftedRecord(f))
	f.Add("A_MS/ACM", unhex(f, "0600 0100 401f0000 e8030000 0100 0000 0000"))
	f.Add("V_MS/VFW/FOURCC", unhex(f, "28000000 40010000 f0000000 0100 1800 4d4a5047 00000000 00000000 00000000 00000000 00000000"))
	f.Add("A_AAC", unhex(f, "130856e59d4880"))
	f.Fuzz(func(t *testing.T, codecID string, data []byte) {
		track, err := media.NewTrack(1, codecID, data)
		if err != nil {
			requireSyntaxError(t, codecID, err)
			return
		}
		if track.Width < 0 || track.Height < 0 || track.Width > 1<<16 || track.Height > 1<<16 || track.DefaultDuration < 0 {
			t.Errorf("track is %+v", track)
		}
		rewrite(t, codecID, data)
	})
}

// rewrite checks every format that accepts the data, whatever the identifier says.
func rewrite(t *testing.T, codecID string, data []byte) {
	again(t, codecID, data, media.ParseAVCConfig, media.AVCConfig.Append)
	again(t, codecID, data, media.ParseHEVCConfig, media.HEVCConfig.Append)
	again(t, codecID, data, media.ParseAV1Config, media.AV1Config.Append)
	again(t, codecID, data, media.ParseAACConfig, media.AACConfig.Append)
	again(t, codecID, data, media.ParseOpusHead, media.OpusHead.Append)
	again(t, codecID, data, media.ParseWaveFormat, media.WaveFormat.Append)
	again(t, codecID, data, media.ParseBitmapInfo, media.BitmapInfo.Append)
}

func again[T any](t *testing.T, name string, data []byte, parse func([]byte) (T, error), write func(T, []byte) ([]byte, error)) {
	t.Helper()
	first, err := parse(data)
	if err != nil {
		requireSyntaxError(t, name, err)
		return
	}
	written, err := write(first, nil)
	if err != nil {
		requireSyntaxError(t, name, err)
		return
	}
	second, err := parse(written)
	if err != nil || !cmp.Equal(first, second, cmpopts.EquateEmpty()) {
		t.Errorf("%s: %x reads as %+v, but %x as %+v (%v)", name, data, first, written, second, err)
	}
}

// FuzzParameterSets reads parameter sets on their own.
func FuzzParameterSets(f *testing.F) {
	for _, p := range privates(f) {
		if c, err := media.ParseAVCConfig(p.data); err == nil {
			f.Add(c.SPS[0])
		}
		if c, err := media.ParseHEVCConfig(p.data); err == nil {
			f.Add(c.SPS[0])
		}
		if c, err := media.ParseAV1Config(p.data); err == nil && len(c.OBUs) > 2 {
			f.Add(c.OBUs[2:])
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if s, err := media.ParseAVCSPS(data); err != nil {
			requireSyntaxError(t, "avc", err)
		} else if s.Width < 1 || s.Height < 1 || s.MaxReorderFrames < -1 {
			t.Errorf("%+v", s)
		}
		if s, err := media.ParseHEVCSPS(data); err != nil {
			requireSyntaxError(t, "hevc", err)
		} else if s.Width < 1 || s.Height < 1 || s.MaxReorderFrames < 0 {
			t.Errorf("%+v", s)
		}
		if s, err := media.ParseAV1Sequence(data); err != nil {
			requireSyntaxError(t, "av1", err)
		} else if s.Width < 1 || s.Height < 1 {
			t.Errorf("%+v", s)
		}
	})
}

// FuzzFrame looks at frames whole and in pieces.
func FuzzFrame(f *testing.F) {
	f.Add(unhex(f, "00000002 6742 00000002 68ce 00000002 6588"), uint8(4), uint8(3))
	f.Add(unhex(f, "00000001 4001 00000001 4201 000001 2601"), uint8(0), uint8(1))
	f.Add(unhex(f, "1200 0a0100 320110"), uint8(1), uint8(2))
	f.Fuzz(func(t *testing.T, payload []byte, size, cut uint8) {
		for codec := media.Unknown; codec <= media.Data; codec++ {
			_ = media.Inspect(codec, payload, int(size))
		}
		lengthSize := int(size)%4 + 1
		clean := media.CleanLengthPrefixed(payload, lengthSize)
		for _, codec := range []media.Codec{media.AVC, media.HEVC} {
			whole := media.Inspect(codec, payload, lengthSize)
			if whole.Clean != clean {
				t.Errorf("%v: scanner says %v, CleanLengthPrefixed %v", codec, whole.Clean, clean)
			}
			if got := scanInPieces(codec, payload, lengthSize, int(cut)+1); got != whole {
				t.Errorf("%v: %+v in pieces, %+v whole", codec, got, whole)
			}
		}
		checkConversion(t, payload, lengthSize, clean)
	})
}

func scanInPieces(codec media.Codec, payload []byte, lengthSize, piece int) media.PayloadInfo {
	var s media.Scanner
	s.Reset(codec, lengthSize)
	for len(payload) > 0 {
		n := min(piece, len(payload))
		s.Feed(payload[:n])
		payload = payload[n:]
	}
	return s.Result()
}

func checkConversion(t *testing.T, payload []byte, lengthSize int, clean bool) {
	t.Helper()
	annexB, err := media.AppendAnnexB(nil, payload, lengthSize)
	if (err == nil) != clean {
		t.Errorf("clean is %v, to annex b: %v", clean, err)
	}
	if err == nil && len(annexB) == 0 {
		t.Error("nothing in annex b")
	}
	prefixed, err := media.AppendLengthPrefixed(nil, payload)
	if err == nil && !media.CleanLengthPrefixed(prefixed, 4) {
		t.Errorf("%x became %x, which is not clean", payload, prefixed)
	}
}
