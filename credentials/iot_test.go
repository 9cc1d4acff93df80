package credentials_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/credentials"
)

// An endpoint is a server that gives devices credentials, as the test has it.
type endpoint struct {
	*authority
	*httptest.Server
}

// serveIoT starts one, which asks for a certificate and takes any.
func serveIoT(t *testing.T, answer http.HandlerFunc) endpoint {
	t.Helper()
	a := newAuthority(t)
	return endpoint{a, serveWith(t, a.issue("server", time.Now().Add(time.Hour)), answer)}
}

func serveWith(t *testing.T, certificate tls.Certificate, answer http.HandlerFunc) *httptest.Server {
	s := httptest.NewUnstartedServer(answer)
	s.TLS = &tls.Config{Certificates: []tls.Certificate{certificate}, ClientAuth: tls.RequestClientCert}
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.StartTLS()
	t.Cleanup(s.Close)
	return s
}

// device is one with a certificate in files.
func (e endpoint) device() credentials.IoT {
	e.t.Helper()
	pair := e.issue("gate", time.Now().Add(time.Hour))
	return credentials.IoT{
		Endpoint: e.Listener.Addr().String(), RoleAlias: "camera", ThingName: "gate",
		Certificate: fileOf(e.t, certificatePEM(pair.Certificate[0])), Key: fileOf(e.t, keyPEM(e.t, pair)), CA: fileOf(e.t, e.pem()),
	}
}

// grant is an answer with credentials that end at a time.
func grant(end time.Time) string {
	return fmt.Sprintf(`{"credentials":{"accessKeyId":%q,"secretAccessKey":%q,"sessionToken":%q,"expiration":%q}}`,
		keyID, hidden, token, end.UTC().Format(time.RFC3339))
}

func TestADeviceAsksAsThoseOfAWSDo(t *testing.T) {
	var asked []string
	e := serveIoT(t, func(w http.ResponseWriter, r *http.Request) {
		name := "nobody"
		if len(r.TLS.PeerCertificates) > 0 {
			name = r.TLS.PeerCertificates[0].Subject.CommonName
		}
		things, said := r.Header["X-Amzn-Iot-Thingname"]
		asked = append(asked, fmt.Sprintf("%s %s %s %v %v", name, r.Method, r.URL.EscapedPath(), things, said))
		_, _ = io.WriteString(w, grant(time.Now().Add(time.Hour)))
	})
	for name, tc := range map[string]struct {
		change func(*credentials.IoT)
		asked  string
	}{
		"a thing":                   {func(*credentials.IoT) {}, "gate GET /role-aliases/camera/credentials [gate] true"},
		"no thing":                  {func(d *credentials.IoT) { d.ThingName = "" }, "gate GET /role-aliases/camera/credentials [] false"},
		"an URL":                    {func(d *credentials.IoT) { d.Endpoint = "https://" + d.Endpoint + "/" }, "gate GET /role-aliases/camera/credentials [gate] true"},
		"an alias with odd letters": {func(d *credentials.IoT) { d.RoleAlias = "a/b?c@d" }, "gate GET /role-aliases/a%2Fb%3Fc@d/credentials [gate] true"},
		"settings in place of files": {func(d *credentials.IoT) {
			d.Certificate, d.Key, d.CA, d.TLS = "", "", "", &tls.Config{RootCAs: e.pool()}
		}, "nobody GET /role-aliases/camera/credentials [gate] true"},
	} {
		asked = nil
		d := e.device()
		tc.change(&d)
		if got, err := d.Source()(t.Context()); err != nil || !got.SameKey(secrets(token)) {
			t.Errorf("%s: %v, %v", name, got, err)
		}
		if len(asked) != 1 || asked[0] != tc.asked {
			t.Errorf("%s: asked %q", name, asked)
		}
	}
}

