package fault

import (
	"sync/atomic"

	"github.com/millrace/millrace/internal/store"
)

// An FS fails as its Faults say.
type FS struct {
	*strikes
	under atomic.Pointer[store.FS]
}

var _ store.FS = (*FS)(nil)

// New returns under with faults.
func New(under store.FS, faults ...Fault) *FS {
	f := &FS{strikes: newStrikes(faults)}
	f.Mount(under)
	return f
}

// Mount goes on, with the same faults and counts, in front of another
// directory. Files that are open stay with the one before.
func (f *FS) Mount(under store.FS) { f.under.Store(&under) }

func (f *FS) mounted() store.FS { return *f.under.Load() }

// Create implements store.FS.
func (f *FS) Create(name string) (store.File, error) {
	if err := f.strikeOn(Create, name); err != nil {
		return nil, err
	}
	under, err := f.mounted().Create(name)
	return f.wrap(name, under, err)
}

// Open implements store.FS.
func (f *FS) Open(name string) (store.File, error) {
	if err := f.strikeOn(Open, name); err != nil {
		return nil, err
	}
	under, err := f.mounted().Open(name)
	return f.wrap(name, under, err)
}

func (f *FS) wrap(name string, under store.File, err error) (store.File, error) {
	if err != nil {
		return nil, err
	}
	return &file{fs: f, name: name, File: under}, nil
}

// ReadDir implements store.FS.
func (f *FS) ReadDir() ([]string, error) {
	if err := f.strike(ReadDir); err != nil {
		return nil, err
	}
	return f.mounted().ReadDir()
}

// Remove implements store.FS.
func (f *FS) Remove(name string) error {
	if err := f.strikeOn(Remove, name); err != nil {
		return err
	}
	return f.mounted().Remove(name)
}

// Rename implements store.FS.
func (f *FS) Rename(from, to string) error {
	if err := f.strikeOn(Rename, from); err != nil {
		return err
	}
	return f.mounted().Rename(from, to)
}

// SyncDir implements store.FS.
func (f *FS) SyncDir() error {
	if err := f.strike(SyncDir); err != nil {
		return err
	}
	return f.mounted().SyncDir()
}

// Space implements store.FS.
func (f *FS) Space() (store.Space, error) {
	if err := f.strike(Space); err != nil {
		return store.Space{}, err
	}
	return f.mounted().Space()
}
