package spool

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// errSource: a fragment could not be read where it stands.
var errSource = errors.New("fragment cannot be read back")

// A copier copies the records of a fragment from one file to another, verifying
// them on the way.
type copier struct {
	src, dst         file
	oldSalt, newSalt uint64
	buf              []byte
	frame            frameRecord
}

// copyFragment writes the records of old from off to end to h, at at, and
// returns how many bytes they are. What it cannot read as it was written is
// errSource; any other error is of h.
func (s *Spool) copyFragment(h file, f *dataFile, at int64, old *dataFile, off, end int64) (n int64, err error) {
	src, err := s.fs.Open(dataName(old.number), false)
	if err != nil {
		return 0, fmt.Errorf("%w: %w", errSource, err)
	}
	defer func() { _ = src.Close() }()
	c := copier{src: src, dst: h, oldSalt: old.salt, newSalt: f.salt, buf: make([]byte, chunkSize)}
	for off+n < end {
		step, err := c.record(off+n, at+n)
		if err != nil {
			return n, err
		}
		n += step
	}
	return n, nil
}

// record copies one record with its payload from off to at.
func (c *copier) record(off, at int64) (int64, error) {
	r, body, err := readRecord(c.src, c.oldSalt, off, c.buf)
	if err != nil {
		return 0, fmt.Errorf("%w: %w", errSource, err)
	}
	size := commonSize + len(body) + 4
	b := c.buf[:size]
	if r.kind == kindFrame {
		c.frame.parse(r, body)
	}
	if r.kind == kindFragment {
		clear(b[size-12 : size-4]) // nothing of the new file is synced
	}
	binary.LittleEndian.PutUint64(b[8:], c.newSalt)
	binary.LittleEndian.PutUint32(b[size-4:], checksum(b[:size-4]))
	if _, err := c.dst.WriteAt(b, at); err != nil {
		return 0, err
	}
	if err := c.payload(r, off+int64(size), at+int64(size)); err != nil {
		return 0, err
	}
	return int64(size) + r.payload, nil
}

func (c *copier) payload(r record, off, at int64) error {
	for done := int64(0); done < r.payload; done += chunkSize {
		b := c.buf[:min(chunkSize, r.payload-done)]
		if err := readFull(c.src, b, off+done); err != nil {
			return fmt.Errorf("%w: %w", errSource, err)
		}
		if r.kind == kindFrame && checksum(b) != c.frame.sum(int(done/chunkSize)) {
			return fmt.Errorf("%w: %w", errSource, ErrDamaged)
		}
		if _, err := c.dst.WriteAt(b, at+done); err != nil {
			return err
		}
	}
	return nil
}
