package auth_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/auth"
	"github.com/millrace/millrace/internal/wire"
)

const (
	body   = `{"StreamName":"door"}`
	region = "eu-west-1"
)

func now() time.Time { return time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC) }

// keys is an auth.Keys in memory.
type keys map[string]auth.Key

func (k keys) Lookup(_ context.Context, id, _ string) (auth.Key, error) {
	key, ok := k[id]
	if !ok {
		return auth.Key{}, millrace.ErrNotFound
	}
	return key, nil
}

// brokenKeys is an auth.Keys that cannot answer.
type brokenKeys struct{}

func (brokenKeys) Lookup(context.Context, string, string) (auth.Key, error) {
	return auth.Key{}, errors.New("database is away")
}

func someKeys() keys {
	return keys{
		"AKIDPERMANENT": {Secret: "secret1", Principal: auth.Principal{ARN: "arn:aws:iam::000000000000:user/ann", KeyID: "AKIDPERMANENT"}},
		"ASIATEMPORARY": {
			Secret: "secret2", Token: "token/of+some==", Expires: now().Add(time.Minute),
			Principal: auth.Principal{ARN: "arn:aws:iam::000000000000:role/cam", KeyID: "ASIATEMPORARY"},
		},
	}
}

// signed makes a request as a server would receive it.
func signed(t *testing.T, c wire.Credentials, path, payload string) *http.Request {
	t.Helper()
	r := httptest.NewRequest(http.MethodPost, "http://localhost"+path, nil)
	if err := (wire.Signer{Credentials: c, Region: region}).Sign(r, payload, now()); err != nil {
		t.Fatal(err)
	}
	return r
}

func TestAuthenticate(t *testing.T) {
	permanent := wire.Credentials{AccessKeyID: "AKIDPERMANENT", SecretAccessKey: "secret1"}
	temporary := wire.Credentials{AccessKeyID: "ASIATEMPORARY", SecretAccessKey: "secret2", SessionToken: "token/of+some=="}
	hash := wire.PayloadHash([]byte(body))
	for name, tc := range map[string]struct {
		credentials wire.Credentials
		edit        func(*http.Request)
		at          time.Time
		want        millrace.Code
		text        string
	}{
		"a permanent key":               {credentials: permanent},
		"a temporary key":               {credentials: temporary},
		"a token added after signing":   {credentials: withToken(temporary, ""), edit: addToken("token/of+some==")},
		"a temporary key, no token":     {credentials: withToken(temporary, ""), want: millrace.CodeUnknownKey, text: "The security token included in the request is invalid"},
		"a temporary key, other token":  {credentials: withToken(temporary, "other"), want: millrace.CodeUnknownKey, text: "The security token included in the request is invalid"},
		"a permanent key with a token":  {credentials: withToken(permanent, "any"), want: millrace.CodeUnknownKey, text: "The security token included in the request is invalid"},
		"an unknown key":                {credentials: wire.Credentials{AccessKeyID: "AKIDNOBODY", SecretAccessKey: "secret1"}, want: millrace.CodeUnknownKey, text: "The security token included in the request is invalid"},
		"a wrong secret":                {credentials: wire.Credentials{AccessKeyID: "AKIDPERMANENT", SecretAccessKey: "secret2"}, want: millrace.CodeInvalidSignature, text: "The request signature we calculated does not match"},
		"no signature":                  {credentials: permanent, edit: func(r *http.Request) { r.Header.Del("Authorization") }, want: millrace.CodeMissingToken, text: "Missing Authentication Token"},
		"a clock that is behind":        {credentials: permanent, at: now().Add(6 * time.Minute), want: millrace.CodeInvalidSignature, text: "Signature expired"},
		"a clock that is ahead":         {credentials: permanent, at: now().Add(-6 * time.Minute), want: millrace.CodeInvalidSignature, text: "Signature not yet current"},
		"a token past its time":         {credentials: temporary, at: now().Add(time.Minute), want: millrace.CodeExpiredToken, text: "The security token included in the request is expired"},
		"a token a moment before":       {credentials: temporary, at: now().Add(time.Minute - 1)},
		"an expired token, not its own": {credentials: wire.Credentials{AccessKeyID: "ASIATEMPORARY", SecretAccessKey: "x", SessionToken: "token/of+some=="}, at: now().Add(time.Minute), want: millrace.CodeInvalidSignature},
	} {
		t.Run(name, func(t *testing.T) {
			r := signed(t, tc.credentials, "/describeStream", hash)
			if tc.edit != nil {
				tc.edit(r)
			}
			if tc.at.IsZero() {
				tc.at = now()
			}
			p, err := auth.New(auth.Options{Keys: someKeys()}).Authenticate(t.Context(), r, []byte(body), tc.at)
			if tc.text == "" && tc.want == 0 {
				if err != nil || p.KeyID != tc.credentials.AccessKeyID || p.ARN == "" {
					t.Errorf("%+v, %v", p, err)
				}
				return
			}
			if err == nil || millrace.CodeOf(err) != tc.want || !strings.Contains(err.Error(), tc.text) || !reflect.DeepEqual(p, auth.Principal{}) {
				t.Errorf("%+v, code %d, %v", p, millrace.CodeOf(err), err)
			}
		})
	}
}

