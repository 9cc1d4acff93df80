package api_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace/internal/api"
	"github.com/millrace/millrace/internal/store/mem"
	"github.com/millrace/millrace/internal/wire"
)

// resources is a handler whose resources say who asked for what.
func resources(t *testing.T) *api.Handler {
	t.Helper()
	c := config(mem.NewControl())
	c.MountPrefix = "/kvs"
	tell := func(w http.ResponseWriter, r *api.ResourceCall) error {
		_, err := w.Write([]byte(r.Principal.KeyID + " " + r.Stream.Name.String() + " " + r.Query.Get("from")))
		return err
	}
	c.Availability = tell
	h := newHandler(t, c)
	create(t, h, "door")
	return h
}

func TestResourcesOfAStream(t *testing.T) {
	h := resources(t)
	for _, tc := range []struct {
		name, key, method, path string
		status                  int
		want                    string // the body, or the error's type
	}{
		{"availability", "root", "GET", "/millrace/v1/streams/door/availability?from=7", 200, "root door 7"},
		{"HEAD", "root", "HEAD", "/millrace/v1/streams/door/availability", 200, ""},
		{"behind the mount prefix", "root", "GET", "/kvs/millrace/v1/streams/door/availability", 200, "root door "},
		{"POST", "root", "POST", "/millrace/v1/streams/door/availability", 404, noSuchOp},
		{"DELETE", "root", "DELETE", "/millrace/v1/streams/door/availability", 404, noSuchOp},
		{"a file that is not offered", "root", "GET", "/millrace/v1/streams/door/media.mp4", 404, noSuchOp},
		{"a file below a file", "root", "GET", "/millrace/v1/streams/door/availability/x", 404, noSuchOp},
		{"no stream", "root", "GET", "/millrace/v1/streams//availability", 404, noSuchOp},
		{"what no stream can be named", "root", "GET", "/millrace/v1/streams/a%20b/availability", 404, noSuchOp},
		{"a stream that is not there", "root", "GET", "/millrace/v1/streams/gate/availability", 404, "ResourceNotFoundException"},
		{"one that may not", "guest", "GET", "/millrace/v1/streams/door/availability", 403, "NotAuthorizedException"},
		{"one that may not, of what is not there", "guest", "GET", "/millrace/v1/streams/gate/availability", 403, "NotAuthorizedException"},
		{"nobody", "", "GET", "/millrace/v1/streams/door/availability", 403, "MissingAuthenticationTokenException"},
		{"a parameter twice", "root", "GET", "/millrace/v1/streams/door/availability?from=1&from=2", 400, "InvalidArgumentException"},
		{"a bad token", "", "GET", "/millrace/v1/streams/door/availability?SessionToken=bad", 403, "NotAuthorizedException"},
		{"a bad token beside a good signature", "root", "GET", "/millrace/v1/streams/door/availability?SessionToken=bad", 403, "NotAuthorizedException"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := ask(t, h, tc.key, tc.method, tc.path, "", nil)
			found := got.body
			if tc.status >= 400 {
				found = got.errorType()
			}
			if got.status != tc.status || found != tc.want && tc.method != "HEAD" {
				t.Errorf("%d %q %s, want %d %q", got.status, found, got.body, tc.status, tc.want)
			}
			if got.header.Get("Access-Control-Allow-Origin") != "*" || got.header.Get(wire.HeaderRequestID) == "" {
				t.Errorf("header %v", got.header)
			}
		})
	}
}

func TestAResourceMayBeAskedForByPagesOfAnyOrigin(t *testing.T) {
	got := ask(t, resources(t), "", "OPTIONS", "/millrace/v1/streams/door/availability", "", http.Header{"Access-Control-Request-Headers": {"range"}})
	if got.status != 200 || got.header.Get("Access-Control-Allow-Headers") != "range" || !strings.Contains(got.header.Get("Access-Control-Allow-Methods"), "HEAD") {
		t.Errorf("%d %v", got.status, got.header)
	}
}

func TestAPresignedAddressOfAResource(t *testing.T) {
	h := resources(t)
	const week = 7 * 24 * time.Hour
	for _, tc := range []struct {
		name            string
		signed, payload string
		asked           string
		age             time.Duration
		status          int
	}{
		{"as clients of S3 sign it", "GET", wire.UnsignedPayload, "GET", 0, 200},
		{"with the hash of nothing", "GET", wire.EmptyPayload, "GET", 0, 200},
		{"after nearly a week", "GET", wire.UnsignedPayload, "GET", week - time.Minute, 200},
		{"after a week", "GET", wire.UnsignedPayload, "GET", week + time.Minute, 403},
		{"of GET, for HEAD", "GET", wire.UnsignedPayload, "HEAD", 0, 200},
		{"of HEAD, for HEAD", "HEAD", wire.UnsignedPayload, "HEAD", 0, 200},
		{"of HEAD, for GET", "HEAD", wire.UnsignedPayload, "GET", 0, 403},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := httptest.NewRequest(tc.signed, "/millrace/v1/streams/door/availability?from=2026-01-02T03:04:05Z", nil)
			u, err := signer("root").Presign(r, tc.payload, week, clock().Add(-tc.age))
			if err != nil {
				t.Fatal(err)
			}
			if got := ask(t, h, "", tc.asked, u.RequestURI(), "", nil); got.status != tc.status {
				t.Errorf("%d %s", got.status, got.body)
			}
			if got := ask(t, h, "", tc.asked, strings.Replace(u.RequestURI(), "03%3A04", "03%3A05", 1), "", nil); got.status != 403 {
				t.Errorf("another range: %d %s", got.status, got.body)
			}
		})
	}
}

func TestAStreamThatKeepsNothingHasNoResources(t *testing.T) {
	h := resources(t)
	if r := post(t, h, "/createStream", `{"StreamName":"live","DataRetentionInHours":0}`); r.status != 200 {
		t.Fatal(r.body)
	}
	got := ask(t, h, "root", "GET", "/millrace/v1/streams/live/availability", "", nil)
	if got.status != 400 || got.errorType() != "NoDataRetentionException" {
		t.Errorf("%d %s", got.status, got.errorType())
	}
}
