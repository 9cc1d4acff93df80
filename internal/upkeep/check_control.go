package upkeep

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/millrace/millrace/internal/store"
)

// ErrNoControl says that a data directory holds media, and nothing that says
// whose they are.
var ErrNoControl = errors.New("there are packs and no control.db: restore a backup, or move the packs elsewhere")

// CheckControl returns ErrNoControl for a data directory that holds packs and no
// control state. Whoever would make one asks first: to a new control state all
// packs are those of streams that were deleted, and go.
func CheckControl(top, packs store.FS) error {
	size, err := sizeOf(top, ControlFile)
	if err != nil || size > 0 {
		return err
	}
	names, err := packFiles(packs)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("list packs: %w", err)
	}
	if len(names) > 0 {
		return ErrNoControl
	}
	return nil
}

// sizeOf is how many bytes a file has, 0 if it is not there.
func sizeOf(dir store.FS, name string) (int64, error) {
	f, err := dir.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	size, err := f.Size()
	return size, errors.Join(err, f.Close())
}

// CheckHolds returns an error for a directory that is no data directory. It is
// for those who look after one and must not make one.
func CheckHolds(dir string) error {
	if _, err := os.Stat(filepath.Join(dir, ControlFile)); err != nil {
		return fmt.Errorf("is it a data directory? %w", err)
	}
	return nil
}
