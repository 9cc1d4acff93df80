package store_test

import (
	"bytes"
	"io"
	"io/fs"
	"maps"
	"slices"

	"github.com/millrace/millrace/internal/store"
)

// thinBlock is what a thin file takes room in, in bytes, like most disks.
const thinBlock = 4096

// A thinFS is a directory in memory for a great deal of media that say nothing:
// a block of one value takes four bytes, so that a test can keep a thousand times
// what it has. It counts what a disk would: all blocks that were written and not
// given back. Of what is durable it knows nothing, for that there is mem.FS. One
// goroutine uses it at a time.
type thinFS struct {
	files  map[string]*thinFile
	blocks []*[thinBlock]byte // by number; that of a hole is nil
	free   []blockNumber
	taken  int64 // bytes of all files that have a name
}

// A blockNumber says what is in a block: nothing, one value, or what only this
// block has.
type blockNumber uint32

const (
	hole     blockNumber = 0
	flat     blockNumber = 1 // and a value
	ownBlock             = flat + 256
)

var _ store.FS = (*thinFS)(nil)

func newThinFS() *thinFS {
	d := &thinFS{files: make(map[string]*thinFile), blocks: make([]*[thinBlock]byte, ownBlock)}
	for v := range 256 {
		d.blocks[flat+blockNumber(v)] = (*[thinBlock]byte)(bytes.Repeat([]byte{byte(v)}, thinBlock))
	}
	return d
}

// take returns a block that nobody else has.
func (d *thinFS) take() blockNumber {
	if last := len(d.free) - 1; last >= 0 {
		n := d.free[last]
		d.free = d.free[:last]
		clear(d.blocks[n][:])
		return n
	}
	d.blocks = append(d.blocks, new([thinBlock]byte))
	return blockNumber(len(d.blocks) - 1)
}

// give lets others have a block.
func (d *thinFS) give(n blockNumber) {
	if n >= ownBlock {
		d.free = append(d.free, n)
	}
}

// Create implements store.FS.
func (d *thinFS) Create(name string) (store.File, error) {
	if d.files[name] != nil {
		return nil, &fs.PathError{Op: "create", Path: name, Err: fs.ErrExist}
	}
	d.files[name] = &thinFile{dir: d}
	return d.files[name], nil
}

// Open implements store.FS.
func (d *thinFS) Open(name string) (store.File, error) {
	if d.files[name] == nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	return d.files[name], nil
}

// ReadDir implements store.FS.
func (d *thinFS) ReadDir() ([]string, error) { return slices.Sorted(maps.Keys(d.files)), nil }

// Remove implements store.FS.
func (d *thinFS) Remove(name string) error {
	f := d.files[name]
	if f == nil {
		return &fs.PathError{Op: "remove", Path: name, Err: fs.ErrNotExist}
	}
	delete(d.files, name)
	d.taken -= f.taken
	f.removed = true
	for _, n := range f.blocks {
		d.give(n)
	}
	f.blocks, f.size = nil, 0 // nobody reads what has gone
	return nil
}

// Rename implements store.FS.
func (d *thinFS) Rename(from, to string) error {
	f := d.files[from]
	if f == nil {
		return &fs.PathError{Op: "rename", Path: from, Err: fs.ErrNotExist}
	}
	if d.files[to] != nil {
		_ = d.Remove(to)
	}
	delete(d.files, from)
	d.files[to] = f
	return nil
}

// SyncDir implements store.FS.
func (d *thinFS) SyncDir() error { return nil }

// Space implements store.FS.
func (d *thinFS) Space() (store.Space, error) { return store.Space{}, nil }

// A thinFile is a file and every handle of it.
type thinFile struct {
	dir     *thinFS
	blocks  []blockNumber
	size    int64
	taken   int64 // bytes of blocks that are no holes
	removed bool
}

// count notes that n blocks have come.
func (f *thinFile) count(n int) {
	f.taken += int64(n) * thinBlock
	if !f.removed {
		f.dir.taken += int64(n) * thinBlock
	}
}

