// Package credentials has sources of what clients sign their requests with: the
// environment, the shared files of AWS tools, a device's certificate, a program,
// and the one-line file of AWS's producer SDKs. They are for the field
// Credentials of producer.Client and consumer.Client; a function of your own is
// a source as well, and millrace.StaticCredentials is the simplest.
//
// A source finds credentials newly each time it is called and keeps nothing
// that it could find again; it is the clients who keep them until shortly before
// they end, ask again in the background and bound how often. Each call ends when
// its context does. No secret appears in an error, unless the user's own program
// complains with one. A source may be called by any number of goroutines at once.
//
// It refuses to guess: it asks no metadata service of a cloud, and it starts no
// program but the one that the user's own profile names.
package credentials

import "errors"

// ErrMissing says that nobody named an access key.
var ErrMissing = errors.New("no credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE")

// ErrExpired says that the credentials there are have ended, and that there are
// no others.
var ErrExpired = errors.New("the credentials have ended")
