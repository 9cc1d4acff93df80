package api

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"

	"github.com/millrace/millrace"
)

// tokenMAC is how much of the checksum a token carries, in bytes.
const tokenMAC = 16

// pageTokens makes and reads the tokens of ListStreams. A token is
//
//	base64(version 0x01 | first 16 bytes of HMAC-SHA256 | name)
//
// and stands for the list behind name. The checksum covers the condition of
// the list as well, so that a token is good for its own list alone, and it is
// keyed, so that nobody makes one up. The key outlives the process, and with it
// the tokens do.
type pageTokens struct{ key []byte }

// make returns the token of what comes behind last in the list of prefix.
func (p pageTokens) make(prefix string, last millrace.StreamName) string {
	token := append([]byte{1}, p.sum(prefix, string(last))...)
	return base64.StdEncoding.EncodeToString(append(token, last...))
}

// read returns the name that a token of the list of prefix stands for.
func (p pageTokens) read(token, prefix string) (millrace.StreamName, error) {
	if token == "" {
		return "", nil
	}
	b, err := base64.StdEncoding.DecodeString(token)
	if err != nil || len(b) < 1+tokenMAC || b[0] != 1 {
		return "", errBadToken()
	}
	name := string(b[1+tokenMAC:])
	if !hmac.Equal(b[1:1+tokenMAC], p.sum(prefix, name)) {
		return "", errBadToken()
	}
	return millrace.StreamName(name), nil
}

// sum separates what it covers with a byte that is in no name.
func (p pageTokens) sum(prefix, name string) []byte {
	h := hmac.New(sha256.New, p.key)
	_, _ = h.Write([]byte("ListStreams\x00" + prefix + "\x00" + name)) // never fails
	return h.Sum(nil)[:tokenMAC]
}

func errBadToken() error {
	return millrace.Errorf(millrace.CodeInvalidArgument, "The NextToken is not one of this list's.")
}
