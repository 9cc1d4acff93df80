package auth

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/millrace/millrace"
)

// sessionPrefix begins the ids of sessions. Clients tell by it that a token
// belongs to the key.
const sessionPrefix = "ASIA"

// sessionKeyName is the name under which the control state keeps the key of
// session tokens.
const sessionKeyName = "session-token-key"

// A Vault keeps a value under a name for good, as store.Meta does.
type Vault interface {
	Keep(ctx context.Context, name string, fresh []byte) ([]byte, error)
}

// Sessions makes sessions and reads their tokens. It stores nothing: a token
// holds the grant, sealed with a key of the server's, and the secret follows from
// that key and the session's id. A token is
//
//	base64url(version 0x01 | nonce | AES-256-GCM(claims))
//
// with the id as additional data, so that it is good for that id alone. The key
// outlives the process, and with it the sessions do. Any number of goroutines
// may use it.
type Sessions struct {
	seal    cipher.AEAD
	secrets []byte // key of the secrets
}

// String keeps the keys out of %v and %+v, also where it is a field.
func (s *Sessions) String() string { return "auth.Sessions" }

// GoString keeps them out of %#v.
func (s *Sessions) GoString() string { return "auth.Sessions" }

// NewSessions makes a Sessions. It reads the server's key, and makes it at the
// first start.
func NewSessions(ctx context.Context, v Vault) (*Sessions, error) {
	fresh := make([]byte, 32)
	_, _ = rand.Read(fresh) // never fails
	key, err := v.Keep(ctx, sessionKeyName, fresh)
	if err != nil {
		return nil, fmt.Errorf("read key of session tokens: %w", err)
	}
	if len(key) != len(fresh) {
		return nil, fmt.Errorf("read key of session tokens: %w", millrace.ErrCorrupt)
	}
	return newSessions(key)
}

func newSessions(key []byte) (*Sessions, error) {
	sealing, err := hkdf.Key(sha256.New, key, nil, "millrace session token", 32)
	if err != nil {
		return nil, fmt.Errorf("derive key of session tokens: %w", err)
	}
	secrets, err := hkdf.Key(sha256.New, key, nil, "millrace session secret", 32)
	if err != nil {
		return nil, fmt.Errorf("derive key of session secrets: %w", err)
	}
	block, err := aes.NewCipher(sealing)
	if err != nil {
		return nil, fmt.Errorf("use key of session tokens: %w", err)
	}
	seal, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return nil, fmt.Errorf("use key of session tokens: %w", err)
	}
	return &Sessions{seal: seal, secrets: secrets}, nil
}

// tokenVersion is the first byte of a token.
const tokenVersion = 1

// claims are what a token holds.
type claims struct {
	Parent
	Role    string `json:"r"`
	Name    string `json:"n,omitempty"` // empty: the session's id
	Scope   *Scope `json:"s,omitempty"`
	Expires int64  `json:"e"` // seconds since 1970
}

// Issue makes a session of a grant that the caller has decided on: it asks
// nobody whether the parent is there or how much it may do. An empty name is
// the session's id. A grant that does not fit into a token is ErrTooLong. A
// session is good for as long as its parent is, at most until g.Expires.
func (s *Sessions) Issue(g Grant) (Session, error) {
	if err := g.check(); err != nil {
		return Session{}, err
	}
	b, err := json.Marshal(claims{g.Parent, g.Role, g.Name, g.Scope, g.Expires.Unix()})
	if err != nil {
		return Session{}, fmt.Errorf("encode session: %w", err)
	}
	var random [10]byte
	_, _ = rand.Read(random[:]) // never fails
	id := sessionPrefix + base32.StdEncoding.EncodeToString(random[:])
	token := base64.RawURLEncoding.EncodeToString(s.seal.Seal([]byte{tokenVersion}, nil, b, []byte(id)))
	if len(token) > MaxToken {
		return Session{}, ErrTooLong
	}
	return Session{ID: id, Secret: s.secret(id), Token: token, Expires: time.Unix(g.Expires.Unix(), 0).UTC()}, nil
}

// secret is that of the session with the id: 40 characters.
func (s *Sessions) secret(id string) string {
	h := hmac.New(sha256.New, s.secrets)
	_, _ = h.Write([]byte(id)) // never fails
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil)[:30])
}

// open reads a token that came with an id. Whatever is not a token of that id
// is ErrNotFound.
func (s *Sessions) open(id, token string) (Grant, error) {
	if !strings.HasPrefix(id, sessionPrefix) || len(token) > MaxToken {
		return Grant{}, millrace.ErrNotFound
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(token)
	if err != nil || len(b) == 0 || b[0] != tokenVersion {
		return Grant{}, millrace.ErrNotFound
	}
	b, err = s.seal.Open(nil, nil, b[1:], []byte(id))
	if err != nil {
		return Grant{}, millrace.ErrNotFound
	}
	var c claims
	if err := json.Unmarshal(b, &c); err != nil {
		return Grant{}, fmt.Errorf("decode session: %w", err)
	}
	if c.Name == "" {
		c.Name = id
	}
	return Grant{Parent: c.Parent, Role: c.Role, Name: c.Name, Scope: c.Scope, Expires: time.Unix(c.Expires, 0).UTC()}, nil
}
