package sqlite

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/millrace/millrace"
)

// The write-ahead log is a header of 32 bytes and frames: a header of 24 bytes
// and a page each. A frame's checksum goes on from the one before it, and the
// log ends, for SQLite, with the first frame that does not verify. If that
// frame was damaged, what was committed in it and behind it would be forgotten
// without a word. See "WAL File Format" in SQLite's documentation.
const (
	logHeaderSize   = 32
	frameHeaderSize = 24
	logMagic        = 0x377f0682 // the last bit says that checksums are big endian
	maxPageSize     = 1 << 16
)

// checkLog fails with ErrCorrupt if the log at path has lost something that was
// committed. It can tell if a commit stands behind the damage: every commit is
// synced before the next one is begun (synchronous=FULL), so that a crash
// leaves no hole in front of another commit. Damage of the last commit alone
// looks like one that a crash cut short, and is not noticed. A log that is not
// there is fine. A server may write to it meanwhile, or begin it anew; so
// damage counts if it is there whenever one looks.
func checkLog(path string) (err error) {
	for range 3 {
		if err = readLog(path); !errors.Is(err, millrace.ErrCorrupt) {
			return err
		}
	}
	return err
}

func readLog(path string) error {
	f, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	header := make([]byte, logHeaderSize)
	if _, err := io.ReadFull(f, header); err != nil {
		return ended(err)
	}
	if isZero(header) {
		return nil
	}
	log := logReader{in: bufio.NewReaderSize(f, 1<<18)}
	if !log.begin(header) {
		return fmt.Errorf("header of the log %s: %w", path, millrace.ErrCorrupt)
	}
	return log.check(path)
}

// A logReader reads the frames of a log.
type logReader struct {
	in    io.Reader
	order binary.ByteOrder
	salts [8]byte
	last  [2]uint32 // checksum of the header or frame before, as it stands there
	frame []byte
}

// begin takes the header. It is false for one that does not verify.
func (l *logReader) begin(header []byte) bool {
	magic := binary.BigEndian.Uint32(header)
	size := binary.BigEndian.Uint32(header[8:])
	if magic&^1 != logMagic || size < 512 || size > maxPageSize || size&(size-1) != 0 {
		return false
	}
	l.order = binary.LittleEndian
	if magic&1 == 1 {
		l.order = binary.BigEndian
	}
	copy(l.salts[:], header[16:24])
	l.last = checksumAt(header[24:])
	l.frame = make([]byte, frameHeaderSize+size)
	return l.sum([2]uint32{}, header[:24]) == l.last
}

// check reads the frames up to the first one that does not verify, and then
// looks for what was written behind it.
func (l *logReader) check(path string) error {
	damaged, committed := -1, false
	for n := 0; ; n++ {
		if _, err := io.ReadFull(l.in, l.frame); err != nil {
			return ended(err)
		}
		good := l.verify()
		switch {
		case damaged < 0 && !good:
			damaged = n
		case committed && good:
			return fmt.Errorf("frame %d of the log %s, with commits behind it: %w", damaged, path, millrace.ErrCorrupt)
		}
		if damaged >= 0 && l.ours() && binary.BigEndian.Uint32(l.frame[4:]) != 0 {
			committed = true // the frame ends a transaction
		}
		l.last = checksumAt(l.frame[16:])
	}
}

// ours says that the frame was written since the log began anew.
func (l *logReader) ours() bool { return [8]byte(l.frame[8:16]) == l.salts }

// verify compares the frame's checksum, going on from the one before.
func (l *logReader) verify() bool {
	s := l.sum(l.last, l.frame[:8])
	return l.ours() && l.sum(s, l.frame[frameHeaderSize:]) == checksumAt(l.frame[16:])
}

// sum is the checksum of the format: over pairs of numbers of 32 bits.
func (l *logReader) sum(s [2]uint32, b []byte) [2]uint32 {
	for ; len(b) >= 8; b = b[8:] {
		s[0] += l.order.Uint32(b) + s[1]
		s[1] += l.order.Uint32(b[4:]) + s[0]
	}
	return s
}

func checksumAt(b []byte) [2]uint32 {
	return [2]uint32{binary.BigEndian.Uint32(b), binary.BigEndian.Uint32(b[4:])}
}

// ended makes the end of a file, wherever it is, no error.
func ended(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return nil
	}
	return err
}

func isZero(b []byte) bool {
	for _, c := range b {
		if c != 0 {
			return false
		}
	}
	return true
}
