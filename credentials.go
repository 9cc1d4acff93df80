package millrace

import "context"

// Credentials are what a client signs its requests with.
type Credentials struct {
	AccessKeyID     string
	SecretAccessKey string
	SessionToken    string // of temporary credentials; else empty
}

// String returns the access key id, which is no secret, and nothing else.
func (c Credentials) String() string { return c.AccessKeyID }

// GoString keeps the secret out of %#v.
func (c Credentials) GoString() string { return "millrace.Credentials(" + c.AccessKeyID + ")" }

// A CredentialsSource returns the credentials that are good now. It is called
// before each request, by any number of goroutines at once, so it should keep
// what it has found.
type CredentialsSource func(ctx context.Context) (Credentials, error)

// StaticCredentials is a source of credentials that never change.
func StaticCredentials(c Credentials) CredentialsSource {
	return func(context.Context) (Credentials, error) { return c, nil }
}
