package spool

import (
	"errors"
	"fmt"
	"io"
)

// Salvaged is what a file of a spool held.
type Salvaged struct {
	Number    uint64     // of the file in its spool
	Header    HeaderHash // of the stream's header
	Fragments []Fragment // in the file's order, whether they were settled or not
	Frames    int        // written, elements not counted
	Bytes     int64      // written
	Cut       int64      // bytes at the end that are nothing whole
	Faults    []Fault    // what is not as it was written, the first 1,000
	More      int        // faults beyond these
}

// maxFaults bounds the faults of a file that are told one by one.
const maxFaults = 1000

// A Fault is a place of a file where bytes are not what was written, or were
// never written.
type Fault struct {
	Offset   int64 // in the file, of the record that is at fault or of what is none
	Bytes    int64 // up to what can be read again, or to the end
	Fragment Ref   // that ends there before its time; 0 if none does, or if it is not known
	Torn     bool  // it was not synced yet, so a crash explains it; else the disk is at fault
}

// Salvage writes what a file of a spool holds as Matroska: the stream's header,
// and a Cluster of unknown size for each fragment, whole frames alone, each
// verified before it is written. A fragment that is torn or damaged is there up to
// that place. The file is size bytes long and is only read: it may be a copy, and
// the spool may be open. It needs no journal; what was settled is there too. With
// io.Discard it tells what is in the file.
//
// A file that was not damaged can be played as it is.
func Salvage(w io.Writer, r io.ReaderAt, size int64) (Salvaged, error) {
	h, err := readFileHeader(r)
	if errors.Is(err, ErrDamaged) {
		h.salt, err = guessSalt(r)
	}
	if err != nil {
		return Salvaged{}, fmt.Errorf("salvage: %w", err)
	}
	hash, header, err := readHeader(r, h.salt)
	if err != nil {
		return Salvaged{}, fmt.Errorf("salvage: %w", err)
	}
	out := Salvaged{Number: h.number, Header: hash}
	if err := out.write(w, header); err != nil {
		return out, err
	}
	c := &scanner{f: &dataFile{salt: h.salt, hash: hash}, src: window{src: r}, size: size, verify: true}
	c.off = min(startSize(header), size)
	c.good = c.off
	c.whole = true
	if c.synced, err = syncedIn(r, h, hash, size); err != nil {
		return out, fmt.Errorf("salvage: %w", err)
	}
	c.each = func(src io.Reader) error { return out.frame(w, c, src) }
	if err := c.run(); err != nil {
		return out, fmt.Errorf("salvage: %w", err)
	}
	for i := range c.f.entries {
		out.Fragments = append(out.Fragments, c.f.fragment(&c.f.entries[i]))
	}
	out.Cut = size - c.end
	out.Faults, out.More = c.faults, c.more
	return out, nil
}

// syncedIn is how much of a file was durable once: all of it if it has an index,
// else what its records say.
func syncedIn(r io.ReaderAt, h fileHeader, hash HeaderHash, size int64) (int64, error) {
	f := &dataFile{salt: h.salt, hash: hash}
	err := f.readIndex(r, size)
	if err == nil {
		return size, nil
	}
	c := &scanner{f: f, src: window{src: r}, size: size}
	if errors.Is(err, ErrDamaged) {
		c.off, err = c.start(h)
	}
	if err == nil {
		err = c.run()
	}
	return c.synced, err
}

// frame writes a frame that the scanner has come to and verified, and before the
// first of a fragment the start of its Cluster.
func (s *Salvaged) frame(w io.Writer, c *scanner, src io.Reader) error {
	if c.cur.bytes == 0 {
		if err := s.write(w, appendCluster(nil, c.cur.timecode)); err != nil {
			return err
		}
	}
	if c.copied == nil {
		c.copied = make([]byte, chunkSize)
	}
	n, err := io.CopyBuffer(onlyWriter{w}, src, c.copied)
	s.Bytes += n
	if c.frame.flags&(flagElement|flagTrailing) == 0 {
		s.Frames++
	}
	return err
}

// An onlyWriter has no ReadFrom, which would take a buffer of its own.
type onlyWriter struct{ io.Writer }

func (s *Salvaged) write(w io.Writer, b []byte) error {
	n, err := w.Write(b)
	s.Bytes += int64(n)
	return err
}
