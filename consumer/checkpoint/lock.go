package checkpoint

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"time"
)

// errLocked is what a lock is that somebody else has.
var errLocked = errors.New("locked by another process")

// Bounds of the wait before a lock is tried again.
const (
	minLockWait = time.Millisecond
	maxLockWait = 16 * time.Millisecond
)

// waitForLock takes the lock of the file at path, which is made, as soon as it
// can be had. Closing gives it back.
func waitForLock(ctx context.Context, path string) (io.Closer, error) {
	for bound := minLockWait; ; bound = min(2*bound, maxLockWait) {
		lock, err := lockFile(path)
		if !errors.Is(err, errLocked) {
			return lock, err
		}
		t := time.NewTimer(bound/2 + rand.N(bound))
		select {
		case <-t.C:
		case <-ctx.Done():
			t.Stop()
			return nil, fmt.Errorf("wait for %s: %w", path, context.Cause(ctx))
		}
	}
}

// makeLock is the lock of systems that have none which ends with a process: a
// file that must not be there, and is removed in the end. One that was left by
// a process that was killed is not taken away, however old it is: whoever
// removes what looks old may remove what somebody has made since.
func makeLock(path string) (io.Closer, error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, filePerm)
	if errors.Is(err, fs.ErrExist) {
		return nil, errLocked
	}
	if err != nil {
		return nil, fmt.Errorf("make lock file: %w", err)
	}
	return madeLock{f}, nil
}

type madeLock struct{ *os.File }

// Close removes the file.
func (l madeLock) Close() error {
	return errors.Join(l.File.Close(), os.Remove(l.Name()))
}
