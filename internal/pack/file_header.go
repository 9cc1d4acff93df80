package pack

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"time"
)

const (
	fileMagic    = "MILLPACK"
	trailerMagic = "MILLSEAL"
)

// A FileHeader says whose pack a file is.
type FileHeader struct {
	Epoch   uint32    // of the server that wrote it
	Pack    uint64    // the pack's number
	Created time.Time // UTC, whole milliseconds
	Salt    uint64    // random; stands in every record
}

// Append appends the FileHeaderSize bytes that a pack starts with.
func (h FileHeader) Append(b []byte) []byte {
	at := len(b)
	b = append(b, make([]byte, FileHeaderSize)...)
	h.put(b[at:])
	h.put(b[at+headerCopyAt:])
	return b
}

func (h FileHeader) put(b []byte) {
	b = b[:headerCopySize]
	copy(b, fileMagic)
	binary.LittleEndian.PutUint32(b[8:], FormatVersion)
	binary.LittleEndian.PutUint32(b[12:], h.Epoch)
	binary.LittleEndian.PutUint64(b[16:], h.Pack)
	binary.LittleEndian.PutUint64(b[24:], uint64(h.Created.UnixMilli()))
	binary.LittleEndian.PutUint64(b[32:], h.Salt)
	seal(b)
}

// ReadFileHeader reads the first copy that is intact. A file with none is
// millrace.ErrCorrupt, one of a newer format ErrVersion.
func ReadFileHeader(r io.ReaderAt) (FileHeader, error) {
	h, first := readHeaderCopy(r, 0)
	if first == nil || errors.Is(first, ErrVersion) {
		return h, first
	}
	if h, err := readHeaderCopy(r, headerCopyAt); err == nil || errors.Is(err, ErrVersion) {
		return h, err
	}
	return FileHeader{}, first
}

func readHeaderCopy(r io.ReaderAt, at int64) (FileHeader, error) {
	var b [headerCopySize]byte
	if err := ReadFull(r, b[:], at); err != nil {
		return FileHeader{}, fmt.Errorf("read file header: %w", err)
	}
	if string(b[:8]) != fileMagic || !sealed(b[:]) {
		return FileHeader{}, corrupt("file header")
	}
	if v := binary.LittleEndian.Uint32(b[8:]); v != FormatVersion {
		return FileHeader{}, fmt.Errorf("version %d: %w", v, ErrVersion)
	}
	return FileHeader{
		Epoch:   binary.LittleEndian.Uint32(b[12:]),
		Pack:    binary.LittleEndian.Uint64(b[16:]),
		Created: time.UnixMilli(int64(binary.LittleEndian.Uint64(b[24:]))).UTC(),
		Salt:    binary.LittleEndian.Uint64(b[32:]),
	}, nil
}

// ReadFull reads all of p at off. A file that ends before is
// millrace.ErrCorrupt.
func ReadFull(r io.ReaderAt, p []byte, off int64) error {
	n, err := r.ReadAt(p, off)
	switch {
	case n == len(p):
		return nil
	case err == nil || errors.Is(err, io.EOF):
		return corrupt("end of file")
	}
	return err
}
