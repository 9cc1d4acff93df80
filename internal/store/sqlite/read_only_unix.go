//go:build unix

package sqlite

import (
	"errors"

	"golang.org/x/sys/unix"
)

// onReadOnlyDisk reports whether nobody can write to a file because of what it
// is on. It does not open the file: to close one takes SQLite's locks away.
func onReadOnlyDisk(path string) bool { return errors.Is(unix.Access(path, unix.W_OK), unix.EROFS) }
