package disk

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/millrace/millrace/internal/store"
)

// A view is a directory that is only looked at.
type view struct {
	*FS
}

// View returns the directory dir, which must exist, for reading alone: whatever
// would change it or a file in it is an error. It needs no right to write.
func View(dir string) (store.FS, error) {
	info, err := os.Stat(dir)
	if err != nil {
		return nil, err
	}
	if !info.IsDir() {
		return nil, fmt.Errorf("%s is not a directory", dir)
	}
	return view{&FS{dir: dir}}, nil
}

// Open implements store.FS.
func (v view) Open(name string) (store.File, error) {
	f, err := os.Open(filepath.Join(v.dir, name))
	if err != nil {
		return nil, err
	}
	return &file{File: f}, nil
}

// Create implements store.FS.
func (v view) Create(name string) (store.File, error) { return nil, v.refuse("create", name) }

// Remove implements store.FS.
func (v view) Remove(name string) error { return v.refuse("remove", name) }

// Rename implements store.FS.
func (v view) Rename(from, _ string) error { return v.refuse("rename", from) }

// SyncDir implements store.FS.
func (v view) SyncDir() error { return v.refuse("sync", ".") }

func (v view) refuse(op, name string) error {
	return &fs.PathError{Op: op, Path: filepath.Join(v.dir, name), Err: fs.ErrPermission}
}
