package spool

import (
	"errors"
	"fmt"
	"io"
)

// errUnborn: a crash left a file without anything that can be read.
var errUnborn = errors.New("file has no start")

// guessSalt reads the salt from the first record, which counts if its checksum
// does.
func guessSalt(f io.ReaderAt) (uint64, error) {
	b := make([]byte, preambleSize+headerSize)
	if err := readFull(f, b, 0); err != nil {
		if errors.Is(err, ErrDamaged) {
			return 0, errUnborn
		}
		return 0, err
	}
	salt := saltOf(b[preambleSize:])
	if rec, _, err := parseRecord(b[preambleSize:], salt); err == nil && rec.kind == kindHeader {
		return salt, nil
	}
	for _, c := range b {
		if c != 0 {
			return 0, damaged("start of file")
		}
	}
	return 0, errUnborn
}

// A scanner reads through a file that has no index.
type scanner struct {
	f      *dataFile
	src    window
	size   int64
	off    int64
	good   int64                       // behind the last record that counts
	synced int64                       // bytes of the file that were durable once, as its records say
	end    int64                       // behind the last record, the index that is
	lost   Range                       // fragments of which nothing is whole, though others follow
	holes  int64                       // bytes that were skipped because no record could be read there
	verify bool                        // frames too, from synced on
	whole  bool                        // with verify, from the start of the file on
	faults []Fault                     // up to maxFaults
	more   int                         // faults beyond these
	each   func(frame io.Reader) error // is given each frame that counts; may be nil

	cur   *entry // the fragment that the records belong to; nil if they count for nothing
	index uint32
	frame frameRecord
	rec   []byte
	buf   []byte

	copied []byte // for those who copy what each is given
}

// scan finds the fragments of a file by hopping over its records. What stands
// behind the last sync that a record tells of is read whole: a power cut may have
// torn it anywhere. Below it, whatever is not as it was written is damage. It
// returns where that is.
func (s *Spool) scan(f *dataFile, src file, h fileHeader) (synced int64, err error) {
	c := &scanner{f: f, src: window{src: src}, size: f.size}
	c.rec = make([]byte, recordRoom)
	start, err := c.start(h)
	if err != nil {
		return 0, err
	}
	for _, c.verify = range [...]bool{false, true} {
		c.restart(start)
		if err := c.run(); err != nil {
			return 0, err
		}
	}
	s.opening.Scanned++
	s.opening.Cut += f.size - c.good
	if c.lost.Fragments > 0 {
		s.o.Report(Problem{Err: damaged("first frame of fragment"), File: dataName(f.number), Range: c.lost})
	}
	if c.holes > 0 {
		s.o.Report(Problem{Err: fmt.Errorf("%d bytes between records: %w", c.holes, ErrDamaged), File: dataName(f.number)})
	}
	for i := range f.entries {
		if e := &f.entries[i]; e.is(stateDamaged) {
			p := Problem{Err: damaged("fragment"), File: dataName(f.number)}
			p.Range.add(f.fragment(e))
			s.o.Report(p)
		}
	}
	if c.good < f.size {
		if err := src.Truncate(c.good); err != nil {
			return 0, fmt.Errorf("cut torn end: %w", err)
		}
	}
	f.size = c.good
	return c.synced, nil
}

// start is where the first fragment's record stands.
func (c *scanner) start(h fileHeader) (int64, error) {
	if h.first > 0 {
		return min(h.first, c.size), nil
	}
	_, header, err := readHeader(&c.src, c.f.salt)
	if errors.Is(err, ErrDamaged) {
		return preambleSize, nil
	}
	return startSize(header), err
}

// restart makes run begin at start. What is known of syncs stays known.
func (c *scanner) restart(start int64) {
	c.off, c.good, c.cur, c.f.entries, c.holes, c.faults, c.more = start, start, nil, nil, 0, nil, 0
}

func (c *scanner) run() error {
	for c.off < c.size {
		err := c.step()
		if errors.Is(err, errIndex) {
			break
		}
		if errors.Is(err, ErrDamaged) {
			err = c.skip()
		}
		if err != nil {
			return err
		}
	}
	c.close(stateTorn)
	if !c.verify {
		return nil
	}
	// A fragment without a frame is nothing.
	kept := c.f.entries[:0]
	for i, e := range c.f.entries {
		if e.bytes > 0 {
			kept = append(kept, e)
		} else if i < len(c.f.entries)-1 {
			c.lost.add(c.f.fragment(&e))
		}
	}
	c.f.entries = kept
	return nil
}

