//go:build !linux && !darwin

package producer

import "syscall"

// limitUnsent does nothing: the system has no bound of that kind to set.
func limitUnsent(_, _ string, _ syscall.RawConn) error { return nil }
