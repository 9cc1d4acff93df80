package api_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/api"
	"github.com/millrace/millrace/internal/auth"
	"github.com/millrace/millrace/internal/store"
	"github.com/millrace/millrace/internal/store/mem"
	"github.com/millrace/millrace/internal/wire"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// clock is the time at which the tests' servers stand.
func clock() time.Time { return time.UnixMilli(1_705_489_836_421).UTC() }

const (
	region  = "us-west-2"
	account = "111122223333"
)

// testKeys knows root, who may do everything, and guest, who may do nothing.
type testKeys struct{}

func (testKeys) Lookup(_ context.Context, id, _ string) (auth.Key, error) {
	switch id {
	case "root", "guest":
		arn := "arn:aws:iam::" + account + ":" + id
		return auth.Key{Secret: "secret-of-" + id, Principal: auth.Principal{ARN: arn, KeyID: id, Root: id == "root"}}, nil
	}
	return auth.Key{}, millrace.ErrNotFound
}

func signer(id string) wire.Signer {
	return wire.Signer{Credentials: wire.Credentials{AccessKeyID: id, SecretAccessKey: "secret-of-" + id}, Region: region}
}

func config(control store.Control) api.Config {
	return api.Config{
		Control: control,
		Auth:    auth.New(auth.Options{Keys: testKeys{}}),
		Region:  region,
		Account: account,
		Now:     clock,
	}
}

func newHandler(t *testing.T, c api.Config) *api.Handler {
	t.Helper()
	h, err := api.New(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// running runs the handler's background work until the test ends.
func running(t *testing.T, h *api.Handler) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- h.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("run: %v", err)
		}
	})
}

// A reply is an answer that was read whole.
type reply struct {
	status int
	header http.Header
	body   string
}

func (r reply) errorType() string { return r.header.Get(wire.HeaderErrorType) }

// field returns a member of the body as text.
func (r reply) field(t *testing.T, names ...string) string {
	t.Helper()
	var v any
	dec := json.NewDecoder(strings.NewReader(r.body))
	dec.UseNumber()
	if err := dec.Decode(&v); err != nil {
		t.Fatalf("body %q: %v", r.body, err)
	}
	for _, name := range names {
		v = v.(map[string]any)[name]
	}
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return v
	case json.Number:
		return v.String()
	}
	t.Fatalf("%v is %T", names, v)
	return ""
}

// post signs a request with root's key and has the handler answer it.
func post(t *testing.T, h http.Handler, path, body string) reply {
	t.Helper()
	return ask(t, h, "root", http.MethodPost, path, body, nil)
}

// ask sends a request to the handler without a connection. The key "" does not
// sign.
func ask(t testing.TB, h http.Handler, key, method, path, body string, header http.Header) reply {
	t.Helper()
	return askAt(t, h, clock(), key, method, path, body, header)
}

// postAt is post at another time.
func postAt(t *testing.T, h http.Handler, at time.Time, path, body string) reply {
	t.Helper()
	return askAt(t, h, at, "root", http.MethodPost, path, body, nil)
}

func askAt(t testing.TB, h http.Handler, at time.Time, key, method, path, body string, header http.Header) reply {
	t.Helper()
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	for name, values := range header {
		r.Header[name] = values
	}
	if key != "" {
		if err := signer(key).Sign(r, wire.PayloadHash([]byte(body)), at); err != nil {
			t.Fatal(err)
		}
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return reply{w.Code, canonical(w.Header()), w.Body.String()}
}

// send sends a signed request over a connection.
func send(t *testing.T, url, key, path, body string) reply {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url+path, bytes.NewReader([]byte(body)))
	if err != nil {
		t.Fatal(err)
	}
	if err := signer(key).Sign(r, wire.PayloadHash([]byte(body)), clock()); err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return reply{resp.StatusCode, resp.Header, string(b)}
}

// listen serves the handler on a port of the loopback.
func listen(t *testing.T, h http.Handler) string {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(func() {
		http.DefaultClient.CloseIdleConnections()
		s.Close()
	})
	return s.URL
}

// canonical makes header names findable that were set in a casing of their own.
func canonical(h http.Header) http.Header {
	c := http.Header{}
	for name, values := range h {
		c[http.CanonicalHeaderKey(name)] = values
	}
	return c
}

func create(t *testing.T, h http.Handler, name string) (arn string) {
	t.Helper()
	r := post(t, h, "/createStream", `{"StreamName":"`+name+`","DataRetentionInHours":24}`)
	if r.status != http.StatusOK {
		t.Fatalf("create %s: %d %s", name, r.status, r.body)
	}
	return r.field(t, "StreamARN")
}

func version(t *testing.T, h http.Handler, name string) string {
	t.Helper()
	return post(t, h, "/describeStream", `{"StreamName":"`+name+`"}`).field(t, "StreamInfo", "Version")
}

func memHandler(t *testing.T) *api.Handler {
	t.Helper()
	return newHandler(t, config(mem.NewControl()))
}
