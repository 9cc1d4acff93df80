package wire_test

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/millrace/millrace/internal/wire"
)

// A request is a request as it goes over the wire: its head with the empty
// line, and its body without framing.
type request struct {
	name   string
	head   string
	body   string
	secret string
}

// streamed reports whether the request is a PutMedia call, whose body is not
// part of the fixture.
func (r request) streamed() bool { return strings.Contains(r.target(), "/putMedia") }

func (r request) target() string { return strings.Fields(r.head)[1] }

// header returns the first value of a header.
func (r request) header(name string) string {
	for line := range strings.Lines(r.head) {
		if n, v, ok := strings.Cut(line, ":"); ok && strings.EqualFold(n, name) {
			return strings.TrimSpace(v)
		}
	}
	return ""
}

// wire is the request's bytes; a streamed body is an empty chunked one.
func (r request) wire() string {
	if r.streamed() {
		return r.head + "0\r\n\r\n"
	}
	return r.head + r.body
}

// ownRequests reads the signed requests in testdata.
func ownRequests(t testing.TB) []request {
	t.Helper()
	var all []request
	for _, path := range glob(t, "testdata/requests/*.txt") {
		text := readFile(t, path)
		head, body, _ := strings.Cut(text, "\n\n")
		all = append(all, request{
			name:   strings.TrimSuffix(filepath.Base(path), ".txt"),
			head:   strings.ReplaceAll(head, "\n", "\r\n") + "\r\n\r\n",
			body:   strings.TrimSuffix(body, "\n"),
			secret: "example/secret+key",
		})
	}
	return all
}

// capturedRequests reads the signed requests of real clients.
func capturedRequests(t testing.TB) []request {
	t.Helper()
	var all []request
	for _, pattern := range []string{"control/*.head.txt", "putmedia/*.head.txt"} {
		for _, path := range glob(t, filepath.Join(vectors(t), pattern)) {
			r := request{
				name:   strings.TrimSuffix(filepath.Base(path), ".head.txt"),
				head:   readFile(t, path),
				secret: "dummysecretdummysecretdummysecret00000000",
			}
			if body, err := os.ReadFile(strings.TrimSuffix(path, ".head.txt") + ".body.json"); err == nil {
				r.body = string(body)
			}
			if r.header("Authorization") != "" { // one client uses a certificate
				all = append(all, r)
			}
		}
	}
	return all
}

// vectors is the directory of captures of real clients. A clone need not have
// them.
func vectors(t testing.TB) string {
	t.Helper()
	dir := os.Getenv("MILLRACE_VECTORS")
	if dir == "" {
		dir = "../../../shared/vectors"
	}
	if _, err := os.Stat(dir); err != nil {
		t.Skip("vectors not present")
	}
	return dir
}

func glob(t testing.TB, pattern string) []string {
	t.Helper()
	paths, err := filepath.Glob(pattern)
	if err != nil || len(paths) == 0 {
		t.Fatalf("no files match %s: %v", pattern, err)
	}
	return paths
}

func readFile(t testing.TB, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// serve starts an HTTP server on loopback and returns its address.
func serve(t testing.TB, h http.HandlerFunc) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	srv := &http.Server{Handler: h}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = srv.Serve(ln)
	}()
	t.Cleanup(func() {
		_ = srv.Close()
		<-done
	})
	return ln.Addr().String()
}

// exchange sends bytes over a connection of their own and returns the answer.
func exchange(t testing.TB, addr, bytes string) *http.Response {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	if _, err := io.WriteString(conn, bytes); err != nil {
		t.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	for err == nil && resp.StatusCode == http.StatusContinue {
		resp, err = http.ReadResponse(bufio.NewReader(conn), nil)
	}
	if err != nil {
		t.Fatalf("read answer to %.80q: %v", bytes, err)
	}
	return resp
}

// judge serves the verdict of the verifier on each request: 200, or the error.
// The clock stands still at the request's own time.
func judge(v *wire.Verifier, secret string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Connection", "close")
		if err := verify(v, r, secret); err != nil {
			wire.WriteError(w, "id", err)
			return
		}
		_ = wire.WriteJSON(w, "id", nil)
	}
}

func verify(v *wire.Verifier, r *http.Request, secret string) error {
	a, err := wire.ParseAuthorization(r)
	if err != nil {
		return err
	}
	p := wire.StreamedPayload()
	if !strings.HasSuffix(r.URL.Path, "/putMedia") {
		body, err := wire.ReadBody(r)
		if err != nil {
			return err
		}
		p = wire.BodyPayload(body)
	}
	return v.Verify(r, a, secret, p, a.Time)
}
