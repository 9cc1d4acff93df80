package playback

import (
	"encoding/binary"
	"time"

	"github.com/millrace/millrace"
)

// claims are what is sealed of a token:
//
//	kind 1 byte | stream id, generation, created ms, expires s: varints |
//	name, key, device, print: length as a varint, bytes | body: the rest
func (k *Token) claims() []byte {
	b := make([]byte, 0, 128+len(k.Name)+len(k.Body))
	b = append(b, byte(k.Kind))
	b = binary.AppendUvarint(b, k.Stream.ID)
	b = binary.AppendUvarint(b, uint64(k.Stream.Generation))
	b = binary.AppendVarint(b, k.Created.UnixMilli())
	b = binary.AppendVarint(b, k.Expires.Unix())
	for _, s := range []string{k.Name.String(), k.Holder.Key, k.Holder.Device, k.Holder.Print} {
		b = binary.AppendUvarint(b, uint64(len(s)))
		b = append(b, s...)
	}
	return append(b, k.Body...)
}

// readClaims is the inverse of claims.
func readClaims(b []byte) (Token, error) {
	if len(b) == 0 {
		return Token{}, ErrForged
	}
	k := Token{Kind: Kind(b[0])}
	r := claimReader{rest: b[1:]}
	k.Stream.ID = r.unsigned()
	k.Stream.Generation = uint32(r.unsigned())
	k.Created = time.UnixMilli(r.signed()).UTC()
	k.Expires = time.Unix(r.signed(), 0).UTC()
	k.Name = millrace.StreamName(r.text())
	k.Holder = Holder{Key: r.text(), Device: r.text(), Print: r.text()}
	k.Body = r.rest
	if r.bad {
		return Token{}, ErrForged
	}
	return k, nil
}

// A claimReader reads what was appended. After the first thing that is not there
// it reads zeros.
type claimReader struct {
	rest []byte
	bad  bool
}

func (r *claimReader) unsigned() uint64 {
	v, n := binary.Uvarint(r.rest)
	r.advance(n)
	return v
}

func (r *claimReader) signed() int64 {
	v, n := binary.Varint(r.rest)
	r.advance(n)
	return v
}

func (r *claimReader) text() string {
	n := r.unsigned()
	if n > uint64(len(r.rest)) {
		r.advance(-1)
		return ""
	}
	s := string(r.rest[:n])
	r.rest = r.rest[n:]
	return s
}

func (r *claimReader) advance(n int) {
	if n <= 0 {
		r.bad, r.rest = true, nil
		return
	}
	r.rest = r.rest[n:]
}
