//go:build !(linux || darwin || freebsd || netbsd || openbsd || dragonfly || windows)

package checkpoint

import "io"

// lockFile makes the lock file, or returns errLocked at once.
func lockFile(path string) (io.Closer, error) { return makeLock(path) }
