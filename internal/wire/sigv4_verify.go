package wire

import (
	"crypto/subtle"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/millrace/millrace"
)

// DefaultSkew is how far a client's clock may be off.
const DefaultSkew = 5 * time.Minute

// VerifierOptions configure a Verifier. The zero value is the default.
type VerifierOptions struct {
	Skew   time.Duration // how far a client's clock may be off; 0 means DefaultSkew
	Region string        // the one region that scopes may name; empty means any
	Hosts  []string      // further values of the Host header that clients may have signed, as proxies rewrite it
}

// A Verifier checks signatures. It is safe for concurrent use.
type Verifier struct {
	skew   time.Duration
	region string
	hosts  []string
	keys   keyCache
}

// NewVerifier makes a Verifier.
func NewVerifier(o VerifierOptions) *Verifier {
	if o.Skew <= 0 {
		o.Skew = DefaultSkew
	}
	return &Verifier{skew: o.Skew, region: o.Region, hosts: slices.Clone(o.Hosts)}
}

// A Payload is what a signature's payload hash must agree with.
type Payload struct {
	body     []byte
	streamed bool
}

// BodyPayload is the body of a JSON operation: the signature must cover it.
func BodyPayload(body []byte) Payload { return Payload{body: body} }

// StreamedPayload is a body that is not read before the signature is checked:
// PutMedia's. The signature covers the hash of nothing, one of the constants,
// or whatever hash the client announced.
func StreamedPayload() Payload { return Payload{streamed: true} }

// Verify checks that a, which ParseAuthorization made of r, was made with
// secret, for this service, over r as it stands, within the allowed time of now.
// r must be as the server received it. Errors carry CodeInvalidSignature; their
// messages hold the phrases by which clients notice that their clock is wrong.
func (v *Verifier) Verify(r *http.Request, a *Authorization, secret string, p Payload, now time.Time) error {
	if err := v.checkScope(a); err != nil {
		return err
	}
	if err := v.checkTime(a, now.UTC()); err != nil {
		return err
	}
	return v.checkSignature(r, a, secret, p)
}

func badSignature(format string, args ...any) error {
	return millrace.Errorf(millrace.CodeInvalidSignature, format, args...)
}

func (v *Verifier) checkScope(a *Authorization) error {
	c := a.Credential
	switch {
	case c.Service != signingService:
		return badSignature("Credential should be scoped to correct service: '%s'.", signingService)
	case c.Terminator != signingTerminator:
		return badSignature("Credential should be scoped with a valid terminator: '%s', not '%.40s'.", signingTerminator, c.Terminator)
	case c.Day != a.Time.Format(signingDayLayout):
		return badSignature("Date in Credential scope does not match YYYYMMDD from the date of the request: '%.40s' != '%s'.",
			c.Day, a.Time.Format(signingDayLayout))
	case v.region != "" && c.Region != v.region:
		return badSignature("Credential should be scoped to a valid region, not '%.40s'.", c.Region)
	}
	return nil
}

// checkTime compares with the server's clock. Clients search the messages for
// "Signature expired" and "Signature not yet current".
func (v *Verifier) checkTime(a *Authorization, now time.Time) error {
	signed := a.Time.Format(signingTimeLayout)
	if latest := now.Add(v.skew); a.Time.After(latest) {
		return badSignature("Signature not yet current: %s is still later than %s (%s + %s)",
			signed, latest.Format(signingTimeLayout), now.Format(signingTimeLayout), minutes(v.skew))
	}
	if a.Presigned {
		if end := a.Time.Add(a.Expires); now.After(end) {
			return badSignature("Signature expired: %s is now earlier than %s (signed %s + %d s)",
				end.Format(signingTimeLayout), now.Format(signingTimeLayout), signed, int(a.Expires/time.Second))
		}
		return nil
	}
	if earliest := now.Add(-v.skew); a.Time.Before(earliest) {
		return badSignature("Signature expired: %s is now earlier than %s (%s - %s)",
			signed, earliest.Format(signingTimeLayout), now.Format(signingTimeLayout), minutes(v.skew))
	}
	return nil
}

func minutes(d time.Duration) string {
	if d%time.Minute == 0 {
		return strconv.Itoa(int(d/time.Minute)) + " min."
	}
	return d.String()
}

const mismatch = "The request signature we calculated does not match the signature you provided. " +
	"Check your AWS Secret Access Key and signing method. Consult the service documentation for details."

func errMismatch(cause error) error {
	return &millrace.Error{Code: millrace.CodeInvalidSignature, Message: mismatch, Err: cause}
}

