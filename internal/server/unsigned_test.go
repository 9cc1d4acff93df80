package server_test

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace/internal/auth"
	"github.com/millrace/millrace/internal/wire"
)

// oddPaths are no operations, however much they look like some.
func oddPaths() []string {
	return []string{
		"/", "/unknown", "/DescribeStream", "/describestream", "/describeStream/", "/describeStream/x", "/a/describeStream",
		"/describeStream%00", "/describeStream%2f", "/./describeStream", "/x/../describeStream", "/millrace/v1", "/millrace/v1/",
		"/millrace/v1/CreateKey", "/millrace/v2/createKey", "/createKey", "/healthz/x", "/readyz/", "/metrics/", "/HEALTHZ",
		"/millrace/v1/ca.pem/", "/millrace/v1/ca-key.pem", "/ca.pem", "/debug/pprof/", "/debug/vars", "/.git/config", "/root-key.json", "/control.db", "/role-aliases", "/favicon.ico",
		"/player/", "/player/page", "/PLAYER", "//player", "/player/../metrics", "/player/page.html",
	}
}

// TestNothingAnswersWithoutCredentials: but for health, readiness, the
// certificate of the server's authority and what a browser asks first.
func TestNothingAnswersWithoutCredentials(t *testing.T) {
	t.Run("http", func(t *testing.T) { nothingAnswers(guard(t), "/healthz", "/readyz") })
	t.Run("https", func(t *testing.T) { nothingAnswers(guardTLS(t), "/healthz", "/readyz", "/millrace/v1/ca.pem") })
}

func nothingAnswers(g *guarded, open ...string) {
	t := g.t
	methods := []string{http.MethodGet, http.MethodHead, http.MethodPut, http.MethodDelete, http.MethodPatch, http.MethodPost}
	ask := func(method, path string) reply {
		req := g.request(path, map[string]any{"StreamName": "door"})
		req.Method = method
		return g.do(req)
	}
	for _, path := range slices.Sorted(maps.Values(g.s.Paths())) {
		for _, method := range methods {
			status, kind := http.StatusNotFound, "UnknownOperationException"
			if method == http.MethodPost {
				status, kind = http.StatusForbidden, "MissingAuthenticationTokenException"
			}
			if a := ask(method, path); a.status != status || a.kind != kind {
				t.Errorf("%s %s: %d %s", method, path, a.status, a.kind)
			}
		}
		if a := ask(http.MethodOptions, path); a.status != http.StatusOK || len(a.body) > 0 {
			t.Errorf("OPTIONS %s: %d %s", path, a.status, a.body)
		}
	}
	for _, path := range oddPaths() {
		for _, method := range append(methods, http.MethodOptions) {
			if a := ask(method, path); a.status != http.StatusNotFound || a.kind != "UnknownOperationException" {
				t.Errorf("%s %s: %d %s %s", method, path, a.status, a.kind, a.body)
			}
		}
	}
	for _, method := range methods {
		if a := ask(method, "/role-aliases/camera/credentials"); a.status != http.StatusForbidden && a.status != http.StatusNotFound {
			t.Errorf("%s for a device without a certificate: %d %s", method, a.status, a.body)
		}
	}
	for _, path := range open {
		if a := ask(http.MethodGet, path); a.status != http.StatusOK || len(a.body) > 40 && !strings.HasSuffix(path, "/ca.pem") {
			t.Errorf("%s: %d %s", path, a.status, a.body)
		}
		if a := ask(http.MethodPost, path); a.status != http.StatusNotFound {
			t.Errorf("POST %s: %d", path, a.status)
		}
	}
}

// A forgery makes a bad request of a good one, and says how it is refused.
type forgery struct {
	name string
	make func(req *http.Request)
	kind string
	text string // that the message has; may be empty
}

const (
	missing      = "MissingAuthenticationTokenException"
	incomplete   = "IncompleteSignatureException"
	invalid      = "InvalidSignatureException"
	unrecognized = "UnrecognizedClientException"
	expired      = "ExpiredTokenException"
)

// TestEveryPathRefusesForgeries: on every path every forgery has its exception,
// and none of them shows a secret.
func TestEveryPathRefusesForgeries(t *testing.T) {
	g := guard(t)
	g.create("door", 24)
	forgeries := slices.Concat(g.wrongSignatures(), g.replays(), truncations(), g.wrongKeys(), g.wrongSessions())
	for name, path := range g.s.Paths() {
		for _, f := range forgeries {
			req := g.request(path, map[string]any{"StreamName": "door"})
			f.make(req)
			a := g.do(req)
			if a.status != http.StatusForbidden || a.kind != f.kind || !strings.Contains(a.message, f.text) {
				t.Errorf("%s, %s: %d %s %q, want %s %q", name, f.name, a.status, a.kind, a.message, f.kind, f.text)
			}
			for _, s := range g.secrets {
				if strings.Contains(string(a.body), s) {
					t.Fatalf("%s, %s: the answer shows a secret: %s", name, f.name, a.body)
				}
			}
		}
	}
	// The same request, as it should be, is served: what was refused was the forgery.
	if a := g.as(g.root(), "/describeStream", map[string]any{"StreamName": "door"}); a.status != http.StatusOK {
		t.Errorf("unforged: %+v", a)
	}
}

