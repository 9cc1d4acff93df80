package millrace

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strings"
)

// An Identity says which fragment of a producer a Cluster is, so that one which
// is sent again can be told from a new one. Together with the stream and the
// producer it names a fragment for ever.
type Identity struct {
	Session  SessionID // random, made anew for each stream that a producer opens; never zero
	Sequence uint64    // of the fragment within it
}

// Sizes of what a producer that announces its identity puts into each of its
// Clusters, in bytes: an EBML Void right behind the Timecode, which says which
// fragment it is, and as the last child a Void with the digest of what stands
// before it.
const (
	IdentitySize = 32 // the payload of the first Void
	DigestSize   = 40 // the payload of the last Void

	IdentityVoidSize = voidHeadSize + IdentitySize // the whole element, its size in one byte
	DigestVoidSize   = voidHeadSize + DigestSize   // likewise

	voidHeadSize = 2 // one byte of id, one byte of size
)

// The payloads of the two Voids begin with these.
const (
	identityMagic = "MLRCFRG1"
	digestMagic   = "MLRCSUM1"
)

// AppendIdentity appends the payload of the first Void, IdentitySize bytes.
func AppendIdentity(b []byte, id Identity) []byte {
	b = append(b, identityMagic...)
	b = append(b, id.Session[:]...)
	return binary.BigEndian.AppendUint64(b, id.Sequence)
}

// ParseIdentity reads the payload of a Void. Whatever is not exactly an
// identity is none: Voids hold any bytes.
func ParseIdentity(payload []byte) (Identity, bool) {
	if len(payload) != IdentitySize || string(payload[:len(identityMagic)]) != identityMagic {
		return Identity{}, false
	}
	var id Identity
	rest := payload[len(identityMagic):]
	copy(id.Session[:], rest)
	id.Sequence = binary.BigEndian.Uint64(rest[len(id.Session):])
	return id, id.Session != SessionID{}
}

// AppendDigest appends the payload of the last Void, DigestSize bytes. digest is
// the SHA-256 of the Cluster as it is sent, from the first byte of its id to the
// last byte before this Void's id.
func AppendDigest(b []byte, digest [32]byte) []byte {
	return append(append(b, digestMagic...), digest[:]...)
}

// ParseDigest reads the payload of a Void. Whatever is not exactly a digest is
// none.
func ParseDigest(payload []byte) (digest [32]byte, ok bool) {
	if len(payload) != DigestSize || string(payload[:len(digestMagic)]) != digestMagic {
		return digest, false
	}
	copy(digest[:], payload[len(digestMagic):])
	return digest, true
}

// String returns 32 lower-case hexadecimal digits.
func (s SessionID) String() string { return hex.EncodeToString(s[:]) }

// String returns 32 lower-case hexadecimal digits.
func (p ProducerID) String() string { return hex.EncodeToString(p[:]) }

// ParseProducerID reads what String returns, and nothing else. The zero
// ProducerID is none and an error.
func ParseProducerID(s string) (ProducerID, error) {
	var p ProducerID
	if len(s) != hex.EncodedLen(len(p)) || strings.Trim(s, "0123456789abcdef") != "" {
		return ProducerID{}, fmt.Errorf("producer id %.40q is not 32 lower-case hexadecimal digits", s)
	}
	if _, err := hex.Decode(p[:], []byte(s)); err != nil || p == (ProducerID{}) {
		return ProducerID{}, fmt.Errorf("producer id %.40q is zero", s)
	}
	return p, nil
}
