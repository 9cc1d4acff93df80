package disk

import (
	"fmt"
	"os"
)

// A file is one open file.
type file struct {
	*os.File
	end     int64    // where the next write goes
	scratch [][]byte // of WriteV
}

// WriteV implements store.File.
func (f *file) WriteV(bufs [][]byte) (int64, error) {
	f.scratch = append(f.scratch[:0], bufs...)
	n, err := writev(f.File, f.scratch, f.end)
	clear(f.scratch)
	f.end += n
	return n, err
}

// Sync implements store.File.
func (f *file) Sync() error { return datasync(f.File) }

// StartWriteback implements store.File.
func (f *file) StartWriteback(off, n int64) error { return startWriteback(f.File, off, n) }

// Truncate implements store.File.
func (f *file) Truncate(size int64) error {
	if err := f.File.Truncate(size); err != nil {
		return err
	}
	f.end = size
	return nil
}

// Size implements store.File.
func (f *file) Size() (int64, error) {
	info, err := f.Stat()
	if err != nil {
		return 0, fmt.Errorf("size: %w", err)
	}
	return info.Size(), nil
}

// Punch implements store.File.
func (f *file) Punch(off, n int64) error { return punch(f.File, off, n) }

// Allocated implements store.File.
func (f *file) Allocated() (int64, error) { return allocated(f.File) }
