package upkeep

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/pack"
	"github.com/millrace/millrace/internal/store"
)

// maxTries is how often a pack is copied that changes under the copy.
const maxTries = 5

// packs copies packs until there is none that has not been copied.
func (b *backup) packs(ctx context.Context) error {
	for b.report.Passes < maxPasses {
		list, err := packFiles(b.cfg.From)
		if err != nil {
			return err
		}
		list = slices.DeleteFunc(list, func(name string) bool {
			return b.taken[packPrefix+name] != nil && !b.stale[packPrefix+name]
		})
		if len(list) == 0 {
			return nil
		}
		b.report.Passes++
		if err := b.pass(ctx, list); err != nil {
			return err
		}
	}
	return errors.New("packs come faster than they can be copied")
}

// pass copies the packs in a list.
func (b *backup) pass(ctx context.Context, list []string) error {
	if err := b.expect(list); err != nil {
		return err
	}
	b.stale = make(map[string]bool)
	vanished := false
	for _, name := range list {
		err := b.pack(ctx, name)
		if errors.Is(err, fs.ErrNotExist) {
			vanished = true
			b.report.Vanished++
			continue
		}
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if err := b.note(); err != nil {
			return err
		}
	}
	for name, f := range b.taken {
		b.stale[name] = vanished && !f.Sealed
	}
	return nil
}

// expect adds up what there is to copy, and refuses to begin what cannot end.
func (b *backup) expect(list []string) error {
	var all, size int64
	for _, name := range list {
		if old := b.before[packPrefix+name]; old != nil {
			continue // most likely it has not changed
		}
		f, err := b.cfg.From.Open(name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		c, err := describe(f, name)
		_ = f.Close()
		if err != nil {
			return err
		}
		all, size = all+c.Allocated, size+c.Size
	}
	b.cfg.Meter.expect(2 * size) // once to copy, once to read the copy back
	room, err := b.cfg.To.Space()
	if err != nil {
		return err
	}
	if room.Total > 0 && all > room.Free {
		return fmt.Errorf("the backup needs %d bytes, and its directory has %d", all, room.Free)
	}
	return nil
}

// pack copies one pack, or takes the copy of an earlier run.
func (b *backup) pack(ctx context.Context, name string) error {
	for range maxTries {
		again, err := b.tryPack(ctx, name)
		if err != nil || !again {
			return err
		}
	}
	return errors.New("the pack changes too fast to be copied")
}

// tryPack reports whether the pack changed under the copy.
func (b *backup) tryPack(ctx context.Context, name string) (again bool, err error) {
	f, err := b.cfg.From.Open(name)
	if err != nil {
		return false, err
	}
	defer f.Close()
	c, err := describe(f, name)
	if err != nil {
		return false, err
	}
	if old := b.before[c.Name]; old != nil && unchanged(old, c, b.cfg.Forget) && checkSize(b.cfg.To, old) == nil {
		b.taken[c.Name] = old
		b.report.Kept++
		b.report.KeptBytes += old.Size
		return false, nil
	}
	c.Stored = storedName(c.Name, b.number)
	if again, err = b.copyPack(ctx, f, c); err != nil || again {
		return again, err
	}
	b.count(c)
	return false, nil
}

// describe says what pack a file holds.
func describe(f store.File, name string) (*Copied, error) {
	c := &Copied{Name: packPrefix + name}
	var err error
	if c.Size, err = f.Size(); err != nil {
		return nil, err
	}
	if c.Allocated, err = f.Allocated(); err != nil {
		return nil, err
	}
	number, _ := store.PackNumber(name)
	_, h, err := pack.ReadFooter(f, c.Size)
	switch {
	case err == nil && h.Pack == number:
		c.Sealed, c.Salt = true, h.Salt
	case err != nil && !errors.Is(err, millrace.ErrCorrupt):
		return nil, err
	}
	return c, nil
}

// unchanged reports whether an old copy of a pack will do. What has been taken
// out of the original since does no harm in a copy, because the control state
// says that it has gone; so it is copied anew only when much has, or when
// nothing of it is to be left.
func unchanged(old, now *Copied, forget bool) bool {
	if !now.Sealed || old.Salt != now.Salt || old.Size != now.Size {
		return false
	}
	back := old.Allocated - now.Allocated
	return back <= 0 || !forget && back < old.Allocated/8
}

// copyPack copies a pack and reads the copy back. Where that is damaged and the
// original is not, something was taken out of it between two reads, and the
// copy is worth nothing.
func (b *backup) copyPack(ctx context.Context, from store.File, c *Copied) (again bool, err error) {
	w, err := createFile(b.cfg.To, c.Stored)
	if err != nil {
		return false, err
	}
	if again, err = b.fill(ctx, w, from, c); err != nil || again {
		return again && err == nil, errors.Join(err, w.abort())
	}
	c.SHA256 = w.sha256()
	return false, w.finish()
}

// fill copies the bytes of a pack and checks them.
func (b *backup) fill(ctx context.Context, w *fileWriter, from store.File, c *Copied) (again bool, err error) {
	source := meteredBy(ctx, from, c.Size, &b.pace, b.cfg.Meter)
	for off := int64(0); off < c.Size; {
		p := b.buf[:min(int64(len(b.buf)), c.Size-off)]
		n, err := source.ReadAt(p, off)
		if n < len(p) && (err == nil || errors.Is(err, io.EOF)) {
			return true, nil // a server has cut it
		}
		if n < len(p) {
			return false, err
		}
		if _, err := w.Write(p); err != nil {
			return false, err
		}
		off += int64(n)
	}
	back := meteredBy(ctx, w.file, c.Size, nil, b.cfg.Meter)
	defer back.done()
	damage, err := checkPack(ctx, back, c)
	if err != nil || len(damage) == 0 {
		return false, err
	}
	if damage, err = checkPack(ctx, from, c); err != nil || len(damage) == 0 {
		return true, err
	}
	c.Damaged = len(damage)
	b.report.Damage = append(b.report.Damage, damage...)
	return false, nil
}

// note writes down now and then which packs are done.
func (b *backup) note() error {
	if b.report.CopiedBytes-b.noted < b.cfg.progressStep {
		return nil
	}
	b.noted = b.report.CopiedBytes
	m := b.manifest()
	m.Files = slices.DeleteFunc(m.Files, func(f Copied) bool { return !f.Sealed })
	return b.put(progressFile, m)
}
