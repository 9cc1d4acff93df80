package wire_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/wire"
)

// sixtyFour is the form of a signature.
var sixtyFour = strings.Repeat("0123456789abcdef", 4)

const wellFormed = "AWS4-HMAC-SHA256 Credential=AKID/20260102/eu-west-1/kinesisvideo/aws4_request, SignedHeaders=host;x-amz-date, Signature="

func TestAuthorizationHeader(t *testing.T) {
	const missing, incomplete = millrace.CodeMissingToken, millrace.CodeIncompleteSignature
	for name, tc := range map[string]struct {
		header string
		want   millrace.Code
	}{
		"no header is a missing token":           {"", missing},
		"another scheme is refused":              {"Basic dXNlcjpwYXNz", incomplete},
		"the asymmetric algorithm is refused":    {strings.Replace(wellFormed, "HMAC", "ECDSA-P256", 1) + sixtyFour, incomplete},
		"nothing but the algorithm is refused":   {"AWS4-HMAC-SHA256", incomplete},
		"a missing part is refused":              {"AWS4-HMAC-SHA256 Credential=A/20260102/r/kinesisvideo/aws4_request, Signature=" + sixtyFour, incomplete},
		"a part given twice is refused":          {wellFormed + sixtyFour + ", Signature=" + sixtyFour, incomplete},
		"a part without value is refused":        {wellFormed, incomplete},
		"a short signature is refused":           {wellFormed + sixtyFour[1:], incomplete},
		"a signature of other digits is refused": {wellFormed + strings.Repeat("g", 64), incomplete},
		"a scope of four parts is refused":       {strings.Replace(wellFormed, "/eu-west-1", "", 1) + sixtyFour, incomplete},
		"an empty region is refused":             {strings.Replace(wellFormed, "eu-west-1", "", 1) + sixtyFour, incomplete},
		"an unsigned host is refused":            {strings.Replace(wellFormed, "host;", "", 1) + sixtyFour, incomplete},
		"an unsigned date is refused":            {strings.Replace(wellFormed, ";x-amz-date", "", 1) + sixtyFour, incomplete},
		"a header signed twice is refused":       {strings.Replace(wellFormed, "host;", "host;host;", 1) + sixtyFour, incomplete},
		"an empty header name is refused":        {strings.Replace(wellFormed, "host;", "host;;", 1) + sixtyFour, incomplete},
		"a thousand headers are refused":         {strings.Replace(wellFormed, "host;", "host"+strings.Repeat(";h", 1000)+";", 1) + sixtyFour, incomplete},
	} {
		r := httptest.NewRequest(http.MethodPost, "/describeStream", nil)
		r.Header.Set("X-Amz-Date", "20260102T030405Z")
		if tc.header != "" {
			r.Header.Set("Authorization", tc.header)
		}
		if _, err := wire.ParseAuthorization(r); err == nil || millrace.CodeOf(err) != tc.want {
			t.Errorf("%s: code %d (%v), want %d", name, millrace.CodeOf(err), err, tc.want)
		}
	}
}

func TestAuthorizationHeaderWithoutSpacesIsRead(t *testing.T) {
	r := httptest.NewRequest(http.MethodPost, "/describeStream", nil)
	r.Header.Set("X-Amz-Date", "20260102T030405Z")
	r.Header.Set("X-Amz-Security-Token", "token")
	r.Header.Set("Authorization", strings.ReplaceAll(wellFormed+sixtyFour, ", ", ","))
	a, err := wire.ParseAuthorization(r)
	if err != nil {
		t.Fatal(err)
	}
	want := wire.Credential{KeyID: "AKID", Day: "20260102", Region: "eu-west-1", Service: "kinesisvideo", Terminator: "aws4_request"}
	if a.Credential != want || !a.Time.Equal(base()) || a.Token != "token" || a.Presigned {
		t.Errorf("parsed %+v", a)
	}
}

func TestAuthorizationDate(t *testing.T) {
	signed := wellFormed + sixtyFour
	dated := strings.Replace(signed, "x-amz-date", "date", 1)
	for name, tc := range map[string]struct {
		auth, amzDate, date string
		ok                  bool
	}{
		"X-Amz-Date":                  {signed, "20260102T030405Z", "", true},
		"Date in the same form":       {dated, "", "20260102T030405Z", true},
		"Date as in RFC 1123":         {dated, "", "Fri, 02 Jan 2026 03:04:05 GMT", true},
		"X-Amz-Date before Date":      {signed, "20260102T030405Z", "Fri, 02 Jan 2001 03:04:05 GMT", true},
		"no date":                     {signed, "", "", false},
		"Date that is not signed":     {signed, "", "20260102T030405Z", false},
		"X-Amz-Date as in RFC 1123":   {signed, "Fri, 02 Jan 2026 03:04:05 GMT", "", false},
		"a date that is none":         {signed, "20261302T030405Z", "", false},
		"X-Amz-Date, but Date signed": {dated, "20260102T030405Z", "20260102T030405Z", false},
	} {
		r := httptest.NewRequest(http.MethodPost, "/describeStream", nil)
		r.Header.Set("Authorization", tc.auth)
		for header, value := range map[string]string{"X-Amz-Date": tc.amzDate, "Date": tc.date} {
			if value != "" {
				r.Header.Set(header, value)
			}
		}
		a, err := wire.ParseAuthorization(r)
		if (err == nil) != tc.ok {
			t.Errorf("%s: err = %v", name, err)
		}
		if err == nil && !a.Time.Equal(base()) {
			t.Errorf("%s: time = %v", name, a.Time)
		}
	}
}

