package clock

import "golang.org/x/sys/unix"

// sleepless counts the time in which the machine was asleep: on this system
// CLOCK_MONOTONIC does.
const sleepless = unix.CLOCK_MONOTONIC
