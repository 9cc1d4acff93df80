// Package server wires Millrace together: it is the only package that knows
// everyone.
//
// Start opens a data directory, takes its lock and a new epoch, rebuilds the
// index from the packs and serves the API on a listener; Close undoes this in
// the order that loses nothing. The package promises that a second server never
// opens the same directory, and that whatever was acknowledged is durable when
// Close returns, however it was called. It refuses to decide anything that
// another package could: there is no protocol and no format here.
package server
