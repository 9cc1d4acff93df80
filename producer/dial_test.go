package producer

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/millrace/millrace/producer/producertest"
)

// A connectProxy answers CONNECT, and connects to the same place whatever it is
// asked for.
type connectProxy struct {
	target string
	answer string      // instead of a success; empty for none
	tls    *tls.Config // nil: plain

	address string
	running sync.WaitGroup

	mu    sync.Mutex // guards asked
	asked []*http.Request
}

func (p *connectProxy) start(t *testing.T) *connectProxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p.address = l.Addr().String()
	p.running.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			if p.tls != nil {
				conn = tls.Server(conn, p.tls)
			}
			p.running.Go(func() { p.serve(conn) })
		}
	})
	t.Cleanup(func() {
		l.Close()
		p.running.Wait()
	})
	return p
}

func (p *connectProxy) serve(client net.Conn) {
	defer client.Close()
	in := bufio.NewReader(client)
	r, err := http.ReadRequest(in)
	if err != nil {
		return
	}
	p.mu.Lock()
	p.asked = append(p.asked, r)
	p.mu.Unlock()
	if p.answer != "" {
		_, _ = io.WriteString(client, p.answer)
		_, _ = io.Copy(io.Discard, in) // until the client has gone
		return
	}
	server, err := net.Dial("tcp", p.target)
	if err != nil {
		return
	}
	defer server.Close()
	_, _ = io.WriteString(client, "HTTP/1.1 200 Connection established\r\nVia: here\r\n\r\n")
	p.running.Go(func() {
		_, _ = io.Copy(server, in)
		server.Close()
	})
	_, _ = io.Copy(client, server)
}

// last is what the proxy was asked last.
func (p *connectProxy) last(t *testing.T) *http.Request {
	t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.asked) == 0 {
		t.Fatal("the proxy was not asked")
	}
	return p.asked[len(p.asked)-1]
}

