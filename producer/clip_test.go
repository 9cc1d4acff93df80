package producer_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"github.com/millrace/millrace/mkv"
	"github.com/millrace/millrace/producer"
	"github.com/millrace/millrace/producer/producertest"
)

// file is a Matroska file as a muxer for files makes it: three clusters of two
// seconds with two frames each, from a timecode that is not zero, and with
// everything around them that is true for a file alone.
func file(known bool) []byte {
	b := mkv.AppendEBML(nil, mkv.EBML{})
	b = mkv.AppendSize(mkv.AppendID(b, mkv.IDSegment), 1<<20, 8)
	b = mkv.AppendBytes(b, mkv.IDSeekHead, make([]byte, 20))
	b = mkv.AppendBytes(b, mkv.IDVoid, make([]byte, 50))
	b = mkv.AppendInfo(b, mkv.Info{WritingApp: "test", Duration: 6000})
	b = mkv.AppendTracks(b, []mkv.Track{{Number: 1, UID: 1, Type: mkv.TrackVideo, CodecID: "V_TEST"}})
	targets := mkv.AppendBytes(nil, mkv.IDTargets, mkv.AppendUint(nil, 0x63C5, 1))
	b = mkv.AppendBytes(b, mkv.IDTags, mkv.AppendBytes(nil, mkv.IDTag, targets))
	b = mkv.AppendTags(b, []mkv.Tag{{Simple: []mkv.SimpleTag{{Name: "before", String: "x"}}}}, 0)
	for i := range 3 {
		media := mkv.AppendBytes(nil, mkv.IDCRC32, make([]byte, 4))
		media = mkv.AppendUint(media, mkv.IDTimecode, uint64(100+2000*i))
		media = mkv.AppendUint(media, mkv.IDPosition, 7)
		media = append(media, frame(0, "A", i)...)
		media = append(media, frame(1000, "b", i)...)
		b = mkv.AppendID(b, mkv.IDCluster)
		if known {
			b = mkv.AppendSize(b, int64(len(media)), 0)
		} else {
			b = mkv.AppendUnknownSize(b, 1)
		}
		b = append(b, media...)
	}
	b = mkv.AppendTags(b, []mkv.Tag{{Simple: []mkv.SimpleTag{{Name: "behind", String: "x"}}}}, 0)
	return mkv.AppendBytes(b, mkv.IDCues, make([]byte, 30))
}

func frame(rel int16, letter string, i int) []byte {
	data := fmt.Sprintf("%s%d", letter, i)
	flags := mkv.BlockFlags(0)
	if letter == "A" {
		flags = mkv.FlagKeyframe
	}
	return append(mkv.AppendSimpleBlockHeader(nil, 1, rel, flags, len(data)), data...)
}

// sent is what the server saw of a frame and when.
type sent struct {
	frame string
	after time.Duration // since the start of the test
	time  time.Duration // since the origin
}

// playing runs play against a server inside a bubble that begins at midnight
// of the first day of 2000, and returns what came. The origin is that moment
// plus offset.
func playing(t *testing.T, o producer.StreamConfig, offset time.Duration, play func(ctx context.Context, u *producer.Stream, origin time.Time) error) (s *producertest.Server, frames []sent, known []bool) {
	t.Helper()
	t.Setenv("HOME", t.TempDir())
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		origin := began.Add(offset)
		if o.Time.Relative {
			o.Time.Start = origin
		}
		var c *producer.Client
		s, c = served(t, producertest.Config{})
		up, err := c.Open(t.Context(), "gate", o)
		if err != nil {
			t.Fatal(err)
		}
		if err := play(t.Context(), up, origin); err != nil {
			t.Error(err)
		}
		if err := up.Close(t.Context()); err != nil {
			t.Error(err)
		}
		for _, f := range s.Fragments() {
			known = append(known, isKnown(f.Bytes))
			for _, frame := range f.Frames {
				at := time.Duration(frame.Time) * time.Millisecond
				if !o.Time.Relative {
					at -= time.Duration(origin.UnixNano())
				}
				frames = append(frames, sent{string(frame.Data), frame.Came.Sub(began), at})
			}
		}
	})
	return s, frames, known
}

