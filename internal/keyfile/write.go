package keyfile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
)

// Write writes a file with a mode. After a crash it is there whole, or as it was
// before: it is written beside, synced, renamed, and its directory is synced.
func Write(path string, b []byte, mode fs.FileMode) error {
	return writeSynced(path, b, mode, (*os.File).Sync)
}

// writeSynced is Write with what makes a file or a directory durable.
func writeSynced(path string, b []byte, mode fs.FileMode, sync func(*os.File) error) error {
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*") // mode 0600
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	if err == nil {
		err = f.Chmod(mode)
	}
	if err == nil {
		err = sync(f)
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return syncDir(filepath.Dir(path), sync)
}

func syncDir(dir string, sync func(*os.File) error) error {
	if runtime.GOOS == "windows" { // cannot sync a directory
		return nil
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	if err := errors.Join(sync(d), d.Close()); err != nil {
		return fmt.Errorf("sync %s: %w", dir, err)
	}
	return nil
}
