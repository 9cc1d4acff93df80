// Package wire is the spelling of the protocol, for both of its sides: the
// table of exceptions, restJson bodies and headers, acknowledgements, tag
// names, Signature Version 4, and the framing of the two media calls on a
// connection.
//
// It promises exact forms. An acknowledgement is one line in one transfer
// chunk in one write; a request's signature is checked over the headers as they
// came; member names are case sensitive; an error shows a client its code and
// its safe message and nothing else. What is read from a peer is bounded:
// bodies, heads, acknowledgements and header values have limits, and a declared
// length is never trusted for an allocation.
//
// It refuses to know what the words mean. No stream is looked up here, no
// permission decided and no operation routed, and no other package spells an
// exception name, a header or a tag.
//
// The names of AWS appear in this package and in internal/api only.
package wire
