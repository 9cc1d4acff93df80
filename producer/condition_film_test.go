package producer

import (
	"bytes"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/media"
	"github.com/millrace/millrace/producer/producertest"
)

// What real encoders hand over is taken without a word, and what is sent is
// what a demuxer expects.
func TestFilmsOfRealEncoders(t *testing.T) {
	t.Parallel()
	for name, f := range films(t) {
		c := newTestConditioner(t, f.track)
		var keys []int
		for i, data := range f.frames {
			out := take(t, c, data)
			if out.Changed || out.Skip || out.Notice != nil {
				t.Errorf("%s: frame %d: %+v", name, i, out)
			}
			if out.Key {
				keys = append(keys, i)
			}
			switch {
			case f.track.Codec == media.AAC && (media.HasADTS(out.Payload) || len(out.Payload) != len(data)-7),
				(f.track.Codec == media.AVC || f.track.Codec == media.HEVC) && !media.CleanLengthPrefixed(out.Payload, 4),
				f.track.Codec == media.AV1 && !bytes.HasSuffix(data, out.Payload),
				f.track.Codec == media.Opus && !bytes.Equal(data, out.Payload):
				t.Errorf("%s: frame %d: %x became %x", name, i, head(data), head(out.Payload))
			}
		}
		now, known := c.track()
		video := now.Type == media.Video
		if !known || video && (now.Width != 64 || now.Height != 48 || len(f.frames) != 20) || !video && now.Channels != 1 {
			t.Errorf("%s: %d frames, %v, %+v", name, len(f.frames), known, now)
		}
		if p, err := now.Parameters(); err != nil || len(now.Private) == 0 {
			t.Errorf("%s: %+v, %v", name, p, err)
		}
		if video && !slices.Equal(keys, f.keys) {
			t.Errorf("%s: key frames are %v, want %v", name, keys, f.keys)
		}
	}
}

// A film of B-frames arrives in the order of decoding, each picture with the time
// at which it is shown, and every fragment begins with a key frame.
func TestFilmsArriveInOrderAndInTime(t *testing.T) {
	t.Setenv("HOME", t.TempDir())
	for name, f := range films(t) {
		t.Run(name, func(t *testing.T) {
			f.track.Number = 1
			synctest.Test(t, func(t *testing.T) {
				server := producertest.Start(t, producertest.Config{Pipes: true})
				send(t, server, f)
				compareFilm(t, f, server.Persisted("gate"))
			})
		})
	}
}

// send writes a film and waits until it is durable.
func send(t *testing.T, server *producertest.Server, f footage) {
	t.Helper()
	client := &Client{
		Endpoint:    server.Endpoint(),
		Credentials: millrace.StaticCredentials(millrace.Credentials{AccessKeyID: "AKID", SecretAccessKey: "secret"}),
		HTTPClient:  server.HTTPClient(),
		Dial:        server.Dial,
	}
	s, err := client.Open(t.Context(), "gate", StreamConfig{Tracks: []media.Track{f.track}})
	if err != nil {
		t.Fatal(err)
	}
	for i, data := range f.frames {
		frame := media.Frame{Track: 1, PTS: epoch + time.Duration(f.at(i))*time.Millisecond, Data: data}
		if err := s.Write(t.Context(), frame); err != nil {
			t.Fatalf("frame %d: %v", i, err)
		}
		time.Sleep(time.Duration(f.step) * time.Millisecond)
	}
	if err := s.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func compareFilm(t *testing.T, f footage, kept []producertest.Fragment) {
	t.Helper()
	c := newTestConditioner(t, f.track)
	n := 0
	for i, fragment := range kept {
		for j, frame := range fragment.Frames {
			if n == len(f.frames) {
				t.Fatal("there are more frames than were written")
			}
			want := take(t, c, f.frames[n])
			if !bytes.Equal(frame.Data, want.Payload) {
				t.Errorf("frame %d is another one", n)
			}
			if at := frame.Time - epoch.Milliseconds(); at != f.at(n) {
				t.Errorf("frame %d is shown at %d ms, want %d", n, at, f.at(n))
			}
			if frame.Key != want.Key || j == 0 && !frame.Key {
				t.Errorf("frame %d of fragment %d: key is %v", j, i, frame.Key)
			}
			n++
		}
		if f.keys != nil && fmt.Sprint(fragment.Timecode) != fmt.Sprint(epoch.Milliseconds()+f.at(f.keys[i])) {
			t.Errorf("fragment %d is of %d", i, fragment.Timecode)
		}
	}
	if n != len(f.frames) || f.keys != nil && len(kept) != len(f.keys) {
		t.Errorf("%d frames of %d in %d fragments", n, len(f.frames), len(kept))
	}
}

// Pictures in front of the first key frame of an open group, in the order of
// showing, keep their times, before that of their fragment.
func TestLeadingPicturesAreShownBeforeTheirFragment(t *testing.T) {
	d := dialects(t)["H.265"]
	cra, leading := unhex(t, "2a 01 af 08"), unhex(t, "12 01 d0 44") // RASL_R
	rolling(t, StreamConfig{Tracks: []media.Track{{Number: 1, Codec: media.HEVC}}}, func(r *reel) {
		for _, f := range []struct {
			at   int
			unit []byte
		}{{0, cra}, {120, d.delta}, {40, d.disposable}, {80, d.disposable}, {400, cra}, {320, leading}, {280, leading}, {360, leading}, {440, d.delta}} {
			data := annexB(f.unit)
			if f.unit[0] == cra[0] {
				data = annexB(with(d.sets, f.unit)...)
			}
			r.write(1, time.Duration(f.at)*time.Millisecond, data)
		}
		var got []string
		for _, s := range r.shots() {
			line := fmt.Sprint(s.start - uint64(epoch.Milliseconds()))
			for _, b := range s.blocks {
				line += fmt.Sprintf(" %+d", b.RelTime)
				if b.Keyframe() {
					line += "K"
				}
			}
			got = append(got, line)
		}
		if want := []string{"0 +0K +120 +40 +80", "400 +0K -80 -120 -40 +40"}; !slices.Equal(got, want) {
			t.Errorf("%q, want %q", got, want)
		}
	})
}
