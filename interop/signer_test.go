//go:build interop

package interop

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

// An order is a request before it is signed.
type order struct {
	name    string
	query   string
	headers http.Header
	body    string
	host    string // overrides the address's
	presign bool
}

// orders are requests that sign correctly and look odd.
func orders() []order {
	header := func(pairs ...string) http.Header {
		h := http.Header{}
		for i := 0; i < len(pairs); i += 2 {
			h.Add(pairs[i], pairs[i+1])
		}
		return h
	}
	return []order{
		{name: "plain", body: "{}"},
		{name: "presigned", body: "{}", presign: true},
		{name: "presigned with headers", body: "{}", presign: true, headers: header("X-Odd", "a  b")},
		{name: "an empty body"},
		{name: "a body of other bytes", body: `{"Unknown":"käse \u0000 ` + strings.Repeat("x", 5000) + `"}`},
		{name: "a query", body: "{}", query: "X-Amz-Expires=600&b=2&a=1"},
		{name: "a query with odd characters", body: "{}", query: "k%C3%A4se=%26%3D%25+%2B~-_.&slash=%2F%3A%40&empty="},
		{name: "a repeated parameter", body: "{}", query: "a=2&a=1&a=%20&A=3"},
		{name: "a presigned query with odd characters", body: "{}", presign: true, query: "k=%26%3D%25%2B~&z=%E2%82%AC"},
		{name: "inner spaces in a header", body: "{}", headers: header("X-Odd", "  a   b    c ")},
		{name: "a repeated header", body: "{}", headers: header("X-Odd", "b", "X-Odd", "a")},
		{name: "an empty header", body: "{}", headers: header("X-Odd", "")},
		{name: "a header with everything", body: "{}", headers: header("X-Odd", `!"#$%&'()*+,-./:;<=>?@[\]^_{|}~`)},
		{name: "many headers", body: "{}", headers: header("X-A", "1", "X-B", "2", "X-C", "3", "Accept", "*/*", "Content-Type", "application/x-amz-json-1.0", "Range", "bytes=0-1")},
		{name: "a host without its port", body: "{}", host: "127.0.0.1"},
		{name: "a host of another name", body: "{}", host: "kinesisvideo.eu-central-1.amazonaws.com"},
	}
}

// sign makes the request and has the SDK sign it.
func (o order) sign(t *testing.T, r *rig) *http.Request {
	t.Helper()
	target := r.url + "/listStreams"
	if o.query != "" {
		target += "?" + o.query
	}
	req, err := http.NewRequest(http.MethodPost, target, strings.NewReader(o.body))
	must(t, err)
	for name, values := range o.headers {
		req.Header[name] = values
	}
	if o.host != "" {
		req.Host = o.host
	}
	hash := sha256.Sum256([]byte(o.body))
	credentials := aws.Credentials{AccessKeyID: accessKey, SecretAccessKey: secretKey}
	signer, now := v4.NewSigner(), time.Now()
	if !o.presign {
		must(t, signer.SignHTTP(context.Background(), credentials, req, hex.EncodeToString(hash[:]), "kinesisvideo", region, now))
		return req
	}
	query := req.URL.Query()
	query.Set("X-Amz-Expires", "60")
	req.URL.RawQuery = query.Encode()
	signed, headers, err := signer.PresignHTTP(context.Background(), credentials, req, hex.EncodeToString(hash[:]), "kinesisvideo", region, now)
	must(t, err)
	req.URL, err = url.Parse(signed)
	must(t, err)
	for name, values := range headers {
		if name != "Host" {
			req.Header[name] = values
		}
	}
	return req
}

func send(t *testing.T, r *rig, req *http.Request) (status int, body string) {
	t.Helper()
	client, err := r.httpClient()
	must(t, err)
	defer client.CloseIdleConnections()
	res, err := client.Do(req)
	must(t, err)
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	must(t, err)
	return res.StatusCode, string(b)
}

// TestSignaturesOfTheSDKAreAccepted: what the SDK signs, the server accepts.
func TestSignaturesOfTheSDKAreAccepted(t *testing.T) {
	plainAndTLS(t, func(t *testing.T, r *rig) {
		for _, o := range orders() {
			t.Run(o.name, func(t *testing.T) {
				if status, body := send(t, r, o.sign(t, r)); status != http.StatusOK {
					t.Errorf("%d %s", status, body)
				}
			})
		}
	})
}

