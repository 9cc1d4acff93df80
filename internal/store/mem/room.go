package mem

import (
	"syscall"

	"github.com/millrace/millrace/internal/store"
)

// SetCapacity bounds the bytes that all files may take together, in whole
// blocks; 0 is no bound, as a new FS has none. It may be lowered below what the
// files take, as if others had filled the disk: then nothing that needs a
// further block can be written until files have gone.
//
// A write for which there is not enough room writes the blocks that there are,
// and fails with ENOSPC. A file that was removed takes its room until it is
// closed.
func (f *FS) SetCapacity(bytes int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.capacity = bytes
}

// Space implements store.FS. Without a capacity it is not known.
func (f *FS) Space() (store.Space, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.usable(); err != nil {
		return store.Space{}, err
	}
	if f.capacity == 0 {
		return store.Space{}, nil
	}
	return store.Space{Total: f.capacity, Free: f.freeLocked()}, nil
}

func (f *FS) freeLocked() int64 {
	free := f.capacity
	for _, n := range f.names {
		free -= n.now.allocated()
	}
	for n := range f.unnamed {
		free -= n.now.allocated()
	}
	return max(free, 0)
}

// fitLocked returns how much of n bytes at off in a file there is room for,
// and ENOSPC if that is not all.
func (f *FS) fitLocked(in *inode, off, n int64) (int64, error) {
	if f.capacity == 0 {
		return n, nil
	}
	blocks := f.freeLocked() / blockSize
	for at := off; at < off+n; at = (at/blockSize + 1) * blockSize {
		if in.has(at / blockSize) {
			continue
		}
		if blocks == 0 {
			return at - off, syscall.ENOSPC
		}
		blocks--
	}
	return n, nil
}

// has reports whether a block takes room already.
func (n *inode) has(block int64) bool {
	return block*blockSize < int64(len(n.now.data)) && !n.now.holes[block]
}

// holdLocked notes that a file was opened.
func (f *FS) holdLocked(n *inode) *file {
	n.opened++
	return &file{fs: f, inode: n}
}

// letGoLocked notes that a file was closed.
func (f *FS) letGoLocked(n *inode) {
	if n.opened--; n.opened == 0 {
		delete(f.unnamed, n)
	}
}

// unnameLocked notes that a file has lost its name.
func (f *FS) unnameLocked(n *inode) {
	if n != nil && n.opened > 0 {
		f.unnamed[n] = true
	}
}
