package producer

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/millrace/millrace/media"
	"github.com/millrace/millrace/mkv"
)

// A tape says what a random camera does: each call takes some bytes of it.
type tape struct{ bytes []byte }

func (p *tape) next(n int) int {
	if len(p.bytes) == 0 {
		return 0
	}
	b := p.bytes[0]
	p.bytes = p.bytes[1:]
	return int(b) % n
}

// A taken frame is one that Write took.
type taken struct {
	track uint64
	at    time.Duration
	data  string
}

// perform plays a tape to a stream and checks what comes out.
func perform(t *testing.T, p *tape) {
	config := StreamConfig{}
	tracks := 1 + p.next(3)
	for i := range tracks {
		kind := [...]media.TrackType{media.Video, media.Audio, media.Metadata}[(i+p.next(2))%3]
		config.Tracks = append(config.Tracks, media.Track{
			Number: media.TrackNumber(i + 1), Type: kind, CodecID: [...]string{"V_TEST", "A_TEST", "X_TEST"}[kind%3],
		})
	}
	config.Fragment = FragmentRules{
		MaxDuration: time.Duration(1+p.next(20)) * time.Second,
		MaxBytes:    spareSize + 1024 + 256*int64(p.next(40)),
		Interleave:  []time.Duration{0, time.Second, 200 * time.Millisecond, 3 * time.Second}[p.next(4)],
		Idle:        []time.Duration{0, 2 * time.Second, -1}[p.next(3)],
	}
	config.Time.Tick = []time.Duration{0, 0, 100 * time.Microsecond, 10 * time.Microsecond, 10 * time.Millisecond}[p.next(5)]
	config.Time.OnRegress = RegressPolicy(p.next(2))
	config.Mode = []Mode{Realtime, Offline}[p.next(2)]
	s := unconnected(t, config)
	defer s.Abort()
	want := film(t, p, s, tracks)
	if err := s.packager.close(t.Context()); err != nil {
		t.Fatal(err)
	}
	compare(t, want, check(t, s))
}

// film writes frames as the tape says, and returns those that were taken.
func film(t *testing.T, p *tape, s *Stream, tracks int) (want []taken) {
	clocks := make([]time.Duration, tracks)
	for i := range clocks {
		clocks[i] = epoch + time.Duration(p.next(30))*100*time.Millisecond
	}
	var memory [][]byte
	for n := 0; len(p.bytes) > 0; n++ {
		i := p.next(tracks)
		switch op := p.next(64); {
		case op < 50:
			clocks[i] += time.Duration(op) * 10 * time.Millisecond
		case op < 54:
			clocks[i] += time.Duration(p.next(60)) * time.Second
		case op < 56:
			clocks[i] -= time.Duration(p.next(60)) * 100 * time.Millisecond
		case op < 58: // stays
		case op < 61:
			time.Sleep(time.Duration(p.next(30)) * 100 * time.Millisecond)
		case op < 62:
			if err := s.EndFragment(t.Context()); err != nil {
				t.Fatal(err)
			}
		default: // all jump together
			by := time.Duration(p.next(200)-100) * time.Second
			for j := range clocks {
				clocks[j] += by
			}
		}
		f := media.Frame{Track: media.TrackNumber(i + 1), PTS: clocks[i], Key: p.next(4) == 0}
		f.Data = append(fmt.Appendf(nil, "%d/%d/", i+1, n), make([]byte, p.next(60))...)
		switch err := s.Write(t.Context(), f); {
		case err == nil:
			want = append(want, taken{uint64(f.Track), f.PTS, string(f.Data)})
		case !errors.Is(err, ErrNeedKeyFrame) && !errors.Is(err, ErrTime):
			t.Fatalf("write: %v", err)
		}
		clear(f.Data) // it is the writer's again
		memory = append(memory, f.Data)
	}
	for _, b := range memory {
		if bytes.ContainsFunc(b, func(r rune) bool { return r != 0 }) {
			t.Fatal("a frame's memory was written to")
		}
	}
	return want
}