func TestWhatADeviceIsAnswered(t *testing.T) {
	now := time.Now().Truncate(time.Second)
	for name, tc := range map[string]struct {
		status int
		date   time.Time
		body   string
		ends   time.Duration // from now, for what is taken
		kind   error
		code   millrace.Code
		says   string
	}{
		"credentials":                  {body: grant(now.Add(time.Hour)), ends: time.Hour},
		"members that nobody knows":    {body: `{"a":1,` + grant(now.Add(time.Hour))[1:], ends: time.Hour},
		"a server that is ahead":       {date: now.Add(9 * time.Hour), body: grant(now.Add(10 * time.Hour)), ends: time.Hour},
		"a server that is behind":      {date: now.Add(-9 * time.Hour), body: grant(now.Add(-8 * time.Hour)), ends: time.Hour},
		"nothing":                      {kind: millrace.ErrInvalid, says: "holds no credentials"},
		"a page":                       {body: "<html>" + hidden, kind: millrace.ErrInvalid, says: "holds no credentials"},
		"half of it":                   {body: grant(now)[:140], kind: millrace.ErrInvalid, says: "holds no credentials"},
		"no secret":                    {body: strings.Replace(grant(now), "secretAccessKey", "other", 1), kind: millrace.ErrInvalid, says: "holds no credentials"},
		"no end":                       {body: strings.Replace(grant(now), "expiration", "other", 1), kind: millrace.ErrInvalid, says: "holds no credentials"},
		"an end that is none":          {body: strings.Replace(grant(now), "Z", "", 1), kind: millrace.ErrInvalid, says: "holds no credentials"},
		"too much":                     {body: grant(now) + strings.Repeat(" ", 70_000), kind: millrace.ErrInvalid, says: "larger than 65536 bytes"},
		"a refusal":                    {status: 403, body: `{"message":"Access Denied"}`, code: millrace.CodeNotAuthorized, says: "Access Denied"},
		"an alias that is not there":   {status: 404, body: `{"message":"Role alias does not exist"}`, code: millrace.CodeNotFound, says: "Role alias does not exist"},
		"a fault":                      {status: 500, body: "<html>", says: "HTTP 500"},
		"too much of a refusal":        {status: 403, body: strings.Repeat("x", 1<<20), code: millrace.CodeNotAuthorized, says: "HTTP 403"},
		"an address to go to, instead": {status: 302, body: "", says: "HTTP 302"},
	} {
		t.Run(name, func(t *testing.T) {
			calls := 0
			e := serveIoT(t, func(w http.ResponseWriter, _ *http.Request) {
				calls++
				if tc.date.IsZero() {
					tc.date = now
				}
				w.Header().Set("Date", tc.date.UTC().Format(http.TimeFormat))
				w.Header().Set("Location", "/elsewhere")
				w.WriteHeader(max(tc.status, 200))
				_, _ = io.WriteString(w, tc.body)
			})
			began := time.Now()
			got, err := e.device().Source()(t.Context())
			if calls != 1 {
				t.Errorf("asked %d times", calls)
			}
			if tc.says != "" {
				if refused(t, err, tc.kind, "role alias camera", tc.says); millrace.CodeOf(err) != tc.code {
					t.Errorf("the code is %v: %v", millrace.CodeOf(err), err)
				}
				return
			}
			early, late := began.Add(tc.ends-time.Second), time.Now().Add(tc.ends-time.Second) // the server may be that much ahead of its date
			if err != nil || !got.SameKey(secrets(token)) || got.Expires.Before(early) || got.Expires.After(late) {
				t.Errorf("%v until %v, not %v, %v", got, got.Expires, late, err)
			}
		})
	}
}

func TestADeviceTrustsItsAuthorityAlone(t *testing.T) {
	e := serveIoT(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, grant(time.Now().Add(time.Hour)))
	})
	d := e.device()
	d.CA = fileOf(t, newAuthority(t).pem())
	_, err := d.Source()(t.Context())
	var stranger x509.UnknownAuthorityError
	refused(t, err, nil, "role alias camera")
	if !errors.As(err, &stranger) {
		t.Errorf("another authority: %v", err)
	}

	e.Server = serveWith(t, e.issue("server", time.Now().Add(-time.Minute)), nil)
	_, err = e.device().Source()(t.Context())
	var invalid x509.CertificateInvalidError
	if refused(t, err, nil); !errors.As(err, &invalid) || invalid.Reason != x509.Expired {
		t.Errorf("an expired certificate: %v", err)
	}

	e.Server = serveWith(t, e.issue("server", time.Now().Add(time.Hour)), nil)
	d = e.device()
	d.Endpoint = "video.test"
	d.Dial = func(ctx context.Context, network, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, e.Listener.Addr().String())
	}
	_, err = d.Source()(t.Context())
	var other x509.HostnameError
	if refused(t, err, nil); !errors.As(err, &other) {
		t.Errorf("another name: %v", err)
	}
}

func TestFilesOfADeviceAreNamed(t *testing.T) {
	e := serveIoT(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, grant(time.Now().Add(time.Hour)))
	})
	none, bad, others := fileOf(t, "")+"-not-there", fileOf(t, hidden), e.device().Key
	for name, tc := range map[string]struct {
		change func(*credentials.IoT)
		path   string
		kind   error
	}{
		"no certificate":         {func(d *credentials.IoT) { d.Certificate = none }, none, fs.ErrNotExist},
		"no key":                 {func(d *credentials.IoT) { d.Key = none }, none, fs.ErrNotExist},
		"no authority":           {func(d *credentials.IoT) { d.CA = none }, none, fs.ErrNotExist},
		"a key that is none":     {func(d *credentials.IoT) { d.Key = bad }, bad, nil},
		"a key of another":       {func(d *credentials.IoT) { d.Key = others }, others, nil},
		"authorities of nothing": {func(d *credentials.IoT) { d.CA = bad }, bad, nil},
	} {
		d := e.device()
		tc.change(&d)
		_, err := d.Source()(t.Context())
		if refused(t, err, tc.kind, tc.path); t.Failed() {
			t.Fatal(name)
		}
	}
	for name, d := range map[string]credentials.IoT{
		"no endpoint": {RoleAlias: "camera"}, "no alias": {Endpoint: "iot.test"}, "plain http": {Endpoint: "http://iot.test", RoleAlias: "camera"},
	} {
		_, err := d.Source()(t.Context())
		if refused(t, err, millrace.ErrInvalid, "https endpoint"); t.Failed() {
			t.Fatal(name)
		}
	}
}

