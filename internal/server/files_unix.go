//go:build unix

package server

import "golang.org/x/sys/unix"

// mostFiles is how many files this process may have open.
func mostFiles() int {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return usualFiles
	}
	return int(min(uint64(limit.Cur), usualFiles*64))
}