func (g *guarded) root() wire.Credentials {
	return wire.Credentials{AccessKeyID: keyID, SecretAccessKey: secret}
}

// signed returns a forgery that changes a request of root's behind its signature.
func (g *guarded) signed(name, kind string, change func(*http.Request)) forgery {
	return forgery{name, func(req *http.Request) {
		g.sign(req, g.root(), g.now())
		change(req)
	}, kind, ""}
}

// by returns a forgery that is signed well, with credentials that are not good.
func (g *guarded) by(name string, c wire.Credentials, kind string) forgery {
	return forgery{name, func(req *http.Request) { g.sign(req, c, g.now()) }, kind, ""}
}

func (g *guarded) wrongSignatures() []forgery {
	edit := func(old, with string) func(*http.Request) {
		return func(req *http.Request) {
			h := req.Header.Get("Authorization")
			req.Header.Set("Authorization", strings.Replace(h, old, with, 1))
		}
	}
	flip := func(at int) func(*http.Request) {
		return func(req *http.Request) {
			h := []byte(req.Header.Get("Authorization"))
			i := strings.Index(string(h), "Signature=") + len("Signature=") + at
			h[i] = "0123456789abcdef"[strings.IndexByte("0123456789abcdef", h[i])^1]
			req.Header.Set("Authorization", string(h))
		}
	}
	return []forgery{
		g.signed("a bit of the first digit", invalid, flip(0)),
		g.signed("a bit of the last digit", invalid, flip(63)),
		g.signed("another body", invalid, func(req *http.Request) {
			if req.GetBody == nil { // PutMedia's is not signed: its headers are
				req.Header.Set(wire.HeaderStreamName, "gate")
				return
			}
			body := strings.NewReader(`{"StreamName":"gate"}`)
			req.Body, req.ContentLength = http.NoBody, 0
			*req = *mustRequest(req, body)
		}),
		g.signed("another type", invalid, func(req *http.Request) { req.Header.Set("Content-Type", "text/plain") }),
		g.signed("another time", invalid, func(req *http.Request) {
			req.Header.Set("X-Amz-Date", g.now().Add(time.Second).UTC().Format("20060102T150405Z"))
		}),
		g.signed("another path", invalid, func(req *http.Request) { req.URL.Path = "/" + req.URL.Path }),
		g.signed("a query", invalid, func(req *http.Request) { req.URL.RawQuery = "x=1" }),
		g.signed("another host", invalid, func(req *http.Request) { req.Host = "kinesisvideo.us-west-2.amazonaws.com" }),
		g.signed("another service", invalid, edit("/kinesisvideo/", "/s3/")),
		g.signed("another region", invalid, edit("/us-west-2/", "/us-east-1/")),
		g.signed("another day", invalid, edit(keyID+"/20", keyID+"/19")),
		g.signed("a header less", invalid, edit(";x-amz-date", ";x-amz-date;x-amz-else")),
		g.signed("the host unsigned", incomplete, edit("host;", "")),
		g.signed("two signatures", incomplete, func(req *http.Request) {
			req.Header["Authorization"] = append(req.Header["Authorization"], req.Header["Authorization"][0])
		}),
		g.by("another secret", wire.Credentials{AccessKeyID: keyID, SecretAccessKey: secret[:len(secret)-1] + "1"}, invalid),
	}
}

// mustRequest is a request like another one with another body.
func mustRequest(req *http.Request, body *strings.Reader) *http.Request {
	next, err := http.NewRequestWithContext(req.Context(), req.Method, req.URL.String(), body)
	if err != nil {
		panic(err)
	}
	next.Header, next.Host = req.Header, req.Host
	return next
}

