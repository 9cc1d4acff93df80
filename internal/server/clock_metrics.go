package server

import "github.com/millrace/millrace/internal/clock"

// watchClock adds what there is to know of the server's time.
func (m *metrics) watchClock(c *clock.Clock) {
	gauge := func(name, help string, value func(clock.Status) float64) {
		m.level("clock", name, help, func() float64 { return value(c.Status()) })
	}
	gauge("difference_seconds", "By how much the wall clock is ahead of the server's time.",
		func(s clock.Status) float64 { return s.Difference.Seconds() })
	gauge("state", "0 in step, 1 watching a step forward, 2 not following a step backward, 3 catching up with one.",
		func(s clock.Status) float64 { return float64(s.State) })
	gauge("expiry_lag_seconds", "By how much the time by which media expire is behind the server's, because that has leapt.",
		func(s clock.Status) float64 { return s.Server.Sub(s.Expiry).Seconds() })
	m.total("clock", "steps_total", "Steps of the wall clock that were seen.", func() float64 { return float64(c.Status().Alarms) })
	m.total("clock", "steps_followed_total", "Steps forward that were followed.", func() float64 { return float64(c.Status().Steps) })
}
