package disk

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/millrace/millrace"
)

// lockName is the file in a data directory that its server has locked.
const lockName = "lock"

// errLocked is what lockFile returns when another process has the lock.
var errLocked = errors.New("locked by another process")

// A DirLock is the right to use a data directory.
type DirLock struct {
	f *os.File
}

// Lock takes the data directory dir, which must exist, for this process, or
// returns millrace.ErrConflict at once if another one has it. The operating
// system gives the lock back when the process ends, however it ends.
func Lock(dir string) (*DirLock, error) {
	f, err := os.OpenFile(filepath.Join(dir, lockName), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open lock file: %w", err)
	}
	if err := lockFile(f); err != nil {
		_ = f.Close()
		if errors.Is(err, errLocked) {
			return nil, fmt.Errorf("data directory %s is in use by another process: %w", dir, millrace.ErrConflict)
		}
		return nil, fmt.Errorf("lock data directory: %w", err)
	}
	return &DirLock{f: f}, nil
}

// Close gives the directory back. The lock file stays.
func (l *DirLock) Close() error { return l.f.Close() }
