package mem

import (
	"io"
	"io/fs"
	"slices"

	"github.com/millrace/millrace/internal/store"
)

// An inode is the bytes of one file.
type inode struct {
	data    []byte         // as programs see it
	stable  []byte         // as of the last sync
	pending []write        // since then, in order
	holes   map[int64]bool // pages that were punched, by their number
}

// A write is bytes that were put at an offset, or, without bytes, the cutting
// of a file to that length.
type write struct {
	at   int64
	data []byte
}

func (w write) apply(data []byte) []byte {
	if w.data == nil {
		return resize(data, w.at)
	}
	data = resize(data, max(int64(len(data)), w.at+int64(len(w.data))))
	copy(data[w.at:], w.data)
	return data
}

// resize cuts data, or fills it up with zeros.
func resize(data []byte, size int64) []byte {
	if grow := size - int64(len(data)); grow > 0 {
		return append(data, make([]byte, grow)...)
	}
	return data[:size:size]
}

// A file is an open inode.
type file struct {
	fs     *FS
	inode  *inode
	closed bool
}

var _ store.File = (*file)(nil)

// usableLocked returns an error if the file cannot be used any more.
func (f *file) usableLocked() error {
	if f.fs.dead {
		return ErrCrashed
	}
	if f.closed {
		return fs.ErrClosed
	}
	return nil
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
	if off >= int64(len(f.inode.data)) {
		return 0, io.EOF
	}
	n := copy(p, f.inode.data[off:])
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
	err := f.fs.mutateLocked()
	data := []byte{}
	for _, p := range bufs {
		data = append(data, p...)
	}
	f.changeLocked(write{at: int64(len(f.inode.data)), data: data})
	return int64(len(data)), err
}

func (f *file) changeLocked(w write) {
	for page := w.at / pageSize; page*pageSize < w.at+int64(len(w.data)); page++ {
		delete(f.inode.holes, page)
	}
	f.inode.data = w.apply(f.inode.data)
	f.inode.pending = append(f.inode.pending, w)
}

// Sync implements store.File.
func (f *file) Sync() error {
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	if err := f.usableLocked(); err != nil {
		return err
	}
	if err := f.fs.mutateLocked(); err != nil {
		return err
	}
	for _, w := range f.inode.pending {
		f.inode.stable = w.apply(f.inode.stable)
	}
	f.inode.pending = nil
	return nil
}

// WriteAt implements store.File.
func (f *file) WriteAt(p []byte, off int64) (int, error) {
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	if err := f.usableLocked(); err != nil {
		return 0, err
	}
	if off < 0 || off+int64(len(p)) > int64(len(f.inode.data)) {
		return 0, fs.ErrInvalid
	}
	err := f.fs.mutateLocked()
	f.changeLocked(write{at: off, data: slices.Clone(p)})
	return len(p), err
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
	err := f.fs.mutateLocked()
	end := min(off+n, int64(len(f.inode.data)))
	first, last := (off+pageSize-1)/pageSize, end/pageSize
	for page := first; page < last; page++ {
		f.changeLocked(write{at: page * pageSize, data: make([]byte, pageSize)})
		f.inode.punch(page)
	}
	return err
}

// punch notes that a page takes no room.
func (n *inode) punch(page int64) {
	if n.holes == nil {
		n.holes = make(map[int64]bool)
	}
	n.holes[page] = true
}

// Allocated implements store.File.
func (f *file) Allocated() (int64, error) {
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	return f.inode.allocated(), f.usableLocked()
}

func (n *inode) allocated() int64 {
	pages := (int64(len(n.data)) + pageSize - 1) / pageSize
	return (pages - int64(len(n.holes))) * pageSize
}

// StartWriteback implements store.File.
func (f *file) StartWriteback(int64, int64) error { return nil }

// Truncate implements store.File.
func (f *file) Truncate(size int64) error {
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	if err := f.usableLocked(); err != nil {
		return err
	}
	err := f.fs.mutateLocked()
	f.changeLocked(write{at: size})
	return err
}

// Size implements store.File.
func (f *file) Size() (int64, error) {
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	return int64(len(f.inode.data)), f.usableLocked()
}

// Close implements store.File.
func (f *file) Close() error {
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	if f.closed {
		return fs.ErrClosed
	}
	f.closed = true
	return nil
}
