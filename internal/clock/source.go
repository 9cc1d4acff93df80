package clock

import "time"

// Wall readings are taken for times between these two, so that every difference
// of two of them is a time.Duration.
const (
	earliest = 0             // 1970, in seconds of Unix time
	latest   = 7_258_118_400 // 2200
)

// plausible is a reading of the wall clock as a time that can be reckoned with:
// in UTC, without the runtime's monotonic reading, and within bounds.
func plausible(t time.Time) time.Time {
	t = t.Round(0).UTC()
	switch s := t.Unix(); {
	case s < earliest:
		return time.Unix(earliest, 0).UTC()
	case s > latest:
		return time.Unix(latest, 0).UTC()
	}
	return t
}

// sinceStart is the runtime's own monotonic clock, which on most systems stands
// still while the machine sleeps. A sleep is a step of the wall clock then.
func sinceStart() func() time.Duration {
	start := time.Now()
	return func() time.Duration { return time.Since(start) }
}
