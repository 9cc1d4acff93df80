package spool

import (
	"errors"
	"os"
	"syscall"
)

// dataSync makes what was written to f durable, and its length.
func dataSync(f *os.File) error {
	for {
		err := syscall.Fdatasync(int(f.Fd()))
		if !errors.Is(err, syscall.EINTR) {
			return os.NewSyscallError("fdatasync", err)
		}
	}
}