// parseURL is url.Parse for URLs that are good.
func parseURL(t *testing.T, text string) *url.URL {
	t.Helper()
	u, err := url.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// behind makes connections as a Client does, with a proxy before everything.
func behind(t *testing.T, conf *tls.Config, proxy string) dialFunc {
	t.Helper()
	d := newDialer(nil, conf)
	d.proxy = http.ProxyURL(parseURL(t, proxy))
	return d.connect
}

// putHead makes a PutMedia call over a connection and returns the answer's status.
func putHead(t *testing.T, conn net.Conn) string {
	t.Helper()
	_, err := io.WriteString(conn, "POST /putMedia HTTP/1.1\r\nHost: media.test\r\nTransfer-Encoding: chunked\r\n"+
		"x-amzn-stream-name: gate\r\nx-amzn-fragment-timecode-type: ABSOLUTE\r\n\r\n")
	if err != nil {
		t.Fatal(err)
	}
	b := make([]byte, len("HTTP/1.1 200"))
	if _, err := io.ReadFull(conn, b); err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestMediaGoThroughAProxy(t *testing.T) {
	for _, secure := range []bool{false, true} {
		server := producertest.Start(t, producertest.Config{TLS: secure})
		for _, scheme := range []string{"http", "https"} {
			t.Run(fmt.Sprintf("%s over %s", parseURL(t, server.DataEndpoint()).Scheme, scheme), func(t *testing.T) {
				proxy := &connectProxy{target: server.Address(producertest.Data)}
				trust := server.ClientTLS()
				if scheme == "https" {
					proxy.tls, trust = certified(t, trust)
				}
				proxy.start(t)
				endpoint := parseURL(t, "http://data.test")
				want := "data.test:80"
				if secure {
					endpoint, want = parseURL(t, "https://data.test"), "data.test:443"
				}
				conn, err := behind(t, trust, scheme+"://camera:p%40ss@"+proxy.address)(t.Context(), endpoint)
				if err != nil {
					t.Fatal(err)
				}
				defer conn.Close()
				if got := putHead(t, conn); got != "HTTP/1.1 200" {
					t.Errorf("answered %q", got)
				}
				asked := proxy.last(t)
				if asked.Method != http.MethodConnect || asked.Host != want || asked.RequestURI != want {
					t.Errorf("asked to %s %s for %s, want %s", asked.Method, asked.RequestURI, asked.Host, want)
				}
				if got := asked.Header.Get("Proxy-Authorization"); got != "Basic Y2FtZXJhOnBAc3M=" {
					t.Errorf("credentials %q", got)
				}
				if _, plain := conn.(*net.TCPConn); plain != (!secure && scheme == "http") {
					t.Errorf("the connection is a %T", conn) // a TCPConn sends many pieces in one call
				}
			})
		}
	}
}

// certified makes settings for a proxy that speaks TLS, and those of a client that
// trusts it, and what trust trusts.
func certified(t *testing.T, trust *tls.Config) (proxy, client *tls.Config) {
	t.Helper()
	other := httptest.NewTLSServer(nil) // for its certificate
	defer other.Close()
	roots := x509.NewCertPool()
	if trust != nil {
		roots = trust.RootCAs.Clone()
	}
	roots.AddCert(other.Certificate())
	proxy = &tls.Config{Certificates: other.TLS.Certificates, MinVersion: tls.VersionTLS12, ClientAuth: tls.RequestClientCert}
	proxy.VerifyConnection = func(s tls.ConnectionState) error {
		if len(s.PeerCertificates) > 0 {
			return errors.New("the server's client certificate was shown to a proxy")
		}
		return nil
	}
	return proxy, &tls.Config{RootCAs: roots, Certificates: other.TLS.Certificates, MinVersion: tls.VersionTLS12}
}

func TestAProxyThatDoesNotConnect(t *testing.T) {
	for name, tc := range map[string]struct {
		answer, want string
	}{
		"wants credentials":      {"HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic\r\nContent-Length: 0\r\n\r\n", "407 Proxy Authentication Required"},
		"refuses":                {"HTTP/1.1 403 no such ports \x1b[31mhere\r\n\r\n<html>", "HTTP 403 Forbidden"},
		"reaches nobody":         {"HTTP/1.0 503 x\r\nRetry-After: 9\r\n\r\n", "HTTP 503 Service Unavailable"},
		"is no proxy":            {"SSH-2.0-OpenSSH_9.6\r\n", "malformed HTTP"},
		"has no end":             {"HTTP/1.1 200 OK\r\n" + strings.Repeat("X-Filler: 0123456789\r\n", 1000), errProxyHead.Error()},
		"has no end in one line": {"HTTP/1.1 200 " + strings.Repeat("x", 1<<20), errProxyHead.Error()},
		"speaks for the server":  {"HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 200 OK\r\n\r\n", errProxyEarly.Error()},
	} {
		t.Run(name, func(t *testing.T) {
			proxy := (&connectProxy{answer: tc.answer}).start(t)
			conn, err := behind(t, nil, "http://camera:secret@"+proxy.address)(t.Context(), parseURL(t, "https://data.test"))
			if err == nil {
				conn.Close()
				t.Fatal("connected")
			}
			if !errors.Is(err, ErrProxy) || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("%v, want %q", err, tc.want)
			}
			if !strings.Contains(err.Error(), proxy.address+" to data.test:443") {
				t.Errorf("%v does not say who", err)
			}
			if strings.Contains(err.Error(), "secret") || strings.Contains(err.Error(), "\x1b") {
				t.Errorf("%q says too much", err)
			}
			if answered(err) {
				t.Error("the server counts as being there")
			}
		})
	}
}

func TestAProxyThatCannotBeUsed(t *testing.T) {
	refused := func(context.Context, string, string) (net.Conn, error) { return nil, away() }
	for name, tc := range map[string]struct {
		proxy func(*http.Request) (*url.URL, error)
		want  error
	}{
		"is not there":             {http.ProxyURL(&url.URL{Scheme: "http", Host: "proxy.test:3128"}), syscall.ECONNREFUSED},
		"is of another kind":       {http.ProxyURL(&url.URL{Scheme: "socks5", Host: "proxy.test:1080"}), errProxyScheme},
		"is not told in good form": {func(*http.Request) (*url.URL, error) { return nil, io.ErrNoProgress }, io.ErrNoProgress},
	} {
		t.Run(name, func(t *testing.T) {
			d := &dialer{dial: refused, proxy: tc.proxy, tls: &tls.Config{MinVersion: tls.VersionTLS12}}
			if _, err := d.connect(t.Context(), parseURL(t, "https://data.test")); !errors.Is(err, ErrProxy) || !errors.Is(err, tc.want) {
				t.Errorf("%v", err)
			}
		})
	}
}

func TestAProxyThatHangs(t *testing.T) {
	for name, tc := range map[string]struct {
		patience, took time.Duration
		want           error
	}{
		"is given up":                  {time.Hour, dialTimeout, errProxySlow},
		"is left when the caller goes": {time.Second, time.Second, context.DeadlineExceeded},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := producertest.NewListener("proxy.test:3128")
				defer l.Close()
				d := &dialer{dial: l.Dial, proxy: http.ProxyURL(parseURL(t, "http://proxy.test:3128")), tls: &tls.Config{MinVersion: tls.VersionTLS12}}
				ctx, cancel := context.WithTimeout(t.Context(), tc.patience)
				defer cancel()
				began := time.Now()
				_, err := d.connect(ctx, parseURL(t, "https://data.test"))
				within(t, "the call", time.Since(began), tc.took, tc.took)
				if !errors.Is(err, ErrProxy) || !errors.Is(err, tc.want) {
					t.Errorf("%v", err)
				}
				conn, err := l.Accept()
				if err != nil {
					t.Fatal(err)
				}
				defer conn.Close()
				if _, err := io.ReadAll(conn); err != nil {
					t.Errorf("the connection was not closed: %v", err)
				}
			})
		})
	}
}

// The environment is read once in a process, so this test needs one of its own.
func TestTheEnvironmentNamesTheProxy(t *testing.T) {
	const asked = "MILLRACE_TEST_DIAL"
	if target := os.Getenv(asked); target != "" {
		conn, err := dialWith(nil, nil)(t.Context(), parseURL(t, target))
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if got := putHead(t, conn); got != "HTTP/1.1 200" {
			t.Errorf("answered %q", got)
		}
		return
	}
	server := producertest.Start(t, producertest.Config{})
	for name, tc := range map[string]struct {
		endpoint string
		env      []string
		through  bool
	}{
		"for http":             {"http://data.test", []string{"HTTP_PROXY=http://ADDRESS"}, true},
		"without a scheme":     {"http://data.test:8080", []string{"http_proxy=ADDRESS"}, true},
		"for https alone":      {server.DataEndpoint(), []string{"HTTPS_PROXY=http://ADDRESS"}, false},
		"not for this machine": {server.DataEndpoint(), []string{"HTTP_PROXY=http://ADDRESS"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			proxy := (&connectProxy{target: server.Address(producertest.Data)}).start(t)
			child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestTheEnvironmentNamesTheProxy$")
			child.Env = []string{asked + "=" + tc.endpoint}
			for _, e := range tc.env {
				child.Env = append(child.Env, strings.ReplaceAll(e, "ADDRESS", proxy.address))
			}
			if out, err := child.CombinedOutput(); err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			if n := len(proxy.asked); n > 0 != tc.through {
				t.Errorf("the proxy was asked %d times", n)
			}
		})
	}
}
