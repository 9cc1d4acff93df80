package clock

import "golang.org/x/sys/unix"

// sleepless counts the time in which the machine was suspended.
const sleepless = unix.CLOCK_BOOTTIME
