//go:build interop

package interop

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"
)

// The root key and the region that every client is given. The region is not
// the server's own: any region is accepted in a signature.
const (
	accessKey = "AKIAINTEROP000000000"
	secretKey = "interop/secret+key=0000000000000000000000"
	region    = "eu-central-1"
)

// readerIdle is how long the server lets a reader wait for the next fragment.
// It is short, so that clients which read to the end come to one.
const readerIdle = 4 * time.Second

// A rig is the server under test and what the clients need to reach it.
type rig struct {
	binary  string
	url     string
	address string
	work    string // a directory for files of the run
	log     *syncBuffer
}

// TestMain starts one server for all suites; they keep apart by the names of
// their streams.
func TestMain(m *testing.M) {
	r, stop, err := startRig()
	if err != nil {
		fmt.Fprintln(os.Stderr, "interop:", err)
		os.Exit(1)
	}
	shared = r
	code := m.Run()
	if err := stop(); err != nil {
		fmt.Fprintln(os.Stderr, "interop: stop server:", err)
		code = 1
	}
	if code != 0 {
		fmt.Fprintf(os.Stderr, "--- the server's log\n%s", tailOf(r.log.String(), 8000))
	}
	os.Exit(code)
}

// shared is written once, before any test runs.
var shared *rig

func startRig() (*rig, func() error, error) {
	work, err := os.MkdirTemp("", "millrace-interop-")
	if err != nil {
		return nil, nil, err
	}
	r := &rig{binary: filepath.Join(work, "millrace"), work: work, log: &syncBuffer{}}
	if err := r.build(); err != nil {
		return nil, nil, err
	}
	if r.address, err = freeAddress(); err != nil {
		return nil, nil, err
	}
	r.url = "http://" + r.address
	server := exec.Command(r.binary, "server",
		"--data", filepath.Join(work, "data"), "--listen", r.address,
		"--reader-idle-timeout", readerIdle.String())
	server.Env = append(os.Environ(), "MILLRACE_ACCESS_KEY_ID="+accessKey, "MILLRACE_SECRET_ACCESS_KEY="+secretKey)
	server.Stdout, server.Stderr = r.log, r.log
	if err := server.Start(); err != nil {
		return nil, nil, fmt.Errorf("start server: %w", err)
	}
	exited := make(chan error, 1)
	go func() { exited <- server.Wait() }()
	stop := func() error {
		defer os.RemoveAll(work)
		return stopServer(server, exited)
	}
	if err := r.waitReady(exited); err != nil {
		return nil, nil, fmt.Errorf("%w\n%s", err, r.log.String())
	}
	return r, stop, nil
}

// build makes the binary, unless MILLRACE_INTEROP_BINARY names one to test.
func (r *rig) build() error {
	if given := os.Getenv("MILLRACE_INTEROP_BINARY"); given != "" {
		r.binary = given
		return nil
	}
	build := exec.Command("go", "build", "-o", r.binary, "./cmd/millrace")
	build.Dir = ".."
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("build: %w\n%s", err, out)
	}
	return nil
}

func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}

func (r *rig) waitReady(exited <-chan error) error {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	for {
		res, err := http.Get(r.url + "/readyz")
		if err == nil {
			res.Body.Close()
			if res.StatusCode == http.StatusOK {
				return nil
			}
		}
		select {
		case err := <-exited:
			return fmt.Errorf("the server ended: %v", err)
		case <-ctx.Done():
			return fmt.Errorf("the server did not become ready: %v", err)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// stopServer asks for an orderly shutdown and expects exit code 0.
func stopServer(server *exec.Cmd, exited <-chan error) error {
	if err := server.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	select {
	case err := <-exited:
		return err
	case <-time.After(30 * time.Second):
		server.Process.Kill()
		return fmt.Errorf("still there 30 s after SIGTERM")
	}
}

// clientEnv is what a user of any AWS client would set.
func (r *rig) clientEnv() []string {
	return append(os.Environ(),
		"AWS_ACCESS_KEY_ID="+accessKey,
		"AWS_SECRET_ACCESS_KEY="+secretKey,
		"AWS_SESSION_TOKEN=",
		"AWS_DEFAULT_REGION="+region,
		"AWS_REGION="+region,
		"AWS_ENDPOINT_URL="+r.url,
		"AWS_CONFIG_FILE="+filepath.Join(r.work, "none"),
		"AWS_SHARED_CREDENTIALS_FILE="+filepath.Join(r.work, "none"),
		"AWS_EC2_METADATA_DISABLED=true",
		"AWS_PAGER=",
		"NO_PROXY=127.0.0.1",
		"no_proxy=127.0.0.1",
	)
}

// need finds a client on the PATH, or skips the test and says what is missing.
func need(t *testing.T, client string) string {
	t.Helper()
	path, err := exec.LookPath(client)
	if err != nil {
		t.Skipf("%s is not installed", client)
	}
	return path
}

// output runs a client that has to succeed, and returns its standard output.
func (r *rig) output(t *testing.T, name string, args ...string) string {
	t.Helper()
	stdout, stderr, err := r.run(t, nil, name, args...)
	if err != nil {
		t.Fatalf("%s %q: %v\n%s\n%s", name, args, err, tailOf(stdout, 4000), tailOf(stderr, 4000))
	}
	return stdout
}

// run runs a client for at most two minutes.
func (r *rig) run(t *testing.T, stdin []byte, name string, args ...string) (stdout, stderr string, err error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	cmd := r.command(ctx, name, args...)
	if stdin != nil {
		cmd.Stdin = bytes.NewReader(stdin)
	}
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err = cmd.Run()
	return out.String(), errs.String(), err
}

// command prepares a client with the environment of a user.
func (r *rig) command(ctx context.Context, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env = r.clientEnv()
	return cmd
}

// syncBuffer is written by the server's process and read by the tests.
type syncBuffer struct {
	mu sync.Mutex // guards b
	b  bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

func tailOf(s string, n int) string {
	if len(s) > n {
		return "..." + s[len(s)-n:]
	}
	return s
}
