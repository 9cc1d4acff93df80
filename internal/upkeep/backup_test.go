package upkeep_test

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"slices"
	"strings"
	"testing"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/store"
	"github.com/millrace/millrace/internal/store/mem"
	"github.com/millrace/millrace/internal/upkeep"
)

func TestABackupHoldsSealedAndOpenPacks(t *testing.T) {
	s, to := newSite(), mem.NewFS()
	s.put(t, 10)
	s.leave(t, 3)
	r := s.backup(t, to)
	if err := checkHeld(to, s.kept, s.control); err != nil {
		t.Error(err)
	}
	m := r.Manifest
	if m.Run != 1 || m.Epoch != 2 || m.Identity != identity || m.Tool != "test" || !m.Began.Equal(now()) || !m.Finished.Equal(now()) {
		t.Errorf("manifest %+v", m)
	}
	open := m.Files[slices.IndexFunc(m.Files, func(f upkeep.Copied) bool { return f.Name == "packs/0000000200000001.pack" })]
	if open.Sealed || open.Salt != 0 || r.Copied != len(m.Files) || r.Kept != 0 || r.Passes != 1 {
		t.Errorf("open pack %+v, report %+v", open, r)
	}
}

func TestTheNextBackupCopiesWhatIsNew(t *testing.T) {
	s, to := newSite(), mem.NewFS()
	s.put(t, 10)
	s.leave(t, 3)
	first := s.backup(t, to)
	s.put(t, 4)
	s.control = "control 2"
	second := s.backup(t, to)
	if second.Kept == 0 || second.Kept != sealed(first.Manifest) || second.Manifest.Run != 2 {
		t.Errorf("kept %d of %d", second.Kept, sealed(first.Manifest))
	}
	if err := checkHeld(to, s.kept, s.control); err != nil {
		t.Error(err)
	}
	third := s.backup(t, to)
	if third.Copied != 3 || third.Kept != len(third.Manifest.Files)-3 {
		t.Errorf("with nothing new, %d files were copied and %d kept", third.Copied, third.Kept)
	}
	names, _ := to.ReadDir()
	if want := stored(third.Manifest); !slices.Equal(names, want) {
		t.Errorf("the directory holds %v, the manifest %v", names, want)
	}
}

func sealed(m *upkeep.Manifest) (n int) {
	for _, f := range m.Files {
		if f.Sealed {
			n++
		}
	}
	return n
}

// stored is what a backup's directory has to hold.
func stored(m *upkeep.Manifest) []string {
	names := []string{"manifest.json"}
	for _, f := range m.Files {
		names = append(names, f.Stored)
	}
	slices.Sort(names)
	return names
}

// A scene is a directory on which something happens in the middle of a call.
type scene struct {
	store.FS
	opened func(name string) // before a file is opened
	read   func(name string, off int64)
}

func (s *scene) Open(name string) (store.File, error) {
	if s.opened != nil {
		s.opened(name)
	}
	f, err := s.FS.Open(name)
	return &sceneFile{f, s, name}, err
}

type sceneFile struct {
	store.File
	scene *scene
	name  string
}

func (f *sceneFile) ReadAt(p []byte, off int64) (int, error) {
	if f.scene.read != nil {
		f.scene.read(f.name, off)
	}
	return f.File.ReadAt(p, off)
}

// move copies the first n bytes of a file from one directory to another, or all
// of it if n is 0, over what has the name.
func move(t *testing.T, from, to store.FS, name string, n int) {
	t.Helper()
	b := []byte(contents(from, name))
	if n > 0 {
		b = b[:n]
	}
	if err := to.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	f, err := to.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteV([][]byte{b}); err != nil {
		t.Fatal(err)
	}
	f.Close()
}

// A pack that is written anew is in a later pack when it vanishes. That one may
// be new to the backup, or have been copied when it was not whole.
func TestPacksAreWrittenAnewWhileTheyAreCopied(t *testing.T) {
	for name, begun := range map[string]bool{"into one that is new": false, "into one that was copied in part": true} {
		t.Run(name, func(t *testing.T) {
			s, to := newSite(), mem.NewFS()
			s.put(t, 2)
			const old, anew = "0000000100000001.pack", "0000000000000001.pack"
			// The same fragments in a pack with another number; a lower one, so
			// that it comes first in the list.
			other := newSite()
			e, err := store.Open(context.Background(), store.Config{FS: other.packs, Lanes: 1})
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range s.kept {
				keep(t, e, f)
			}
			if err := e.Close(); err != nil {
				t.Fatal(err)
			}
			if begun {
				move(t, other.packs, s.packs, anew, 9000)
			}
			cfg := s.config(to)
			cfg.From = &scene{FS: s.packs, opened: func(name string) {
				if name == old && slices.Contains(list(t, s.packs), old) && (!begun || copied(t, to, anew)) {
					move(t, other.packs, s.packs, anew, 0)
					if err := s.packs.Remove(old); err != nil {
						t.Fatal(err)
					}
				}
			}}
			if _, err := upkeep.Backup(context.Background(), cfg); err != nil {
				t.Fatal(err)
			}
			if err := checkHeld(to, s.kept, s.control); err != nil {
				t.Error(err)
			}
		})
	}
}

