package producer

import (
	"bytes"
	"encoding/binary"
	"errors"
	"testing"
	"time"

	"github.com/millrace/millrace/media"
)

func vp8Key(width, height uint16) []byte {
	b := []byte{0x10, 0x02, 0x00, 0x9d, 0x01, 0x2a}
	b = binary.LittleEndian.AppendUint16(b, width|0x4000) // with a hint at scaling
	return append(binary.LittleEndian.AppendUint16(b, height), "picture"...)
}

// vp9Key has profile 0.
func vp9Key(width, height uint16) []byte {
	bits := uint64(width-1)<<20 | uint64(height-1)<<4
	b := binary.BigEndian.AppendUint64([]byte{0x82, 0x49, 0x83, 0x42}, bits<<24|2<<60)
	return append(b, "picture"...)
}

func jpeg(width, height uint16) []byte {
	b := []byte{0xff, 0xd8, 0xff, 0xe0, 0, 4, 0, 0, 0xff, 0xff, 0xc0, 0, 11, 8}
	b = binary.BigEndian.AppendUint16(b, height)
	b = binary.BigEndian.AppendUint16(b, width)
	return append(b, 1, 1, 0x11, 0, 0xff, 0xda, 0, 2, 1, 2, 3, 0xff, 0xd9)
}

func png(width, height uint16) []byte {
	b := []byte("\x89PNG\r\n\x1a\n\x00\x00\x00\x0dIHDR")
	b = binary.BigEndian.AppendUint32(b, uint32(width))
	b = binary.BigEndian.AppendUint32(b, uint32(height))
	return append(b, 8, 2, 0, 0, 0, 1, 2, 3, 4)
}

// A studio is a codec whose frames tell the size of the picture.
type studio struct {
	codec media.Codec
	key   func(width, height uint16) []byte
	delta []byte // nil where every frame stands alone
	bad   []byte // no frame at all
	short []byte // one that ends before the size; nil if there is none
}

func studios() map[string]studio {
	return map[string]studio{
		"VP8":  {media.VP8, vp8Key, []byte{0x11, 2, 3, 4}, []byte{0x10, 2, 0, 1, 2, 3, 4, 5, 6, 7, 8}, vp8Key(9, 9)[:8]},
		"VP9":  {media.VP9, vp9Key, []byte{0x86, 2, 3, 4}, []byte{0x82, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0}, vp9Key(9, 9)[:6]},
		"JPEG": {media.MJPEG, jpeg, nil, []byte("GIF89a"), jpeg(9, 9)[:16]},
		"PNG":  {media.PNG, png, nil, []byte("GIF89a"), png(9, 9)[:20]},
	}
}

func TestPicturesTellTheirSize(t *testing.T) {
	t.Parallel()
	for name, st := range studios() {
		t.Run(name, func(t *testing.T) {
			c := newTestConditioner(t, media.Track{Codec: st.codec})
			if _, known := c.track(); known {
				t.Error("the track is known before there was a frame")
			}
			if st.delta != nil {
				refused(t, c, media.Frame{Track: 1, PTS: time.Second, Key: true, Data: st.delta}, ErrNeedKeyFrame)
			}
			data := st.key(320, 240)
			if out := take(t, c, data); !out.Key || out.Changed || out.Copied || !bytes.Equal(out.Payload, data) {
				t.Errorf("%+v", out)
			}
			wantSize(t, c, st.codec, 320, 240)
			if st.delta != nil {
				out := takeFrame(t, c, media.Frame{Track: 1, Key: true, Discardable: true, Data: st.delta})
				if out.Key || !out.Discardable || !errors.Is(out.Notice, ErrNotKey) {
					t.Errorf("a frame that needs others: %+v", out)
				}
			}
			if out := take(t, c, data); out.Changed {
				t.Error("the same size changed the track")
			}
		})
	}
}

