package server_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/millrace/millrace/internal/config"
	"github.com/millrace/millrace/internal/server"
	"github.com/millrace/millrace/internal/wire"
)

// A guarded is a server whose log is kept, with what must not be in it.
type guarded struct {
	*rig
	log     *guardedLog
	secrets []string
}

// A guardedLog is written by many.
type guardedLog struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *guardedLog) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(b)
}

func (l *guardedLog) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// guard starts a server. When the test ends, its whole log and its audit log are searched for the
// secrets and tokens that it came to know.
func guard(t *testing.T) *guarded {
	t.Helper()
	return guardWith(t, server.Options{})
}

// guardTLS is guard over https, with the server's own authority.
func guardTLS(t *testing.T) *guarded {
	t.Helper()
	g := guardWith(t, server.Options{}, func(c *config.Server) { c.TLSAuto = true })
	transport := &http.Transport{DisableCompression: true, TLSClientConfig: &tls.Config{RootCAs: g.s.Authority().Pool()}}
	t.Cleanup(transport.CloseIdleConnections)
	g.client = &http.Client{Transport: transport}
	return g
}

// guardWith is guard with what a server needs beside its settings, and settings
// that are changed.
func guardWith(t *testing.T, o server.Options, changes ...func(*config.Server)) *guarded {
	t.Helper()
	log := &guardedLog{}
	g := &guarded{log: log, secrets: []string{secret}}
	audit := filepath.Join(t.TempDir(), "audit.log")
	t.Cleanup(func() { // behind the server's end
		record, err := os.ReadFile(audit)
		if err != nil || !strings.Contains(string(record), `"operation"`) {
			t.Errorf("the audit log has nothing: %v", err)
		}
		for _, s := range g.secrets {
			if strings.Contains(g.log.String(), s) || strings.Contains(string(record), s) {
				t.Errorf("a log shows the secret %.8s...", s)
			}
		}
	})
	o.Logger = slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	g.rig = startWith(t, o, func(c *config.Server) {
		c.ShutdownTimeout, c.AuditLog = 5*time.Second, audit
		for _, change := range changes {
			change(c)
		}
	})
	return g
}

// A credential is a key and its principal's ARN.
type credential struct {
	wire.Credentials
	arn string
}

// key makes one and keeps an eye on its secret.
func (g *guarded) key(name, actions, streams string) credential {
	g.t.Helper()
	status, out := g.call("/millrace/v1/createKey", map[string]any{"Name": name, "Actions": strings.Fields(actions), "Streams": strings.Fields(streams)})
	if status != http.StatusOK {
		g.t.Fatalf("create key %s: %d %v", name, status, out)
	}
	c := credential{
		wire.Credentials{AccessKeyID: out["AccessKeyId"].(string), SecretAccessKey: out["SecretAccessKey"].(string)},
		"arn:aws:iam::" + g.cfg.Account + ":user/" + name,
	}
	g.secrets = append(g.secrets, c.SecretAccessKey)
	return c
}

// session takes out one of a key's.
func (g *guarded) session(of wire.Credentials, want map[string]any) wire.Credentials {
	g.t.Helper()
	a := g.as(of, "/millrace/v1/getSessionToken", maps.Collect(maps.All(want)))
	if a.status != http.StatusOK {
		g.t.Fatalf("get session: %+v", a)
	}
	var out struct {
		Credentials struct {
			AccessKeyID     string `json:"AccessKeyId"`
			SecretAccessKey string
			SessionToken    string
		}
	}
	if err := json.Unmarshal(a.body, &out); err != nil {
		g.t.Fatal(err)
	}
	g.secrets = append(g.secrets, out.Credentials.SecretAccessKey, out.Credentials.SessionToken)
	return wire.Credentials{
		AccessKeyID: out.Credentials.AccessKeyID, SecretAccessKey: out.Credentials.SecretAccessKey, SessionToken: out.Credentials.SessionToken,
	}
}

// A reply is the head of an answer, and the body of one that is not media.
type reply struct {
	status  int
	kind    string // the exception
	message string
	body    []byte
}

// as makes a signed JSON call.
func (g *guarded) as(c wire.Credentials, path string, in any) reply {
	g.t.Helper()
	req := g.request(path, in)
	g.sign(req, c, g.now())
	return g.do(req)
}

// request makes one without signature. PutMedia has the stream in its headers.
func (g *guarded) request(path string, in any) *http.Request {
	g.t.Helper()
	var body io.Reader = http.NoBody
	header := http.Header{"Content-Type": {"application/json"}}
	if target, ok := in.(map[string]any); ok && path == "/putMedia" {
		header.Set(wire.HeaderTimecodeType, "ABSOLUTE")
		for member, name := range map[string]string{"StreamName": wire.HeaderStreamName, "StreamARN": wire.HeaderStreamARN} {
			if value, ok := target[member]; ok {
				header.Set(name, value.(string))
			}
		}
	} else {
		b, err := json.Marshal(in)
		if err != nil {
			g.t.Fatal(err)
		}
		body = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(context.Background(), http.MethodPost, g.url+path, body)
	if err != nil {
		g.t.Fatal(err)
	}
	req.Header = header
	return req
}

// payload is the hash that a request's signature has.
func (g *guarded) payload(req *http.Request) string {
	if req.GetBody == nil {
		return wire.EmptyPayload
	}
	body, err := req.GetBody()
	if err != nil {
		g.t.Fatal(err)
	}
	b, err := io.ReadAll(body)
	if err != nil {
		g.t.Fatal(err)
	}
	return wire.PayloadHash(b)
}

func (g *guarded) sign(req *http.Request, c wire.Credentials, at time.Time) {
	g.t.Helper()
	if err := (wire.Signer{Credentials: c, Region: "us-west-2"}).Sign(req, g.payload(req), at); err != nil {
		g.t.Fatal(err)
	}
}

// do sends a request. Of media that are granted the head is enough.
func (g *guarded) do(req *http.Request) reply {
	g.t.Helper()
	resp, err := g.client.Do(req)
	if err != nil {
		g.t.Fatalf("%s %s: %v", req.Method, req.URL, err)
	}
	defer resp.Body.Close()
	a := reply{status: resp.StatusCode, kind: resp.Header.Get("x-amzn-ErrorType")}
	if strings.HasSuffix(req.URL.Path, "Media") && resp.StatusCode == http.StatusOK {
		return a
	}
	if a.body, err = io.ReadAll(resp.Body); err != nil {
		g.t.Fatalf("%s %s: %v", req.Method, req.URL, err)
	}
	var out struct{ Message string }
	_ = json.Unmarshal(a.body, &out) // not everything is JSON
	a.message = out.Message
	return a
}
