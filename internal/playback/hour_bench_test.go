package playback_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/metrics"
	"syscall"
	"testing"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/fragment"
	"github.com/millrace/millrace/internal/playback"
	"github.com/millrace/millrace/internal/store"
	"github.com/millrace/millrace/internal/store/disk"
	"github.com/millrace/millrace/internal/store/sqlite"
	"github.com/millrace/millrace/mkv"
)

// BenchmarkHour is an hour of a stream of 2 Mbit/s, 25 pictures a second and AAC in
// fragments of two seconds, as one file. The store lies on the disk, with its index
// in pages, and all of it is in the system's cache. Beside it ffmpeg copies the same
// hour, from a Matroska file in that cache into MP4 on /dev/null.
//
//	go test -run '^$' -bench Hour -benchtime 5x ./internal/playback
func BenchmarkHour(b *testing.B) {
	dir := b.TempDir()
	f := newFilmOnDisk(b, dir)
	shootHour(b, f)
	request := func(format playback.FileFormat, cut playback.Cut) playback.FileRequest {
		return playback.FileRequest{
			Scope: f.scope(), Clock: store.ProducerClock, From: epoch, To: epoch.Add(time.Hour), Format: format, Cut: cut,
		}
	}
	for name, r := range map[string]playback.FileRequest{
		"mp4": request(playback.FileMP4, playback.CutExact), "mkv": request(playback.FileMKV, playback.CutFragment),
	} {
		b.Run("first-byte/"+name, func(b *testing.B) {
			defer reportCPU(b)()
			for b.Loop() {
				file := openHour(b, f.files(playback.FilesConfig{}), r)
				if _, err := file.Cursor().WriteTo(b.Context(), io.Discard, 0, 1); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run("whole/"+name, func(b *testing.B) {
			most, cpu := startPeak(), reportCPU(b)
			for b.Loop() {
				file := openHour(b, f.files(playback.FilesConfig{}), r)
				b.SetBytes(file.Size())
				if _, err := file.Cursor().WriteTo(b.Context(), io.Discard, 0, file.Size()); err != nil {
					b.Fatal(err)
				}
			}
			cpu()
			b.ReportMetric(most()/(1<<20), "peak-MiB")
		})
	}
	b.Run("part", func(b *testing.B) {
		files := f.files(playback.FilesConfig{})
		size := openHour(b, files, request(playback.FileMP4, playback.CutExact)).Size()
		at := int64(0)
		for b.Loop() {
			file := openHour(b, files, request(playback.FileMP4, playback.CutExact))
			at = (at + 123_456_789) % (size - 1<<20)
			if _, err := file.Cursor().WriteTo(b.Context(), io.Discard, at, 1<<20); err != nil {
				b.Fatal(err)
			}
		}
		b.SetBytes(1 << 20)
	})
	b.Run("beside-ffmpeg", func(b *testing.B) {
		copyHour(b, f, request(playback.FileMP4, playback.CutExact), request(playback.FileMKV, playback.CutFragment), dir)
	})
}

func openHour(b *testing.B, files *playback.Files, r playback.FileRequest) *playback.File {
	file, err := files.Open(b.Context(), r)
	if err != nil {
		b.Fatal(err)
	}
	return file
}

// startPeak follows how much memory the heap has taken. What it returns stops that
// and says the most that it was above the beginning, in bytes.
func startPeak() func() float64 {
	runtime.GC()
	sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	read := func() float64 { metrics.Read(sample); return float64(sample[0].Value.Uint64()) }
	before := read()
	done, most := make(chan struct{}), make(chan float64)
	go func() {
		peak := before
		tick := time.NewTicker(time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				peak = max(peak, read())
			case <-done:
				most <- peak - before
				return
			}
		}
	}()
	return func() float64 { close(done); return <-most }
}

// copyHour writes the hour as MP4 and lets ffmpeg copy it, by turns, so that what else
// the machine does is the same for both.
func copyHour(b *testing.B, f *film, mp4, mkv playback.FileRequest, dir string) {
	file := openHour(b, f.files(playback.FilesConfig{}), mkv)
	name := filepath.Join(dir, "hour.mkv")
	out, err := os.Create(name)
	if err != nil {
		b.Fatal(err)
	}
	if _, err := file.Cursor().WriteTo(b.Context(), out, 0, file.Size()); err != nil {
		b.Fatal(err)
	}
	if err := out.Close(); err != nil {
		b.Fatal(err)
	}
	var ours, theirs, theirCPU time.Duration
	for b.Loop() {
		begun := time.Now()
		file := openHour(b, f.files(playback.FilesConfig{}), mp4)
		if _, err := file.Cursor().WriteTo(b.Context(), io.Discard, 0, file.Size()); err != nil {
			b.Fatal(err)
		}
		ours += time.Since(begun)
		begun = time.Now()
		cmd := exec.CommandContext(b.Context(), "ffmpeg", "-v", "error", "-y", "-i", name, "-map", "0", "-c", "copy", "-f", "mp4", "/dev/null")
		if text, err := cmd.CombinedOutput(); err != nil {
			b.Fatalf("%v: %s", err, text)
		}
		theirs += time.Since(begun)
		theirCPU += cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	}
	ms := func(d time.Duration) float64 { return d.Seconds() * 1000 / float64(b.N) }
	b.ReportMetric(ms(ours), "ours-ms")
	b.ReportMetric(ms(theirs), "ffmpeg-ms")
	b.ReportMetric(ms(theirCPU), "ffmpeg-cpu-ms")
	b.ReportMetric(theirs.Seconds()/ours.Seconds(), "times-ffmpeg")
}

// reportCPU follows how much processor time the process takes. What it returns says
// it, for each round.
func reportCPU(b *testing.B) func() {
	used := func() time.Duration {
		var u syscall.Rusage
		if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
			b.Fatal(err)
		}
		return time.Duration(u.Utime.Nano() + u.Stime.Nano())
	}
	before := used()
	return func() { b.ReportMetric((used()-before).Seconds()*1000/float64(b.N), "cpu-ms/op") }
}

// newFilmOnDisk is a film whose store lies in a directory.
func newFilmOnDisk(b *testing.B, dir string) *film {
	packs, err := disk.Open(filepath.Join(dir, "packs"))
	if err != nil {
		b.Fatal(err)
	}
	pages, err := sqlite.OpenIndex(b.Context(), filepath.Join(dir, "index.db"), sqlite.Options{})
	if err != nil {
		b.Fatal(err)
	}
	e, err := store.Open(b.Context(), store.Config{FS: packs, Pages: pages, Epoch: 1})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := errors.Join(e.Close(), pages.Close()); err != nil {
			b.Error(err)
		}
	})
	return &film{t: b, key: millrace.StreamKey{ID: 7, Generation: 1}, store: e}
}

