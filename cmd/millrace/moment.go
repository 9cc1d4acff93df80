package main

import (
	"fmt"
	"strings"
	"time"
)

// A moment is a time on the command line: RFC 3339, a local time, "now",
// "earliest", or a duration followed by "ago".
type moment struct {
	set      bool
	earliest bool
	fixed    time.Time     // zero if it is relative
	ago      time.Duration // before now
}

// UnmarshalText implements encoding.TextUnmarshaler.
func (m *moment) UnmarshalText(text []byte) error {
	s := strings.TrimSpace(string(text))
	*m = moment{set: true}
	switch {
	case s == "now":
		return nil
	case s == "earliest":
		m.earliest = true
		return nil
	}
	if ago, ok := strings.CutSuffix(s, "ago"); ok {
		d, err := parseDays(strings.ReplaceAll(ago, " ", ""))
		if err != nil || d < 0 {
			return fmt.Errorf("%q is not like '10m ago' or '1h30m ago'", s)
		}
		m.ago = d
		return nil
	}
	for _, layout := range [...]string{time.RFC3339, "2006-01-02T15:04:05", "2006-01-02 15:04:05", "2006-01-02T15:04", "2006-01-02 15:04", "2006-01-02"} {
		if at, err := time.ParseInLocation(layout, s, time.Local); err == nil {
			m.fixed = at
			return nil
		}
	}
	return fmt.Errorf("%q is not a time such as 2026-11-22T12:00:00Z, '2026-11-22 12:00' (local), '10m ago' or now", s)
}

// parseDays is time.ParseDuration with days.
func parseDays(s string) (time.Duration, error) {
	days, rest, ok := strings.Cut(s, "d")
	if !ok {
		return time.ParseDuration(s)
	}
	whole, err := time.ParseDuration(days + "h")
	if err != nil || rest == "" {
		return 24 * whole, err
	}
	part, err := time.ParseDuration(rest)
	return 24*whole + part, err
}

// at returns the moment, if it is not the earliest there is.
func (m moment) at(now time.Time) time.Time {
	if !m.fixed.IsZero() {
		return m.fixed
	}
	return now.Add(-m.ago)
}
