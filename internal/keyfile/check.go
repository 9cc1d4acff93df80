package keyfile

import (
	"fmt"
	"os"
	"runtime"
)

// The bits of a mode by which others than the owner get at a file.
const (
	othersRead  = 0o044
	othersWrite = 0o022
)

// Check says whether others than the owner may read the file at path, which is a
// warning for the operator, or write it, which is an error. what names the file
// in both, as in "root key"; risk says what those could do who read it, and may
// be empty. The error of a file that is not there is fs.ErrNotExist.
func Check(path, what, risk string) (warning string, err error) {
	info, err := os.Stat(path)
	if err != nil {
		return "", fmt.Errorf("read %s: %w", what, err)
	}
	switch mode := info.Mode().Perm(); {
	case runtime.GOOS == "windows": // has no such bits
	case mode&othersWrite != 0:
		return "", fmt.Errorf("%s %s may be written by others (mode %04o): check who wrote it, then chmod 600 it", what, path, mode)
	case mode&othersRead != 0:
		return fmt.Sprintf("%s %s may be read by others (mode %04o)%s: chmod 600 it", what, path, mode, risk), nil
	}
	return "", nil
}
