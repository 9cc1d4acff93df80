package auth

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/wire"
)

// A Key is what is known of an access key.
type Key struct {
	Secret    string
	Token     string    // session token that must come with it; empty means that none may
	Expires   time.Time // zero means never
	Principal Principal
}

// MarshalJSON refuses: a key is not for showing.
func (k Key) MarshalJSON() ([]byte, error) { return nil, errSecret }

// String returns the principal and no secret.
func (k Key) String() string { return k.Principal.ARN }

// GoString keeps the secrets out of %#v.
func (k Key) GoString() string { return "auth.Key(" + k.Principal.ARN + ")" }

// Keys finds access keys.
//
// Any number of goroutines. Lookup returns millrace.ErrNotFound, wrapped or
// bare, for an id that is not known, or not with that token; every other error
// means that the answer is not known now. token is what came with the id, which
// nobody has checked; it is empty if none did. ctx bounds the wait.
type Keys interface {
	Lookup(ctx context.Context, keyID, token string) (Key, error)
}

// Options configure an Authenticator. Keys must be set.
type Options struct {
	Keys   Keys
	Skew   time.Duration // how far a client's clock may be off; 0 means five minutes
	Region string        // the one region that signatures may name; empty means any
	Hosts  []string      // values of Host that clients may sign although a proxy rewrites them
}

// An Authenticator tells who a request comes from. It is safe for concurrent
// use.
type Authenticator struct {
	keys     Keys
	verifier *wire.Verifier
	nobody   string // secret of every id that is not known: random, and nobody's
}

// New makes an Authenticator.
func New(o Options) *Authenticator {
	var nobody [30]byte
	_, _ = rand.Read(nobody[:]) // never fails
	return &Authenticator{
		nobody:   base64.RawURLEncoding.EncodeToString(nobody[:]),
		keys:     o.Keys,
		verifier: wire.NewVerifier(wire.VerifierOptions{Skew: o.Skew, Region: o.Region, Hosts: o.Hosts}),
	}
}

// Authenticate checks the signature of r and returns whose it is. r must be as
// the server received it. body is what has been read of r's body; nil, as
// opposed to empty, means that the body is streamed and not covered by the
// signature, which is for PutMedia alone. now is the server's wall clock.
//
// Errors carry one of the codes of authentication, or CodeUnavailable if the
// key could not be looked up.
func (a *Authenticator) Authenticate(ctx context.Context, r *http.Request, body []byte, now time.Time) (Principal, error) {
	claim, err := wire.ParseAuthorization(r)
	if err != nil {
		return Principal{}, err
	}
	payload := wire.StreamedPayload()
	if body != nil {
		payload = wire.BodyPayload(body)
	}
	key, unknown := a.lookup(ctx, claim.Credential.KeyID, claim.Token)
	// For an id that is not known the same work is done, with nobody's secret.
	invalid := a.verifier.Verify(r, claim, key.Secret, payload, now)
	if err := cmp.Or(unknown, invalid); err != nil {
		return Principal{}, err
	}
	return key.principal(now)
}

// principal is whose the key is, unless its time is over.
func (k Key) principal(now time.Time) (Principal, error) {
	if !k.Expires.IsZero() && !now.Before(k.Expires) {
		return Principal{}, millrace.Errorf(millrace.CodeExpiredToken, "The security token included in the request is expired")
	}
	return k.Principal, nil
}

// lookup returns the key of an id and the token that came with it. Along with an
// error it returns one with a secret that nobody has.
func (a *Authenticator) lookup(ctx context.Context, id, token string) (Key, error) {
	key, err := a.keys.Lookup(ctx, id, token)
	switch {
	case errors.Is(err, millrace.ErrNotFound):
		err = unknownKey(fmt.Errorf("access key %.128q: %w", id, err))
	case err != nil:
		err = &millrace.Error{Code: millrace.CodeUnavailable, Message: "The access key could not be looked up.", Err: err}
	default:
		err = checkToken(key, token)
	}
	if err != nil {
		return Key{Secret: a.nobody}, err
	}
	return key, nil
}

func unknownKey(cause error) error {
	return &millrace.Error{
		Code: millrace.CodeUnknownKey, Message: "The security token included in the request is invalid.", Err: cause,
	}
}

// checkToken says whether the token is the key's. It need not be signed: some
// clients add it afterwards.
func checkToken(key Key, token string) error {
	if !sameSecret(key.Token, token) {
		return unknownKey(errors.New("session token is wrong"))
	}
	return nil
}

// sameSecret compares in a time that tells the length at most. Whatever is
// secret is compared here, or in wire, where signatures are.
func sameSecret(a, b string) bool {
	return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1
}