// isKnown reports whether a Cluster declares its size.
func isKnown(cluster []byte) bool {
	segment := mkv.AppendUnknownSize(mkv.AppendID(nil, mkv.IDSegment), 0)
	r := mkv.NewReader(bytes.NewReader(append(segment, cluster...)), mkv.ReaderOptions{})
	_, _ = r.Next() // the Segment
	e, err := r.Next()
	return err == nil && e.Size != mkv.UnknownSize
}

func read(t *testing.T, b []byte) *producer.Clip {
	t.Helper()
	clip, err := producer.ReadClip(b)
	if err != nil {
		t.Fatal(err)
	}
	return clip
}

func TestAClipKnowsItsLength(t *testing.T) {
	clip := read(t, file(true))
	if clip.Duration() != 6*time.Second || clip.Fragments() != 3 || clip.FragmentDuration() != 2*time.Second {
		t.Errorf("duration %v, %d fragments of %v", clip.Duration(), clip.Fragments(), clip.FragmentDuration())
	}
}

func TestALengthThatTheFileSaysIsTakenIfItCanBeTrue(t *testing.T) {
	said := func(ticks float64) []byte {
		return bytes.Replace(file(true), mkv.AppendFloat(nil, mkv.IDDuration, 6000), mkv.AppendFloat(nil, mkv.IDDuration, ticks), 1)
	}
	for ticks, want := range map[float64]time.Duration{6200: 6200 * time.Millisecond, 60_000: 6 * time.Second, 1: 6 * time.Second} {
		if got := read(t, said(ticks)).Duration(); got != want {
			t.Errorf("a file that says %v plays %v, want %v", ticks, got, want)
		}
	}
}

func TestPlayingAsFastAsItGoes(t *testing.T) {
	for _, size := range []bool{true, false} {
		for _, relative := range []bool{true, false} {
			s, frames, known := playing(t, producer.StreamConfig{Time: producer.TimeRules{Relative: relative}}, -time.Hour, func(ctx context.Context, u *producer.Stream, origin time.Time) error {
				return read(t, file(size)).Play(ctx, u, producer.PlayOptions{Origin: origin})
			})
			want := []sent{
				{"A0", 0, 0},
				{"b0", 0, 1 * time.Second},
				{"A1", 0, 2 * time.Second},
				{"b1", 0, 3 * time.Second},
				{"A2", 0, 4 * time.Second},
				{"b2", 0, 5 * time.Second},
			}
			if !slices.Equal(frames, want) {
				t.Errorf("known %v, relative %v: frames %v", size, relative, frames)
			}
			if want := slices.Repeat([]bool{size}, 3); !slices.Equal(known, want) {
				t.Errorf("sizes known: %v, want %v", known, want)
			}
			if len(s.Persisted("gate")) != 3 {
				t.Errorf("durable are %q", durables(s, "gate"))
			}
		}
	}
}

func TestPlayingInRealTime(t *testing.T) {
	_, frames, _ := playing(t, producer.StreamConfig{}, time.Second, func(ctx context.Context, u *producer.Stream, origin time.Time) error {
		return read(t, file(true)).Play(ctx, u, producer.PlayOptions{Origin: origin, Realtime: true})
	})
	if len(frames) != 6 {
		t.Fatalf("frames %v", frames)
	}
	for i, f := range frames {
		if want := time.Duration(i) * time.Second; f.time != want || f.after != want+time.Second {
			t.Errorf("frame %s of %v came after %v", f.frame, f.time, f.after)
		}
	}
}

// TestPlayEndsWithItsContextWhereThereIsNoRoom: the rest of a fragment does not
// wait for a server that does not come.
func TestPlayEndsWithItsContextWhereThereIsNoRoom(t *testing.T) {
	t.Setenv("HOME", t.TempDir())
	for name, rules := range map[string]producer.BufferRules{
		"in memory":    {MaxBytes: 10, OnFull: producer.FullWait},
		"on the disk":  {Spool: true, SpoolBytes: 1 << 10, OnFull: producer.FullWait},
		"in real time": {MaxBytes: 10, OnFull: producer.FullWait},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			synctest.Test(t, func(t *testing.T) {
				_, c := served(t, producertest.Config{After: silent()})
				c.Spool = dir
				up, err := c.Open(t.Context(), "gate", producer.StreamConfig{Buffer: rules})
				if err != nil {
					t.Fatal(err)
				}
				defer up.Abort()
				ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
				defer cancel()
				began := time.Now()
				ended := make(chan error, 1)
				go func() {
					o := producer.PlayOptions{Origin: began, Realtime: name == "in real time", Loop: true}
					ended <- read(t, file(true)).Play(ctx, up, o)
				}()
				select {
				case err := <-ended:
					if took := time.Since(began); !errors.Is(err, context.DeadlineExceeded) || took > 7*time.Second {
						t.Errorf("it ended after %v: %v", took, err)
					}
				case <-time.After(time.Minute):
					t.Error("it does not end")
				}
			})
		})
	}
}

