package checkpoint

import (
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"
)

// errorSharingViolation is a code of Windows that package syscall does not name.
const errorSharingViolation syscall.Errno = 32

// lockFile opens a file that nobody else may open until it is closed, which the
// system does when the process ends; or returns errLocked at once.
func lockFile(path string) (io.Closer, error) {
	name, err := syscall.UTF16PtrFromString(path)
	if err != nil {
		return nil, fmt.Errorf("lock: %w", err)
	}
	const access, alone = syscall.GENERIC_READ | syscall.GENERIC_WRITE, 0
	h, err := syscall.CreateFile(name, access, alone, nil, syscall.OPEN_ALWAYS, syscall.FILE_ATTRIBUTE_NORMAL, 0)
	if errors.Is(err, errorSharingViolation) {
		return nil, errLocked
	}
	if err != nil {
		return nil, fmt.Errorf("open lock file: %w", err)
	}
	return os.NewFile(uintptr(h), path), nil
}
