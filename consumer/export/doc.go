// Package export writes the fragments that a consumer reads to files and pipes:
// as one Matroska document, as the bytes that the server sent, or as a line of
// JSON for each fragment and frame.
//
// Its writers promise that a frame is written as soon as it was read, in one
// write, so that a player at the other end of a pipe is as live as the reader.
// A Matroska document has one header and times that never go back, whatever
// the producers did. The package refuses to re-encode and to guess: where the
// tracks change, and one document could no longer describe them, it says so
// with ErrTracksChanged before it has written anything of the new fragment.
package export
