package wire

import (
	"encoding/hex"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/millrace/millrace"
)

// Credentials are what a client signs with.
type Credentials = millrace.Credentials

// A Signer signs the requests of a client. It is a value without state and
// safe for concurrent use.
type Signer struct {
	Credentials Credentials
	Region      string
}

// Sign puts a signature into the header of r, as made at the time at.
//
// payload is the hash of the body (PayloadHash), EmptyPayload for a PutMedia
// body that is not signed, or UnsignedPayload, which is announced in a header
// of its own. Signed are the host, the content type and every header whose name
// begins with x-amz or x-millrace. These must not change afterwards; nor must
// r's method, URL and host. A port that is the default of r's scheme is taken
// off r.Host.
func (s Signer) Sign(r *http.Request, payload string, at time.Time) error {
	if err := s.check(); err != nil {
		return err
	}
	stamp := at.UTC().Format(signingTimeLayout)
	r.Host = clientHost(r)
	r.Header.Set(headerAmzDate, stamp)
	r.Header.Del(headerSecurityToken) // of credentials that signed before
	if s.Credentials.SessionToken != "" {
		r.Header.Set(headerSecurityToken, s.Credentials.SessionToken)
	}
	if payload == UnsignedPayload {
		r.Header.Set(headerContentSHA256, payload)
	}
	q, err := parseQuery(r.URL.RawQuery)
	if err != nil {
		return fmt.Errorf("sign request: %w", err)
	}
	names := headersToSign(r.Header)
	c := newCredential(s.Credentials.AccessKeyID, s.Region, at)
	sig := s.signature(r, stamp, c, names, q, payload)
	r.Header.Set(headerAuthorization, signingAlgorithm+" Credential="+c.KeyID+"/"+c.scope()+
		", SignedHeaders="+strings.Join(names, ";")+", Signature="+hex.EncodeToString(sig[:]))
	return nil
}

// SignedTime returns the time at which r was signed in its header.
func SignedTime(r *http.Request) (time.Time, error) {
	return time.Parse(signingTimeLayout, r.Header.Get(headerAmzDate))
}

// Presign returns r's URL with a signature in its query that is valid for
// expires, which is whole seconds up to a week. Only the host is signed. payload
// is as for Sign. r is not changed.
func (s Signer) Presign(r *http.Request, payload string, expires time.Duration, at time.Time) (*url.URL, error) {
	if err := s.check(); err != nil {
		return nil, err
	}
	if expires < time.Second || expires > maxExpires {
		return nil, fmt.Errorf("presign request: lifetime %v is not between a second and a week", expires)
	}
	q, err := parseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, fmt.Errorf("presign request: %w", err)
	}
	stamp, names := at.UTC().Format(signingTimeLayout), []string{"host"}
	c := newCredential(s.Credentials.AccessKeyID, s.Region, at)
	q = append(q, query{
		{queryAlgorithm, signingAlgorithm},
		{queryCredential, c.KeyID + "/" + c.scope()},
		{queryDate, stamp},
		{queryExpires, strconv.Itoa(int(expires / time.Second))},
		{querySignedHeaders, "host"},
	}...)
	if s.Credentials.SessionToken != "" {
		q = append(q, [2]string{querySecurityToken, s.Credentials.SessionToken})
	}
	sig := s.signature(r, stamp, c, names, q, payload)
	u := *r.URL
	u.RawQuery = q.canonical() + "&" + querySignature + "=" + hex.EncodeToString(sig[:])
	return &u, nil
}

func (s Signer) check() error {
	if s.Credentials.AccessKeyID == "" || s.Credentials.SecretAccessKey == "" || s.Region == "" {
		return fmt.Errorf("sign request: access key id, secret access key and region must be set")
	}
	return nil
}

func (s Signer) signature(r *http.Request, stamp string, c Credential, names []string, q query, payload string) signature {
	b := canonicalHead(nil, r.Method, r.URL.EscapedPath(), q)
	host := clientHost(r)
	for _, name := range names {
		value := host
		if name != "host" {
			value = collapseSpaces(joinValues(r.Header[http.CanonicalHeaderKey(name)]))
		}
		b = appendHeader(b, name, value)
	}
	b = appendTail(b, names, payload)
	return sign(deriveKey(s.Credentials.SecretAccessKey, c), stamp, c, b)
}

// headersToSign returns the lower-case names of what a client signs, sorted.
func headersToSign(h http.Header) []string {
	names := []string{"host"}
	for name := range h {
		name = strings.ToLower(name)
		if name == "content-type" || strings.HasPrefix(name, "x-amz") || strings.HasPrefix(name, "x-millrace-") {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// clientHost is the host that goes on the wire, without a default port.
func clientHost(r *http.Request) string {
	host := r.Host
	if host == "" {
		host = r.URL.Host
	}
	switch r.URL.Scheme {
	case "http":
		return strings.TrimSuffix(host, ":80")
	case "https":
		return strings.TrimSuffix(host, ":443")
	}
	return host
}
