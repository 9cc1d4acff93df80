package spool

import "io"

// windowSize is how far a window reads ahead, in bytes: a chunk and its record.
const windowSize = chunkSize + 8<<10

// A window reads ahead of what is asked for.
type window struct {
	src io.ReaderAt
	buf []byte
	off int64 // of buf in src
}

// ReadAt implements io.ReaderAt.
func (w *window) ReadAt(p []byte, off int64) (int, error) {
	if off >= w.off && off+int64(len(p)) <= w.off+int64(len(w.buf)) {
		return copy(p, w.buf[off-w.off:]), nil
	}
	if len(p) > windowSize {
		return w.src.ReadAt(p, off)
	}
	if cap(w.buf) < windowSize {
		w.buf = make([]byte, windowSize)
	}
	n, err := w.src.ReadAt(w.buf[:windowSize], off)
	w.buf, w.off = w.buf[:n], off
	if n >= len(p) {
		return copy(p, w.buf), nil
	}
	return copy(p, w.buf), err
}

// forget makes the next read ask src: it may have more by now.
func (w *window) forget() { w.buf = w.buf[:0] }
