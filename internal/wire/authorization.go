package wire

import (
	"encoding/hex"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/millrace/millrace"
)

// Bounds of what a signature may claim.
const (
	maxSignedHeaders = 64
	maxExpires       = 7 * 24 * time.Hour
)

// An Authorization is what a request says about its signature, parsed but not
// verified.
type Authorization struct {
	Credential    Credential
	SignedHeaders []string      // lower case, sorted
	Time          time.Time     // when it was signed, UTC, whole seconds
	Token         string        // session token, from the header or the query; may be empty
	Presigned     bool          // the signature is in the query
	Expires       time.Duration // lifetime of a presigned request

	signature signature
	path      string // as sent
	query     query
}

// ParseAuthorization reads the signature of a request in either form: the
// Authorization header, or the query parameters of a presigned request. r must
// be as the server received it. The errors carry CodeMissingToken if there is
// no signature at all and CodeIncompleteSignature if it is malformed.
func ParseAuthorization(r *http.Request) (*Authorization, error) {
	path, raw := splitTarget(r)
	q, err := parseQuery(raw)
	if err != nil {
		return nil, incomplete("The query string is malformed: %v.", err)
	}
	a := &Authorization{path: path, query: q}
	switch values := r.Header[headerAuthorization]; {
	case len(values) == 1:
		err = a.parseHeader(r, values[0])
	case len(values) > 1:
		err = incomplete("The Authorization header is given more than once.")
	case q.get(queryAlgorithm) != "" || q.get(querySignature) != "":
		err = a.parseQuery()
	default:
		err = millrace.Errorf(millrace.CodeMissingToken, "Missing Authentication Token")
	}
	if err != nil {
		return nil, err
	}
	return a, nil
}

func incomplete(format string, args ...any) error {
	return millrace.Errorf(millrace.CodeIncompleteSignature, format, args...)
}

// splitTarget returns path and query of the request line as sent. An
// absolute-form target counts without its scheme and authority.
func splitTarget(r *http.Request) (path, rawQuery string) {
	target := r.RequestURI
	if target == "" { // a request that no server read
		return r.URL.EscapedPath(), r.URL.RawQuery
	}
	path, rawQuery, _ = strings.Cut(target, "?")
	if strings.HasPrefix(path, "/") {
		return path, rawQuery
	}
	if _, rest, ok := strings.Cut(path, "://"); ok {
		_, after, _ := strings.Cut(rest, "/")
		path = "/" + after
	}
	return path, rawQuery
}

// parseHeader reads the header form.
func (a *Authorization) parseHeader(r *http.Request, header string) error {
	algorithm, rest, _ := strings.Cut(strings.TrimSpace(header), " ")
	if algorithm != signingAlgorithm {
		return incomplete("The Authorization header does not begin with %s.", signingAlgorithm)
	}
	parts, err := authorizationParts(rest)
	if err != nil {
		return err
	}
	if err := a.parseParts(parts["Credential"], parts["SignedHeaders"], parts["Signature"]); err != nil {
		return err
	}
	a.Token = r.Header.Get(headerSecurityToken)
	return a.parseDate(r.Header)
}

// authorizationParts splits "A=1, B=2" at commas, with or without space.
func authorizationParts(s string) (map[string]string, error) {
	parts := make(map[string]string, 3)
	for part := range strings.SplitSeq(s, ",") {
		name, value, ok := strings.Cut(strings.TrimSpace(part), "=")
		if _, twice := parts[name]; !ok || twice {
			return nil, incomplete("The Authorization header is malformed at %.60q.", part)
		}
		parts[name] = value
	}
	return parts, nil
}

// parseParts reads what both forms have in common.
func (a *Authorization) parseParts(credential, signedHeaders, sig string) error {
	for _, part := range [...][2]string{{"Credential", credential}, {"SignedHeaders", signedHeaders}, {"Signature", sig}} {
		if part[1] == "" {
			return incomplete("The signature requires the parameter %s.", part[0])
		}
	}
	var err error
	if a.Credential, err = parseCredential(credential); err != nil {
		return err
	}
	if a.SignedHeaders, err = parseSignedHeaders(signedHeaders); err != nil {
		return err
	}
	if len(sig) != hex.EncodedLen(len(a.signature)) {
		return incomplete("The signature is not %d hexadecimal digits.", hex.EncodedLen(len(a.signature)))
	}
	if _, err = hex.Decode(a.signature[:], []byte(sig)); err != nil {
		return incomplete("The signature is not %d hexadecimal digits.", hex.EncodedLen(len(a.signature)))
	}
	return nil
}

// parseCredential reads KEY/DAY/REGION/SERVICE/TERMINATOR.
func parseCredential(s string) (Credential, error) {
	p := strings.Split(s, "/")
	if len(p) != 5 || slices.Contains(p, "") {
		return Credential{}, incomplete("The credential %.200q is not of the form KEY/DAY/REGION/SERVICE/aws4_request.", s)
	}
	return Credential{p[0], p[1], p[2], p[3], p[4]}, nil
}

// parseSignedHeaders reads the list, which must name the host.
func parseSignedHeaders(s string) ([]string, error) {
	if strings.Count(s, ";") >= maxSignedHeaders {
		return nil, incomplete("More than %d headers are signed.", maxSignedHeaders)
	}
	names := strings.Split(strings.ToLower(s), ";")
	slices.Sort(names)
	if slices.Contains(names, "") || len(slices.Compact(slices.Clone(names))) != len(names) {
		return nil, incomplete("The list of signed headers %.200q is malformed.", s)
	}
	if !slices.Contains(names, "host") {
		return nil, incomplete("The header 'host' must be signed.")
	}
	return names, nil
}

// parseDate reads the signing time: X-Amz-Date, else Date. Whichever it is
// must be signed.
func (a *Authorization) parseDate(h http.Header) error {
	name, value := "x-amz-date", h.Get(headerAmzDate)
	if value == "" {
		name, value = "date", h.Get("Date")
	}
	if value == "" {
		return incomplete("The signature requires the header 'x-amz-date' or 'date'.")
	}
	at, err := time.Parse(signingTimeLayout, value)
	if err != nil && name == "date" {
		at, err = http.ParseTime(value)
	}
	if err != nil {
		return incomplete("The header '%s' is not a time of the form YYYYMMDDTHHMMSSZ: %.60q.", name, value)
	}
	if !slices.Contains(a.SignedHeaders, name) {
		return incomplete("The header '%s' must be signed.", name)
	}
	a.Time = at.UTC()
	return nil
}

// parseQuery reads the presigned form.
func (a *Authorization) parseQuery() error {
	if a.query.get(queryAlgorithm) != signingAlgorithm {
		return incomplete("The parameter %s is not %s.", queryAlgorithm, signingAlgorithm)
	}
	err := a.parseParts(a.query.get(queryCredential), a.query.get(querySignedHeaders), a.query.get(querySignature))
	if err != nil {
		return err
	}
	if a.Time, err = time.Parse(signingTimeLayout, a.query.get(queryDate)); err != nil {
		return incomplete("The parameter %s is not a time of the form YYYYMMDDTHHMMSSZ.", queryDate)
	}
	seconds, err := strconv.ParseUint(a.query.get(queryExpires), 10, 32)
	a.Expires = time.Duration(seconds) * time.Second
	if err != nil || a.Expires > maxExpires {
		return incomplete("The parameter %s is not a number of seconds up to %d.", queryExpires, int(maxExpires/time.Second))
	}
	a.Token = a.query.get(querySecurityToken)
	a.Presigned = true
	return nil
}
