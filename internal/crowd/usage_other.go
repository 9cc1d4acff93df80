//go:build !linux

package main

import "time"

// cpuTime and residentBytes are not known here.
func cpuTime() time.Duration { return 0 }
func residentBytes() int64   { return 0 }
