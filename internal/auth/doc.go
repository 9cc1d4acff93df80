// Package auth says who a request comes from and what they may do.
//
// It promises that a request is taken for a principal's only if its signature
// was made with that principal's secret, over the request as it arrived and at
// about this time, and that nothing is allowed which no rule allows. Keys come
// from behind the Keys interface: a KeyRing has the root key, which LoadRootKey
// takes from the environment or keeps in the data directory, the keys of the
// control state, which have a Scope, and sessions, which end by themselves and
// with what they were made for.
//
// It refuses to route requests, to know what an operation does, and to show or
// log a secret: a secret leaves this package once, to the caller that must show
// a key that was made just now.
package auth
