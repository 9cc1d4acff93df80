package millrace_test

import (
	"bytes"
	"encoding/hex"
	"strings"
	"testing"

	"github.com/millrace/millrace"
)

// identityBytes is the payload as a producer of another make would write it.
const identityBytes = "4d4c524346524731" + "000102030405060708090a0b0c0d0e0f" + "0000000100000002"

func TestIdentityHasTheDocumentedBytes(t *testing.T) {
	id := millrace.Identity{Sequence: 1<<32 + 2}
	for i := range id.Session {
		id.Session[i] = byte(i)
	}
	b := millrace.AppendIdentity([]byte("x"), id)
	if got := hex.EncodeToString(b[1:]); b[0] != 'x' || got != identityBytes {
		t.Errorf("payload %s, want %s", got, identityBytes)
	}
	if len(b)-1 != millrace.IdentitySize || millrace.IdentityVoidSize != 34 || millrace.DigestVoidSize != 42 {
		t.Errorf("payload of %d bytes in Voids of %d and %d", len(b)-1, millrace.IdentityVoidSize, millrace.DigestVoidSize)
	}
	if got, ok := millrace.ParseIdentity(b[1:]); !ok || got != id {
		t.Errorf("read again: %+v, %v", got, ok)
	}
}

func TestDigestHasTheDocumentedBytes(t *testing.T) {
	digest := [32]byte{1, 2, 31: 0xff}
	b := millrace.AppendDigest([]byte("x"), digest)
	if want := "xMLRCSUM1" + string(digest[:]); string(b) != want || len(b)-1 != millrace.DigestSize {
		t.Errorf("payload %x", b)
	}
	if got, ok := millrace.ParseDigest(b[1:]); !ok || got != digest {
		t.Errorf("read again: %x, %v", got, ok)
	}
}

func TestVoidsThatAreNoIdentity(t *testing.T) {
	good, err := hex.DecodeString(identityBytes)
	if err != nil {
		t.Fatal(err)
	}
	sum := millrace.AppendDigest(nil, [32]byte{7})
	for name, payload := range map[string][]byte{
		"nothing":               nil,
		"zeros":                 make([]byte, millrace.IdentitySize),
		"a byte short":          good[:len(good)-1],
		"a byte long":           append(bytes.Clone(good), 0),
		"another version":       bytes.Replace(good, []byte("FRG1"), []byte("FRG2"), 1),
		"lower case":            bytes.ToLower(good),
		"no session":            append([]byte("MLRCFRG1"), make([]byte, 24)...),
		"a digest's payload":    sum,
		"a digest cut to size":  sum[:millrace.IdentitySize],
		"an identity, shifted":  append([]byte{0}, good[:len(good)-1]...),
		"a digest's magic only": append([]byte("MLRCSUM1"), good[8:]...),
	} {
		if id, ok := millrace.ParseIdentity(payload); ok {
			t.Errorf("%s is identity %+v", name, id)
		}
	}
	for name, payload := range map[string][]byte{
		"nothing":                nil,
		"zeros":                  make([]byte, millrace.DigestSize),
		"a byte short":           sum[:len(sum)-1],
		"a byte long":            append(bytes.Clone(sum), 0),
		"another version":        bytes.Replace(sum, []byte("SUM1"), []byte("SUM2"), 1),
		"an identity's payload":  good,
		"an identity, prolonged": append(bytes.Clone(good), make([]byte, 8)...),
	} {
		if digest, ok := millrace.ParseDigest(payload); ok {
			t.Errorf("%s is digest %x", name, digest)
		}
	}
}

func TestProducerIDsAreReadAsTheyAreWritten(t *testing.T) {
	const s = "f00102030405060708090a0b0c0d0e0f"
	p, err := millrace.ParseProducerID(s)
	if err != nil || p.String() != s {
		t.Errorf("%s is read as %s, err = %v", s, p, err)
	}
	if got := millrace.SessionID(p).String(); got != s {
		t.Errorf("a session of the same bytes is %s", got)
	}
	for name, s := range map[string]string{
		"nothing":           "",
		"zero":              strings.Repeat("0", 32),
		"upper case":        strings.ToUpper(s),
		"a digit short":     s[1:],
		"a digit long":      s + "0",
		"no digit":          "g" + s[1:],
		"with a dash":       s[:31] + "-",
		"with a blank":      " " + s[1:],
		"digits of another": "٣" + s[2:],
	} {
		if p, err := millrace.ParseProducerID(s); err == nil {
			t.Errorf("%s: %q is read as %s", name, s, p)
		}
	}
}

func FuzzIdentity(f *testing.F) {
	good, err := hex.DecodeString(identityBytes)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add(millrace.AppendDigest(nil, [32]byte{1}))
	f.Add([]byte(nil))
	f.Fuzz(func(t *testing.T, payload []byte) {
		if id, ok := millrace.ParseIdentity(payload); ok && !bytes.Equal(millrace.AppendIdentity(nil, id), payload) {
			t.Errorf("%x is read as %+v, which is written otherwise", payload, id)
		}
		if digest, ok := millrace.ParseDigest(payload); ok && !bytes.Equal(millrace.AppendDigest(nil, digest), payload) {
			t.Errorf("%x is read as digest %x, which is written otherwise", payload, digest)
		}
	})
}
