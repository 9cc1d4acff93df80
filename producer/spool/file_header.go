package spool

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
)

// formatVersion is that of the files this release writes. It reads all up to it.
const formatVersion = 1

const (
	fileMagic      = "MLRCSPOL"
	fileHeaderSize = 64

	headerCopyAt = len(fileHead) + fileHeaderSize + 2   // payload of the Void behind the EBML head
	preambleSize = int64(headerCopyAt + fileHeaderSize) // what stands before the first record
	shortVoid64  = "\xec\xc0"                           // head of a Void of 64 bytes
	dataSuffix   = ".spool.mkv"
	acksSuffix   = ".acks"
	numberDigits = 16 // in a file's name
)

// A fileHeader says which file of a spool this is. It stands twice in a file, so
// that no flipped bit costs all of it.
type fileHeader struct {
	version uint32
	number  uint64
	salt    uint64 // random; stands in every record
	created time.Time
	first   int64 // offset of the first fragment's record
}

func dataName(number uint64) string { return fmt.Sprintf("%0*x%s", numberDigits, number, dataSuffix) }

func acksName(number uint64) string { return fmt.Sprintf("%0*x%s", numberDigits, number, acksSuffix) }

// parseName returns the number in a file's name with this suffix.
func parseName(name, suffix string) (uint64, bool) {
	digits, ok := strings.CutSuffix(name, suffix)
	if !ok || len(digits) != numberDigits {
		return 0, false
	}
	n, err := strconv.ParseUint(digits, 16, 64)
	return n, err == nil
}

// append appends the preamble: preambleSize bytes.
func (h fileHeader) append(b []byte) []byte {
	b = append(b, fileHead...)
	b = h.appendCopy(b)
	b = append(b, shortVoid64...)
	return h.appendCopy(b)
}

func (h fileHeader) appendCopy(b []byte) []byte {
	at := len(b)
	le := binary.LittleEndian
	b = append(b, fileMagic...)
	b = le.AppendUint32(b, h.version)
	b = le.AppendUint32(b, 0)
	b = le.AppendUint64(b, h.number)
	b = le.AppendUint64(b, h.salt)
	b = le.AppendUint64(b, uint64(h.created.UnixMilli()))
	b = le.AppendUint64(b, uint64(h.first))
	b = append(b, make([]byte, fileHeaderSize-4-(len(b)-at))...)
	return le.AppendUint32(b, checksum(b[at:]))
}

// readFileHeader reads the copy that is intact. If none is, the error is
// ErrDamaged; of a later version it is ErrVersion.
func readFileHeader(r io.ReaderAt) (fileHeader, error) {
	var b [preambleSize]byte
	n, err := r.ReadAt(b[:], 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return fileHeader{}, fmt.Errorf("read file header: %w", err)
	}
	clear(b[n:])
	h, err := parseFileHeader(b[len(fileHead):][:fileHeaderSize])
	if errors.Is(err, ErrDamaged) {
		h, err = parseFileHeader(b[headerCopyAt:])
	}
	return h, err
}

func parseFileHeader(b []byte) (fileHeader, error) {
	le := binary.LittleEndian
	if string(b[:len(fileMagic)]) != fileMagic || le.Uint32(b[60:]) != checksum(b[:60]) {
		return fileHeader{}, fmt.Errorf("file header: %w", ErrDamaged)
	}
	h := fileHeader{
		version: le.Uint32(b[8:]),
		number:  le.Uint64(b[16:]),
		salt:    le.Uint64(b[24:]),
		created: time.UnixMilli(int64(le.Uint64(b[32:]))).UTC(),
		first:   int64(le.Uint64(b[40:])),
	}
	if h.version == 0 || h.version > formatVersion {
		return h, fmt.Errorf("file header: version %d: %w", h.version, ErrVersion)
	}
	return h, nil
}