// TestMutatedSignaturesAreRejected: whatever is changed after signing, the
// server notices. Each request is sent unchanged as well, by the test above.
func TestMutatedSignaturesAreRejected(t *testing.T) {
	mutations := []struct {
		name   string
		mutate func(*http.Request) bool // false: does not apply
	}{
		{"another path", func(r *http.Request) bool { r.URL.Path = "/describeStream"; return true }},
		{"one more parameter", func(r *http.Request) bool { r.URL.RawQuery += "&extra=1"; return true }},
		{"one more empty parameter", func(r *http.Request) bool { r.URL.RawQuery += "&extra"; return true }},
		{"another body", func(r *http.Request) bool { setBody(r, `{"MaxResults":1}`); return true }},
		{"a body with a space", func(r *http.Request) bool { setBody(r, bodyOf(r)+" "); return true }},
		{"another host", func(r *http.Request) bool { r.Host = "elsewhere.example.com"; return true }},
		{"another value of a signed header", func(r *http.Request) bool {
			if r.Header.Get("X-Odd") == "" {
				return false
			}
			r.Header.Set("X-Odd", "changed")
			return true
		}},
		{"a signed header removed", func(r *http.Request) bool {
			if r.Header.Get("X-Odd") == "" {
				return false
			}
			r.Header.Del("X-Odd")
			return true
		}},
		{"one bit of the signature", flipSignature},
		{"a shorter signature", shortenSignature},
		{"another region in the scope", replaceInAuth("/"+region+"/", "/us-east-1/")},
		{"another service in the scope", replaceInAuth("/kinesisvideo/", "/s3/")},
		{"another day in the scope", replaceInAuth("/"+time.Now().UTC().Format("20060102")+"/", "/20200101/")},
		{"another key id", replaceInAuth(accessKey, "AKIANOBODY0000000000")},
		{"a date one second off", shiftDate},
		{"no host among the signed headers", replaceInAuth("host;", "")},
	}
	for _, o := range orders() {
		for _, m := range mutations {
			req := o.sign(t, shared)
			if !m.mutate(req) {
				continue
			}
			if status, body := send(t, shared, req); status != http.StatusForbidden {
				t.Errorf("%s, %s: %d %s", o.name, m.name, status, body)
			}
		}
	}
}

// TestRandomSignatures: a few hundred random requests, each sent as signed and
// then with one random byte of its signed parts changed.
func TestRandomSignatures(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 1))
	for i := range 150 {
		o := order{name: fmt.Sprint("random ", i), body: "{}", query: randomQuery(random), presign: random.IntN(3) == 0, headers: http.Header{}}
		for range random.IntN(4) {
			o.headers.Add(fmt.Sprintf("X-H%d", random.IntN(4)), randomText(random, " \tabcXYZ0189!#$%&'*+-.^_`|~,;=\"/"))
		}
		if status, body := send(t, shared, o.sign(t, shared)); status != http.StatusOK {
			t.Fatalf("%s: %d %s\nquery %q, headers %q", o.name, status, body, o.query, o.headers)
		}
		req := o.sign(t, shared)
		flipSignature(req)
		if status, _ := send(t, shared, req); status != http.StatusForbidden {
			t.Fatalf("%s with another signature: %d", o.name, status)
		}
	}
}

func randomQuery(random *rand.Rand) string {
	values := url.Values{}
	for range random.IntN(5) {
		values.Add(randomText(random, "abcABC019-._~ +&=%/?:@!$'()*,;ä€")+"k", randomText(random, "abcABC019-._~ +&=%/?:@!$'()*,;ä€"))
	}
	return values.Encode()
}

func randomText(random *rand.Rand, alphabet string) string {
	letters := []rune(alphabet)
	var b strings.Builder
	for range random.IntN(12) {
		b.WriteRune(letters[random.IntN(len(letters))])
	}
	return b.String()
}

func setBody(r *http.Request, body string) {
	r.Body = io.NopCloser(strings.NewReader(body))
	r.ContentLength = int64(len(body))
	if r.Header.Get("Content-Length") != "" {
		r.Header.Set("Content-Length", fmt.Sprint(len(body)))
	}
}

func bodyOf(r *http.Request) string {
	b, _ := io.ReadAll(r.Body)
	r.Body = io.NopCloser(bytes.NewReader(b))
	return string(b)
}

// flipSignature changes the last digit of the signature, wherever it stands.
func flipSignature(r *http.Request) bool {
	other := func(s string) string {
		if strings.HasSuffix(s, "0") {
			return s[:len(s)-1] + "1"
		}
		return s[:len(s)-1] + "0"
	}
	return onSignature(r, other)
}

func shortenSignature(r *http.Request) bool {
	return onSignature(r, func(s string) string { return s[:len(s)-2] })
}

func onSignature(r *http.Request, change func(string) string) bool {
	if auth := r.Header.Get("Authorization"); auth != "" {
		r.Header.Set("Authorization", change(auth))
		return true
	}
	query := r.URL.Query()
	query.Set("X-Amz-Signature", change(query.Get("X-Amz-Signature")))
	r.URL.RawQuery = query.Encode()
	return true
}

// replaceInAuth edits the scope or the list of signed headers; false if there
// is nothing to replace.
func replaceInAuth(old, text string) func(*http.Request) bool {
	return func(r *http.Request) bool {
		if auth := r.Header.Get("Authorization"); auth != "" {
			r.Header.Set("Authorization", strings.Replace(auth, old, text, 1))
			return strings.Contains(auth, old)
		}
		query, changed := r.URL.Query(), false
		for _, key := range []string{"X-Amz-Credential", "X-Amz-SignedHeaders"} {
			if value := query.Get(key); strings.Contains(value, old) {
				query.Set(key, strings.Replace(value, old, text, 1))
				changed = true
			}
		}
		r.URL.RawQuery = query.Encode()
		return changed
	}
}

func shiftDate(r *http.Request) bool {
	const layout = "20060102T150405Z"
	shift := func(s string) string {
		at, err := time.Parse(layout, s)
		if err != nil {
			return "20200101T000000Z"
		}
		return at.Add(-time.Second).Format(layout)
	}
	if date := r.Header.Get("X-Amz-Date"); date != "" {
		r.Header.Set("X-Amz-Date", shift(date))
		return true
	}
	query := r.URL.Query()
	query.Set("X-Amz-Date", shift(query.Get("X-Amz-Date")))
	r.URL.RawQuery = query.Encode()
	return true
}
