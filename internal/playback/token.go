package playback

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/millrace/millrace"
)

// A Kind is what a token opens.
type Kind byte

// The kinds of token. Their values are sealed into tokens: none is given anew.
const (
	KindHLS  Kind = 1 // an HLS session
	KindFile Kind = 2 // a file that is made of a stream's media
)

// A Holder is whose right a token passes on: an access key or a device, or with
// neither the right of nobody that could be revoked.
type Holder struct {
	Key    string // access key id
	Device string
	Print  string // tells secrets of one key id apart
}

// A Token is what an address says that was given out: a bearer of it may load what
// it names without signing anything.
type Token struct {
	Kind    Kind
	Stream  millrace.StreamKey // the one incarnation
	Name    millrace.StreamName
	Holder  Holder
	Created time.Time // whole milliseconds
	Expires time.Time // whole seconds
	Body    []byte    // what else its kind needs; up to MaxBody bytes

	ID TokenID // set by Open
}

// A TokenID tells tokens apart. It is no secret.
type TokenID [12]byte

// Bounds of tokens, in bytes.
const (
	MaxBody = 512

	// MaxToken is the longest token: one for a stream with a long name.
	MaxToken = 2048
)

// The errors of Open.
var (
	// ErrForged says that a token was not made by this server, or was changed.
	ErrForged = errors.New("token is not valid")

	// ErrExpired says that a token's time is over.
	ErrExpired = errors.New("token is expired")
)

// tokenKeyName is the name under which the control state keeps the key of
// playback's tokens.
const tokenKeyName = "playback-token-key"

// tokenVersion is the first byte of a token.
const tokenVersion = 1

// A Vault keeps a value under a name for good, as store.Meta does.
type Vault interface {
	Keep(ctx context.Context, name string, fresh []byte) ([]byte, error)
}

// Tokens seals and opens tokens. It stores nothing but its key, which outlives the
// process, and with it the tokens do. A token is
//
//	base64url(version 0x01 | nonce | AES-256-GCM(claims))
//
// without padding, so that it needs no escaping in a URL. Any number of goroutines
// may use it.
type Tokens struct {
	seal cipher.AEAD
}

// String keeps the key out of %v and %+v, also where it is a field.
func (t *Tokens) String() string { return "playback.Tokens" }

// GoString keeps it out of %#v.
func (t *Tokens) GoString() string { return "playback.Tokens" }

// NewTokens makes a Tokens. It reads the server's key, and makes it at the first
// start.
func NewTokens(ctx context.Context, v Vault) (*Tokens, error) {
	fresh := make([]byte, 32)
	_, _ = rand.Read(fresh) // never fails
	key, err := v.Keep(ctx, tokenKeyName, fresh)
	if err == nil && len(key) != len(fresh) {
		err = millrace.ErrCorrupt
	}
	if err != nil {
		return nil, fmt.Errorf("read key of playback tokens: %w", err)
	}
	sealing, err := hkdf.Key(sha256.New, key, nil, "millrace playback token", 32)
	if err != nil {
		return nil, fmt.Errorf("derive key of playback tokens: %w", err)
	}
	block, err := aes.NewCipher(sealing)
	if err != nil {
		return nil, fmt.Errorf("use key of playback tokens: %w", err)
	}
	seal, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return nil, fmt.Errorf("use key of playback tokens: %w", err)
	}
	return &Tokens{seal: seal}, nil
}

// Seal returns the text of a token: letters, digits, "-" and "_". A token whose
// Body is too long is an error.
func (t *Tokens) Seal(k Token) (string, error) {
	if len(k.Body) > MaxBody {
		return "", fmt.Errorf("seal token: body of %d bytes: %w", len(k.Body), millrace.ErrInvalid)
	}
	version := []byte{tokenVersion}
	text := base64.RawURLEncoding.EncodeToString(t.seal.Seal(version, nil, k.claims(), version))
	if len(text) > MaxToken {
		return "", fmt.Errorf("seal token: %d characters: %w", len(text), millrace.ErrInvalid)
	}
	return text, nil
}

// Open reads a token of a kind at a time. What is none is ErrForged, one whose
// time is over ErrExpired; the token comes with that error as well, for the log.
func (t *Tokens) Open(kind Kind, text string, now time.Time) (Token, error) {
	if len(text) > MaxToken || strings.ContainsAny(text, "\r\n") { // which the decoder passes over, and playlists do not
		return Token{}, ErrForged
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil || len(b) <= 1+len(TokenID{}) || b[0] != tokenVersion {
		return Token{}, ErrForged
	}
	claims, err := t.seal.Open(nil, nil, b[1:], b[:1])
	if err != nil {
		return Token{}, ErrForged
	}
	k, err := readClaims(claims)
	if err != nil || k.Kind != kind {
		return Token{}, ErrForged
	}
	k.ID = TokenID(b[1:])
	if !now.Before(k.Expires) {
		return k, ErrExpired
	}
	return k, nil
}
