package wire

import (
	"crypto/rand"
	"encoding/hex"
)

// NewRequestID makes a random UUID (version 4).
func NewRequestID() string {
	var u [16]byte
	_, _ = rand.Read(u[:]) // never fails
	u[6] = u[6]&0x0f | 0x40
	u[8] = u[8]&0x3f | 0x80
	var s [36]byte
	for i, at := range [...]int{0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34} {
		hex.Encode(s[at:], u[i:i+1])
	}
	s[8], s[13], s[18], s[23] = '-', '-', '-', '-'
	return string(s[:])
}