func TestLoopingGoesOnWithoutAGap(t *testing.T) {
	_, frames, _ := playing(t, producer.StreamConfig{}, 0, func(ctx context.Context, u *producer.Stream, origin time.Time) error {
		ctx, cancel := context.WithTimeout(ctx, 14500*time.Millisecond)
		defer cancel()
		err := read(t, file(true)).Play(ctx, u, producer.PlayOptions{Origin: origin, Realtime: true, Loop: true})
		if !errors.Is(err, context.DeadlineExceeded) {
			return fmt.Errorf("play: %w", err)
		}
		return nil
	})
	// The fragment that was under way when the time was over is whole.
	if len(frames) != 16 {
		t.Fatalf("%d frames %v", len(frames), frames)
	}
	for i, f := range frames {
		if want := time.Duration(i) * time.Second; f.time != want {
			t.Errorf("frame %d, %s, is at %v", i, f.frame, f.time)
		}
	}
	if last := frames[15]; last.frame != "b1" || last.after != 14500*time.Millisecond {
		t.Errorf("last frame %v", last)
	}
}

func TestALoopIsEnteredAtItsTime(t *testing.T) {
	// The clip began 45.3 s ago: the eighth run is at 3.3 s, so its cluster at
	// 4 s comes next.
	_, frames, _ := playing(t, producer.StreamConfig{}, -45300*time.Millisecond, func(ctx context.Context, u *producer.Stream, origin time.Time) error {
		ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
		defer cancel()
		_ = read(t, file(true)).Play(ctx, u, producer.PlayOptions{Origin: origin, Realtime: true, Loop: true})
		return nil
	})
	want := []sent{
		{"A2", 700 * time.Millisecond, 46 * time.Second},
		{"b2", 1700 * time.Millisecond, 47 * time.Second},
		{"A0", 2700 * time.Millisecond, 48 * time.Second},
		{"b0", 3 * time.Second, 49 * time.Second},
	}
	if !slices.Equal(frames, want) {
		t.Errorf("frames %v", frames)
	}
}

func TestCopyingARunningStream(t *testing.T) {
	for name, r := range map[string]func() io.Reader{
		"at once":      func() io.Reader { return bytes.NewReader(file(true)) },
		"byte by byte": func() io.Reader { return iotest.OneByteReader(bytes.NewReader(file(false))) },
	} {
		_, frames, known := playing(t, producer.StreamConfig{}, 0, func(ctx context.Context, u *producer.Stream, origin time.Time) error {
			return producer.CopyMKV(ctx, u, r(), producer.PlayOptions{Origin: origin})
		})
		var text []string
		for _, f := range frames {
			text = append(text, fmt.Sprint(f.frame, f.time))
		}
		if want := []string{"A00s", "b01s", "A12s", "b13s", "A24s", "b25s"}; !slices.Equal(text, want) {
			t.Errorf("%s: frames %v", name, text)
		}
		if slices.Contains(known, true) {
			t.Errorf("%s: the size of a copied cluster cannot be known", name)
		}
	}
}

func TestCopyingInRealTime(t *testing.T) {
	_, frames, _ := playing(t, producer.StreamConfig{}, 0, func(ctx context.Context, u *producer.Stream, origin time.Time) error {
		return producer.CopyMKV(ctx, u, bytes.NewReader(file(true)), producer.PlayOptions{Realtime: true})
	})
	for i, f := range frames {
		if want := time.Duration(i) * time.Second; f.after != want {
			t.Errorf("frame %s came after %v", f.frame, f.after)
		}
	}
}

