package producer

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace/media"
	"github.com/millrace/millrace/mkv"
)

// recording is a file that somebody else made: its tracks, and its frames in
// the order of the file.
type recording struct {
	tracks map[media.TrackNumber]media.Track
	frames []media.Frame
}

// recordings reads files of the wire vectors, and skips the test where they are
// not present.
func recordings(t testing.TB, pattern string) map[string]recording {
	t.Helper()
	root := os.Getenv("MILLRACE_VECTORS")
	if root == "" {
		root = filepath.Join("..", "..", "shared", "vectors")
	}
	names, err := filepath.Glob(filepath.Join(root, pattern))
	if err != nil {
		t.Fatal(err)
	}
	if len(names) == 0 {
		t.Skip("vectors not present")
	}
	all := map[string]recording{}
	for _, name := range names {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		all[filepath.Base(name)] = readRecording(t, data)
	}
	return all
}

func readRecording(t testing.TB, data []byte) recording {
	t.Helper()
	rec := recording{tracks: map[media.TrackNumber]media.Track{}}
	var base time.Duration
	r := mkv.NewReader(bytes.NewReader(data), mkv.ReaderOptions{})
	for {
		e, err := r.Next()
		if errors.Is(err, io.EOF) {
			return rec
		}
		if err != nil {
			return rec // captures may end anywhere
		}
		switch e.ID {
		case mkv.IDTracks:
			list, err := mkv.ParseTracks(e.Data())
			if err != nil {
				t.Fatal(err)
			}
			for _, k := range list {
				track, _ := media.NewTrack(media.TrackNumber(k.Number), k.CodecID, bytes.Clone(k.CodecPrivate))
				rec.tracks[track.Number] = track
			}
		case mkv.IDTimecode:
			n, err := mkv.ParseUint(e.Data())
			if err != nil {
				t.Fatal(err)
			}
			base = time.Duration(n) * time.Millisecond
		case mkv.IDSimpleBlock:
			b, err := mkv.ParseBlock(e.Data())
			if err != nil {
				t.Fatal(err)
			}
			rec.frames = append(rec.frames, media.Frame{
				Track: media.TrackNumber(b.Track), PTS: base + time.Duration(b.RelTime)*time.Millisecond,
				Key: b.Keyframe(), Data: bytes.Clone(b.Payload),
			})
		}
	}
}

// conditioners makes one for each track.
func (rec recording) conditioners(t testing.TB, change func(*media.Track)) map[media.TrackNumber]*conditioner {
	t.Helper()
	all := map[media.TrackNumber]*conditioner{}
	for n, track := range rec.tracks {
		change(&track)
		c, err := newConditioner(track)
		if err != nil {
			t.Fatal(err)
		}
		all[n] = c
	}
	return all
}

// What other people's programs send goes through as it is.
func TestFramesThatAreFitAlreadyAreNotTouched(t *testing.T) {
	t.Parallel()
	for _, pattern := range []string{"media/*.mkv", "putmedia/*.mkv", "getmedia/*.mkv"} {
		for name, rec := range recordings(t, pattern) {
			if strings.HasPrefix(name, "test_mixed_tags") || len(rec.frames) == 0 {
				continue // not media
			}
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				checkUntouched(t, rec)
			})
		}
	}
}

func checkUntouched(t *testing.T, rec recording) {
	t.Helper()
	cs := rec.conditioners(t, func(*media.Track) {})
	for i, f := range rec.frames {
		c := cs[f.Track]
		out, err := c.condition(nil, f)
		if err != nil {
			t.Fatalf("frame %d of %v: %v", i, c.now.Codec, err)
		}
		if out.Skip || out.Notice != nil || out.Changed {
			t.Errorf("frame %d: %+v", i, out)
		}
		video := c.now.Type == media.Video
		if video && out.Key != f.Key {
			t.Errorf("frame %d: key is %v", i, out.Key)
		}
		if media.HasStartCode(f.Data) {
			continue // one client sends these as they come from its encoder
		}
		if !hasFiller(c.now.Codec, f.Data) && (out.Copied || !bytes.Equal(out.Payload, f.Data)) {
			t.Errorf("frame %d is another one", i)
		}
	}
	for n, c := range cs {
		now, known := c.track()
		want := rec.tracks[n]
		if !known || want.Private != nil && !bytes.Equal(now.Private, want.Private) && !repaired(now, want) {
			t.Errorf("track %d: known is %v, private %x, was %x", n, known, now.Private, want.Private)
		}
	}
}

func hasFiller(codec media.Codec, frame []byte) bool {
	if codec != media.AVC && codec != media.HEVC {
		return false
	}
	for unit := range media.LengthPrefixedUnits(frame, 4) {
		if info, _ := media.InspectUnit(codec, unit); info.Kind == media.UnitFiller {
			return true
		}
	}
	return false
}

// repaired reports whether private data differ only in what one client is known
// to write wrong: the profile in records of H.265, and the bits of a G.711 sample.
func repaired(now, want media.Track) bool {
	switch now.Codec {
	case media.HEVC:
		return bytes.Equal(now.Private[13:20], want.Private[13:20]) && len(now.Private) == len(want.Private) && now.Private[12] != 0
	case media.ALaw, media.MuLaw:
		return bytes.Equal(now.Private[:14], want.Private[:14]) && want.Private[14] == 0 && now.Private[14] == 8
	default:
		return false
	}
}

// The same pictures, as an encoder hands them over: in Annex B form, with the
// parameter sets in front of key frames, and no codec private data.
func TestAnnexBBecomesWhatOthersSend(t *testing.T) {
	t.Parallel()
	for name, rec := range recordings(t, "media/*.mkv") {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cs := rec.conditioners(t, func(t *media.Track) {
				if t.Codec == media.AVC || t.Codec == media.HEVC {
					t.Private = nil
				}
			})
			var dst []byte
			for i, f := range rec.frames {
				track := rec.tracks[f.Track]
				if track.Codec != media.AVC && track.Codec != media.HEVC {
					continue
				}
				sets := annexBSets(t, track)
				want := f.Data
				data, err := media.AppendAnnexB(nil, f.Data, 4)
				if err != nil {
					t.Fatal(err)
				}
				f.Data = data
				if f.Key {
					f.Data = append(bytes.Clone(sets), data...)
				}
				f.Key = false // the bitstream has to tell
				out, err := cs[f.Track].condition(dst, f)
				if err != nil {
					t.Fatalf("frame %d: %v", i, err)
				}
				dst = out.Payload[:0]
				if !bytes.HasSuffix(out.Payload, want) || !media.CleanLengthPrefixed(out.Payload, 4) {
					t.Fatalf("frame %d is another one", i)
				}
				now, known := cs[f.Track].track()
				if !known || out.Changed || !bytes.Equal(now.Private, track.Private) && track.Codec == media.AVC {
					t.Fatalf("known is %v, private %x, was %x", known, now.Private, track.Private)
				}
				if now.Width != track.Width || now.Height != track.Height || out.Key != bytes.HasPrefix(f.Data, sets) {
					t.Errorf("frame %d: %+v, %dx%d", i, out.Key, now.Width, now.Height)
				}
			}
		})
	}
}

func annexBSets(t *testing.T, track media.Track) []byte {
	t.Helper()
	if track.Codec == media.AVC {
		c, err := media.ParseAVCConfig(track.Private)
		if err != nil {
			t.Fatal(err)
		}
		return c.AppendAnnexB(nil)
	}
	c, err := media.ParseHEVCConfig(track.Private)
	if err != nil {
		t.Fatal(err)
	}
	return c.AppendAnnexB(nil)
}