func wantSize(t *testing.T, c *conditioner, codec media.Codec, width, height int) {
	t.Helper()
	now, known := c.track()
	if !known || now.Width != width || now.Height != height || now.Codec != codec {
		t.Errorf("%v, %+v", known, now)
	}
	if again := media.DetectCodec(now.CodecID, now.Private); again != codec {
		t.Errorf("%s with %x is %v", now.CodecID, now.Private, again)
	}
	if now.CodecID != "V_MS/VFW/FOURCC" {
		return
	}
	if m, err := media.ParseBitmapInfo(now.Private); err != nil || int(m.Width) != width || int(m.Height) != height {
		t.Errorf("private data say %+v, %v", m, err)
	}
}

// A key frame of another size is another track; stills of a camera are what it is
// set to, and say so themselves.
func TestASizeThatChanges(t *testing.T) {
	t.Parallel()
	for name, st := range studios() {
		for _, declared := range []bool{false, true} {
			track := media.Track{Codec: st.codec, Name: "gate"}
			if declared {
				track.Width, track.Height = 640, 480
			}
			c := newTestConditioner(t, track)
			if _, known := c.track(); known != declared {
				t.Errorf("%s: known is %v", name, known)
			}
			if !declared {
				take(t, c, st.key(640, 480))
			}
			wantSize(t, c, st.codec, 640, 480)
			out := take(t, c, st.key(320, 240))
			if coded := st.delta != nil; out.Changed != coded {
				t.Errorf("%s: changed is %v", name, out.Changed)
			} else if coded {
				wantSize(t, c, st.codec, 320, 240)
			}
		}
	}
}

func TestPicturesThatAreNoneAreRefusedAlone(t *testing.T) {
	t.Parallel()
	for name, st := range studios() {
		t.Run(name, func(t *testing.T) {
			c := newTestConditioner(t, media.Track{Codec: st.codec})
			refused(t, c, media.Frame{Track: 1, PTS: time.Second, Data: st.bad}, ErrBadFrame)
			refused(t, c, media.Frame{Track: 1, PTS: time.Second, Data: st.short}, ErrBadFrame)
			refused(t, c, media.Frame{Track: 1, PTS: time.Second, Data: st.key(0, 0)[:8]}, ErrBadFrame)
			take(t, c, st.key(320, 240))
			refused(t, c, media.Frame{Track: 1, PTS: time.Second, Data: st.bad}, ErrBadFrame)
			take(t, c, st.key(320, 240))
			wantSize(t, c, st.codec, 320, 240)
		})
	}
}

// A structure of another container that carries the codec is kept, with the size
// that it has.
func TestPicturesInABitmapHeader(t *testing.T) {
	t.Parallel()
	for name, st := range studios() {
		m := media.NewMJPEG(640, 480)
		m.FourCC = map[media.Codec]string{media.VP8: "VP80", media.VP9: "VP90", media.MJPEG: "MJPG", media.PNG: "MPNG"}[st.codec]
		private, err := m.Append(nil)
		if err != nil {
			t.Fatal(err)
		}
		c := newTestConditioner(t, media.Track{CodecID: "V_MS/VFW/FOURCC", Private: private})
		wantSize(t, c, st.codec, 640, 480)
		if out := take(t, c, st.key(320, 240)); out.Changed {
			wantSize(t, c, st.codec, 320, 240)
		}
		_, err = newConditioner(media.Track{Number: 1, CodecID: "V_MS/VFW/FOURCC", Private: private, Width: 320, Height: 240})
		if !errors.Is(err, ErrBadTrack) {
			t.Errorf("%s of another size than declared: %v", name, err)
		}
		_, err = newConditioner(media.Track{Number: 1, CodecID: "V_MS/VFW/FOURCC", Private: private[:30]})
		if !errors.Is(err, ErrBadTrack) {
			t.Errorf("%s with half a header: %v", name, err)
		}
		// Without the structure it is written, or does not have to be there.
		c = newTestConditioner(t, media.Track{Codec: st.codec, CodecID: "V_MS/VFW/FOURCC"})
		take(t, c, st.key(320, 240))
		wantSize(t, c, st.codec, 320, 240)
	}
}

