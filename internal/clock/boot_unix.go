//go:build linux || darwin

package clock

import (
	"time"

	"golang.org/x/sys/unix"
)

// Boot returns a clock that never steps and goes on while the machine sleeps,
// where the system has one.
func Boot() func() time.Duration {
	var ts unix.Timespec
	if err := unix.ClockGettime(sleepless, &ts); err != nil {
		return sinceStart()
	}
	return func() time.Duration {
		var ts unix.Timespec
		_ = unix.ClockGettime(sleepless, &ts) // it has worked before
		return time.Duration(ts.Nano())
	}
}
