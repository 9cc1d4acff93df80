package spool

import (
	"encoding/binary"
	"io"

	"github.com/millrace/millrace"
)

const (
	indexMagic   = "MLRCSEND"
	indexEntry   = 16 + 11*8 + 8
	trailerSize  = 32
	maxIndexSize = 1 << 30
)

// appendIndex appends the index of a file, which is to stand at off, and its
// trailer.
func (f *dataFile) appendIndex(b []byte, off int64) []byte {
	n := len(f.entries)*indexEntry + trailerSize
	entries := appendLongVoid(make([]byte, 0, longVoidHead+n), n)
	for i := range f.entries {
		entries = f.entries[i].append(entries)
	}
	at := len(b)
	le := binary.LittleEndian
	r := record{kind: kindIndex, salt: f.salt, payload: int64(longVoidHead + n)}
	b = r.begin(b, indexSize)
	b = le.AppendUint32(b, uint32(len(f.entries)))
	b = le.AppendUint32(b, checksum(entries[longVoidHead:]))
	b = append(seal(b, at), entries...)
	at = len(b)
	b = append(b, indexMagic...)
	b = le.AppendUint64(b, f.salt)
	b = le.AppendUint64(b, uint64(off))
	b = le.AppendUint32(b, 0)
	return seal(b, at)
}

// indexBytes is what appendIndex appends.
func indexBytes(entries int) int64 {
	return indexSize + longVoidHead + int64(entries)*indexEntry + trailerSize
}

func (e *entry) append(b []byte) []byte {
	var flags uint32
	if e.facts.relative {
		flags |= flagRelative
	}
	if e.is(stateTorn | stateOpen) {
		flags |= flagTorn
	}
	if e.is(stateDamaged) {
		flags |= flagDamaged
	}
	b = append(b, e.facts.session[:]...)
	le := binary.LittleEndian
	for _, v := range [...]uint64{
		uint64(e.ref), e.sequence, e.timecode, e.facts.scale, uint64(e.start), uint64(e.facts.origin),
		uint64(e.begun), uint64(e.duration), uint64(e.offset), uint64(e.end), uint64(e.bytes),
	} {
		b = le.AppendUint64(b, v)
	}
	b = le.AppendUint32(b, e.frames)
	return le.AppendUint32(b, flags)
}

// readIndex reads the entries that the index at the end of a file of size bytes
// holds. A file without an index, or with a damaged one, is ErrDamaged.
func (f *dataFile) readIndex(r io.ReaderAt, size int64) error {
	var t [trailerSize]byte
	if size < preambleSize+indexBytes(0) {
		return damaged("index")
	}
	if err := readFull(r, t[:], size-trailerSize); err != nil {
		return err
	}
	le := binary.LittleEndian
	if string(t[:8]) != indexMagic || le.Uint64(t[8:]) != f.salt || le.Uint32(t[28:]) != checksum(t[:28]) {
		return damaged("index")
	}
	off := int64(le.Uint64(t[16:]))
	if off < preambleSize || off > size-indexBytes(0) || size-off > maxIndexSize {
		return damaged("index")
	}
	b := make([]byte, size-off)
	if err := readFull(r, b, off); err != nil {
		return err
	}
	return f.parseIndex(b, off)
}

// parseIndex decodes an index that stands at off.
func (f *dataFile) parseIndex(b []byte, off int64) error {
	rec, body, err := parseRecord(b[:indexSize], f.salt)
	if err != nil {
		return err
	}
	le := binary.LittleEndian
	n := int64(le.Uint32(body))
	entries := b[indexSize+longVoidHead:]
	if rec.kind != kindIndex || int64(len(entries)) != n*indexEntry+trailerSize {
		return damaged("index")
	}
	entries = entries[:n*indexEntry]
	if le.Uint32(body[4:]) != checksum(entries) {
		return damaged("index")
	}
	f.entries = make([]entry, 0, n)
	for ; len(entries) > 0; entries = entries[indexEntry:] {
		e := f.parseEntry(entries[:indexEntry])
		if e.offset < preambleSize || e.end < e.offset || e.end > off {
			f.entries = nil
			return damaged("entry of index")
		}
		f.entries = append(f.entries, e)
	}
	return nil
}

func (f *dataFile) parseEntry(b []byte) entry {
	le := binary.LittleEndian
	at := func(i int) uint64 { return le.Uint64(b[16+8*i:]) }
	flags := le.Uint32(b[indexEntry-4:])
	k := facts{
		session: millrace.SessionID(b), scale: at(3), origin: int64(at(5)), relative: flags&flagRelative != 0,
	}
	e := entry{
		ref: Ref(at(0)), facts: f.share(k), sequence: at(1), timecode: at(2), start: int64(at(4)),
		begun: int64(at(6)), duration: int64(at(7)), offset: int64(at(8)), end: int64(at(9)), bytes: int64(at(10)),
		frames: le.Uint32(b[indexEntry-8:]),
	}
	if flags&flagTorn != 0 {
		e.state |= stateTorn
	}
	if flags&flagDamaged != 0 {
		e.state |= stateDamaged
	}
	return e
}
