package upkeep

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/store"
)

// The ways in which a restore is refused.
var (
	ErrNotEmpty   = errors.New("the directory is not empty")
	ErrUnfinished = errors.New("a restore into this directory was not finished: restore again, or remove what is in it")
)

// A RestoreConfig says what is put back, and where. From, Top and Packs are
// needed.
type RestoreConfig struct {
	From  store.FS  // the backup's directory
	Top   store.FS  // the data directory, for this call alone
	Packs store.FS  // the directory of packs in it
	Now   time.Time // for the mark of a restore that is under way
	Rate  int64     // bytes to read per second; 0 is no bound
	Meter *Progress // may be nil
}

// Restore puts a complete backup into an empty data directory, every byte
// checked against the manifest. A backup of a newer format is ErrNewerBackup, a
// directory in which there is anything ErrNotEmpty; what a restore left there
// that was cut short is removed. A file that is missing or not as it was copied
// is millrace.ErrCorrupt.
//
// Crash safety. The first thing that becomes durable is a file that keeps
// servers out of the directory (CheckRestored); it is removed last, when all
// files and their names are durable. A crash before leaves a directory that is
// refused, one after it a directory that is whole.
func Restore(ctx context.Context, cfg RestoreConfig) (*Manifest, error) {
	m, err := ReadManifest(cfg.From)
	if err != nil {
		return nil, fmt.Errorf("read backup: %w", err)
	}
	r := &restore{cfg: cfg, pace: pace{rate: cfg.Rate}, buf: make([]byte, copyStep)}
	if err := r.run(ctx, m); err != nil {
		return nil, err
	}
	return m, nil
}

type restore struct {
	cfg  RestoreConfig
	pace pace
	buf  []byte
}

func (r *restore) run(ctx context.Context, m *Manifest) error {
	if err := r.check(m); err != nil {
		return err
	}
	if err := r.begin(); err != nil {
		return fmt.Errorf("begin restore: %w", err)
	}
	for i := range m.Files {
		if err := r.file(ctx, &m.Files[i]); err != nil {
			return fmt.Errorf("restore %s: %w", m.Files[i].Name, err)
		}
	}
	if err := r.finish(); err != nil {
		return fmt.Errorf("finish restore: %w", err)
	}
	return nil
}

// check refuses what cannot succeed, before anything is changed.
func (r *restore) check(m *Manifest) error {
	var need int64
	for i := range m.Files {
		f := &m.Files[i]
		if err := checkSize(r.cfg.From, f); err != nil {
			return err
		}
		need += f.Size
		if f.isPack() {
			need += min(f.Allocated, f.Size) - f.Size
		}
	}
	r.cfg.Meter.expect(m.Bytes())
	room, err := r.cfg.Top.Space()
	if err != nil {
		return err
	}
	if room.Total > 0 && need > room.Free {
		return fmt.Errorf("the backup needs %d bytes, and the data directory has %d", need, room.Free)
	}
	return nil
}

// checkSize says whether a file of a backup is there, and as long as it was.
func checkSize(from store.FS, c *Copied) error {
	f, err := from.Open(c.Stored)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s is missing from the backup: %w", c.Stored, millrace.ErrCorrupt)
	}
	if err != nil {
		return err
	}
	defer f.Close()
	size, err := f.Size()
	if err == nil && size != c.Size {
		err = fmt.Errorf("%s has %d bytes in the backup and had %d: %w", c.Stored, size, c.Size, millrace.ErrCorrupt)
	}
	return err
}

// begin marks the directory as one that is not whole, and empties it.
func (r *restore) begin() error {
	top, err := r.cfg.Top.ReadDir()
	if err != nil {
		return err
	}
	packs, err := r.cfg.Packs.ReadDir()
	if err != nil {
		return err
	}
	top = slices.DeleteFunc(top, func(name string) bool { return name == lockFile })
	begun := slices.Contains(top, markerFile)
	if !begun && len(top)+len(packs) > 0 {
		return ErrNotEmpty
	}
	if !begun {
		text := fmt.Sprintf("A restore began at %s and is not finished.\n", r.cfg.Now.UTC().Format(time.RFC3339))
		if err := mark(r.cfg.Top, text); err != nil {
			return err
		}
	}
	if err := r.cfg.Top.SyncDir(); err != nil {
		return err
	}
	top = slices.DeleteFunc(top, func(name string) bool { return name == markerFile })
	return errors.Join(removeAll(r.cfg.Top, top), removeAll(r.cfg.Packs, packs))
}

// mark makes the file that keeps servers out. Its presence is all that counts.
func mark(top store.FS, text string) error {
	f, err := top.Create(markerFile)
	if err != nil {
		return err
	}
	_, err = f.WriteV([][]byte{[]byte(text)})
	return errors.Join(err, f.Sync(), f.Close())
}

func removeAll(from store.FS, names []string) error {
	for _, name := range names {
		if err := from.Remove(name); err != nil {
			return err
		}
	}
	return nil
}

// file puts one file back.
func (r *restore) file(ctx context.Context, c *Copied) error {
	to, name := r.cfg.Top, c.Name
	if c.isPack() {
		to, name = r.cfg.Packs, strings.TrimPrefix(c.Name, packPrefix)
	}
	from, err := r.cfg.From.Open(c.Stored)
	if err != nil {
		return err
	}
	defer from.Close()
	w, err := createFile(to, name)
	if err != nil {
		return err
	}
	in := io.NewSectionReader(meteredBy(ctx, from, c.Size, &r.pace, r.cfg.Meter), 0, c.Size)
	_, err = io.CopyBuffer(w, onlyReader{in}, r.buf)
	if err == nil && w.sha256() != c.SHA256 {
		err = fmt.Errorf("it is not what was copied: %w", millrace.ErrCorrupt)
	}
	if err != nil {
		return errors.Join(err, w.abort())
	}
	return w.finish()
}

// An onlyReader hides what else a reader can do, so that the buffer is used.
type onlyReader struct{ io.Reader }

// finish makes all names durable and lets servers in.
func (r *restore) finish() error {
	if err := errors.Join(r.cfg.Packs.SyncDir(), r.cfg.Top.SyncDir()); err != nil {
		return err
	}
	if err := r.cfg.Top.Remove(markerFile); err != nil {
		return err
	}
	return r.cfg.Top.SyncDir()
}

// CheckRestored returns ErrUnfinished for a data directory in which a restore
// was begun and not finished. Whoever opens one asks first.
func CheckRestored(top store.FS) error {
	f, err := top.Open(markerFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return errors.Join(f.Close(), ErrUnfinished)
}
