package pack

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"

	"github.com/millrace/millrace"
)

// The measures of the format.
const (
	FormatVersion    = 2    // of the packs that this release makes
	FileHeaderSize   = 8192 // bytes before the first record
	RecordHeaderSize = 256  // bytes of a record's fixed header
	TrailerSize      = 64   // bytes at the end of a sealed pack
	Align            = 64   // records start on multiples of this

	// MaxBody is the longest body, and MaxTable the longest sample table, that
	// the format takes.
	MaxBody  = 1 << 30
	MaxTable = 1 << 28

	headerCopySize = 64
	headerCopyAt   = 4096

	// recordVersion is of the layout of records, which is the same in packs of
	// every version so far. So a record is read without knowing in what pack it
	// stands, also where both copies of the file header are lost.
	recordVersion = 1
)

// ErrVersion means that the pack was written by a newer release.
var ErrVersion = errors.New("pack format is newer than this release")

// ErrTooLarge means that a fragment is beyond what the format takes.
var ErrTooLarge = errors.New("fragment is too large for a pack")

// Aligned rounds n up to the next place where a record may start.
func Aligned(n int64) int64 { return (n + Align - 1) &^ (Align - 1) }

func checksum(crc uint32, p []byte) uint32 {
	return crc32.Update(crc, crc32.MakeTable(crc32.Castagnoli), p)
}

// checkVersion says whether this release knows a format version.
func checkVersion(v uint32) error {
	switch {
	case v == 0:
		return corrupt("version 0")
	case v > FormatVersion:
		return fmt.Errorf("version %d: %w", v, ErrVersion)
	}
	return nil
}

// seal puts the checksum of all that stands before it into the last four bytes.
func seal(b []byte) {
	binary.LittleEndian.PutUint32(b[len(b)-4:], checksum(0, b[:len(b)-4]))
}

// sealed reports whether the last four bytes are the checksum of the others.
func sealed(b []byte) bool {
	return binary.LittleEndian.Uint32(b[len(b)-4:]) == checksum(0, b[:len(b)-4])
}

// corrupt makes an error that is millrace.ErrCorrupt.
func corrupt(what string) error { return fmt.Errorf("%s: %w", what, millrace.ErrCorrupt) }