// shootHour keeps an hour that ffmpeg has made twenty seconds of.
func shootHour(b *testing.B, f *film) {
	name := filepath.Join(b.TempDir(), "source.mkv")
	args := []string{
		"-v", "error", "-f", "lavfi", "-i", "testsrc2=size=1280x720:rate=25,noise=alls=20:allf=t", "-f", "lavfi", "-i", "sine=sample_rate=48000",
		"-t", "20", "-c:v", "libx264", "-preset", "ultrafast", "-b:v", "1900k", "-minrate", "1900k", "-maxrate", "1900k", "-bufsize", "1900k",
		"-g", "50", "-keyint_min", "50", "-sc_threshold", "0", "-c:a", "aac", "-b:a", "96k", "-cluster_time_limit", "60000", "-cluster_size_limit", "100000000", name,
	}
	if text, err := exec.CommandContext(b.Context(), "ffmpeg", args...).CombinedOutput(); err != nil {
		b.Skipf("ffmpeg: %v: %s", err, text)
	}
	body, err := os.ReadFile(name)
	if err != nil {
		b.Fatal(err)
	}
	source := recorded(b, body)
	b.Logf("%d fragments, %d bytes", len(source), len(body))
	for i := range 1800 {
		x := *source[i%len(source)]
		x.ProducerTime, x.Number = epoch.Add(time.Duration(i)*2*time.Second), millrace.FragmentNumber{}
		f.keep(&x)
		f.made = nil
	}
}

// recorded reads a document as ingest does.
func recorded(t testing.TB, body []byte) []*millrace.Fragment {
	t.Helper()
	s := &recorder{}
	a := fragment.NewAssembler(fragment.Config{
		Sink: s, TagKind: func(string) fragment.TagKind { return fragment.EventTag }, Limits: fragment.Limits{AllowMissing: true, AllowHeaders: true},
	})
	r := mkv.NewReader(bytes.NewReader(body), a.ReaderOptions())
	for {
		e, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err == nil {
			err = a.Add(e)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := a.Close(true, false); err != nil {
		t.Fatal(err)
	}
	return s.fragments
}

// A recorder keeps the fragments of a document.
type recorder struct {
	fragments []*millrace.Fragment
	open      *millrace.Fragment
}

func (s *recorder) Begin(b fragment.Begin) error {
	s.open = &millrace.Fragment{
		Header: b.Header, Timecode: b.Timecode, TimecodeScale: b.Scale, ProducerTime: b.ProducerTime, Cluster: [][]byte{bytes.Clone(b.Prefix)},
	}
	return nil
}

func (s *recorder) Append(p []byte) error {
	s.open.Cluster[0] = append(s.open.Cluster[0], p...)
	return nil
}

func (s *recorder) Received() error { return nil }

func (s *recorder) Finish(f fragment.Finish) error {
	s.open.Samples, s.open.Duration, s.open.Flags = f.Samples, f.Duration, f.Flags
	s.fragments = append(s.fragments, s.open)
	return nil
}

func (s *recorder) Abort() error                   { return nil }
func (s *recorder) Condemned(fragment.Begin) error { return nil }
