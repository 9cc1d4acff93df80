//go:build !windows

package checkpoint

import (
	"errors"
	"os"
	"syscall"
)

// syncDir makes the names in dir durable. Some file systems have no such call for
// directories, and say that it is invalid: there is nothing better to do on them.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	err = d.Sync()
	if errors.Is(err, syscall.EINVAL) {
		err = nil
	}
	return errors.Join(err, d.Close())
}
