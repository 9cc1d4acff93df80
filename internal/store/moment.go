package store

import "time"

// A moment is a time in whole milliseconds and what is above them.
type moment struct {
	millis int64
	rest   time.Duration
}

func momentOf(t time.Time) moment {
	ms := t.UnixMilli()
	return moment{ms, t.Sub(time.UnixMilli(ms))}
}

// ceil is the first whole millisecond at or after m.
func (m moment) ceil() int64 {
	if m.rest > 0 {
		return m.millis + 1
	}
	return m.millis
}

// within reports whether m lies in what starts at start and lasts d.
func (m moment) within(start int64, d time.Duration) bool {
	gone := m.millis - start
	return gone >= 0 && gone <= d.Milliseconds() && time.Duration(gone)*time.Millisecond+m.rest < d
}
