package api_test

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/millrace/millrace/internal/store/mem"
	"github.com/millrace/millrace/internal/wire"
)

func TestDataEndpoint(t *testing.T) {
	for _, tc := range []struct {
		name                  string
		host, local           string
		tls                   bool
		public, prefix, wants string
	}{
		{"host with port", "media.example:8080", "10.0.0.1:8080", false, "", "", "http://media.example:8080"},
		{"host without port, as C clients send it", "media.example", "10.0.0.1:8080", false, "", "", "http://media.example:8080"},
		{"the port is the connection's", "media.example:9999", "10.0.0.1:8080", false, "", "", "http://media.example:8080"},
		{"port 80 goes without saying", "media.example", "10.0.0.1:80", false, "", "", "http://media.example"},
		{"port 443 of TLS too", "media.example", "10.0.0.1:443", true, "", "", "https://media.example"},
		{"port 80 of TLS does not", "media.example", "10.0.0.1:80", true, "", "", "https://media.example:80"},
		{"TLS on another port", "media.example", "10.0.0.1:8443", true, "", "", "https://media.example:8443"},
		{"an IPv6 address with port", "[::1]:8080", "[::1]:8080", false, "", "", "http://[::1]:8080"},
		{"an IPv6 address without port", "[::1]", "[::1]:8080", false, "", "", "http://[::1]:8080"},
		{"no host at all", "", "10.0.0.1:8080", false, "", "", "http://10.0.0.1:8080"},
		{"no host at all, on IPv6", "", "[fe80::1]:8080", false, "", "", "http://[fe80::1]:8080"},
		{"a socket without port", "media.example", "", false, "", "", "http://media.example"},
		{"a public address", "media.example", "10.0.0.1:8080", false, "https://video.example.com", "", "https://video.example.com"},
		{"a public address with a slash", "media.example", "10.0.0.1:8080", false, "https://video.example.com/", "", "https://video.example.com"},
		{"a public address with a path", "media.example", "10.0.0.1:8080", false, "https://example.com/video/", "/kvs", "https://example.com/video"},
		{"a mount prefix", "media.example", "10.0.0.1:8080", false, "", "/kvs", "http://media.example:8080/kvs"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := config(mem.NewControl())
			c.PublicURL, c.MountPrefix = tc.public, tc.prefix
			h := newHandler(t, c)
			create(t, h, "cam")

			body := `{"StreamName":"cam","APIName":"PUT_MEDIA"}`
			r := httptest.NewRequest(http.MethodPost, "/getDataEndpoint", strings.NewReader(body))
			r.Host = tc.host
			if tc.host == "" { // the signer would take the URL's
				r.URL.Host = ""
			}
			if err := signer("root").Sign(r, wire.PayloadHash([]byte(body)), clock()); err != nil {
				t.Fatal(err)
			}
			if tc.tls {
				r.TLS = &tls.ConnectionState{}
			}
			if tc.local != "" {
				r = r.WithContext(withLocalAddr(r, tc.local))
			}
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			got := reply{w.Code, w.Header(), w.Body.String()}
			if w.Code != 200 {
				t.Fatalf("%d %s", w.Code, w.Body)
			}
			if endpoint := got.field(t, "DataEndpoint"); endpoint != tc.wants {
				t.Errorf("endpoint = %s, want %s", endpoint, tc.wants)
			}
		})
	}
}

// TestDataEndpointLeadsHere follows the answer.
func TestDataEndpointLeadsHere(t *testing.T) {
	h := memHandler(t)
	create(t, h, "cam")
	got := send(t, listen(t, h), "root", "/getDataEndpoint", `{"StreamName":"cam","APIName":"GET_MEDIA"}`)
	if again := send(t, got.field(t, "DataEndpoint"), "root", "/describeStream", `{"StreamName":"cam"}`); again.status != 200 {
		t.Errorf("%d %s", again.status, again.body)
	}
}

func TestKeysAreShownAsARNs(t *testing.T) {
	h := memHandler(t)
	for given, want := range map[string]string{
		``:                              "arn:aws:kms:us-west-2:111122223333:alias/aws/kinesisvideo",
		`alias/house`:                   "arn:aws:kms:us-west-2:111122223333:alias/house",
		`1234abcd-12`:                   "arn:aws:kms:us-west-2:111122223333:key/1234abcd-12",
		`arn:aws:kms:eu-west-1:9:key/x`: "arn:aws:kms:eu-west-1:9:key/x",
	} {
		name := "s" + strings.Map(func(r rune) rune {
			if r == ':' || r == '/' {
				return '-'
			}
			return r
		}, given)
		if got := post(t, h, "/createStream", `{"StreamName":"`+name+`","KmsKeyId":"`+given+`"}`); got.status != 200 {
			t.Fatal(got.body)
		}
		got := post(t, h, "/describeStream", `{"StreamName":"`+name+`"}`).field(t, "StreamInfo", "KmsKeyId")
		if got != want {
			t.Errorf("%q is shown as %s, want %s", given, got, want)
		}
	}
}

// addr is the address of a test's connection.
type addr string

func (addr) Network() string  { return "tcp" }
func (a addr) String() string { return string(a) }

func withLocalAddr(r *http.Request, local string) context.Context {
	return context.WithValue(r.Context(), http.LocalAddrContextKey, net.Addr(addr(local)))
}
