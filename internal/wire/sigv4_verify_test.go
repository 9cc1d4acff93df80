package wire_test

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/wire"
)

func TestEveryClientsSignatureVerifies(t *testing.T) {
	t.Run("own", func(t *testing.T) { testVerifies(t, ownRequests(t)) })
	t.Run("captured", func(t *testing.T) { testVerifies(t, capturedRequests(t)) })
}

func testVerifies(t *testing.T, requests []request) {
	for _, r := range requests {
		t.Run(r.name, func(t *testing.T) {
			addr := serve(t, judge(wire.NewVerifier(wire.VerifierOptions{}), r.secret))
			resp := exchange(t, addr, r.wire())
			defer resp.Body.Close()
			if resp.StatusCode != http.StatusOK {
				t.Fatalf("status %d: %v", resp.StatusCode, wire.DecodeError(resp))
			}
		})
	}
}

func TestEveryMutationOfASignedPartFails(t *testing.T) {
	t.Run("own", func(t *testing.T) { testMutations(t, ownRequests(t)) })
	t.Run("captured", func(t *testing.T) { testMutations(t, capturedRequests(t)) })
}

func testMutations(t *testing.T, requests []request) {
	for _, r := range requests {
		t.Run(r.name, func(t *testing.T) {
			v := wire.NewVerifier(wire.VerifierOptions{})
			addr := serve(t, judge(v, r.secret))
			for name, m := range mutations(t, r) {
				resp := exchange(t, addr, m.wire())
				err := wire.DecodeError(resp)
				_ = resp.Body.Close()
				if resp.StatusCode != http.StatusForbidden {
					t.Errorf("%s: status %d (%v), want 403\n%s", name, resp.StatusCode, err, m.head)
				}
			}
			other := serve(t, judge(v, r.secret+"x"))
			if resp := exchange(t, other, r.wire()); resp.StatusCode != http.StatusForbidden {
				t.Errorf("another secret: status %d, want 403", resp.StatusCode)
			}
		})
	}
}

// mutations makes requests that differ from r in one signed part each.
func mutations(t *testing.T, r request) map[string]request {
	all := map[string]request{}
	add := func(name, head, body string) {
		if head == r.head && body == r.body {
			t.Fatalf("mutation %q of %s changes nothing", name, r.name)
		}
		all[name] = request{name: r.name, head: head, body: body, secret: r.secret}
	}
	replace := func(name, old, with string) { add(name, strings.Replace(r.head, old, with, 1), r.body) }
	replace("the method", strings.Fields(r.head)[0]+" ", "PUT ")
	replace("the path", " "+r.target(), " "+strings.Replace(r.target(), "/", "/x/", 1))
	replace("a query parameter more", r.target(), r.target()+ifElse(strings.Contains(r.target(), "?"), "&", "?")+"x=1")
	if !r.streamed() && r.body != "" {
		add("the body", r.head, strings.Repeat("[", len(r.body)))
	}
	credential, signed, sig := claims(t, r)
	replace("a digit of the signature", sig, ifElse(sig[0] == '0', "1", "0")+sig[1:])
	replace("the region", credential[2], "xx-west-9")
	replace("the day", credential[1]+ifElse(strings.Contains(r.target(), "%2F"), "%2F", "/"), "20250101/")
	for _, name := range signed {
		if name == "content-length" || name == "host" && strings.HasPrefix(r.target(), "http:") {
			continue // the first changes the body as well; the second does not count beside an absolute target
		}
		line := headerLine(t, r, name)
		last := line[len(line)-1:]
		if name == "transfer-encoding" {
			add("the header "+name, strings.Replace(r.head, line, "content-length: 5", 1), r.body)
			continue
		}
		if name != "host" {
			add("no header "+name, strings.Replace(r.head, line+"\r\n", "", 1), r.body)
		}
		changed := strings.TrimSuffix(line, last) + ifElse(last == "7", "8", "7")
		switch name {
		case "host":
			changed = "Host: otherhost"
		case "x-amz-date": // another second
			at := len(line) - 2
			changed = line[:at] + ifElse(line[at] == '7', "8", "7") + "Z"
		}
		add("the header "+name, strings.Replace(r.head, line, changed, 1), r.body)
	}
	return all
}

func ifElse(cond bool, a, b string) string {
	if cond {
		return a
	}
	return b
}

func headerLine(t *testing.T, r request, name string) string {
	t.Helper()
	for line := range strings.SplitSeq(r.head, "\r\n") {
		if n, _, ok := strings.Cut(line, ":"); ok && strings.EqualFold(n, name) {
			return line
		}
	}
	t.Fatalf("%s has no header %s", r.name, name)
	return ""
}