func list(t *testing.T, fs store.FS) []string {
	t.Helper()
	names, err := fs.ReadDir()
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// copied reports whether a backup has copied a file.
func copied(t *testing.T, to store.FS, name string) bool {
	return slices.ContainsFunc(list(t, to), func(s string) bool { return strings.HasPrefix(s, name) && !strings.HasSuffix(s, ".part") })
}

func TestAPackIsCutWhileItIsCopied(t *testing.T) {
	s, to := newSite(), mem.NewFS()
	s.leave(t, 3)
	const name = "0000000100000001.pack"
	whole := len(contents(s.packs, name))
	f, err := s.packs.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteV([][]byte{make([]byte, 3<<20)}); err != nil {
		t.Fatal(err)
	}
	cfg := s.config(to)
	cfg.From = &scene{FS: s.packs, read: func(_ string, off int64) {
		if off == 2<<20 {
			if err := f.Truncate(int64(whole)); err != nil {
				t.Fatal(err)
			}
		}
	}}
	if _, err := upkeep.Backup(context.Background(), cfg); err != nil {
		t.Fatal(err)
	}
	if err := checkHeld(to, s.kept, s.control); err != nil {
		t.Error(err)
	}
	if got := len(contents(to, name+".1")); got != whole {
		t.Errorf("the copy has %d bytes, the pack %d", got, whole)
	}
}

func TestADirectoryOfOtherThingsIsLeftAlone(t *testing.T) {
	s, to := newSite(), mem.NewFS()
	s.put(t, 1)
	move(t, s.packs, to, "0000000100000001.pack", 0)
	if _, err := upkeep.Backup(context.Background(), s.config(to)); err == nil || !strings.Contains(err.Error(), "0000000100000001.pack") {
		t.Errorf("a data directory's packs were backed up to: %v", err)
	}
	to = mem.NewFS()
	s.backup(t, to)
	cfg := s.config(to)
	cfg.Identity = "another"
	if _, err := upkeep.Backup(context.Background(), cfg); !errors.Is(err, upkeep.ErrOtherStore) {
		t.Errorf("another store's backup: %v", err)
	}
	if err := checkHeld(to, s.kept, s.control); err != nil {
		t.Error(err)
	}
}

func TestABackupThatEndsEarlyIsGoneOnWith(t *testing.T) {
	s, to := newSite(), mem.NewFS()
	s.put(t, 10)
	s.leave(t, 1)
	cfg := s.config(to)
	broken := errors.New("broken")
	cfg.Control = func(context.Context, io.Writer) error { return broken }
	if _, err := upkeep.Backup(context.Background(), cfg.NotingEach()); !errors.Is(err, broken) {
		t.Fatalf("control state that cannot be read: %v", err)
	}
	if _, err := upkeep.ReadManifest(to); !errors.Is(err, upkeep.ErrNoBackup) {
		t.Errorf("after a backup that failed: %v", err)
	}
	if _, _, err := restored(to); !errors.Is(err, upkeep.ErrNoBackup) {
		t.Errorf("restored %v", err)
	}
	r := s.backup(t, to)
	if r.Kept != sealed(r.Manifest) || r.Manifest.Run != 2 {
		t.Errorf("%d packs were taken over, of %d", r.Kept, sealed(r.Manifest))
	}
	if err := checkHeld(to, s.kept, s.control); err != nil {
		t.Error(err)
	}
}

func TestACopyThatIsNotWholeIsMadeAgain(t *testing.T) {
	s, to := newSite(), mem.NewFS()
	s.put(t, 4)
	first := s.backup(t, to)
	for _, c := range first.Manifest.Files {
		if c.Sealed {
			f, err := to.Open(c.Stored)
			check(t, err)
			check(t, f.Truncate(c.Size-1))
			break
		}
	}
	if r := s.backup(t, to); r.Kept != sealed(first.Manifest)-1 {
		t.Errorf("%d packs were taken over, of %d", r.Kept, sealed(first.Manifest))
	}
	if err := checkHeld(to, s.kept, s.control); err != nil {
		t.Error(err)
	}
}

func TestDamageIsCopiedAndTold(t *testing.T) {
	s, to := newSite(), mem.NewFS()
	s.put(t, 4)
	const name = "0000000100000001.pack"
	f, err := s.packs.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	b := []byte(contents(s.packs, name))
	at := len(b) / 2
	if _, err := f.WriteAt([]byte{b[at] ^ 1}, int64(at)); err != nil {
		t.Fatal(err)
	}
	r := s.backup(t, to)
	if len(r.Damage) != 1 || r.Damage[0].Stream.ID != 1 || r.Damage[0].Number.IsZero() || !errors.Is(r.Damage[0].Err, millrace.ErrCorrupt) {
		t.Errorf("damage: %+v", r.Damage)
	}
	if _, faults, err := upkeep.VerifyBackup(context.Background(), to, 0, nil); err != nil || len(faults) > 0 {
		t.Errorf("the copy is what was copied, and yet: %v, %v", faults, err)
	}
}

func TestEveryFlippedByteOfABackupIsFound(t *testing.T) {
	s, to := newSite(), mem.NewFS()
	s.put(t, 4)
	s.backup(t, to)
	for _, name := range list(t, to) {
		whole := contents(to, name)
		f, err := to.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		for at := 0; at < len(whole); at += 1 + len(whole)/40 {
			if _, err := f.WriteAt([]byte{whole[at] ^ 0x10}, int64(at)); err != nil {
				t.Fatal(err)
			}
			_, faults, err := upkeep.VerifyBackup(context.Background(), to, 0, nil)
			if _, _, restoring := restored(to); err == nil && len(faults) == 0 || restoring == nil {
				t.Fatalf("%s: a bit of byte %d is wrong: %v, restored %v", name, at, err, restoring)
			}
			if _, err := f.WriteAt([]byte{whole[at]}, int64(at)); err != nil {
				t.Fatal(err)
			}
		}
		if err := checkHeld(to, s.kept, s.control); err != nil {
			t.Fatal(err)
		}
	}
}
