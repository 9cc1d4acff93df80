package wire

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"time"
)

// Signature Version 4, the parts that both sides share:
//
//	canonical request = METHOD \n path \n query \n
//	                    name:value \n          for each signed header
//	                    \n signed headers \n payload hash
//	string to sign    = "AWS4-HMAC-SHA256" \n time \n scope \n hex(SHA256(canonical request))
//	signing key       = HMAC(HMAC(HMAC(HMAC("AWS4"+secret, day), region), service), "aws4_request")
//	signature         = HMAC(signing key, string to sign)
const (
	signingAlgorithm  = "AWS4-HMAC-SHA256"
	signingService    = "kinesisvideo"
	signingTerminator = "aws4_request"
	signingTimeLayout = "20060102T150405Z"
	signingDayLayout  = "20060102"
)

// Payload hashes that are no hash of the body.
const (
	EmptyPayload            = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" // SHA-256 of nothing
	UnsignedPayload         = "UNSIGNED-PAYLOAD"
	StreamingPayload        = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
	StreamingTrailerPayload = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
)

// Names of the query parameters of a presigned request.
const (
	queryAlgorithm     = "X-Amz-Algorithm"
	queryCredential    = "X-Amz-Credential"
	queryDate          = "X-Amz-Date"
	queryExpires       = "X-Amz-Expires"
	querySignedHeaders = "X-Amz-SignedHeaders"
	querySignature     = "X-Amz-Signature"
	querySecurityToken = "X-Amz-Security-Token"
)

// PayloadHash returns the lower-case hexadecimal SHA-256 of body.
func PayloadHash(body []byte) string {
	sum := sha256.Sum256(body)
	return hex.EncodeToString(sum[:])
}

// A Credential names an access key and the scope of a signature.
type Credential struct {
	KeyID      string // access key id
	Day        string // YYYYMMDD
	Region     string
	Service    string // "kinesisvideo" in a valid scope
	Terminator string // "aws4_request" in a valid scope
}

// scope is the credential without its key.
func (c Credential) scope() string {
	return c.Day + "/" + c.Region + "/" + c.Service + "/" + c.Terminator
}

func newCredential(keyID, region string, at time.Time) Credential {
	return Credential{keyID, at.UTC().Format(signingDayLayout), region, signingService, signingTerminator}
}

// A signature is the raw HMAC.
type signature [sha256.Size]byte

// A signingKey is derived from a secret for one day and region.
type signingKey [sha256.Size]byte

func deriveKey(secret string, c Credential) signingKey {
	key := signingKey(mac([]byte("AWS4"+secret), c.Day))
	for _, part := range [...]string{c.Region, c.Service, c.Terminator} {
		key = signingKey(mac(key[:], part))
	}
	return key
}

func mac(key []byte, data string) signature {
	h := hmac.New(sha256.New, key)
	_, _ = h.Write([]byte(data)) // never fails
	var s signature
	h.Sum(s[:0])
	return s
}

// sign computes the signature of a canonical request. stamp is the request's
// time in the form of signingTimeLayout.
func sign(key signingKey, stamp string, c Credential, canonical []byte) signature {
	sum := sha256.Sum256(canonical)
	return mac(key[:], signingAlgorithm+"\n"+stamp+"\n"+c.scope()+"\n"+hex.EncodeToString(sum[:]))
}

// canonicalPath encodes each segment of a path as it stands in the request
// line once more. Plain paths do not change.
func canonicalPath(sent string) string {
	if sent == "" {
		return "/"
	}
	var b strings.Builder
	for i := range len(sent) {
		if c := sent[i]; c == '/' || isUnreserved(c) {
			b.WriteByte(c)
		} else {
			writeEscaped(&b, c)
		}
	}
	return b.String()
}

func isUnreserved(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' ||
		c == '-' || c == '_' || c == '.' || c == '~'
}

func writeEscaped(b *strings.Builder, c byte) {
	const digits = "0123456789ABCDEF"
	b.WriteByte('%')
	b.WriteByte(digits[c>>4])
	b.WriteByte(digits[c&15])
}

func escape(s string) string {
	var b strings.Builder
	for i := range len(s) {
		if c := s[i]; isUnreserved(c) {
			b.WriteByte(c)
		} else {
			writeEscaped(&b, c)
		}
	}
	return b.String()
}

// collapseSpaces makes one space of each inner run.
func collapseSpaces(s string) string {
	if !strings.Contains(s, "  ") {
		return s
	}
	var b strings.Builder
	for i := range len(s) {
		if s[i] != ' ' || s[i-1] != ' ' { // s is trimmed: it begins with no space
			b.WriteByte(s[i])
		}
	}
	return b.String()
}
