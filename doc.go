// Package millrace holds the nouns of Millrace: streams, fragments, fragment
// numbers, acknowledgements, start selectors and errors.
//
// Everything here is a plain value: nothing in this package does I/O, starts a
// goroutine or reads a clock. The same types are used by the server and by the
// client libraries, so that a number, a name or an error code means the same
// thing on both sides of the wire. How these values are spelled in AWS
// messages is not known here; internal/wire owns the spellings.
package millrace
