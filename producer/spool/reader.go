package spool

import (
	"errors"
	"fmt"
	"io"
)

// A Reader reads one fragment, frame by frame, as it was appended. It verifies
// each piece before it hands out a byte of it. One goroutine may use it.
type Reader struct {
	s    *Spool
	ref  Ref
	file *dataFile
	h    file
	src  window

	base int64 // of the fragment in the file
	pos  int64 // of the next record, less base
	end  int64 // of what is there, less base

	index uint32
	frame frameRecord
	chunk int   // of the frame: the next to be read
	left  int64 // bytes of the frame that were not read from src
	rec   []byte
	buf   []byte
	ready []byte // of buf: verified, not handed out
	err   error  // for good
	open  bool   // the fragment was, when end was found
}

// Reader begins to read a fragment, which may be open still. A fragment that is
// not pending is ErrSettled. While the Reader is open, the fragment's file keeps
// its place on the disk.
func (s *Spool) Reader(ref Ref) (*Reader, error) {
	if err := s.open(); err != nil {
		return nil, err
	}
	r := &Reader{s: s, ref: ref, rec: make([]byte, recordRoom)}
	if err := r.seek(); err != nil {
		return nil, err
	}
	return r, nil
}

// seek finds where the fragment stands by now and how much of it there is.
func (r *Reader) seek() error {
	s := r.s
	s.mu.Lock()
	f, e := s.find(r.ref)
	if e == nil || e.outcome.Final() && r.file == nil {
		s.mu.Unlock()
		return ErrSettled
	}
	r.base, r.end, r.open = e.offset, e.end-e.offset, e.is(stateOpen)
	same := f == r.file
	if !same {
		f.uses++
	}
	s.mu.Unlock()
	r.src.forget()
	if same {
		return nil
	}
	h, err := s.fs.Open(dataName(f.number), false)
	if err != nil {
		s.release(f)
		return fmt.Errorf("open file of spool: %w", err)
	}
	_ = r.Close()
	r.file, r.h, r.src.src = f, h, h
	return nil
}

// Close gives the file back. The error is always nil.
func (r *Reader) Close() error {
	if r.h == nil {
		return nil
	}
	_ = r.h.Close()
	r.s.release(r.file)
	r.h = nil
	return nil
}

// Next goes on to the next frame or element, the first at first, and returns what
// it is and how many bytes it has, which Read returns. What is left of the one
// before is skipped. Behind the last it is io.EOF, or ErrMore if the fragment is
// open: then Next may be called again when more was appended. A fragment that is
// not as it was written is ErrDamaged; what was read of it before was good.
func (r *Reader) Next() (Frame, int64, error) {
	r.ready, r.left = nil, 0
	for r.err == nil {
		done, err := r.next()
		if done || err != nil {
			return r.frame.frame(), r.frame.payload, r.settle(err)
		}
	}
	return Frame{}, 0, r.err
}

// settle remembers what ends a fragment, and tells of damage.
func (r *Reader) settle(err error) error {
	if err == nil {
		return nil
	}
	r.frame = frameRecord{sums: r.frame.sums}
	if errors.Is(err, ErrMore) {
		return err
	}
	r.err = err
	return err
}

// next reads a record, and reports whether it is that of a frame.
func (r *Reader) next() (bool, error) {
	if r.pos >= r.end {
		if err := r.more(); err != nil {
			return false, err
		}
	}
	rec, body, err := readRecord(&r.src, r.file.salt, r.base+r.pos, r.rec)
	if err != nil {
		return false, r.bad(err)
	}
	if want := r.index; rec.ref != r.ref || rec.index != want || r.pos == 0 != (rec.kind == kindFragment) {
		return false, r.bad(damaged("order of records"))
	}
	size := int64(commonSize + len(body) + 4)
	r.index++
	r.pos += size + rec.payload
	if r.pos > r.end {
		return false, r.bad(damaged("length of fragment"))
	}
	switch rec.kind {
	case kindFrame:
		r.frame.parse(rec, body)
		r.chunk, r.left = 0, rec.payload
		return true, nil
	case kindEnd:
		return false, io.EOF
	}
	return false, nil
}

// more is called at the end of what was there.
func (r *Reader) more() error {
	if !r.open {
		return io.EOF
	}
	if err := r.seek(); err != nil {
		return err
	}
	switch {
	case r.pos < r.end:
		return nil
	case r.open:
		return ErrMore
	}
	return io.EOF
}

// bad tells of damage. An error of the disk is no damage.
func (r *Reader) bad(err error) error {
	if errors.Is(err, ErrDamaged) {
		r.s.damage(r.file, r.ref, err)
	}
	return fmt.Errorf("read fragment %d of spool: %w", r.ref, err)
}

// Read returns bytes of the frame that Next went on to, and io.EOF at its end.
func (r *Reader) Read(p []byte) (int, error) {
	if len(r.ready) == 0 {
		if r.left == 0 {
			return 0, io.EOF
		}
		if err := r.fill(); err != nil {
			r.err = r.bad(err)
			return 0, r.err
		}
	}
	n := copy(p, r.ready)
	r.ready = r.ready[n:]
	return n, nil
}

// fill reads the next chunk of the frame and verifies it.
func (r *Reader) fill() error {
	if r.buf == nil {
		r.buf = make([]byte, chunkSize)
	}
	b := r.buf[:min(chunkSize, r.left)]
	if err := readFull(&r.src, b, r.base+r.pos-r.left); err != nil {
		return err
	}
	if checksum(b) != r.frame.sum(r.chunk) {
		return damaged("frame")
	}
	r.chunk++
	r.left -= int64(len(b))
	r.ready = b
	return nil
}

// Header returns the bytes that a fragment was begun with as its Head's Header.
func (s *Spool) Header(ref Ref) ([]byte, error) {
	s.mu.Lock()
	f, e := s.find(ref)
	if e == nil || e.outcome.Final() {
		s.mu.Unlock()
		return nil, ErrSettled
	}
	f.uses++
	s.mu.Unlock()
	defer s.release(f)
	_, header, err := s.headerOf(f)
	return header, err
}

func (s *Spool) headerOf(f *dataFile) (HeaderHash, []byte, error) {
	h, err := s.fs.Open(dataName(f.number), false)
	if err != nil {
		return HeaderHash{}, nil, fmt.Errorf("open file of spool: %w", err)
	}
	defer func() { _ = h.Close() }()
	return readHeader(h, f.salt)
}
