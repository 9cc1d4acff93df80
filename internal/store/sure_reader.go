package store

import (
	"errors"
	"fmt"
	"io"
)

const (
	// sureBlock is how much is given up at once where a file cannot be read.
	sureBlock = 4096

	// maxUnreadable is how many such blocks there may be before the disk, not
	// the file, is taken to be broken. Each may take a drive seconds.
	maxUnreadable = 1024
)

// A sureReader reads a file in which some blocks cannot be read: those read as
// zeros, which no checksum passes, and it remembers why. One goroutine uses it.
type sureReader struct {
	stop  func() error // says why reading must end now, nil if it need not
	under io.ReaderAt
	size  int64 // of the file
	bad   map[int64]error
	fatal error // what ends all reading
	read  int64 // bytes so far
}

// ReadAt implements io.ReaderAt.
func (r *sureReader) ReadAt(p []byte, off int64) (int, error) {
	if err := r.err(); err != nil {
		return 0, err
	}
	if off < 0 || off >= r.size {
		return 0, io.EOF
	}
	whole := len(p)
	p = p[:min(int64(whole), r.size-off)]
	if err := r.fill(p, off); err != nil {
		return 0, err
	}
	r.read += int64(len(p))
	if len(p) < whole {
		return len(p), io.EOF
	}
	return len(p), nil
}

func (r *sureReader) err() error {
	if r.fatal == nil {
		r.fatal = r.stop()
	}
	return r.fatal
}

// fill reads p at once, or if that fails block by block.
func (r *sureReader) fill(p []byte, off int64) error {
	n, _ := r.under.ReadAt(p, off) // what was wrong shows again below
	if n == len(p) {
		return nil
	}
	for len(p) > 0 && r.err() == nil {
		n = min(len(p), sureBlock-int(off%sureBlock))
		if got, berr := r.under.ReadAt(p[:n], off); got < n {
			clear(p[:n])
			r.note(off/sureBlock, berr)
		}
		p, off = p[n:], off+int64(n)
	}
	return r.fatal
}

func (r *sureReader) note(block int64, err error) {
	if err == nil || errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF // the file has become shorter
	}
	if r.bad == nil {
		r.bad = make(map[int64]error)
	}
	r.bad[block] = err
	if len(r.bad) > maxUnreadable {
		r.fatal = fmt.Errorf("more than %d blocks cannot be read: %w", maxUnreadable, err)
	}
}

// why is what was wrong with reading any of n bytes from off, nil if nothing.
func (r *sureReader) why(off, n int64) error {
	if len(r.bad) == 0 {
		return nil
	}
	for block := off / sureBlock; block*sureBlock < off+n; block++ {
		if err := r.bad[block]; err != nil {
			return err
		}
	}
	return nil
}
