package server_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/media"
	"github.com/millrace/millrace/producer"
	"github.com/millrace/millrace/producer/producertest"
)

// childFilm is the variable of the environment that makes the test binary a
// producer; it holds a film.
const childFilm = "MILLRACE_TEST_PRODUCER"

// A film is what a producer in a process of its own has to do: to write the frames
// of a footage from one up to another, through a spool.
type film struct {
	Endpoint string
	Stream   millrace.StreamName
	Spool    string
	Footage  producertest.Footage
	From, To int
	Pace     time.Duration // between two frames, by the wall clock
	Close    bool          // wait at the end until all is durable
}

// produceAsChild does it, and says on standard output, frame by frame, which were
// taken. It ends with its standard input, and so with its parent.
func produceAsChild(text string) (status int) {
	var f film
	err := json.Unmarshal([]byte(text), &f)
	if err == nil {
		ctx, cancel := context.WithCancel(context.Background())
		go func() {
			_, _ = io.Copy(io.Discard, os.Stdin)
			cancel()
		}()
		err = f.shoot(ctx)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

func (f film) shoot(ctx context.Context) error {
	client := &producer.Client{
		Endpoint:    f.Endpoint,
		Region:      "us-west-2",
		Credentials: millrace.StaticCredentials(millrace.Credentials{AccessKeyID: keyID, SecretAccessKey: secret}),
		Spool:       f.Spool,
		Memory:      8 << 20,
	}
	up, err := client.Open(ctx, f.Stream, producer.StreamConfig{
		Create: &producer.Spec{Retention: 24 * time.Hour},
		Tracks: []media.Track{{Number: 1, UID: 1, Type: media.Video, CodecID: "V_TEST"}},
		Buffer: producer.BufferRules{Spool: true, OnFull: producer.FullWait},
		Events: producer.Events{Dropped: func(d producer.Dropped) { fmt.Printf("dropped %+v\n", d) }},
	})
	if err != nil {
		return fmt.Errorf("open: %w", err)
	}
	defer up.Abort()
	for n := f.From; n < f.To; n++ {
		frame := media.Frame{
			Track: 1, PTS: time.Duration(f.Footage.Time(n).UnixNano()),
			Key: n == f.From || f.Footage.Key(n), Data: f.Footage.Data(n),
		}
		err := up.Write(ctx, frame)
		if errors.Is(err, producer.ErrNeedKeyFrame) { // after a pause; an encoder would be asked for one
			frame.Key = true
			err = up.Write(ctx, frame)
		}
		if err != nil {
			return fmt.Errorf("write frame %d: %w", n, err)
		}
		fmt.Println(n)
		time.Sleep(f.Pace)
	}
	if !f.Close {
		<-ctx.Done()
		return nil
	}
	if err := up.Close(ctx); err != nil {
		return fmt.Errorf("close: %w", err)
	}
	fmt.Println("closed")
	return nil
}

// A cameraChild is a producer in a process of its own.
type cameraChild struct {
	cmd    *exec.Cmd
	stdin  io.Closer
	stderr bytes.Buffer
	said   chan struct{} // closed at the end of what it says
	last   atomic.Int64  // the last frame that was taken
	closed atomic.Bool   // all is durable
	odd    atomic.Pointer[string]
}

// startCamera starts a producer.
func startCamera(t *testing.T, f film) *cameraChild {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(f)
	if err != nil {
		t.Fatal(err)
	}
	s := &cameraChild{cmd: exec.Command(exe), said: make(chan struct{})}
	s.last.Store(int64(f.From) - 1)
	s.cmd.Env = append(os.Environ(), childFilm+"="+string(text))
	s.cmd.Stderr = &s.stderr
	stdout, err := s.cmd.StdoutPipe()
	if err == nil {
		s.stdin, err = s.cmd.StdinPipe()
	}
	if err == nil {
		err = s.cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	go s.listen(stdout) // kill waits for it
	t.Cleanup(func() { s.kill() })
	return s
}

func (s *cameraChild) listen(stdout io.Reader) {
	defer close(s.said)
	for lines := bufio.NewScanner(stdout); lines.Scan(); {
		line := lines.Text()
		n, err := strconv.Atoi(line)
		switch {
		case err == nil:
			s.last.Store(int64(n))
		case line == "closed":
			s.closed.Store(true)
		default:
			s.odd.Store(&line)
		}
	}
}

// over reports whether the process has ended by itself.
func (s *cameraChild) over() bool {
	select {
	case <-s.said:
		return true
	default:
		return false
	}
}

// kill ends the process as a power switch would, but for what the kernel has taken
// over. It returns the last frame that Write took, and what the process complained
// of.
func (s *cameraChild) kill() (last int, complaint string) {
	if s.cmd.ProcessState == nil {
		_ = s.cmd.Process.Kill()
		<-s.said
		_ = s.cmd.Wait() // fails for a process that was killed
	}
	complaint = strings.TrimSpace(s.stderr.String())
	if odd := s.odd.Load(); odd != nil {
		complaint += *odd
	}
	return int(s.last.Load()), complaint
}
