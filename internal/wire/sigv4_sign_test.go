package wire_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace/internal/wire"
)

func signer(secret string) wire.Signer {
	return wire.Signer{
		Credentials: wire.Credentials{AccessKeyID: "AKIDEXAMPLE", SecretAccessKey: secret},
		Region:      "eu-west-1",
	}
}

func TestSignerAgreesWithAnIndependentOne(t *testing.T) {
	want := own(t, "json")
	r := httptest.NewRequest(http.MethodPost, "https://localhost:8443/describeStream", strings.NewReader(want.body))
	r.Header.Set("Content-Type", "application/json")
	if err := signer(want.secret).Sign(r, wire.PayloadHash([]byte(want.body)), base()); err != nil {
		t.Fatal(err)
	}
	if got := r.Header.Get("Authorization"); got != want.header("Authorization") {
		t.Errorf("got  %s\nwant %s", got, want.header("Authorization"))
	}
}

func TestPresignerAgreesWithAnIndependentOne(t *testing.T) {
	want := own(t, "presigned-json")
	r := httptest.NewRequest(http.MethodPost, "https://localhost:8443/describeStream", nil)
	u, err := signer(want.secret).Presign(r, wire.PayloadHash([]byte(want.body)), 299*time.Second, base())
	if err != nil {
		t.Fatal(err)
	}
	if got := u.RequestURI(); got != want.target() {
		t.Errorf("got  %s\nwant %s", got, want.target())
	}
}

func TestWhatTheSignerSignsTheVerifierAccepts(t *testing.T) {
	token := signer("secret")
	token.Credentials.SessionToken = "session/token+=="
	for name, tc := range map[string]struct {
		signer  wire.Signer
		url     string
		payload string
	}{
		"a plain call":             {signer("secret"), "http://%s/describeStream", wire.PayloadHash([]byte("{}"))},
		"with a session token":     {token, "http://%s/describeStream", wire.PayloadHash([]byte("{}"))},
		"with an odd query":        {signer("secret"), "http://%s/describeStream?b=2&a=%%2B+x&a=1&c", wire.PayloadHash([]byte("{}"))},
		"under a prefix":           {signer("secret"), "http://%s/a%%20b/describeStream", wire.PayloadHash([]byte("{}"))},
		"a stream, empty hash":     {signer("secret"), "http://%s/putMedia", wire.EmptyPayload},
		"a stream, unsigned":       {signer("secret"), "http://%s/putMedia", wire.UnsignedPayload},
		"a stream, body's hash":    {signer("secret"), "http://%s/putMedia", wire.PayloadHash([]byte("{}"))},
		"a stream, token and hash": {token, "http://%s/putMedia", wire.EmptyPayload},
	} {
		t.Run(name, func(t *testing.T) {
			addr := serve(t, judge(wire.NewVerifier(wire.VerifierOptions{}), "secret"))
			r, err := http.NewRequest(http.MethodPost, strings.Replace(strings.ReplaceAll(tc.url, "%%", "%"), "%s", addr, 1), strings.NewReader("{}"))
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Content-Type", "application/json")
			r.Header.Set("X-Millrace-Producer", strings.Repeat("1", 32))
			if tc.payload == wire.PayloadHash([]byte("{}")) {
				r.Header.Set("X-Amz-Content-Sha256", tc.payload)
			}
			if err := tc.signer.Sign(r, tc.payload, base()); err != nil {
				t.Fatal(err)
			}
			send(t, r)
		})
		t.Run(name+", presigned", func(t *testing.T) {
			addr := serve(t, judge(wire.NewVerifier(wire.VerifierOptions{}), "secret"))
			r, err := http.NewRequest(http.MethodPost, strings.Replace(strings.ReplaceAll(tc.url, "%%", "%"), "%s", addr, 1), strings.NewReader("{}"))
			if err != nil {
				t.Fatal(err)
			}
			if tc.payload == wire.PayloadHash([]byte("{}")) {
				r.Header.Set("X-Amz-Content-Sha256", tc.payload)
			}
			if r.URL, err = tc.signer.Presign(r, tc.payload, time.Minute, base()); err != nil {
				t.Fatal(err)
			}
			send(t, r)
		})
	}
}

func send(t *testing.T, r *http.Request) {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Errorf("status %d: %v", resp.StatusCode, wire.DecodeError(resp))
	}
}

func TestSignerRefuses(t *testing.T) {
	r := httptest.NewRequest(http.MethodPost, "http://host/", nil)
	if err := (wire.Signer{}).Sign(r, wire.EmptyPayload, base()); err == nil {
		t.Error("signed without credentials")
	}
	if _, err := (wire.Signer{}).Presign(r, wire.EmptyPayload, time.Minute, base()); err == nil {
		t.Error("presigned without credentials")
	}
	for _, d := range []time.Duration{0, time.Millisecond, 8 * 24 * time.Hour} {
		if _, err := signer("s").Presign(r, wire.EmptyPayload, d, base()); err == nil {
			t.Errorf("presigned for %v", d)
		}
	}
}

func TestSignerTakesDefaultPortsOff(t *testing.T) {
	for url, want := range map[string]string{
		"http://host:80/":   "host",
		"https://host:443/": "host",
		"http://host:443/":  "host:443",
		"https://host/":     "host",
		"https://[::1]:9/":  "[::1]:9",
	} {
		r, err := http.NewRequest(http.MethodPost, url, nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := signer("s").Sign(r, wire.EmptyPayload, base()); err != nil {
			t.Fatal(err)
		}
		if r.Host != want {
			t.Errorf("%s: host %s, want %s", url, r.Host, want)
		}
	}
}