// claims finds credential, signed headers and signature by searching the text.
func claims(t *testing.T, r request) (credential, signed []string, sig string) {
	t.Helper()
	between := func(s, from, to string) string {
		_, after, ok := strings.Cut(s, from)
		if !ok {
			t.Fatalf("%s has no %s", r.name, from)
		}
		value, _, _ := strings.Cut(after, to)
		return value
	}
	if auth := r.header("Authorization"); auth != "" {
		return strings.Split(between(auth, "Credential=", ","), "/"),
			strings.Split(between(auth, "SignedHeaders=", ","), ";"), between(auth, "Signature=", ",")
	}
	return strings.Split(between(r.target(), "X-Amz-Credential=", "&"), "%2F"),
		strings.Split(between(r.target(), "X-Amz-SignedHeaders=", "&"), ";"), between(r.target(), "X-Amz-Signature=", "&")
}

// base is the time at which the requests in testdata were signed.
func base() time.Time { return time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC) }

func TestClockSkew(t *testing.T) {
	for name, tc := range map[string]struct {
		request string
		now     time.Time
		want    string // a part of the message; empty for success
	}{
		"in time":                          {"json", base(), ""},
		"five minutes late is in time":     {"json", base().Add(5 * time.Minute), ""},
		"five minutes early is in time":    {"json", base().Add(-5 * time.Minute), ""},
		"a second more is late":            {"json", base().Add(5*time.Minute + time.Second), "Signature expired: 20260102T030405Z is now earlier than 20260102T030406Z (20260102T030906Z - 5 min.)"},
		"a second more is early":           {"json", base().Add(-5*time.Minute - time.Second), "Signature not yet current: 20260102T030405Z is still later than 20260102T030404Z (20260102T025904Z + 5 min.)"},
		"a presigned request lives longer": {"presigned-json", base().Add(299 * time.Second), ""},
		"but not for ever":                 {"presigned-json", base().Add(300 * time.Second), "Signature expired: 20260102T030904Z is now earlier than 20260102T030905Z"},
		"and is not good before its time":  {"presigned-json", base().Add(-301 * time.Second), "Signature not yet current"},
	} {
		t.Run(name, func(t *testing.T) {
			err := verifyAt(t, own(t, tc.request), wire.VerifierOptions{}, tc.now)
			if tc.want == "" && err != nil {
				t.Fatal(err)
			}
			if tc.want != "" && (err == nil || !strings.Contains(err.Error(), tc.want) || millrace.CodeOf(err) != millrace.CodeInvalidSignature) {
				t.Errorf("err = %v, want %s", err, tc.want)
			}
		})
	}
	if err := verifyAt(t, own(t, "json"), wire.VerifierOptions{Skew: 15 * time.Minute}, base().Add(14*time.Minute)); err != nil {
		t.Errorf("with a skew of 15 minutes: %v", err)
	}
}

func own(t testing.TB, name string) request {
	t.Helper()
	all := ownRequests(t)
	i := slices.IndexFunc(all, func(r request) bool { return r.name == name })
	if i < 0 {
		t.Fatalf("no request %q in testdata", name)
	}
	return all[i]
}

// verifyAt lets a server read the request and verifies it as of now.
func verifyAt(t testing.TB, r request, o wire.VerifierOptions, now time.Time) error {
	t.Helper()
	var result error
	addr := serve(t, func(w http.ResponseWriter, in *http.Request) {
		w.Header().Set("Connection", "close")
		a, err := wire.ParseAuthorization(in)
		if err != nil {
			result = err
			return
		}
		p := wire.StreamedPayload()
		if !r.streamed() {
			body, err := wire.ReadBody(in)
			if err != nil {
				t.Error(err)
			}
			p = wire.BodyPayload(body)
		}
		result = wire.NewVerifier(o).Verify(in, a, r.secret, p, now)
	})
	resp := exchange(t, addr, r.wire())
	_ = resp.Body.Close()
	return result
}

func TestScope(t *testing.T) {
	for name, tc := range map[string]struct {
		options wire.VerifierOptions
		edit    func(string) string
		want    string
	}{
		"another service":       {edit: replacing("/kinesisvideo/", "/s3/"), want: "Credential should be scoped to correct service: 'kinesisvideo'."},
		"another terminator":    {edit: replacing("/aws4_request", "/aws5_request"), want: "valid terminator"},
		"another day":           {edit: replacing("/20260102/", "/20260103/"), want: "Date in Credential scope"},
		"another region":        {options: wire.VerifierOptions{Region: "us-west-2"}, want: "scoped to a valid region"},
		"any region by default": {},
		"the right region":      {options: wire.VerifierOptions{Region: "eu-west-1"}},
	} {
		t.Run(name, func(t *testing.T) {
			r := own(t, "json")
			if tc.edit != nil {
				r.head = tc.edit(r.head)
			}
			err := verifyAt(t, r, tc.options, base())
			if (err == nil) != (tc.want == "") || err != nil && !strings.Contains(err.Error(), tc.want) {
				t.Errorf("err = %v, want %q", err, tc.want)
			}
		})
	}
}