// compare checks that what came out is what was taken, once, in order and in
// time (K2, K3).
func compare(t *testing.T, want, got []taken) {
	byTrack := func(all []taken, track uint64) (some []taken) {
		for _, f := range all {
			if f.track == track {
				some = append(some, f)
			}
		}
		return some
	}
	for track := uint64(1); track <= 3; track++ {
		want, got := byTrack(want, track), byTrack(got, track)
		if len(want) != len(got) {
			t.Fatalf("track %d: %d frames came out of %d", track, len(got), len(want))
		}
		for i := range want {
			if want[i].data != got[i].data {
				t.Fatalf("track %d, frame %d: %q came out for %q", track, i, got[i].data, want[i].data)
			}
			if d := (want[i].at - got[i].at).Abs(); d > 11*time.Millisecond {
				t.Fatalf("track %d, frame %.6q: moved by %v from %v", track, want[i].data, d, want[i].at-epoch)
			}
		}
	}
}

// check reads the fragments of a stream's buffer, and returns their frames. It
// fails where a server would refuse something (K1).
func check(t *testing.T, s *Stream) (frames []taken) {
	t.Helper()
	documents, headers := kept(s)
	var last uint64
	for i, d := range documents {
		f := parse(t, d)
		if i > 0 && headers[i] == headers[i-1] && f.timecode <= last {
			t.Fatalf("timecode %d follows %d", f.timecode, last)
		}
		last = f.timecode
		rules := s.packager.rules
		if s := f.latest - f.earliest; s > rules.span() {
			t.Fatalf("fragment of %v", s)
		}
		if n := int64(len(d) - len(headers[i].bytes)); n > rules.maxBytes+spareSize {
			t.Fatalf("fragment of %d bytes", n)
		}
		if rules.hold > 0 {
			for _, track := range f.tracks {
				if !slices.ContainsFunc(f.frames, func(f taken) bool { return f.track == track }) {
					t.Fatalf("fragment without a frame of track %d", track)
				}
			}
		}
		frames = append(frames, f.frames...)
	}
	return frames
}

// A parsed fragment is what a server reads of one.
type parsed struct {
	tracks           []uint64
	timecode         uint64
	frames           []taken
	earliest, latest time.Duration
	tags             []mkv.SimpleTag
}

func parse(t *testing.T, document []byte) (f parsed) {
	t.Helper()
	r := mkv.NewReader(bytes.NewReader(document), mkv.ReaderOptions{})
	scale := uint64(0)
	for {
		e, err := r.Next()
		switch {
		case err != nil:
			if len(f.frames) == 0 {
				t.Fatalf("fragment without frames: %v", err)
			}
			return f
		case e.ID == mkv.IDInfo:
			info, err := mkv.ParseInfo(e.Data())
			if err != nil {
				t.Fatal(err)
			}
			scale = info.TimecodeScale
		case e.ID == mkv.IDTracks:
			tracks, err := mkv.ParseTracks(e.Data())
			if err != nil {
				t.Fatal(err)
			}
			for _, track := range tracks {
				f.tracks = append(f.tracks, track.Number)
			}
		case e.ID == mkv.IDTimecode:
			if f.timecode, err = mkv.ParseUint(e.Data()); err != nil {
				t.Fatal(err)
			}
		case e.ID == mkv.IDSimpleBlock:
			b, err := mkv.ParseBlock(e.Data())
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Contains(f.tracks, b.Track) {
				t.Fatalf("frame of track %d, of %d", b.Track, f.tracks)
			}
			at := time.Duration((int64(f.timecode) + int64(b.RelTime)) * int64(scale))
			if len(f.frames) == 0 {
				f.earliest, f.latest = at, at
			}
			f.earliest, f.latest = min(f.earliest, at), max(f.latest, at)
			f.frames = append(f.frames, taken{b.Track, at, string(b.Payload)})
		case e.ID == mkv.IDTags:
			tags, err := mkv.ParseTags(e.Data())
			if err != nil {
				t.Fatal(err)
			}
			for _, tag := range tags {
				f.tags = append(f.tags, tag.Simple...)
			}
		}
	}
}

func TestEveryFrameComesOutOnceWhateverComes(t *testing.T) {
	for seed := range uint64(200) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { perform(t, &tape{random(seed, 3000)}) })
		})
	}
}

func random(seed uint64, n int) []byte {
	r := rand.New(rand.NewPCG(seed, 1))
	b := make([]byte, 0, n+8)
	for len(b) < n {
		b = binary.LittleEndian.AppendUint64(b, r.Uint64())
	}
	return b
}

func FuzzPackager(f *testing.F) {
	for seed := range uint64(8) {
		f.Add(random(seed, 400))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		synctest.Test(t, func(t *testing.T) { perform(t, &tape{b[:min(len(b), 4096)]}) })
	})
}
