package api

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"

	"github.com/millrace/millrace"
)

// tokenMAC is how much of the checksum a token carries, in bytes.
const tokenMAC = 16

// pageTokens makes and reads the tokens of lists. A token is
//
//	base64(version 0x01 | first 16 bytes of HMAC-SHA256 | last)
//
// and stands for the list behind the entry last. The checksum covers which list
// it is, its condition included, so that a token is good for its own list alone,
// and it is keyed, so that nobody makes one up. The key outlives the process,
// and with it the tokens do.
type pageTokens struct{ key []byte }

// make returns the token of what comes behind last in a list.
func (p pageTokens) make(list, last string) string {
	token := append([]byte{1}, p.sum(list, last)...)
	return base64.StdEncoding.EncodeToString(append(token, last...))
}

// read returns the entry that a token of a list stands for, and the empty one
// for no token.
func (p pageTokens) read(token, list string) (string, error) {
	if token == "" {
		return "", nil
	}
	b, err := base64.StdEncoding.DecodeString(token)
	if err != nil || len(b) < 1+tokenMAC || b[0] != 1 {
		return "", errBadToken()
	}
	last := string(b[1+tokenMAC:])
	if !hmac.Equal(b[1:1+tokenMAC], p.sum(list, last)) {
		return "", errBadToken()
	}
	return last, nil
}

// sum separates what it covers with a byte that is in neither.
func (p pageTokens) sum(list, last string) []byte {
	h := hmac.New(sha256.New, p.key)
	_, _ = h.Write([]byte(list + "\x00" + last)) // never fails
	return h.Sum(nil)[:tokenMAC]
}

func errBadToken() error {
	return millrace.Errorf(millrace.CodeInvalidArgument, "The NextToken is not one of this list's.")
}
