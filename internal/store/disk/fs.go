package disk

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/millrace/millrace/internal/store"
)

// An FS is a directory of the operating system.
type FS struct {
	dir string
}

var _ store.FS = (*FS)(nil)

// Open returns the directory dir. It is made, with its parents, if it does not
// exist, and then its parent is synced.
func Open(dir string) (*FS, error) {
	if err := makeDir(filepath.Clean(dir)); err != nil {
		return nil, fmt.Errorf("make directory: %w", err)
	}
	return &FS{dir: dir}, nil
}

// makeDir makes dir and what lacks above it, each durable in its parent.
func makeDir(dir string) error {
	info, err := os.Stat(dir)
	if err == nil && !info.IsDir() {
		return fmt.Errorf("%s is not a directory", dir)
	}
	if err == nil || !os.IsNotExist(err) {
		return err
	}
	parent := filepath.Dir(dir)
	if err := makeDir(parent); err != nil {
		return err
	}
	if err := os.Mkdir(dir, 0o700); err != nil && !os.IsExist(err) {
		return err
	}
	return syncDir(parent)
}

// Create implements store.FS.
func (f *FS) Create(name string) (store.File, error) {
	return f.open(name, os.O_RDWR|os.O_CREATE|os.O_EXCL)
}

// Open implements store.FS.
func (f *FS) Open(name string) (store.File, error) { return f.open(name, os.O_RDWR) }

func (f *FS) open(name string, flag int) (store.File, error) {
	o, err := os.OpenFile(filepath.Join(f.dir, name), flag, 0o600)
	if err != nil {
		return nil, err
	}
	info, err := o.Stat()
	if err != nil {
		_ = o.Close()
		return nil, err
	}
	return &file{File: o, end: info.Size()}, nil
}

// ReadDir implements store.FS. Directories are left out, and devices, pipes and
// sockets, which might keep who opens them waiting for ever.
func (f *FS) ReadDir() ([]string, error) {
	list, err := os.ReadDir(f.dir)
	if err != nil {
		return nil, err
	}
	names := make([]string, 0, len(list))
	for _, e := range list {
		if f.mayBeFile(e) {
			names = append(names, e.Name())
		}
	}
	slices.Sort(names)
	return names, nil
}

// mayBeFile reports whether an entry is a file, or a link to one, or a link that
// leads nowhere: who opens that learns that a file is missing.
func (f *FS) mayBeFile(e os.DirEntry) bool {
	if e.Type() != os.ModeSymlink {
		return e.Type().IsRegular()
	}
	info, err := os.Stat(filepath.Join(f.dir, e.Name()))
	return err != nil || info.Mode().IsRegular()
}

// Remove implements store.FS.
func (f *FS) Remove(name string) error { return os.Remove(filepath.Join(f.dir, name)) }

// Rename implements store.FS.
func (f *FS) Rename(from, to string) error {
	return os.Rename(filepath.Join(f.dir, from), filepath.Join(f.dir, to))
}

// SyncDir implements store.FS.
func (f *FS) SyncDir() error { return syncDir(f.dir) }

// Space implements store.FS.
func (f *FS) Space() (store.Space, error) { return space(f.dir) }
