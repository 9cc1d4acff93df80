//go:build linux || darwin

package producer

import "syscall"

// limitUnsent has the system hold no more than maxUnsent of a connection's bytes
// back, for net.Dialer.Control. A kernel that does not know the option does
// without.
func limitUnsent(_, _ string, c syscall.RawConn) error {
	return c.Control(func(fd uintptr) {
		_ = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, notsentLowat, maxUnsent)
	})
}
