package spool

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

const lockName = "lock"

// A disk is a directory of the operating system.
type disk string

// Make implements fileSystem.
func (d disk) Make() error { return makeDir(filepath.Clean(string(d))) }

func makeDir(dir string) error {
	info, err := os.Stat(dir)
	if err == nil && !info.IsDir() {
		return fmt.Errorf("%s is not a directory", dir)
	}
	if err == nil || !errors.Is(err, os.ErrNotExist) {
		return err
	}
	parent := filepath.Dir(dir)
	if err := makeDir(parent); err != nil {
		return err
	}
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, os.ErrExist) {
		return err
	}
	return syncDir(parent)
}

// Lock implements fileSystem. The file stays when the lock is given back.
func (d disk) Lock() (io.Closer, error) { return lockFile(filepath.Join(string(d), lockName)) }

// Names implements fileSystem.
func (d disk) Names() ([]string, error) {
	list, err := os.ReadDir(string(d))
	if err != nil {
		return nil, err
	}
	names := make([]string, 0, len(list))
	for _, e := range list {
		if e.Type().IsRegular() {
			names = append(names, e.Name())
		}
	}
	return names, nil
}

// Create implements fileSystem.
func (d disk) Create(name string) (file, error) {
	return d.open(name, os.O_RDWR|os.O_CREATE|os.O_EXCL)
}

// errForeign says that a name belongs to something that no spool makes: a link, a
// pipe, a directory. It is not opened, because that may wait for ever, or lead
// elsewhere.
var errForeign = errors.New("not a regular file")

// Open implements fileSystem.
func (d disk) Open(name string, write bool) (file, error) {
	info, err := os.Lstat(filepath.Join(string(d), name))
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s: %w", name, errForeign)
	}
	if write {
		return d.open(name, os.O_RDWR)
	}
	return d.open(name, os.O_RDONLY)
}

func (d disk) open(name string, flag int) (file, error) {
	f, err := os.OpenFile(filepath.Join(string(d), name), flag, 0o600)
	if err != nil {
		return nil, err
	}
	return diskFile{f}, nil
}

// Remove implements fileSystem.
func (d disk) Remove(name string) error { return os.Remove(filepath.Join(string(d), name)) }

// Rename implements fileSystem.
func (d disk) Rename(from, to string) error {
	return os.Rename(filepath.Join(string(d), from), filepath.Join(string(d), to))
}

// Sync implements fileSystem.
func (d disk) Sync() error { return syncDir(string(d)) }

// A diskFile is a file of the operating system.
type diskFile struct{ *os.File }

// Sync implements file.
func (f diskFile) Sync() error { return dataSync(f.File) }

// Size implements file.
func (f diskFile) Size() (int64, error) {
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}