func withToken(c wire.Credentials, token string) wire.Credentials {
	c.SessionToken = token
	return c
}

func addToken(token string) func(*http.Request) {
	return func(r *http.Request) { r.Header.Set("X-Amz-Security-Token", token) }
}

func TestOnlyAStreamedBodyGoesUnsigned(t *testing.T) {
	a := auth.New(auth.Options{Keys: someKeys()})
	c := wire.Credentials{AccessKeyID: "AKIDPERMANENT", SecretAccessKey: "secret1"}
	r := signed(t, c, "/putMedia", wire.EmptyPayload)
	if _, err := a.Authenticate(t.Context(), r, nil, now()); err != nil {
		t.Errorf("streamed: %v", err)
	}
	if _, err := a.Authenticate(t.Context(), r, []byte(body), now()); millrace.CodeOf(err) != millrace.CodeInvalidSignature {
		t.Errorf("a body that is not signed: %v", err)
	}
	if _, err := a.Authenticate(t.Context(), r, []byte{}, now()); err != nil {
		t.Errorf("an empty body: %v", err)
	}
}

func TestKeysThatCannotBeLookedUp(t *testing.T) {
	c := wire.Credentials{AccessKeyID: "AKIDPERMANENT", SecretAccessKey: "secret1"}
	r := signed(t, c, "/describeStream", wire.PayloadHash([]byte(body)))
	_, err := auth.New(auth.Options{Keys: brokenKeys{}}).Authenticate(t.Context(), r, []byte(body), now())
	if millrace.CodeOf(err) != millrace.CodeUnavailable {
		t.Errorf("err = %v", err)
	}
	w := httptest.NewRecorder()
	wire.WriteError(w, "id", err)
	if shown, _ := io.ReadAll(w.Body); bytes.Contains(shown, []byte("database")) {
		t.Errorf("the cause is shown: %s", shown)
	}
}

func TestOptions(t *testing.T) {
	c := wire.Credentials{AccessKeyID: "AKIDPERMANENT", SecretAccessKey: "secret1"}
	r := signed(t, c, "/putMedia", wire.EmptyPayload)
	late := now().Add(10 * time.Minute)
	if _, err := auth.New(auth.Options{Keys: someKeys(), Skew: 15 * time.Minute}).Authenticate(t.Context(), r, nil, late); err != nil {
		t.Errorf("a wider skew: %v", err)
	}
	if _, err := auth.New(auth.Options{Keys: someKeys(), Region: "us-east-1"}).Authenticate(t.Context(), r, nil, now()); err == nil {
		t.Error("another region is accepted")
	}
	r.Host = "proxy:1"
	if _, err := auth.New(auth.Options{Keys: someKeys(), Hosts: []string{"localhost"}}).Authenticate(t.Context(), r, nil, now()); err != nil {
		t.Errorf("a known host: %v", err)
	}
}

func TestAuthorize(t *testing.T) {
	if err := auth.Authorize(auth.Principal{Root: true}, "DeleteStream", "*"); err != nil {
		t.Errorf("root: %v", err)
	}
	err := auth.Authorize(auth.Principal{ARN: "arn:aws:iam::000000000000:user/ann"}, "DescribeStream", "door")
	want := "User: arn:aws:iam::000000000000:user/ann is not authorized to perform: kinesisvideo:DescribeStream on resource: door"
	if millrace.CodeOf(err) != millrace.CodeAccessDenied || err.Error() != want {
		t.Errorf("err = %v", err)
	}
}
