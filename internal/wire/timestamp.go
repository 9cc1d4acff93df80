package wire

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Bounds of a timestamp in milliseconds: the years -9999 to 9999, roughly.
const (
	maxTimestampMillis = 253402300799999
	minTimestampMillis = -maxTimestampMillis
)

// errTimestampRange is of a time that is one, and that nothing can have. Most are
// milliseconds where seconds belong.
var errTimestampRange = errors.New("out of range: timestamps are in seconds")

// A Timestamp is a time on the wire: epoch seconds as a JSON number. It is
// written with exactly three decimals. It is read from a number in any form,
// from a numeric string and from an ISO-8601 string, and rounded to the nearest
// millisecond; never through floating point.
type Timestamp struct{ time.Time }

// MarshalJSON writes the seconds with three decimals.
func (t Timestamp) MarshalJSON() ([]byte, error) { return AppendSeconds(nil, t.Time), nil }

// UnmarshalJSON reads a number or a string.
func (t *Timestamp) UnmarshalJSON(b []byte) error {
	s := string(b)
	if len(b) > 0 && b[0] == '"' {
		if err := json.Unmarshal(b, &s); err != nil {
			return err
		}
	}
	at, err := ParseTimestamp(s)
	if err != nil {
		return err
	}
	t.Time = at
	return nil
}

// AppendSeconds appends the epoch seconds of at with exactly three decimals,
// as JSON bodies and the tags of GetMedia spell times. Parts of a millisecond
// are cut.
func AppendSeconds(b []byte, at time.Time) []byte {
	ms := at.UnixMilli()
	if ms < 0 {
		b, ms = append(b, '-'), -ms
	}
	b = strconv.AppendInt(b, ms/1000, 10)
	frac := ms % 1000
	return append(b, '.', byte('0'+frac/100), byte('0'+frac/10%10), byte('0'+frac%10))
}

// ParseTimestamp reads decimal epoch seconds, with or without fraction and
// exponent, or an ISO-8601 time; one without a zone is UTC. The result is in
// UTC and whole milliseconds. A time beyond the year 9999 is an error.
func ParseTimestamp(s string) (time.Time, error) {
	if len(s) > maxHeaderValue {
		return time.Time{}, fmt.Errorf("timestamp of %d bytes", len(s))
	}
	s = strings.TrimSpace(s)
	if ms, ok := parseDecimalMillis(s); ok {
		return checkTimestamp(s, ms)
	}
	for _, layout := range [...]string{
		time.RFC3339, "2006-01-02T15:04:05", "2006-01-02T15:04:05Z0700", "2006-01-02 15:04:05Z07:00",
		"2006-01-02 15:04:05", "20060102T150405Z0700", "2006-01-02T15:04Z07:00", "2006-01-02",
	} {
		if at, err := time.Parse(layout, s); err == nil { // a fraction is accepted after any seconds
			return checkTimestamp(s, at.Round(time.Millisecond).UnixMilli())
		}
	}
	return time.Time{}, fmt.Errorf("timestamp %.60q is neither epoch seconds nor an ISO-8601 time", s)
}

func checkTimestamp(s string, ms int64) (time.Time, error) {
	if ms < minTimestampMillis || ms > maxTimestampMillis {
		return time.Time{}, fmt.Errorf("timestamp %.60q: %w", s, errTimestampRange)
	}
	return time.UnixMilli(ms).UTC(), nil
}
