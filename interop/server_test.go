//go:build interop

package interop

import (
	"bytes"
	"context"
	"errors"
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

// A rig is a server under test and what the clients need to reach it.
type rig struct {
	binary   string
	url      string
	address  string
	ca       string // PEM file of who signed the certificate; empty over plain http
	work     string // a directory for files of the run
	log      *syncBuffer
	settings []string // of the server, beside the usual

	server *exec.Cmd
	exited chan error // gets what server ended with
}

// Both are written once, before any test runs.
var (
	shared    *rig // http
	sharedTLS *rig // https, with a certificate of a CA of its own
)

// TestMain starts the two servers for all suites, which keep apart by the
// names of their streams.
func TestMain(m *testing.M) {
	code, err := withServers(m.Run)
	if err != nil {
		fmt.Fprintln(os.Stderr, "interop:", err)
		code = 1
	}
	if code != 0 {
		for _, r := range []*rig{shared, sharedTLS} {
			if r != nil {
				fmt.Fprintf(os.Stderr, "--- the log of %s\n%s", r.url, tailOf(r.log.String(), 8000))
			}
		}
	}
	os.Exit(code)
}

func withServers(run func() int) (code int, err error) {
	work, err := os.MkdirTemp("", "millrace-interop-")
	if err != nil {
		return 1, err
	}
	defer os.RemoveAll(work)
	binary, err := build(work)
	if err != nil {
		return 1, err
	}
	for _, one := range []struct {
		to     **rig
		dir    string
		secure bool
	}{{&shared, "http", false}, {&sharedTLS, "https", true}} {
		r, err := newRig(binary, filepath.Join(work, one.dir), one.secure)
		if err != nil {
			return 1, err
		}
		*one.to = r
		if err := r.start(); err != nil {
			return 1, err
		}
		defer func() {
			if stopped := r.stop(); stopped != nil {
				code, err = 1, errors.Join(err, fmt.Errorf("stop server: %w", stopped))
			}
		}()
	}
	return run(), nil
}

// plainAndTLS runs a test against both servers, at the same time.
func plainAndTLS(t *testing.T, test func(t *testing.T, r *rig)) {
	t.Helper()
	for scheme, r := range map[string]*rig{"http": shared, "https": sharedTLS} {
		t.Run(scheme, func(t *testing.T) {
			t.Parallel()
			test(t, r)
		})
	}
}

// ownRig is a server that has not been started, for a test that restarts it.
// It may be stopped when the test ends, or not.
func ownRig(t *testing.T, secure bool) *rig {
	t.Helper()
	r, err := newRig(shared.binary, t.TempDir(), secure)
	must(t, err)
	t.Cleanup(func() {
		if r.server != nil {
			must(t, r.stop())
		}
		if t.Failed() {
			t.Logf("the server's log:\n%s", tailOf(r.log.String(), 8000))
		}
	})
	return r
}

// newRig gives a server its address and its directory. A secure one makes its
// certificate by itself, of an authority that it keeps in its data directory.
func newRig(binary, work string, secure bool) (*rig, error) {
	if err := os.MkdirAll(work, 0o700); err != nil {
		return nil, err
	}
	address, err := freeAddress()
	if err != nil {
		return nil, err
	}
	r := &rig{binary: binary, url: "http://" + address, address: address, work: work, log: &syncBuffer{}}
	if secure {
		r.url, r.ca = "https://"+address, filepath.Join(work, "data", "ca.pem")
	}
	return r, nil
}

// start starts the server and waits until it is ready. It can be started
// again, on the same data, when it has been stopped.
func (r *rig) start() error {
	args := []string{
		"server", "--data", filepath.Join(r.work, "data"), "--listen", r.address,
		"--reader-idle-timeout", readerIdle.String(),
	}
	if r.ca != "" {
		args = append(args, "--tls-auto")
	}
	args = append(args, r.settings...)
	server := exec.Command(r.binary, args...)
	server.Env = append(os.Environ(), "MILLRACE_ACCESS_KEY_ID="+accessKey, "MILLRACE_SECRET_ACCESS_KEY="+secretKey)
	server.Stdout, server.Stderr = r.log, r.log
	if err := server.Start(); err != nil {
		return fmt.Errorf("start server: %w", err)
	}
	r.server, r.exited = server, make(chan error, 1)
	go func() { r.exited <- server.Wait() }()
	if err := r.waitReady(); err != nil {
		r.server = nil
		server.Process.Kill()
		return fmt.Errorf("%w\n%s", err, r.log.String())
	}
	return nil
}

// build makes the binary, unless MILLRACE_INTEROP_BINARY names one to test.
func build(work string) (string, error) {
	if given := os.Getenv("MILLRACE_INTEROP_BINARY"); given != "" {
		return given, nil
	}
	binary := filepath.Join(work, "millrace")
	build := exec.Command("go", "build", "-o", binary, "./cmd/millrace")
	build.Dir = ".."
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build: %w\n%s", err, out)
	}
	return binary, nil
}

func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}

func (r *rig) waitReady() error {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	for {
		err := r.askReady()
		if err == nil {
			return nil
		}
		select {
		case err := <-r.exited:
			return fmt.Errorf("the server ended: %v", err)
		case <-ctx.Done():
			return fmt.Errorf("the server did not become ready: %v", err)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// askReady asks once. Before its first start has come so far, a server has no
// authority to trust.
func (r *rig) askReady() error {
	client, err := r.httpClient()
	if err != nil {
		return err
	}
	defer client.CloseIdleConnections()
	res, err := client.Get(r.url + "/readyz")
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("%s", res.Status)
	}
	return nil
}

// stop asks for an orderly shutdown and expects exit code 0.
func (r *rig) stop() error {
	server := r.server
	r.server = nil
	if err := server.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	select {
	case err := <-r.exited:
		return err
	case <-time.After(30 * time.Second):
		server.Process.Kill()
		return fmt.Errorf("still there 30 s after SIGTERM")
	}
}

// kill ends the server as a power cut would.
func (r *rig) kill() error {
	server := r.server
	r.server = nil
	if err := server.Process.Kill(); err != nil {
		return err
	}
	<-r.exited
	return nil
}

// clientEnv is what a user of any AWS client would set.
func (r *rig) clientEnv() []string {
	env := append(os.Environ(),
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
	if r.ca != "" {
		env = append(env, "AWS_CA_BUNDLE="+r.ca, "SSL_CERT_FILE="+r.ca, "CURL_CA_BUNDLE="+r.ca, "NODE_EXTRA_CA_CERTS="+r.ca)
	}
	return env
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
	cmd.WaitDelay = 10 * time.Second // for what it has started, and which holds its output open
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
