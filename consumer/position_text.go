package consumer

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/millrace/millrace"
)

// positionVersion begins the text form: "1" and, separated by spaces, stream,
// fragment, done ("all" or a number), previous, token, server time, producer
// time (milliseconds since 1970) and epoch; "~" for what is not there.
const (
	positionVersion = "1"
	positionFields  = 9
	maxPositionText = 1 << 10 // bytes
	maxField        = 1 << 8  // of names and tokens
	noField         = "~"
	allDone         = "all"
)

// MarshalText returns one line of less than 1 KiB of printable ASCII. A name or a
// token that is longer or has anything else in it, which the protocol gives none,
// is left out.
func (p Position) MarshalText() ([]byte, error) {
	return []byte(p.String()), nil
}

// String is the text form.
func (p Position) String() string {
	done := allDone
	if p.Done != Whole {
		done = strconv.Itoa(p.Done)
	}
	return strings.Join([]string{
		positionVersion, orNone(string(p.Stream)), numberOrNone(p.Fragment), done, numberOrNone(p.Previous), orNone(p.Token),
		millisOrNone(p.ServerTime), millisOrNone(p.ProducerTime), strconv.FormatUint(p.Epoch, 10),
	}, " ")
}

func orNone(s string) string {
	if !isField(s) {
		return noField
	}
	return s
}

// isField reports whether text can stand between two spaces as it is.
func isField(s string) bool {
	foreign := func(c rune) bool { return c <= ' ' || c > '~' }
	return s != "" && len(s) <= maxField && !strings.ContainsFunc(s, foreign)
}

func numberOrNone(n millrace.FragmentNumber) string {
	if n.IsZero() {
		return noField
	}
	return n.String()
}

func millisOrNone(t time.Time) string {
	if t.IsZero() {
		return noField
	}
	return strconv.FormatInt(t.UnixMilli(), 10)
}

// UnmarshalText reads the text form. Empty text is the zero Position.
func (p *Position) UnmarshalText(text []byte) error {
	if len(text) == 0 {
		*p = Position{}
		return nil
	}
	if len(text) > maxPositionText {
		return fmt.Errorf("read position: %d bytes, at most %d", len(text), maxPositionText)
	}
	fields := strings.Split(string(text), " ")
	if len(fields) != positionFields || fields[0] != positionVersion {
		return fmt.Errorf("read position: %.60q is none of version %s", text, positionVersion)
	}
	var read positionReader
	q := Position{
		Stream:       millrace.StreamName(read.text(fields[1])),
		Fragment:     read.number(fields[2]),
		Done:         read.done(fields[3]),
		Previous:     read.number(fields[4]),
		Token:        read.text(fields[5]),
		ServerTime:   read.time(fields[6]),
		ProducerTime: read.time(fields[7]),
		Epoch:        read.uint(fields[8]),
	}
	if read.err != nil {
		return fmt.Errorf("read position: %w", read.err)
	}
	*p = q
	return nil
}

// A positionReader reads fields and keeps the first error.
type positionReader struct{ err error }

func (r *positionReader) keep(err error) {
	if r.err == nil {
		r.err = err
	}
}

func (r *positionReader) text(s string) string {
	if s == noField {
		return ""
	}
	if !isField(s) {
		r.keep(fmt.Errorf("field %.60q", s))
	}
	return s
}

func (r *positionReader) number(s string) millrace.FragmentNumber {
	if s == noField {
		return millrace.FragmentNumber{}
	}
	n, err := millrace.ParseFragmentNumber(s)
	r.keep(err)
	return n
}

func (r *positionReader) done(s string) int {
	if s == allDone {
		return Whole
	}
	n, err := strconv.ParseUint(s, 10, 31)
	r.keep(err)
	return int(n)
}

func (r *positionReader) time(s string) time.Time {
	if s == noField {
		return time.Time{}
	}
	ms, err := strconv.ParseInt(s, 10, 64)
	r.keep(err)
	return time.UnixMilli(ms).UTC()
}

func (r *positionReader) uint(s string) uint64 {
	n, err := strconv.ParseUint(s, 10, 64)
	r.keep(err)
	return n
}
