package pack

import (
	"encoding/binary"
	"fmt"
	"io"
)

const trailerMagic = "MILLSEAL"

// A Trailer is what a sealed pack ends with. Of the file header it knows all
// but the epoch and when the pack was created.
type Trailer struct {
	FileHeader
	At     int64 // where the footer's record starts
	Length int64 // of that record
}

func (t Trailer) append(b []byte) []byte {
	at := len(b)
	b = append(b, make([]byte, TrailerSize)...)
	p, le := b[at:], binary.LittleEndian
	copy(p, trailerMagic)
	le.PutUint32(p[8:], t.version())
	p[12] = byte(t.class())
	le.PutUint64(p[16:], t.Pack)
	le.PutUint64(p[24:], t.Salt)
	le.PutUint64(p[32:], uint64(t.At))
	le.PutUint64(p[40:], uint64(t.Length))
	seal(p)
	return b
}

// ReadTrailer reads the trailer of a pack of the given size. A pack without
// one, or with one that does not fit it, is millrace.ErrCorrupt.
func ReadTrailer(r io.ReaderAt, size int64) (Trailer, error) {
	var b [TrailerSize]byte
	if size < FileHeaderSize+TrailerSize {
		return Trailer{}, corrupt("trailer")
	}
	if err := ReadFull(r, b[:], size-TrailerSize); err != nil {
		return Trailer{}, fmt.Errorf("read trailer: %w", err)
	}
	if string(b[:8]) != trailerMagic || !sealed(b[:]) {
		return Trailer{}, corrupt("trailer")
	}
	le := binary.LittleEndian
	t := Trailer{
		FileHeader: FileHeader{
			Version: le.Uint32(b[8:]),
			Class:   Class(b[12]),
			Pack:    le.Uint64(b[16:]),
			Salt:    le.Uint64(b[24:]),
		},
		At:     int64(le.Uint64(b[32:])),
		Length: int64(le.Uint64(b[40:])),
	}
	if err := checkVersion(t.Version); err != nil {
		return Trailer{}, fmt.Errorf("trailer: %w", err)
	}
	if t.At < FileHeaderSize || t.At > size-TrailerSize || t.At+t.Length != size-TrailerSize {
		return Trailer{}, corrupt("trailer of a file of another length")
	}
	return t, nil
}
