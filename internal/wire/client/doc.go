// Package client makes calls of the protocol: signed JSON operations of the
// control plane, the opening of media responses, and the finding of endpoints,
// regions and credentials where users of AWS tools keep them.
//
// It promises that every call ends when its context does, that what a server
// refuses comes back as a *millrace.Error, that calls which failed for a passing
// reason are made again a bounded number of times, and that no secret appears
// in an error. A Client may be used by any number of goroutines at once.
//
// It refuses to guess an endpoint: without one there is an error, so that no
// camera's pictures go anywhere by accident. It knows no media.
package client