// Data, and codecs without a name here, go as they come.
func TestDataGoAsTheyCome(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		track media.Track
		key   bool // of a frame that was not given as one
	}{
		"samples of a radar":      {media.Track{CodecID: "X_RADAR"}, true},
		"subtitles":               {media.Track{CodecID: "S_TEXT/UTF8"}, true},
		"sound of another kind":   {media.Track{CodecID: "A_FLAC", Private: []byte("fLaC")}, true},
		"video of another kind":   {media.Track{CodecID: "V_THEORA", Private: []byte("theora")}, false},
		"data that are like AVC":  {media.Track{Codec: media.Data, CodecID: "X_AVC"}, true},
		"data with another name":  {media.Track{Codec: media.Data, CodecID: "V_MPEG4/ISO/AVC", Type: media.Metadata}, true},
		"a type of the writer's":  {media.Track{CodecID: "X_IR", Type: media.Video}, false},
		"a track of type unknown": {media.Track{CodecID: "DEPTH"}, true},
	} {
		c := newTestConditioner(t, tc.track)
		if now, known := c.track(); !known || now.Type == 0 || !bytes.Equal(now.Private, tc.track.Private) || now.CodecID != tc.track.CodecID {
			t.Errorf("%s: %v, %+v", name, known, now)
		}
		for _, data := range [][]byte{{0}, []byte("anything"), annexB([]byte{0x65, 0x88}), adts(2, 3, 2, false, []byte("x"))} {
			for _, key := range []bool{false, true} {
				out := takeFrame(t, c, media.Frame{Track: 1, Key: key, Discardable: true, Data: data})
				if !bytes.Equal(out.Payload, data) || out.Copied || out.Key != (key || tc.key) || !out.Discardable || out.Notice != nil {
					t.Errorf("%s: %+v", name, out)
				}
			}
		}
	}
}

// Private data are the application's again when a track was declared.
func TestPrivateDataAreCopied(t *testing.T) {
	t.Parallel()
	mine := []byte("private")
	c := newTestConditioner(t, media.Track{CodecID: "X_RADAR", Private: mine})
	clear(mine)
	if now, _ := c.track(); string(now.Private) != "private" {
		t.Errorf("private data have become %q", now.Private)
	}
}

func TestTracksThatDoNotHoldTogether(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		track media.Track
		part  string
	}{
		"no number":              {media.Track{Codec: media.AVC}, "number"},
		"no codec":               {media.Track{Number: 1}, "codec id"},
		"another codec":          {media.Track{Number: 1, Codec: media.AVC, CodecID: "V_AV1"}, "codec id V_AV1 of avc"},
		"another type":           {media.Track{Number: 1, Codec: media.AVC, Type: media.Audio}, "type audio of avc"},
		"a width alone":          {media.Track{Number: 1, Codec: media.AVC, Width: 100}, "picture size"},
		"a size beyond all":      {media.Track{Number: 1, Codec: media.AVC, Width: 1 << 16, Height: 1}, "picture size"},
		"channels below nothing": {media.Track{Number: 1, Codec: media.Opus, Channels: -1}, "channels"},
		"a rate below nothing":   {media.Track{Number: 1, Codec: media.AAC, SampleRate: -1}, "sample rate"},
		"a rate beyond all":      {media.Track{Number: 1, Codec: media.AAC, SampleRate: 1e9}, "sample rate"},
		"many bits":              {media.Track{Number: 1, Codec: media.PCMBig, BitDepth: 65}, "bit depth"},
		"a time below nothing":   {media.Track{Number: 1, Codec: media.AVC, DefaultDuration: -1}, "default duration"},
		"private data that name the codec are missing": {media.Track{Number: 1, CodecID: "A_MS/ACM"}, "codec private data of A_MS/ACM"},
	} {
		_, err := newConditioner(tc.track)
		var details *TrackError
		if !errors.Is(err, ErrBadTrack) || !errors.As(err, &details) || details.Part != tc.part || details.Track != tc.track.Number {
			t.Errorf("%s: %v", name, err)
		}
	}
}