// replays are requests that were good at another time.
func (g *guarded) replays() []forgery {
	at := func(name string, d time.Duration, text string) forgery {
		return forgery{name, func(req *http.Request) { g.sign(req, g.root(), g.now().Add(d)) }, invalid, text}
	}
	presigned := func(name string, d time.Duration, text string) forgery {
		return forgery{name, func(req *http.Request) {
			u, err := (wire.Signer{Credentials: g.root(), Region: "us-west-2"}).Presign(req, g.payload(req), time.Minute, g.now().Add(d))
			if err != nil {
				g.t.Fatal(err)
			}
			req.URL = u
		}, invalid, text}
	}
	const past, future = "Signature expired: ", "Signature not yet current: "
	return []forgery{
		at("5 minutes and 10 s ago", -310*time.Second, past),
		at("5 minutes and 10 s ago, the other words", -310*time.Second, " is now earlier than "),
		at("a day ago", -24*time.Hour, past),
		at("in 5 minutes and 10 s", 310*time.Second, future),
		at("in 5 minutes and 10 s, the other words", 310*time.Second, " is still later than "),
		at("in a day", 24*time.Hour, future),
		presigned("presigned for the minute before", -2*time.Minute, past),
		presigned("presigned for the next hour", time.Hour, future),
	}
}

// truncations are signatures that end too early: at each field, and within it.
func truncations() []forgery {
	const whole = "AWS4-HMAC-SHA256 Credential=" + keyID + "/20260102/us-west-2/kinesisvideo/aws4_request, " +
		"SignedHeaders=content-type;host;x-amz-date, Signature="
	cut := func(header string) forgery {
		return forgery{"the header " + header, func(req *http.Request) {
			req.Header.Set("Authorization", header)
			req.Header.Set("X-Amz-Date", "20260102T030405Z")
		}, incomplete, ""}
	}
	all := []forgery{cut(whole), cut(whole + strings.Repeat("0", 63)), cut(whole + strings.Repeat("0", 65)), cut(whole + strings.Repeat("x", 64))}
	for i, c := range whole {
		if strings.ContainsRune(" =/,;", c) {
			all = append(all, cut(whole[:i]), cut(whole[:i+1]))
		}
	}
	return append(
		all,
		cut("Basic "+keyID), cut("Bearer x"), cut("AWS4-HMAC-SHA512"+whole[16:]+strings.Repeat("0", 64)),
		forgery{"an empty header", func(req *http.Request) { req.Header.Set("Authorization", "") }, incomplete, ""},
		forgery{"no date", func(req *http.Request) {
			req.Header.Set("Authorization", whole+strings.Repeat("0", 64))
		}, incomplete, ""},
	)
}

// wrongKeys are keys that were good, or never were.
func (g *guarded) wrongKeys() []forgery {
	g.t.Helper()
	disabled, deleted := g.key("disabled", "*", "*"), g.key("deleted", "*", "*")
	for path, in := range map[string]map[string]any{
		"/millrace/v1/updateKey": {"AccessKeyId": disabled.AccessKeyID, "Status": "DISABLED"},
		"/millrace/v1/deleteKey": {"AccessKeyId": deleted.AccessKeyID},
	} {
		if status, out := g.call(path, in); status != http.StatusOK {
			g.t.Fatalf("%s: %d %v", path, status, out)
		}
	}
	withToken := g.root()
	withToken.SessionToken = "token"
	return []forgery{
		g.by("an unknown key", wire.Credentials{AccessKeyID: "MILLAAAAAAAAAAAAAAAA", SecretAccessKey: secret}, unrecognized),
		g.by("a key that is no key", wire.Credentials{AccessKeyID: "..", SecretAccessKey: secret}, unrecognized),
		g.by("a disabled key", disabled.Credentials, unrecognized),
		g.by("a deleted key", deleted.Credentials, unrecognized),
		g.by("a key with a token", withToken, unrecognized),
	}
}

// wrongSessions are sessions that are over, or whose token is not theirs.
func (g *guarded) wrongSessions() []forgery {
	g.t.Helper()
	one, other := g.session(g.root(), nil), g.session(g.root(), nil)
	with := func(token string) wire.Credentials {
		c := one
		c.SessionToken = token
		return c
	}
	parent := g.key("parent", "*", "*")
	orphan := g.session(parent.Credentials, nil)
	if status, out := g.call("/millrace/v1/updateKey", map[string]any{"AccessKeyId": parent.AccessKeyID, "Status": "DISABLED"}); status != http.StatusOK {
		g.t.Fatalf("disable: %d %v", status, out)
	}
	over, err := g.s.Sessions().Issue(auth.Grant{Parent: g.s.RootKey().Parent(), Role: "root", Expires: g.now().Add(-time.Second)})
	if err != nil {
		g.t.Fatal(err)
	}
	device, err := g.s.Sessions().Issue(auth.Grant{
		Parent: auth.Parent{Device: "nobody"}, Role: "camera", Name: "nobody", Expires: g.now().Add(time.Hour),
		Scope: &auth.Scope{Actions: []auth.Action{"*"}, Streams: []string{"*"}},
	})
	if err != nil {
		g.t.Fatal(err)
	}
	g.secrets = append(g.secrets, over.Secret, over.Token, device.Secret, device.Token)
	credentials := func(s auth.Session) wire.Credentials {
		return wire.Credentials{AccessKeyID: s.ID, SecretAccessKey: s.Secret, SessionToken: s.Token}
	}
	return []forgery{
		g.by("a session without its token", with(""), unrecognized),
		g.by("a session with another's token", with(other.SessionToken), unrecognized),
		g.by("a session with half its token", with(one.SessionToken[:len(one.SessionToken)/2]), unrecognized),
		g.by("a session with a token of nothing", with("AQ"), unrecognized),
		g.by("a session with a long token", with(strings.Repeat("A", 4000)), unrecognized),
		g.by("another session's secret", wire.Credentials{AccessKeyID: one.AccessKeyID, SecretAccessKey: other.SecretAccessKey, SessionToken: one.SessionToken}, invalid),
		g.by("a session of a disabled key", orphan, unrecognized),
		g.by("a session of a device that is not there", credentials(device), unrecognized),
		g.by("a session that is over", credentials(over), expired),
	}
}