func replacing(old, with string) func(string) string {
	return func(s string) string { return strings.Replace(s, old, with, 1) }
}

func TestHostsThatAProxyRewrote(t *testing.T) {
	for name, tc := range map[string]struct {
		request, from, to string
		hosts             []string
		ok                bool
	}{
		"the port was added":                    {"put-c", "Host: localhost", "Host: localhost:1234", nil, true},
		"the name was changed":                  {"put-c", "Host: localhost", "Host: backend:1234", nil, false},
		"the name was changed to one we know":   {"put-c", "Host: localhost", "Host: backend:1234", []string{"other", "localhost"}, true},
		"the port was changed to one we know":   {"json", "localhost:8443", "localhost", []string{"localhost:8443"}, true},
		"the port was taken off and is unknown": {"json", "localhost:8443", "localhost", nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			r := own(t, tc.request)
			r.head = strings.Replace(r.head, tc.from, tc.to, 1)
			err := verifyAt(t, r, wire.VerifierOptions{Hosts: tc.hosts}, base())
			if (err == nil) != tc.ok {
				t.Errorf("err = %v", err)
			}
		})
	}
}

func TestHostSignedWithTheListenersPort(t *testing.T) {
	var verdict error
	addr := serve(t, func(_ http.ResponseWriter, r *http.Request) {
		verdict = verify(wire.NewVerifier(wire.VerifierOptions{}), r, "s")
	})
	_, port, _ := strings.Cut(addr, ":")
	r := httptest.NewRequest(http.MethodPost, "http://camera-gate:"+port+"/describeStream", nil)
	r.Host = ""
	if err := signer("s").Sign(r, wire.EmptyPayload, base()); err != nil {
		t.Fatal(err)
	}
	head := "POST /describeStream HTTP/1.1\r\nHost: camera-gate\r\nContent-Length: 0\r\n"
	for name, values := range r.Header {
		head += name + ": " + values[0] + "\r\n"
	}
	resp := exchange(t, addr, head+"\r\n")
	_ = resp.Body.Close()
	if verdict != nil {
		t.Error(verdict)
	}
}

func TestConstantsInsteadOfAHashAreForStreamedBodiesAlone(t *testing.T) {
	for _, payload := range []string{wire.EmptyPayload, wire.UnsignedPayload, wire.StreamingPayload} {
		r := httptest.NewRequest(http.MethodPost, "http://host/getMedia", nil)
		r.Header.Set("X-Amz-Content-Sha256", payload)
		if err := signer("s").Sign(r, payload, base()); err != nil {
			t.Fatal(err)
		}
		a, err := wire.ParseAuthorization(r)
		if err != nil {
			t.Fatal(err)
		}
		v := wire.NewVerifier(wire.VerifierOptions{})
		if err := v.Verify(r, a, "s", wire.BodyPayload([]byte(`{"a":1}`)), base()); err == nil {
			t.Errorf("%s: accepted for a body", payload)
		}
		if err := v.Verify(r, a, "s", wire.StreamedPayload(), base()); err != nil {
			t.Errorf("%s: refused for a stream: %v", payload, err)
		}
	}
}

func TestAnAnnouncedHashMustBeTheBodys(t *testing.T) {
	r := own(t, "json-body-hash-announced")
	r.body = strings.Replace(r.body, "door", "gate", 1)
	if err := verifyAt(t, r, wire.VerifierOptions{}, base()); millrace.CodeOf(err) != millrace.CodeInvalidSignature {
		t.Errorf("err = %v", err)
	}
}

func TestTheSignatureCoversNoMoreThanItSays(t *testing.T) {
	r := own(t, "json")
	r.head = strings.Replace(r.head, "\r\n\r\n", "\r\nX-Amz-Security-Token: added/later==\r\nConnection: close\r\n\r\n", 1)
	if err := verifyAt(t, r, wire.VerifierOptions{}, base()); err != nil {
		t.Error(err)
	}
}

func TestTheKeyCacheDoesNotConfuseSecrets(t *testing.T) {
	v := wire.NewVerifier(wire.VerifierOptions{})
	r := own(t, "json")
	for range 2 { // the second time from the cache
		for secret, ok := range map[string]bool{r.secret: true, "another": false} {
			addr := serve(t, judge(v, secret))
			resp := exchange(t, addr, r.wire())
			_ = resp.Body.Close()
			if (resp.StatusCode == http.StatusOK) != ok {
				t.Errorf("secret %q: status %d", secret, resp.StatusCode)
			}
		}
	}
}
