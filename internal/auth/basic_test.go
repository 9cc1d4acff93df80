package auth_test

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/auth"
)

func TestBasicCredentials(t *testing.T) {
	ended := auth.Key{Secret: "secret3", Expires: now(), Principal: auth.Principal{KeyID: "AKIDENDED"}}
	known := someKeys()
	known["AKIDENDED"] = ended
	a := auth.New(auth.Options{Keys: known})
	basic := func(id, secret string) func(*http.Request) {
		return func(r *http.Request) { r.SetBasicAuth(id, secret) }
	}
	header := func(values ...string) func(*http.Request) {
		return func(r *http.Request) { r.Header["Authorization"] = values }
	}
	for name, tc := range map[string]struct {
		edit func(*http.Request)
		want millrace.Code
	}{
		"a key":                {basic("AKIDPERMANENT", "secret1"), 0},
		"no header":            {func(*http.Request) {}, millrace.CodeMissingToken},
		"an empty header":      {header(""), millrace.CodeIncompleteSignature},
		"a signature":          {header("AWS4-HMAC-SHA256 Credential=x"), millrace.CodeIncompleteSignature},
		"no base64":            {header("Basic ???"), millrace.CodeIncompleteSignature},
		"no colon":             {header("Basic QUtJRA=="), millrace.CodeIncompleteSignature},
		"no name":              {basic("", "secret1"), millrace.CodeIncompleteSignature},
		"no secret":            {basic("AKIDPERMANENT", ""), millrace.CodeIncompleteSignature},
		"an unknown key":       {basic("AKIDNOBODY", "secret1"), millrace.CodeUnknownKey},
		"another secret":       {basic("AKIDPERMANENT", "secret2"), millrace.CodeUnknownKey},
		"half a secret":        {basic("AKIDPERMANENT", "secret"), millrace.CodeUnknownKey},
		"more than the secret": {basic("AKIDPERMANENT", "secret11"), millrace.CodeUnknownKey},
		"a session":            {basic("ASIATEMPORARY", "secret2"), millrace.CodeUnknownKey},
		"a key that has ended": {basic("AKIDENDED", "secret3"), millrace.CodeExpiredToken},
	} {
		r := httptest.NewRequest(http.MethodGet, "http://localhost/metrics", nil)
		tc.edit(r)
		p, err := a.AuthenticateBasic(t.Context(), r, now())
		if tc.want == 0 && (err != nil || p.KeyID != "AKIDPERMANENT") || tc.want != 0 && (millrace.CodeOf(err) != tc.want || err == nil || p.KeyID != "") {
			t.Errorf("%s: %+v, %v", name, p, err)
		}
	}
	twice := httptest.NewRequest(http.MethodGet, "http://localhost/metrics", nil)
	twice.SetBasicAuth("AKIDPERMANENT", "secret1")
	twice.Header.Add("Authorization", twice.Header.Get("Authorization"))
	if _, err := a.AuthenticateBasic(t.Context(), twice, now()); err == nil {
		t.Error("two headers are taken")
	}
	if _, err := auth.New(auth.Options{Keys: brokenKeys{}}).AuthenticateBasic(t.Context(), withBasic(), now()); millrace.CodeOf(err) != millrace.CodeUnavailable {
		t.Errorf("keys that cannot be looked up: %v", err)
	}
}

func withBasic() *http.Request {
	r := httptest.NewRequest(http.MethodGet, "http://localhost/metrics", nil)
	r.SetBasicAuth("AKIDPERMANENT", "secret1")
	return r
}

// TestAKeyEnds: also one that has no token.
func TestAKeyEnds(t *testing.T) {
	r := newRing(t)
	made, secret, err := r.Create(t.Context(), r.rootPrincipal(t), auth.AccessKey{Name: "guest", Scope: scope("ReadMetrics", ""), Expires: now().Add(time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
	a := auth.New(auth.Options{Keys: r.KeyRing})
	request := httptest.NewRequest(http.MethodGet, "http://localhost/metrics", nil)
	request.SetBasicAuth(made.ID, secret)
	for after, want := range map[time.Duration]millrace.Code{0: 0, time.Hour - 1: 0, time.Hour: millrace.CodeExpiredToken} {
		p, err := a.AuthenticateBasic(t.Context(), request, now().Add(after))
		if want == 0 && (err != nil || auth.Authorize(p, auth.ReadMetrics, "*") != nil) || want != 0 && millrace.CodeOf(err) != want {
			t.Errorf("after %v: %+v, %v", after, p, err)
		}
	}
}
