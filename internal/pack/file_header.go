package pack

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/millrace/millrace"
)

const fileMagic = "MILLPACK"

// A Class is the retention class of the streams that a pack was made for, as
// the store numbers them, from 1. It is a hint: streams change their retention,
// and what was written stays where it is.
type Class uint8

// ClassUnknown is the class of packs of version 1, which do not tell.
const ClassUnknown Class = 0

// A FileHeader says whose pack a file is.
type FileHeader struct {
	Version uint32    // of the format; 0 makes a pack of FormatVersion
	Class   Class     // ClassUnknown in version 1
	Epoch   uint32    // of the server that wrote it
	Pack    uint64    // the pack's number
	Created time.Time // UTC, whole milliseconds
	Salt    uint64    // random; stands in every record
	Store   [16]byte  // whose it is; zero is not known, as in version 1
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
	binary.LittleEndian.PutUint32(b[8:], h.version())
	binary.LittleEndian.PutUint32(b[12:], h.Epoch)
	binary.LittleEndian.PutUint64(b[16:], h.Pack)
	binary.LittleEndian.PutUint64(b[24:], uint64(h.Created.UnixMilli()))
	binary.LittleEndian.PutUint64(b[32:], h.Salt)
	b[40] = byte(h.class())
	if h.version() >= 2 {
		copy(b[41:57], h.Store[:])
	}
	seal(b)
}

func (h FileHeader) version() uint32 {
	if h.Version == 0 {
		return FormatVersion
	}
	return h.Version
}

// class is what a pack of this version can tell of its class.
func (h FileHeader) class() Class {
	if h.version() < 2 {
		return ClassUnknown
	}
	return h.Class
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

// MendFileHeader writes those copies of h anew that are not intact, and says
// whether there were any. It is durable with the next sync of the file.
func MendFileHeader(f interface {
	io.ReaderAt
	io.WriterAt
}, h FileHeader,
) (mended bool, err error) {
	whole := h.Append(nil)
	for _, at := range [...]int64{0, headerCopyAt} {
		got, err := readHeaderCopy(f, at)
		if err == nil && got == h {
			continue
		}
		if err != nil && !errors.Is(err, millrace.ErrCorrupt) {
			return mended, err
		}
		if _, err := f.WriteAt(whole[at:at+headerCopySize], at); err != nil {
			return mended, fmt.Errorf("mend file header: %w", err)
		}
		mended = true
	}
	return mended, nil
}

func readHeaderCopy(r io.ReaderAt, at int64) (FileHeader, error) {
	var b [headerCopySize]byte
	if err := ReadFull(r, b[:], at); err != nil {
		return FileHeader{}, fmt.Errorf("read file header: %w", err)
	}
	if string(b[:8]) != fileMagic || !sealed(b[:]) {
		return FileHeader{}, corrupt("file header")
	}
	version := binary.LittleEndian.Uint32(b[8:])
	if err := checkVersion(version); err != nil {
		return FileHeader{}, fmt.Errorf("file header: %w", err)
	}
	return FileHeader{
		Version: version,
		Class:   Class(b[40]),
		Epoch:   binary.LittleEndian.Uint32(b[12:]),
		Pack:    binary.LittleEndian.Uint64(b[16:]),
		Created: time.UnixMilli(int64(binary.LittleEndian.Uint64(b[24:]))).UTC(),
		Salt:    binary.LittleEndian.Uint64(b[32:]),
		Store:   [16]byte(b[41:57]),
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
