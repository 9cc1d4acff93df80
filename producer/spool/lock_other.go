//go:build !(linux || darwin || freebsd || netbsd || openbsd || dragonfly || windows)

package spool

import (
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"
)

// lockFile makes the lock file and holds it open. Where the system has no locks
// that end with a process, a second opener is not kept out.
func lockFile(path string) (io.Closer, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open lock file: %w", err)
	}
	return f, nil
}

// inUse cannot be known here.
func inUse(string) error { return nil }

// noRoom reports whether an error says that the disk is full.
func noRoom(err error) bool { return errors.Is(err, syscall.ENOSPC) }
