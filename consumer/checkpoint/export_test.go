package checkpoint

import (
	"context"
	"io"
)

// MakeLock is the lock of systems that have none which ends with a process.
func MakeLock(path string) (io.Closer, error) { return makeLock(path) }

// WaitForLock is the system's.
func WaitForLock(ctx context.Context, path string) (io.Closer, error) {
	return waitForLock(ctx, path)
}

// ErrLocked is what a lock is that somebody else has.
var ErrLocked = errLocked