// ReadAt implements io.ReaderAt.
func (f *thinFile) ReadAt(p []byte, off int64) (n int, err error) {
	for n < len(p) && off < f.size {
		at := off % thinBlock
		most := min(int64(len(p)-n), thinBlock-at, f.size-off)
		part := p[n : n+int(most)]
		if i := f.blocks[off/thinBlock]; i != hole {
			copy(part, f.dir.blocks[i][at:])
		} else {
			clear(part)
		}
		n, off = n+len(part), off+most
	}
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// WriteV implements store.File.
func (f *thinFile) WriteV(bufs [][]byte) (n int64, err error) {
	for _, p := range bufs {
		for len(p) > 0 {
			if f.size%thinBlock == 0 {
				f.blocks = append(f.blocks, hole)
			}
			part := p[:min(int64(len(p)), thinBlock-f.size%thinBlock)]
			f.put(part, f.size)
			f.size += int64(len(part))
			n, p = n+int64(len(part)), p[len(part):]
		}
	}
	return n, nil
}

// WriteAt implements store.File.
func (f *thinFile) WriteAt(p []byte, off int64) (n int, err error) {
	if off < 0 || off+int64(len(p)) > f.size {
		return 0, fs.ErrInvalid
	}
	for n < len(p) {
		part := p[n : n+int(min(int64(len(p)-n), thinBlock-off%thinBlock))]
		f.put(part, off)
		n, off = n+len(part), off+int64(len(part))
	}
	return n, nil
}

// put writes into one block. One that is full and has one value is shared.
func (f *thinFile) put(p []byte, off int64) {
	d, at, i := f.dir, off%thinBlock, &f.blocks[off/thinBlock]
	before := *i
	if before == hole {
		f.count(1)
	}
	if len(p) == thinBlock && isFlat(p) {
		d.give(before)
		*i = flat + blockNumber(p[0])
		return
	}
	if before < ownBlock {
		*i = d.take()
	}
	own := d.blocks[*i]
	if before != hole {
		copy(own[:], d.blocks[before][:])
	}
	copy(own[at:], p)
	if at+int64(len(p)) == thinBlock && isFlat(own[:]) {
		d.give(*i)
		*i = flat + blockNumber(own[0])
	}
}

func isFlat(p []byte) bool { return bytes.Equal(p[1:], p[:len(p)-1]) }

// Punch implements store.File.
func (f *thinFile) Punch(off, n int64) error {
	for i := (off + thinBlock - 1) / thinBlock; (i+1)*thinBlock <= min(off+n, f.size); i++ {
		if f.blocks[i] != hole {
			f.dir.give(f.blocks[i])
			f.blocks[i] = hole
			f.count(-1)
		}
	}
	return nil
}

// Truncate implements store.File.
func (f *thinFile) Truncate(size int64) error {
	for int64(len(f.blocks)-1)*thinBlock >= size {
		last := len(f.blocks) - 1
		if f.blocks[last] != hole {
			f.dir.give(f.blocks[last])
			f.count(-1)
		}
		f.blocks = f.blocks[:last]
	}
	f.size = size
	return nil
}

// within is how many bytes of whole blocks between two offsets are there.
func (f *thinFile) within(from, to int64) (n int64) {
	for i := (from + thinBlock - 1) / thinBlock; (i+1)*thinBlock <= to; i++ {
		if f.blocks[i] != hole {
			n += thinBlock
		}
	}
	return n
}

// Sync implements store.File.
func (f *thinFile) Sync() error { return nil }

// StartWriteback implements store.File.
func (f *thinFile) StartWriteback(int64, int64) error { return nil }

// Allocated implements store.File.
func (f *thinFile) Allocated() (int64, error) { return f.taken, nil }

// Size implements store.File.
func (f *thinFile) Size() (int64, error) { return f.size, nil }

// Close implements store.File.
func (f *thinFile) Close() error { return nil }
