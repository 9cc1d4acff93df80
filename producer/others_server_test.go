//go:build interop

package producer

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/consumer"
	"github.com/millrace/millrace/consumer/export"
	"github.com/millrace/millrace/media"
)

// A serving is a server as it is released, in a process of its own.
type serving struct {
	url  string
	keys millrace.CredentialsSource
	dir  string               // for sources
	made map[string]*shooting // of originals, by name and size
}

// newServing builds a server and starts it, for one test.
func newServing(t *testing.T) *serving {
	t.Helper()
	binary := os.Getenv("MILLRACE_INTEROP_BINARY")
	if binary == "" {
		binary = filepath.Join(t.TempDir(), "millrace")
		runOther(t, "go", "build", "-o", binary, "../cmd/millrace")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	_ = l.Close()
	keys := millrace.Credentials{AccessKeyID: "AKIAINTEROP000000000", SecretAccessKey: "interop/secret+key=0000000000000000000000"}
	server := exec.Command(binary, "server", "--data", t.TempDir(), "--listen", address)
	server.Env = append(os.Environ(), "MILLRACE_ACCESS_KEY_ID="+keys.AccessKeyID, "MILLRACE_SECRET_ACCESS_KEY="+keys.SecretAccessKey)
	var log bytes.Buffer
	server.Stdout, server.Stderr = &log, &log
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = server.Process.Signal(syscall.SIGTERM)
		if err := server.Wait(); err != nil || t.Failed() {
			t.Logf("the server: %v\n%s", err, log.String()[max(0, log.Len()-4000):])
		}
	})
	s := &serving{url: "http://" + address, keys: millrace.StaticCredentials(keys), dir: t.TempDir(), made: map[string]*shooting{}}
	for range 600 {
		if res, err := http.Get(s.url + "/readyz"); err == nil {
			_ = res.Body.Close()
			if res.StatusCode == http.StatusOK {
				return s
			}
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatal("the server did not become ready")
	return nil
}

// keep writes the frames of all tracks in the order of their times, waits until
// they are durable, and returns what comes back: a file for each header.
func (r *serving) keep(t *testing.T, tracks ...*shooting) []string {
	t.Helper()
	name := millrace.StreamName(t.Name()[strings.LastIndex(t.Name(), "/")+1:])
	config := StreamConfig{
		Create: &Spec{Retention: time.Hour},
		Events: Events{Notice: func(err error) {
			if !errors.Is(err, ErrUnplayable) && !errors.Is(err, ErrCodecChanged) {
				t.Errorf("notice: %v", err)
			}
		}},
	}
	var frames []media.Frame
	for i, s := range tracks {
		track := s.track
		track.Number = media.TrackNumber(i + 1)
		config.Tracks = append(config.Tracks, track)
		latest := time.Duration(0) // by which frames of one track keep their order
		for _, f := range s.frames {
			f.Track = track.Number
			latest = max(latest, f.PTS)
			f.Duration = latest
			frames = append(frames, f)
		}
	}
	slices.SortStableFunc(frames, func(a, b media.Frame) int { return int(a.Duration - b.Duration) })
	client := &Client{Endpoint: r.url, Region: "eu-central-1", Credentials: r.keys}
	s, err := client.Open(t.Context(), name, config)
	if err != nil {
		t.Fatal(err)
	}
	began := time.Duration(time.Now().Add(-time.Minute).Truncate(time.Second).UnixNano())
	for i, f := range frames {
		f.PTS, f.Duration = f.PTS+began, 0
		if err := s.Write(t.Context(), f); err != nil {
			t.Fatalf("frame %d: %v", i, err)
		}
	}
	if err := s.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	return r.read(t, name, s.Stats().Persisted)
}

// read follows a stream up to so many fragments.
func (r *serving) read(t *testing.T, name millrace.StreamName, fragments int) (files []string) {
	t.Helper()
	client := &consumer.Client{Endpoint: r.url, Region: "eu-central-1", Credentials: r.keys}
	var file *os.File
	var out *export.MKV
	begin := func() {
		var err error
		if file, err = os.Create(filepath.Join(t.TempDir(), fmt.Sprint(len(files), ".mkv"))); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = file.Close() })
		files, out = append(files, file.Name()), export.NewMKV(file)
	}
	begin()
	n := 0
	options := consumer.LiveOptions{
		Start: millrace.StartSelector{Type: millrace.StartEarliest},
		Until: consumer.Until{Idle: 10 * time.Second},
	}
	for f, err := range client.Live(name, options).Fragments(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		err = out.WriteFragment(f)
		if errors.Is(err, export.ErrTracksChanged) {
			begin()
			err = out.WriteFragment(f)
		}
		if err != nil || !f.Complete() {
			t.Fatalf("fragment %d: %v", n, err)
		}
		if n++; n == fragments {
			break
		}
	}
	if n != fragments {
		t.Fatalf("%d fragments of %d", n, fragments)
	}
	return files
}
