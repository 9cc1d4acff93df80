//go:build !linux

package upkeep

import (
	"errors"
	"runtime"
	"syscall"
)

// unixModes says that the modes of files mean something.
const unixModes = runtime.GOOS != "windows"

// thisMachine is a machine of which not much is known.
type thisMachine struct{}

var _ machine = thisMachine{}

func inUse(err error) bool {
	const windows = 10048 // WSAEADDRINUSE
	return errors.Is(err, syscall.EADDRINUSE) || errors.Is(err, syscall.Errno(windows))
}

func (thisMachine) fileSystem(string) (fileSystem, error)  { return fileSystem{}, nil }
func (thisMachine) lockedBy(string) (lockState, bool)      { return lockState{}, false }
func (thisMachine) memory() (int64, bool)                  { return 0, false }
func (thisMachine) openFiles() (uint64, bool)              { return 0, false }
func (thisMachine) clockState() (synchronized, known bool) { return false, false }
