package millrace

import (
	"context"
	"time"
)

// Credentials are what a client signs its requests with.
type Credentials struct {
	AccessKeyID     string
	SecretAccessKey string
	SessionToken    string    // of temporary credentials; else empty
	Expires         time.Time // when they end, by this machine's clock; zero: never, as far as is known
}

// String returns the access key id, which is no secret, and nothing else.
func (c Credentials) String() string { return c.AccessKeyID }

// GoString keeps the secret out of %#v.
func (c Credentials) GoString() string { return "millrace.Credentials(" + c.AccessKeyID + ")" }

// SameKey reports whether both sign alike, whenever they end.
func (c Credentials) SameKey(other Credentials) bool {
	return c.AccessKeyID == other.AccessKeyID && c.SecretAccessKey == other.SecretAccessKey && c.SessionToken == other.SessionToken
}

// A CredentialsSource finds credentials, newly each time that it is called. It
// is the clients who keep what it returns: credentials that end until shortly
// before that, so that they ask again in time; credentials that do not end for
// one request, so that a source may change its mind at any time. A client has
// one call under way at a time and bounds it by ctx; clients that share a
// source may call it at once. Package credentials has sources for what devices
// and users of AWS tools have.
type CredentialsSource func(ctx context.Context) (Credentials, error)

// StaticCredentials is a source of credentials that never change.
func StaticCredentials(c Credentials) CredentialsSource {
	return func(context.Context) (Credentials, error) { return c, nil }
}
