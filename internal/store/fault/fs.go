package fault

import "github.com/millrace/millrace/internal/store"

// An FS fails as its Fault says.
type FS struct {
	*strikes
	under store.FS
}

var _ store.FS = (*FS)(nil)

// New returns under with a fault.
func New(under store.FS, f Fault) *FS { return &FS{newStrikes(f), under} }

// Create implements store.FS.
func (f *FS) Create(name string) (store.File, error) {
	if err := f.strike(Create); err != nil {
		return nil, err
	}
	under, err := f.under.Create(name)
	return f.wrap(under, err)
}

// Open implements store.FS.
func (f *FS) Open(name string) (store.File, error) {
	if err := f.strike(Open); err != nil {
		return nil, err
	}
	under, err := f.under.Open(name)
	return f.wrap(under, err)
}

func (f *FS) wrap(under store.File, err error) (store.File, error) {
	if err != nil {
		return nil, err
	}
	return &file{fs: f, File: under}, nil
}

// ReadDir implements store.FS.
func (f *FS) ReadDir() ([]string, error) {
	if err := f.strike(ReadDir); err != nil {
		return nil, err
	}
	return f.under.ReadDir()
}

// Remove implements store.FS.
func (f *FS) Remove(name string) error {
	if err := f.strike(Remove); err != nil {
		return err
	}
	return f.under.Remove(name)
}

// Rename implements store.FS.
func (f *FS) Rename(from, to string) error {
	if err := f.strike(Rename); err != nil {
		return err
	}
	return f.under.Rename(from, to)
}

// SyncDir implements store.FS.
func (f *FS) SyncDir() error {
	if err := f.strike(SyncDir); err != nil {
		return err
	}
	return f.under.SyncDir()
}

// Space implements store.FS.
func (f *FS) Space() (store.Space, error) {
	if err := f.strike(Space); err != nil {
		return store.Space{}, err
	}
	return f.under.Space()
}
