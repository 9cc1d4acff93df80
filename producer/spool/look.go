package spool

import (
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"path/filepath"
	"slices"
	"time"

	"github.com/millrace/millrace"
)

// Contents is what a spool's directory holds.
type Contents struct {
	Producer millrace.ProducerID // zero if there is none, or if it cannot be read
	Files    []FileContents      // in the order in which they were made
}

// FileContents is what one file of a spool holds.
type FileContents struct {
	Name    string
	Number  uint64
	Size    int64 // bytes
	Created time.Time
	Header  HeaderHash
	Indexed bool    // it has its index, and all of it was synced
	Faults  []Fault // that were met on the way; Salvage finds all
	Err     error   // ErrDamaged if nothing of the file can be told from others

	data *dataFile
}

// Fragments yields the file's fragments in order, those too that were settled.
// Of several copies of a fragment, which a crash may leave, one file has that
// which counts.
func (f *FileContents) Fragments() iter.Seq[Fragment] {
	return func(yield func(Fragment) bool) {
		if f.data == nil {
			return
		}
		for i := range f.data.entries {
			if !yield(f.data.fragment(&f.data.entries[i])) {
				return
			}
		}
	}
}

// Look tells what the spool in dir holds. It changes nothing there, needs no
// right to write, and reads media only where a file has no index, behind what was
// synced. If a Spool is open in dir, the error is ErrLocked; one may be opened as
// soon as Look has begun, and what it does meanwhile may be seen or not. A
// directory that holds no spool has no Files.
func Look(dir string) (Contents, error) {
	if err := inUse(filepath.Join(dir, lockName)); err != nil {
		return Contents{}, wrap("look at spool", err)
	}
	return look(disk(dir))
}

func look(from fileSystem) (Contents, error) {
	var c Contents
	names, err := from.Names()
	if err != nil {
		return c, wrap("look at spool", err)
	}
	c.Producer, err = readProducer(from)
	if err != nil && !errors.Is(err, ErrDamaged) && !errors.Is(err, fs.ErrNotExist) {
		return c, err
	}
	slices.Sort(names) // digits of one width
	var files []*dataFile
	for _, name := range names {
		number, ok := parseName(name, dataSuffix)
		if !ok {
			continue
		}
		f := FileContents{Name: name, Number: number, data: &dataFile{number: number}}
		err := f.read(from)
		if errors.Is(err, fs.ErrNotExist) { // removed meanwhile
			continue
		}
		if f.Err = err; err != nil && !errors.Is(err, ErrDamaged) {
			return c, fmt.Errorf("look at %s: %w", name, err)
		}
		c.Files = append(c.Files, f)
		files = append(files, f.data)
	}
	hideTwins(files)
	return c, nil
}

// read reads what is known of the file's fragments.
func (f *FileContents) read(from fileSystem) error {
	src, err := from.Open(f.Name, false)
	if err != nil {
		return err
	}
	defer func() { _ = src.Close() }()
	if f.Size, err = src.Size(); err != nil {
		return err
	}
	d := f.data
	h, err := readFileHeader(src)
	if errors.Is(err, ErrDamaged) {
		h.salt, err = guessSalt(src)
	}
	if errors.Is(err, errUnborn) {
		return nil // begun, and nothing of it durable
	}
	if err != nil {
		return err
	}
	d.salt, d.size, f.Created = h.salt, f.Size, h.created
	d.hash, err = readHeaderHash(src, d.salt)
	noHeader := errors.Is(err, ErrDamaged)
	if err != nil && !noHeader {
		return err
	}
	f.Header = d.hash
	if err := f.readEntries(src, h); err != nil {
		return err
	}
	if !f.Indexed && d.synced == 0 {
		if _, _, err := readHeader(src, d.salt); err != nil { // ErrDamaged: a power cut took its start
			d.entries = nil
			return err
		}
	}
	for i := range d.entries {
		if noHeader {
			d.entries[i].state |= stateDamaged
		}
	}
	return d.readJournal(from)
}

// readEntries reads the index, or through the file if it has none.
func (f *FileContents) readEntries(src file, h fileHeader) error {
	d := f.data
	err := d.readIndex(src, d.size)
	if err == nil {
		f.Indexed, d.synced = true, d.size
	}
	if !errors.Is(err, ErrDamaged) {
		return err
	}
	c := &scanner{f: d, src: window{src: src}, size: d.size, rec: make([]byte, recordRoom)}
	start, err := c.start(h)
	for _, c.verify = range [...]bool{false, true} {
		if err == nil {
			c.restart(start)
			err = c.run()
		}
	}
	d.synced, f.Faults = c.synced, c.faults
	return err
}

// hideTwins leaves each fragment to the file whose copy counts, as Open does. It is
// settled if a copy is.
func hideTwins(files []*dataFile) {
	for ref, twins := range twinsIn(files) {
		best := bestOf(twins)
		keep, _ := best.file.find(ref)
		for _, t := range twins {
			if t.outcome.Final() && !keep.outcome.Final() {
				keep.outcome = t.outcome
			}
			if t.file != best.file {
				t.file.entries = slices.DeleteFunc(t.file.entries, func(e entry) bool { return e.ref == ref })
			}
		}
	}
}
