//go:build !linux && !darwin

package clock

import "time"

// Boot returns the best there is: a clock that never steps, and that may stand
// still while the machine sleeps.
func Boot() func() time.Duration { return sinceStart() }
