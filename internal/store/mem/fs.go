package mem

import (
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"sync"

	"github.com/millrace/millrace/internal/store"
)

// An FS is a directory in memory that knows what of it is durable.
type FS struct {
	power *Power

	mu      sync.Mutex // guards all below, and the files
	names   map[string]*inode
	durable map[string]*inode // as of the last SyncDir
	changes []change          // of names since then, in order

	unnamed  map[*inode]bool // that are open and have no name any more
	capacity int64           // bytes of all blocks, 0 for no bound
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

// NewFS returns an empty directory on a machine of its own.
func NewFS() *FS { return NewFSOn(NewPower()) }

// NewFSOn returns an empty directory on the machine that p drives. Its
// mutations are the calls of Create, Remove, Rename, SyncDir, WriteV, WriteAt,
// Punch, Sync and Truncate. The one in which the power fails returns an error,
// but may have had its effect.
func NewFSOn(p *Power) *FS {
	return &FS{
		power: p, names: make(map[string]*inode), durable: make(map[string]*inode), unnamed: make(map[*inode]bool),
	}
}

// Power is what drives the machine that f is on.
func (f *FS) Power() *Power { return f.power }

// CrashAt makes the machine die in the k-th mutation from now.
func (f *FS) CrashAt(k int) { f.power.FailAt(k) }

// Mutations is how many calls have changed something on the machine.
func (f *FS) Mutations() int { return f.power.Mutations() }

// Dead reports whether the machine has died.
func (f *FS) Dead() bool { return f.power.Off() }

// usable returns an error if the machine has died.
func (f *FS) usable() error {
	if f.power.Off() {
		return ErrCrashed
	}
	return nil
}

// Create implements store.FS.
func (f *FS) Create(name string) (store.File, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.usable(); err != nil {
		return nil, err
	}
	if f.names[name] != nil {
		return nil, &fs.PathError{Op: "create", Path: name, Err: fs.ErrExist}
	}
	err := f.power.Mutate("create %s", name)
	n := &inode{name: name}
	f.changeLocked(change{to: name, file: n})
	return f.holdLocked(n), err
}

func (f *FS) changeLocked(c change) {
	if before := f.names[c.to]; before != c.file {
		f.unnameLocked(before)
	}
	c.apply(f.names)
	f.changes = append(f.changes, c)
}

// Open implements store.FS.
func (f *FS) Open(name string) (store.File, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.usable(); err != nil {
		return nil, err
	}
	n, err := f.lookUpLocked("open", name)
	if err != nil {
		return nil, err
	}
	return f.holdLocked(n), nil
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
	if err := f.usable(); err != nil {
		return nil, err
	}
	return slices.Sorted(maps.Keys(f.names)), nil
}

// Remove implements store.FS.
func (f *FS) Remove(name string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.usable(); err != nil {
		return err
	}
	if _, err := f.lookUpLocked("remove", name); err != nil {
		return err
	}
	err := f.power.Mutate("remove %s", name)
	f.changeLocked(change{to: name})
	return err
}

// Rename implements store.FS.
func (f *FS) Rename(from, to string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.usable(); err != nil {
		return err
	}
	n, err := f.lookUpLocked("rename", from)
	if err != nil {
		return err
	}
	err = f.power.Mutate("rename %s to %s", from, to)
	f.changeLocked(change{from: from, to: to, file: n})
	return err
}

// SyncDir implements store.FS.
func (f *FS) SyncDir() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.power.Mutate("sync directory"); err != nil {
		return fmt.Errorf("sync directory: %w", err)
	}
	f.durable, f.changes = maps.Clone(f.names), nil
	return nil
}
