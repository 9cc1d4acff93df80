package upkeep

import (
	"errors"

	"github.com/millrace/millrace/internal/store"
)

// ErrBackup means that a directory is a backup and no data directory.
var ErrBackup = errors.New("the directory is a backup: millrace restore puts it into another one")

// CheckNoBackup returns ErrBackup for a directory that holds a backup, whole or
// begun. A server asks first: in a backup it would find no streams, and make a
// control state and a root key beside what is there.
func CheckNoBackup(top store.FS) error {
	for _, name := range []string{manifestFile, progressFile} {
		size, err := sizeOf(top, name)
		if err != nil {
			return err
		}
		if size > 0 {
			return ErrBackup
		}
	}
	return nil
}