func TestDocumentsFollowOneAnother(t *testing.T) {
	s, frames, _ := playing(t, producer.StreamConfig{}, -time.Hour, func(ctx context.Context, u *producer.Stream, origin time.Time) error {
		other := bytes.Replace(file(false), []byte("V_TEST"), []byte("V_NEXT"), 1)
		clip := read(t, slices.Concat(file(false), file(false), other))
		if clip.Duration() != 18*time.Second {
			t.Errorf("duration %v", clip.Duration())
		}
		return clip.Play(ctx, u, producer.PlayOptions{Origin: origin})
	})
	for i, f := range frames {
		if want := time.Duration(i) * time.Second; f.time != want {
			t.Errorf("frame %d, %s, is at %v", i, f.frame, f.time)
		}
	}
	if len(frames) != 18 || len(s.Calls()) != 2 {
		t.Errorf("%d frames over %d connections", len(frames), len(s.Calls()))
	}
}

func TestWhatIsNoClip(t *testing.T) {
	header := mkv.AppendUnknownSize(mkv.AppendID(mkv.AppendEBML(nil, mkv.EBML{}), mkv.IDSegment), 0)
	tracks := mkv.AppendTracks(nil, []mkv.Track{{Number: 1}})
	for name, b := range map[string][]byte{
		"nothing":                     nil,
		"text":                        []byte("this is no film"),
		"a header alone":              slices.Concat(header, tracks),
		"a cluster without tracks":    slices.Concat(header, mkv.AppendBytes(nil, mkv.IDCluster, mkv.AppendUint(nil, mkv.IDTimecode, 1))),
		"a cluster without frames":    slices.Concat(header, tracks, mkv.AppendBytes(nil, mkv.IDCluster, mkv.AppendUint(nil, mkv.IDTimecode, 1))),
		"a cluster without time":      slices.Concat(header, tracks, mkv.AppendBytes(nil, mkv.IDCluster, frame(0, "A", 0))),
		"a file that is cut":          file(true)[:len(file(true))-60],
		"a time beyond all reckoning": slices.Concat(header, tracks, mkv.AppendBytes(nil, mkv.IDCluster, mkv.AppendUint(nil, mkv.IDTimecode, 1<<60))),
	} {
		if clip, err := producer.ReadClip(b); err == nil {
			t.Errorf("%s: a clip of %v", name, clip.Duration())
		}
	}
}

func TestFilesOfOtherPrograms(t *testing.T) {
	dir := os.Getenv("MILLRACE_VECTORS")
	if dir == "" {
		dir = filepath.Join("..", "..", "shared", "vectors")
	}
	names, _ := filepath.Glob(filepath.Join(dir, "media", "*.mkv"))
	if len(names) == 0 {
		t.Skip("vectors not present")
	}
	for _, name := range names {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		clip, err := producer.ReadClip(b)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		s, frames, _ := playing(t, producer.StreamConfig{}, -time.Hour, func(ctx context.Context, u *producer.Stream, origin time.Time) error {
			return clip.Play(ctx, u, producer.PlayOptions{Origin: origin})
		})
		blocks := countBlocks(t, b)
		if len(frames) != blocks || len(s.Persisted("gate")) != clip.Fragments() {
			t.Errorf("%s: %d frames of %d in %d fragments", filepath.Base(name), len(frames), blocks, len(s.Persisted("gate")))
		}
	}
}

func countBlocks(t *testing.T, b []byte) (n int) {
	t.Helper()
	for r := mkv.NewReader(bytes.NewReader(b), mkv.ReaderOptions{}); ; {
		e, err := r.Next()
		if errors.Is(err, io.EOF) {
			return n
		}
		if err != nil {
			t.Fatal(err)
		}
		if e.ID == mkv.IDSimpleBlock || e.ID == mkv.IDBlockGroup {
			n++
		}
	}
}

func FuzzReadClip(f *testing.F) {
	f.Add(file(true))
	f.Add(file(false))
	f.Add([]byte(strings.Repeat("x", 100)))
	f.Fuzz(func(t *testing.T, b []byte) {
		clip, err := producer.ReadClip(b)
		if err == nil && (clip.Fragments() == 0 || clip.Duration() <= 0) {
			t.Errorf("%d fragments, %v", clip.Fragments(), clip.Duration())
		}
	})
}
