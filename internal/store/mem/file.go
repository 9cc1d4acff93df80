package mem

import (
	"cmp"
	"io"
	"io/fs"
	"slices"

	"github.com/millrace/millrace/internal/store"
)

// A file is an open inode.
type file struct {
	fs     *FS
	inode  *inode
	closed bool
}

var _ store.File = (*file)(nil)

// usableLocked returns an error if the file cannot be used any more.
func (f *file) usableLocked() error {
	if err := f.fs.usable(); err != nil {
		return err
	}
	if f.closed {
		return fs.ErrClosed
	}
	return nil
}

// mutateLocked counts a mutation and says what it is.
func (f *file) mutateLocked(call string, at, n int64) error {
	return f.fs.power.Mutate("%s %s %d+%d", call, f.inode.name, at, n)
}

// ReadAt implements io.ReaderAt.
func (f *file) ReadAt(p []byte, off int64) (int, error) {
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	if err := f.usableLocked(); err != nil {
		return 0, err
	}
	if off < 0 {
		return 0, fs.ErrInvalid
	}
	data := f.inode.now.data
	if off >= int64(len(data)) {
		return 0, io.EOF
	}
	n := copy(p, data[off:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// WriteV implements store.File.
func (f *file) WriteV(bufs [][]byte) (int64, error) {
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	if err := f.usableLocked(); err != nil {
		return 0, err
	}
	data, at := slices.Concat(bufs...), int64(len(f.inode.now.data))
	err := f.mutateLocked("write", at, int64(len(data)))
	n, full := f.fs.fitLocked(f.inode, at, int64(len(data)))
	f.inode.do(op{kind: opWrite, at: at, data: data[:n]})
	return n, cmp.Or(err, full)
}

// WriteAt implements store.File.
func (f *file) WriteAt(p []byte, off int64) (int, error) {
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	if err := f.usableLocked(); err != nil {
		return 0, err
	}
	if off < 0 || off+int64(len(p)) > int64(len(f.inode.now.data)) {
		return 0, fs.ErrInvalid
	}
	err := f.mutateLocked("write in place", off, int64(len(p)))
	n, full := f.fs.fitLocked(f.inode, off, int64(len(p)))
	f.inode.do(op{kind: opWrite, at: off, data: slices.Clone(p[:n])})
	return int(n), cmp.Or(err, full)
}

// Punch implements store.File.
func (f *file) Punch(off, n int64) error {
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	if err := f.usableLocked(); err != nil {
		return err
	}
	if off < 0 || n <= 0 {
		return fs.ErrInvalid
	}
	err := f.mutateLocked("punch", off, n)
	f.inode.do(op{kind: opPunch, at: off, n: n})
	return err
}

// Truncate implements store.File.
func (f *file) Truncate(size int64) error {
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	if err := f.usableLocked(); err != nil {
		return err
	}
	err := f.mutateLocked("truncate", size, 0)
	f.inode.do(op{kind: opCut, at: size})
	return err
}

// Sync implements store.File.
func (f *file) Sync() error {
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	if err := f.usableLocked(); err != nil {
		return err
	}
	if err := f.mutateLocked("sync", 0, int64(len(f.inode.now.data))); err != nil {
		return err
	}
	f.inode.commit()
	return nil
}

// StartWriteback implements store.File.
func (f *file) StartWriteback(int64, int64) error { return nil }

// Allocated implements store.File.
func (f *file) Allocated() (int64, error) {
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	return f.inode.now.allocated(), f.usableLocked()
}

// Size implements store.File.
func (f *file) Size() (int64, error) {
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	return int64(len(f.inode.now.data)), f.usableLocked()
}

// Close implements store.File.
func (f *file) Close() error {
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	if f.closed {
		return fs.ErrClosed
	}
	f.closed = true
	f.fs.letGoLocked(f.inode)
	return nil
}