// checkSignature tries the forms in which the request may have been signed,
// the likeliest first: clients differ in the payload hash, in the port of the
// host, and in how they treat spaces inside values.
func (v *Verifier) checkSignature(r *http.Request, a *Authorization, secret string, p Payload) error {
	payloads, err := payloadHashes(r, p)
	if err != nil {
		return errMismatch(err)
	}
	values, spaced, err := signedValues(r, a.SignedHeaders)
	if err != nil {
		return errMismatch(err)
	}
	host := slices.Index(a.SignedHeaders, "host")
	key, cached := v.keys.lookup(secret, a.Credential)
	stamp := a.Time.Format(signingTimeLayout)
	head := canonicalHead(make([]byte, 0, 1536), r.Method, a.path, a.query)
	for _, values[host] = range v.hostForms(r) {
		for _, payload := range payloads {
			for _, collapse := range [...]bool{true, false} {
				if !collapse && !spaced {
					continue
				}
				b := appendHeaders(head, a.SignedHeaders, values, collapse)
				got := sign(key, stamp, a.Credential, appendTail(b, a.SignedHeaders, payload))
				if subtle.ConstantTimeCompare(got[:], a.signature[:]) == 1 {
					if !cached {
						v.keys.store(secret, a.Credential, key)
					}
					return nil
				}
			}
		}
	}
	return errMismatch(nil)
}

func appendHeaders(b []byte, names, values []string, collapse bool) []byte {
	for i, name := range names {
		value := values[i]
		if collapse {
			value = collapseSpaces(value)
		}
		b = appendHeader(b, name, value)
	}
	return b
}

// payloadHashes returns the hashes that may stand at the end of the canonical
// request.
func payloadHashes(r *http.Request, p Payload) ([]string, error) {
	announced := r.Header.Get(headerContentSHA256)
	isHash := len(announced) == len(EmptyPayload)
	if !p.streamed {
		hash := PayloadHash(p.body)
		if isHash && !strings.EqualFold(announced, hash) {
			return nil, fmt.Errorf("the body's hash is %s, announced was %.64q", hash, announced)
		}
		if isHash {
			hash = announced
		}
		return []string{hash}, nil
	}
	hashes := []string{EmptyPayload, UnsignedPayload}
	switch {
	case isHash, announced == StreamingPayload, announced == StreamingTrailerPayload:
		hashes = []string{announced, EmptyPayload, UnsignedPayload}
	case announced == UnsignedPayload:
		hashes = []string{UnsignedPayload, EmptyPayload}
	}
	return hashes, nil
}

// signedValues collects the values of the named headers, and whether any of
// them has a run of spaces. A header that is not there is an error.
func signedValues(r *http.Request, names []string) (values []string, spaced bool, err error) {
	values = make([]string, len(names))
	for i, name := range names {
		v, ok := signedValue(r, name)
		if !ok {
			return nil, false, fmt.Errorf("the signed header %.60q is not in the request", name)
		}
		values[i] = v
		spaced = spaced || strings.Contains(v, "  ")
	}
	return values, spaced, nil
}

// signedValue returns a header as the client sent it. net/http takes Host and
// Transfer-Encoding out of the header map.
func signedValue(r *http.Request, name string) (string, bool) {
	switch name {
	case "host":
		return r.Host, true
	case "transfer-encoding":
		return strings.Join(r.TransferEncoding, ","), len(r.TransferEncoding) > 0
	}
	if values := r.Header[http.CanonicalHeaderKey(name)]; len(values) > 0 {
		return joinValues(values), true
	}
	if name == "content-length" && r.ContentLength >= 0 && len(r.TransferEncoding) == 0 {
		return strconv.FormatInt(r.ContentLength, 10), true
	}
	return "", false
}

// hostForms returns the values of Host that the client may have signed: as
// received, without port, with the port of the connection, and the configured
// ones.
func (v *Verifier) hostForms(r *http.Request) []string {
	forms := make([]string, 1, 4+len(v.hosts))
	forms[0] = r.Host
	name := r.Host
	if h, _, err := net.SplitHostPort(r.Host); err == nil {
		name = h
		if strings.Contains(h, ":") {
			name = "[" + h + "]"
		}
		forms = append(forms, name)
	}
	if local, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr); ok {
		if _, port, err := net.SplitHostPort(local.String()); err == nil {
			forms = append(forms, name+":"+port)
		}
	}
	return append(forms, v.hosts...)
}
