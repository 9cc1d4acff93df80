package fault

import "github.com/millrace/millrace/internal/store"

// A file is one open file. lost is set once a sync has failed.
type file struct {
	store.File
	fs   *FS
	name string
	lost bool
}

// ReadAt implements io.ReaderAt.
func (f *file) ReadAt(p []byte, off int64) (int, error) {
	if err := f.fs.strikeOn(Read, f.name); err != nil {
		return 0, err
	}
	return f.File.ReadAt(p, off)
}

// WriteV implements store.File. When it fails, half of the bytes are there.
func (f *file) WriteV(bufs [][]byte) (int64, error) {
	fault := f.fs.strikeOn(Write, f.name)
	if fault == nil {
		return f.File.WriteV(bufs)
	}
	n, err := f.File.WriteV(half(bufs))
	if err != nil {
		return n, err
	}
	return n, fault
}

func half(bufs [][]byte) [][]byte {
	size := 0
	for _, p := range bufs {
		size += len(p)
	}
	size /= 2
	var list [][]byte
	for _, p := range bufs {
		p = p[:min(len(p), size)]
		size -= len(p)
		list = append(list, p)
	}
	return list
}

// Sync implements store.File.
func (f *file) Sync() error {
	if err := f.fs.strikeOn(Sync, f.name); err != nil {
		f.lost = true
		return err
	}
	if f.lost {
		return nil
	}
	return f.File.Sync()
}

// Truncate implements store.File.
func (f *file) Truncate(size int64) error {
	if err := f.fs.strikeOn(Truncate, f.name); err != nil {
		return err
	}
	return f.File.Truncate(size)
}

// Size implements store.File.
func (f *file) Size() (int64, error) {
	if err := f.fs.strikeOn(Size, f.name); err != nil {
		return 0, err
	}
	return f.File.Size()
}

// WriteAt implements store.File.
func (f *file) WriteAt(p []byte, off int64) (int, error) {
	if err := f.fs.strikeOn(WriteAt, f.name); err != nil {
		return 0, err
	}
	return f.File.WriteAt(p, off)
}

// Punch implements store.File.
func (f *file) Punch(off, n int64) error {
	if err := f.fs.strikeOn(Punch, f.name); err != nil {
		return err
	}
	return f.File.Punch(off, n)
}

// Allocated implements store.File.
func (f *file) Allocated() (int64, error) {
	if err := f.fs.strikeOn(Size, f.name); err != nil {
		return 0, err
	}
	return f.File.Allocated()
}