func TestACertificateThatWasRenewedIsUsedFromThenOn(t *testing.T) {
	var shown []string
	e := serveIoT(t, func(w http.ResponseWriter, r *http.Request) {
		shown = append(shown, r.TLS.PeerCertificates[0].Subject.CommonName)
		_, _ = io.WriteString(w, grant(time.Now().Add(time.Hour)))
	})
	d := e.device()
	source := d.Source()
	for _, name := range []string{"first", "second"} {
		pair := e.issue(name, time.Now().Add(time.Hour))
		write(t, d.Certificate, certificatePEM(pair.Certificate[0]))
		write(t, d.Key, keyPEM(t, pair))
		if _, err := source(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if strings.Join(shown, " ") != "first second" {
		t.Errorf("shown were %q", shown)
	}
}

// TestAnEndpointThatIsSlow: nobody waits for longer than ten seconds, wherever
// the server falls silent.
func TestAnEndpointThatIsSlow(t *testing.T) {
	for name, tc := range map[string]struct {
		answer func(t *testing.T, c net.Conn, certificate tls.Certificate)
		dial   time.Duration
		most   time.Duration
	}{
		"before it takes the connection": {dial: time.Hour, most: 5 * time.Second},
		"before the handshake":           {answer: func(*testing.T, net.Conn, tls.Certificate) {}, most: 5 * time.Second},
		"before the answer":              {answer: answering(""), most: 10 * time.Second},
		"in the head":                    {answer: answering("HTTP/1.1 200 OK\r\nContent-"), most: 10 * time.Second},
		"in the body":                    {answer: answering("HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n" + grant(time.Unix(1<<32, 0))), most: 10 * time.Second},
		"in a refusal":                   {answer: answering("HTTP/1.1 403 Forbidden\r\nContent-Length: 500\r\n\r\n{"), most: 10 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := newAuthority(t)
				certificate := a.issue("server", time.Now().Add(time.Hour))
				d := credentials.IoT{Endpoint: "iot.test", RoleAlias: "camera", TLS: &tls.Config{RootCAs: a.pool()}}
				d.Dial = func(ctx context.Context, _, _ string) (net.Conn, error) {
					select {
					case <-time.After(tc.dial):
					case <-ctx.Done():
						return nil, ctx.Err()
					}
					near, far := net.Pipe()
					go tc.answer(t, far, certificate)
					return near, nil
				}
				began := time.Now()
				_, err := d.Source()(t.Context())
				took := time.Since(began)
				if refused(t, err, nil, "role alias camera"); took != tc.most {
					t.Errorf("%v after %v", err, took)
				}
				var timeout interface{ Timeout() bool }
				if !errors.As(err, &timeout) || !timeout.Timeout() {
					t.Errorf("that is no timeout: %v", err)
				}
			})
		})
	}
}

// answering is a server that reads a request, writes a part of an answer and then
// nothing any more.
func answering(part string) func(*testing.T, net.Conn, tls.Certificate) {
	return func(t *testing.T, c net.Conn, certificate tls.Certificate) {
		conn := tls.Server(c, &tls.Config{Certificates: []tls.Certificate{certificate}})
		if _, err := conn.Read(make([]byte, 4096)); err != nil {
			t.Error(err)
		}
		_, _ = io.WriteString(conn, part)
		_, _ = io.Copy(io.Discard, conn) // up to the end of the client's patience
		_ = c.Close()
	}
}

func TestADeviceEndsWithItsCaller(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := credentials.IoT{Endpoint: "iot.test", RoleAlias: "camera", TLS: &tls.Config{}}
		d.Dial = func(ctx context.Context, _, _ string) (net.Conn, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		began := time.Now()
		if _, err := d.Source()(ctx); !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != time.Second {
			t.Errorf("%v after %v", err, time.Since(began))
		}

		var over time.Time
		d.Dial = func(context.Context, string, string) (net.Conn, error) {
			near, far := net.Pipe()
			go func() {
				_, _ = io.Copy(io.Discard, far)
				over = time.Now()
			}()
			return near, nil
		}
		ctx, cancel = context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		began = time.Now()
		_, err := d.Source()(ctx)
		if synctest.Wait(); !errors.Is(err, context.DeadlineExceeded) || over.Sub(began) != time.Second {
			t.Errorf("%v, and the connection was over after %v", err, over.Sub(began))
		}
	})
}
