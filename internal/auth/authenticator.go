package auth

import (
	"context"
	"crypto/subtle"
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

// String returns the principal and no secret.
func (k Key) String() string { return k.Principal.ARN }

// GoString keeps the secrets out of %#v.
func (k Key) GoString() string { return "auth.Key(" + k.Principal.ARN + ")" }

// Keys finds access keys.
//
// Any number of goroutines. Lookup returns millrace.ErrNotFound, wrapped or
// bare, for an id that is not known; every other error means that the answer is
// not known now. ctx bounds the wait.
type Keys interface {
	Lookup(ctx context.Context, keyID string) (Key, error)
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
}

// New makes an Authenticator.
func New(o Options) *Authenticator {
	return &Authenticator{
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
	key, err := a.lookup(ctx, claim.Credential.KeyID)
	if err != nil {
		return Principal{}, err
	}
	if err := checkToken(key, claim.Token); err != nil {
		return Principal{}, err
	}
	payload := wire.StreamedPayload()
	if body != nil {
		payload = wire.BodyPayload(body)
	}
	if err := a.verifier.Verify(r, claim, key.Secret, payload, now); err != nil {
		return Principal{}, err
	}
	if !key.Expires.IsZero() && !now.Before(key.Expires) {
		return Principal{}, millrace.Errorf(millrace.CodeExpiredToken, "The security token included in the request is expired")
	}
	return key.Principal, nil
}

func (a *Authenticator) lookup(ctx context.Context, id string) (Key, error) {
	key, err := a.keys.Lookup(ctx, id)
	switch {
	case errors.Is(err, millrace.ErrNotFound):
		return Key{}, unknownKey(fmt.Errorf("access key %.128q: %w", id, err))
	case err != nil:
		return Key{}, &millrace.Error{
			Code: millrace.CodeUnavailable, Message: "The access key could not be looked up.", Err: err,
		}
	}
	return key, nil
}

func unknownKey(cause error) error {
	return &millrace.Error{
		Code: millrace.CodeUnknownKey, Message: "The security token included in the request is invalid.", Err: cause,
	}
}

// checkToken compares in constant time. The token need not be signed: some
// clients add it afterwards.
func checkToken(key Key, token string) error {
	if subtle.ConstantTimeCompare([]byte(key.Token), []byte(token)) != 1 {
		return unknownKey(errors.New("session token is wrong"))
	}
	return nil
}
