package mem

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"sync"

	"github.com/millrace/millrace/internal/store"
)

// ErrCrashed is what every call on a crashed FS and its files returns.
var ErrCrashed = errors.New("the machine has crashed")

// An FS is a directory in memory that knows what of it is durable.
type FS struct {
	mu        sync.Mutex // guards all below, and the files
	names     map[string]*inode
	durable   map[string]*inode // as of the last SyncDir
	changes   []change          // of names since then, in order
	mutations int
	crashAt   int // the mutation at which the machine dies, 0 for never
	dead      bool
}

var _ store.FS = (*FS)(nil)

// A change is something that happened to names: to now means file, and from,
// if set, means nothing any more. A nil file takes to away.
type change struct {
	from, to string
	file     *inode
}

func (c change) apply(names map[string]*inode) {
	delete(names, c.from)
	if c.file == nil {
		delete(names, c.to)
		return
	}
	names[c.to] = c.file
}

// NewFS returns an empty directory.
func NewFS() *FS {
	return &FS{names: make(map[string]*inode), durable: make(map[string]*inode)}
}

// CrashAt makes the machine die in the k-th mutation from now: a call of
// Create, Remove, Rename, SyncDir, WriteV, WriteAt, Punch, Sync or Truncate. That call fails,
// but may have had its effect.
func (f *FS) CrashAt(k int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.crashAt = f.mutations + k
}

// Mutations is how many calls have changed something, or tried to.
func (f *FS) Mutations() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.mutations
}

// Dead reports whether the machine has died.
func (f *FS) Dead() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.dead
}

// mutateLocked counts a mutation. The change is to be made whatever it
// returns, but not to be made durable after an error.
func (f *FS) mutateLocked() error {
	if f.dead {
		return ErrCrashed
	}
	f.mutations++
	if f.mutations == f.crashAt {
		f.dead = true
		return ErrCrashed
	}
	return nil
}

// Create implements store.FS.
func (f *FS) Create(name string) (store.File, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.dead {
		return nil, ErrCrashed
	}
	if f.names[name] != nil {
		return nil, &fs.PathError{Op: "create", Path: name, Err: fs.ErrExist}
	}
	err := f.mutateLocked()
	n := &inode{}
	f.changeLocked(change{to: name, file: n})
	return &file{fs: f, inode: n}, err
}

func (f *FS) changeLocked(c change) {
	c.apply(f.names)
	f.changes = append(f.changes, c)
}

// Open implements store.FS.
func (f *FS) Open(name string) (store.File, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.dead {
		return nil, ErrCrashed
	}
	n, err := f.lookUpLocked("open", name)
	if err != nil {
		return nil, err
	}
	return &file{fs: f, inode: n}, nil
}

func (f *FS) lookUpLocked(op, name string) (*inode, error) {
	if n := f.names[name]; n != nil {
		return n, nil
	}
	return nil, &fs.PathError{Op: op, Path: name, Err: fs.ErrNotExist}
}

// ReadDir implements store.FS.
func (f *FS) ReadDir() ([]string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.dead {
		return nil, ErrCrashed
	}
	return slices.Sorted(maps.Keys(f.names)), nil
}

// Remove implements store.FS.
func (f *FS) Remove(name string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.dead {
		return ErrCrashed
	}
	if _, err := f.lookUpLocked("remove", name); err != nil {
		return err
	}
	err := f.mutateLocked()
	f.changeLocked(change{to: name})
	return err
}

// Rename implements store.FS.
func (f *FS) Rename(from, to string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.dead {
		return ErrCrashed
	}
	n, err := f.lookUpLocked("rename", from)
	if err != nil {
		return err
	}
	err = f.mutateLocked()
	f.changeLocked(change{from: from, to: to, file: n})
	return err
}

// SyncDir implements store.FS.
func (f *FS) SyncDir() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.mutateLocked(); err != nil {
		return fmt.Errorf("sync directory: %w", err)
	}
	f.durable, f.changes = maps.Clone(f.names), nil
	return nil
}

// Space implements store.FS: it is not known.
func (f *FS) Space() (store.Space, error) { return store.Space{}, nil }
