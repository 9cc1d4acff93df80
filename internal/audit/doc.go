// Package audit writes the record of who did what: one line of JSON for each
// control call.
//
// It promises that a line is whole, ASCII, at most MaxLine bytes long and one
// write to a file that is only appended to, whatever a caller put into his
// request; and that no value is in it whose name speaks of a secret. It refuses
// to fail a call: what cannot be written is counted and lost. A record is written
// before its call is answered, so that a call waits as long as that takes.
package audit