// errIndex: the scan has come to the index.
var errIndex = errors.New("index")

// step reads the record at off and what belongs to it.
func (c *scanner) step() error {
	rec, body, err := readRecord(&c.src, c.f.salt, c.off, c.rec)
	if err != nil {
		return err
	}
	end := c.off + int64(commonSize+len(body)+4) + rec.payload
	if end > c.size {
		return damaged("end of file")
	}
	c.end = max(c.end, end)
	switch rec.kind {
	case kindIndex:
		return errIndex
	case kindFragment:
		err = c.begin(parseFragment(rec, body), end)
	case kindFrame:
		c.frame.parse(rec, body)
		err = c.add(end)
	case kindEnd:
		err = c.finish(parseEnd(rec, body), end)
	}
	if err == nil {
		c.off = end
	}
	return err
}

func (c *scanner) begin(r fragmentRecord, end int64) error {
	c.close(stateTorn)
	if n := len(c.f.entries); n > 0 && r.ref <= c.f.entries[n-1].ref {
		return damaged("order of fragments")
	}
	c.synced = max(c.synced, r.synced)
	e := c.f.entryOf(&r, c.off)
	c.f.entries = append(c.f.entries, e)
	c.cur, c.index, c.good = &c.f.entries[len(c.f.entries)-1], 0, end
	return nil
}

// add takes a frame, which ends at end, if it is the next of its fragment.
func (c *scanner) add(end int64) error {
	f := &c.frame
	if c.cur == nil {
		return nil
	}
	if f.ref != c.cur.ref || f.index != c.index+1 {
		c.fail(end - c.off)
		return nil
	}
	if c.verify && (c.whole || end > c.synced) {
		ok, err := c.intact(end - f.payload)
		if err != nil {
			return err
		}
		if !ok {
			c.fail(end - c.off)
			return nil
		}
	}
	if c.each != nil {
		if err := c.each(io.NewSectionReader(&c.src, end-f.payload, f.payload)); err != nil {
			return err
		}
	}
	c.index++
	c.cur.add(f, end)
	c.good = end
	return nil
}

func (c *scanner) finish(r endRecord, end int64) error {
	if c.cur == nil {
		return nil
	}
	if r.ref != c.cur.ref || r.index != c.index+1 || r.bytes != c.cur.bytes || r.frames != c.cur.frames {
		c.fail(end - c.off)
		return nil
	}
	c.cur.end = end
	c.good = end
	c.close(0)
	return nil
}

// close ends the fragment that the records belonged to.
func (c *scanner) close(state uint8) {
	if c.cur == nil {
		return
	}
	c.cur.state = c.cur.state&^stateOpen | state
	c.cur = nil
}

// fail notes a fault of n bytes at off, and ends the fragment that the records
// belonged to.
func (c *scanner) fail(n int64) {
	if len(c.faults) < maxFaults {
		f := Fault{Offset: c.off, Bytes: n, Torn: c.off >= c.synced}
		if c.cur != nil {
			f.Fragment = c.cur.ref
		}
		c.faults = append(c.faults, f)
	} else {
		c.more++
	}
	c.close(c.blame(c.off))
}

// blame is what a fragment is that ends before its time because of what is at
// off: damaged if that was durable once, else torn.
func (c *scanner) blame(off int64) uint8 {
	if off < c.synced {
		return stateTorn | stateDamaged
	}
	return stateTorn
}

// skip goes on behind something that is no record: to the next one, if there is
// one, or to the end.
func (c *scanner) skip() error {
	next, err := searchRecord(&c.src, c.f.salt, c.off+1, c.size)
	if errors.Is(err, ErrDamaged) {
		c.fail(c.size - c.off)
		c.off = c.size
		return nil
	}
	if err != nil {
		return err
	}
	c.fail(next - c.off)
	c.holes += next - c.off
	c.off = next
	return nil
}

// intact verifies the payload of the frame, which stands at off.
func (c *scanner) intact(off int64) (bool, error) {
	if c.buf == nil {
		c.buf = make([]byte, chunkSize)
	}
	for i := 0; int64(i)*chunkSize < c.frame.payload; i++ {
		at := int64(i) * chunkSize
		b := c.buf[:min(chunkSize, c.frame.payload-at)]
		if err := readFull(&c.src, b, off+at); err != nil {
			return false, err
		}
		if checksum(b) != c.frame.sum(i) {
			return false, nil
		}
	}
	return true, nil
}
