package client

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/credentials"
	"github.com/millrace/millrace/internal/wire"
)

// ErrKeys says that there was no call, because there were no credentials for it.
var ErrKeys = errors.New("get credentials")

// Sign signs a request with the credentials and by the time that are good now.
// payload is as for wire.Signer.Sign. A request that was signed before may be
// signed again. If there are no credentials, RetryAfter says when to try again.
func (c *Client) Sign(ctx context.Context, req *http.Request, payload string) error {
	keys, err := c.keys.get(ctx)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrKeys, ofKeys(err))
	}
	return wire.Signer{Credentials: keys, Region: c.region}.Sign(req, payload, c.time.now(c.clock()))
}

// ofKeys keeps what a source was told is not there, such as a role alias, from
// being taken for what the server says of a stream.
func ofKeys(err error) error {
	if millrace.CodeOf(err) != millrace.CodeNotFound {
		return err
	}
	return &millrace.Error{Code: millrace.CodeAccessDenied, Message: "there are no credentials", Err: err}
}

// Accepted notes that the server took the signature of a request.
func (c *Client) Accepted(req *http.Request) {
	if signed, err := wire.SignedTime(req); err == nil {
		c.time.accepted(signed, c.clock())
	}
}

// Refused reports whether a signed request that the server refused with err is
// worth to be signed and sent again at once: because the server named another
// time, or because there are other credentials, for which it looks, at most once
// a minute. Ask it for at most two refusals of the same call.
func (c *Client) Refused(ctx context.Context, req *http.Request, err error) bool {
	var remote *wire.RemoteError
	if !errors.As(err, &remote) || remote.Status != http.StatusUnauthorized && remote.Status != http.StatusForbidden && !namesTime(remote) {
		return false
	}
	signed, err := wire.SignedTime(req)
	if err != nil {
		return false
	}
	if c.time.refused(remote, signed, c.clock()) {
		return true
	}
	used := c.keys.last()
	if !strings.Contains(req.Header.Get("Authorization"), "Credential="+used.AccessKeyID+"/") {
		return true // there are others by now
	}
	if !c.keys.refuse(minDoubt) {
		return false
	}
	found, err := c.keys.get(ctx)
	return err == nil && !found.SameKey(used)
}

// newKeys makes the keeper of what a source finds.
func newKeys(source millrace.CredentialsSource, report func(Trouble)) *keeper[millrace.Credentials] {
	find := func(ctx context.Context, _ bool) (c millrace.Credentials, life time.Duration, err error) {
		if source == nil {
			return c, once, credentials.ErrMissing
		}
		if c, err = source(ctx); err != nil || c.Expires.IsZero() {
			return c, once, err
		}
		if life = time.Until(c.Expires); life <= 0 {
			return c, once, fmt.Errorf("%w: those that were found, at %s", credentials.ErrExpired, c.Expires.UTC().Format(time.RFC3339))
		}
		return c, life, nil
	}
	return &keeper[millrace.Credentials]{
		find:   find,
		paced:  func(err error) bool { return !errors.Is(err, credentials.ErrMissing) },
		ended:  credentials.ErrExpired,
		report: func(err error, ends time.Time) { report(Trouble{Err: err, Until: ends}) },
	}
}