func TestPresignedQuery(t *testing.T) {
	good := own(t, "presigned-json").target()
	for name, tc := range map[string]struct {
		edit func(string) string
		want millrace.Code
	}{
		"another algorithm is refused":   {replacing("HMAC", "ECDSA"), millrace.CodeIncompleteSignature},
		"no expiry is refused":           {replacing("X-Amz-Expires=299&", ""), millrace.CodeIncompleteSignature},
		"a long expiry is refused":       {replacing("X-Amz-Expires=299", "X-Amz-Expires=604801"), millrace.CodeIncompleteSignature},
		"a negative expiry is refused":   {replacing("X-Amz-Expires=299", "X-Amz-Expires=-1"), millrace.CodeIncompleteSignature},
		"no date is refused":             {replacing("X-Amz-Date=20260102T030405Z&", ""), millrace.CodeIncompleteSignature},
		"two dates are refused":          {replacing("X-Amz-Date=20260102T030405Z&", "X-Amz-Date=20260102T030405Z&X-Amz-Date=20260102T030405Z&"), millrace.CodeIncompleteSignature},
		"no credential is refused":       {replacing("X-Amz-Credential", "X-Amz-Credentials"), millrace.CodeIncompleteSignature},
		"no signature is refused":        {replacing("X-Amz-Signature", "X-Amz-Sign"), millrace.CodeIncompleteSignature},
		"a malformed query is refused":   {replacing("X-Amz-Expires=299", "X-Amz-Expires=%zz"), millrace.CodeIncompleteSignature},
		"a thousand parameters are one":  {func(s string) string { return s + strings.Repeat("&a=b", 1000) }, millrace.CodeIncompleteSignature},
		"an ordinary query is no signed": {func(string) string { return "/describeStream?X-Amz-Expires=600" }, millrace.CodeMissingToken},
	} {
		_, err := wire.ParseAuthorization(httptest.NewRequest(http.MethodPost, tc.edit(good), nil))
		if err == nil || millrace.CodeOf(err) != tc.want {
			t.Errorf("%s: code %d (%v), want %d", name, millrace.CodeOf(err), err, tc.want)
		}
	}
	a, err := wire.ParseAuthorization(httptest.NewRequest(http.MethodPost, good+"&X-Amz-Security-Token=a%2Bb", nil))
	if err != nil {
		t.Fatal(err)
	}
	if !a.Presigned || a.Expires != 299*time.Second || a.Token != "a+b" {
		t.Errorf("parsed %+v", a)
	}
}

func TestTwoAuthorizationHeadersAreRefused(t *testing.T) {
	r := httptest.NewRequest(http.MethodPost, "/describeStream", nil)
	r.Header["Authorization"] = []string{wellFormed + sixtyFour, wellFormed + sixtyFour}
	if _, err := wire.ParseAuthorization(r); millrace.CodeOf(err) != millrace.CodeIncompleteSignature {
		t.Errorf("err = %v", err)
	}
}

// FuzzAuthorization checks that no header and no target makes the parser or the
// verifier fail otherwise than with an error of authentication, and that
// nothing verifies.
func FuzzAuthorization(f *testing.F) {
	for _, r := range ownRequests(f) {
		f.Add(r.target(), r.header("Authorization"), r.header("X-Amz-Date"))
	}
	f.Add("/", wellFormed+sixtyFour, "20260102T030405Z")
	f.Add("//%2f?%41=%zz&&=", "AWS4-HMAC-SHA256 Credential=////,SignedHeaders=;", "")
	v := wire.NewVerifier(wire.VerifierOptions{})
	f.Fuzz(func(t *testing.T, target, auth, date string) {
		r := httptest.NewRequest(http.MethodPost, "/", nil)
		r.RequestURI, r.Host = target, "localhost"
		r.Header.Set("X-Amz-Date", date)
		if auth != "" {
			r.Header.Set("Authorization", auth)
		}
		a, err := wire.ParseAuthorization(r)
		if err == nil {
			err = v.Verify(r, a, "a secret nobody signs with", wire.StreamedPayload(), a.Time)
		}
		switch millrace.CodeOf(err) {
		case millrace.CodeMissingToken, millrace.CodeIncompleteSignature, millrace.CodeInvalidSignature:
		default:
			t.Errorf("err = %v", err)
		}
	})
}