// TestMetricsAreForWhoMayReadThem: by a name and a password, or by a signature.
func TestMetricsAreForWhoMayReadThem(t *testing.T) {
	g := guard(t)
	reader, camera, disabled := g.key("reader", "ReadMetrics", ""), g.key("camera", "PutMedia", "*"), g.key("was", "ReadMetrics", "")
	if status, _ := g.call("/millrace/v1/updateKey", map[string]any{"AccessKeyId": disabled.AccessKeyID, "Status": "DISABLED"}); status != http.StatusOK {
		t.Fatal(status)
	}
	session := g.session(g.root(), map[string]any{"Actions": []string{"ReadMetrics"}})
	basic := func(c wire.Credentials, secret string) func(*http.Request) {
		return func(req *http.Request) { req.SetBasicAuth(c.AccessKeyID, secret) }
	}
	header := func(value string) func(*http.Request) {
		return func(req *http.Request) { req.Header.Set("Authorization", value) }
	}
	signed := func(c wire.Credentials) func(*http.Request) {
		return func(req *http.Request) { g.sign(req, c, g.now()) }
	}
	for name, tc := range map[string]struct {
		edit   func(*http.Request)
		status int
		kind   string
	}{
		"a reader":                    {basic(reader.Credentials, reader.SecretAccessKey), http.StatusOK, ""},
		"a reader who signs":          {signed(reader.Credentials), http.StatusOK, ""},
		"a reader's session":          {signed(session), http.StatusOK, ""},
		"nobody":                      {func(*http.Request) {}, http.StatusUnauthorized, missing},
		"an empty header":             {header(""), http.StatusUnauthorized, incomplete},
		"half a header":               {header("Basic"), http.StatusUnauthorized, incomplete},
		"another scheme":              {header("Bearer " + reader.SecretAccessKey), http.StatusUnauthorized, incomplete},
		"half a signature":            {header("AWS4-HMAC-SHA256 Credential=" + keyID), http.StatusUnauthorized, incomplete},
		"a wrong secret":              {basic(reader.Credentials, camera.SecretAccessKey), http.StatusUnauthorized, unrecognized},
		"half a secret":               {basic(reader.Credentials, reader.SecretAccessKey[:39]), http.StatusUnauthorized, unrecognized},
		"an unknown key":              {basic(wire.Credentials{AccessKeyID: "MILLAAAAAAAAAAAAAAAA"}, reader.SecretAccessKey), http.StatusUnauthorized, unrecognized},
		"a disabled key":              {basic(disabled.Credentials, disabled.SecretAccessKey), http.StatusUnauthorized, unrecognized},
		"a session without its token": {basic(session, session.SecretAccessKey), http.StatusUnauthorized, unrecognized},
		"a camera":                    {basic(camera.Credentials, camera.SecretAccessKey), http.StatusForbidden, "AccessDeniedException"},
		"a camera that signs":         {signed(camera.Credentials), http.StatusForbidden, "AccessDeniedException"},
	} {
		for _, method := range []string{http.MethodGet, http.MethodHead} {
			req, err := http.NewRequestWithContext(t.Context(), method, g.url+"/metrics", http.NoBody)
			if err != nil {
				t.Fatal(err)
			}
			tc.edit(req)
			a := g.do(req)
			if a.status != tc.status || a.kind != tc.kind {
				t.Errorf("%s, %s: %d %s", name, method, a.status, a.kind)
			}
			if tc.status != http.StatusOK && strings.Contains(string(a.body), "millrace_") {
				t.Errorf("%s, %s: the metrics are shown", name, method)
			}
		}
	}
	for _, method := range []string{http.MethodPost, http.MethodPut, http.MethodOptions} {
		req := g.request("/metrics", map[string]any{})
		req.Method = method
		if a := g.do(req); a.status != http.StatusNotFound {
			t.Errorf("%s: %d %s", method, a.status, a.kind)
		}
	}
}
