package sqlite_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/millrace/millrace/internal/store/sqlite"
)

// TestCopyBesideAServer: a copy has all that had been answered before it was
// begun, and verifies.
func TestCopyBesideAServer(t *testing.T) {
	path := filepath.Join(t.TempDir(), "control.db")
	c := open(t, path, sqlite.Options{})
	fill(t, c)
	beside(t, c, func() {
		for i := range 10 {
			name := fmt.Sprintf("before-%d", i)
			if _, err := c.Create(t.Context(), draft(name), nil); err != nil {
				t.Fatal(err)
			}
			dest := filepath.Join(t.TempDir(), "copy.db")
			if err := sqlite.OnlineCopy(t.Context(), path, dest); err != nil {
				t.Fatal(err)
			}
			if found := files(t, filepath.Dir(dest)); len(found) != 1 {
				t.Errorf("the copy is of %d files", len(found))
			}
			if r := verify(t, dest); !r.OK() {
				t.Errorf("report of the copy: %+v", r)
			}
			copied := open(t, dest, sqlite.Options{})
			if _, err := copied.Stream(t.Context(), draft(name).Name); err != nil {
				t.Errorf("stream %s in the copy: %v", name, err)
			}
			copied.Close()
		}
	})
	if r := verify(t, path); !r.OK() {
		t.Errorf("report of the file: %+v", r)
	}
}

// TestCopyOfWhatIsLeft: after a close, and after a kill, the copy is the whole.
func TestCopyOfWhatIsLeft(t *testing.T) {
	for name, path := range map[string]string{"closed": small(t), "killed": left(t, "-wal")} {
		dest := filepath.Join(t.TempDir(), "copy.db")
		if err := sqlite.OnlineCopy(t.Context(), path, dest); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		want, got := open(t, path, sqlite.Options{}), open(t, dest, sqlite.Options{})
		if w, g := dump(t, want), dump(t, got); w != g {
			t.Errorf("%s: the copy has %s\nand should have %s", name, g, w)
		}
	}
}

func TestCopyReplacesNothing(t *testing.T) {
	path := small(t)
	dest := copyOf(t, path)
	if err := sqlite.OnlineCopy(t.Context(), path, dest); !errors.Is(err, os.ErrExist) {
		t.Errorf("onto a file: %v", err)
	}
	if r := verify(t, dest); !r.OK() {
		t.Errorf("what was there: %+v", r)
	}
	nowhere := filepath.Join(t.TempDir(), "control.db")
	if err := sqlite.OnlineCopy(t.Context(), nowhere, dest+"2"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("of nothing: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := sqlite.OnlineCopy(ctx, path, dest+"3"); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	if found := files(t, filepath.Dir(dest)); len(found) != 1 {
		t.Errorf("%d files, want the one that was there", len(found))
	}
	if _, err := os.Stat(nowhere); !os.IsNotExist(err) {
		t.Errorf("a source was made: %v", err)
	}
}

// TestCopyOfADamagedFileIsDamaged: it is copied as it is, so that the copy's
// verification tells.
func TestCopyOfADamagedFileIsDamaged(t *testing.T) {
	path := small(t)
	spoil(t, path, "tags", "value", "name = 'site'")
	dest := filepath.Join(t.TempDir(), "copy.db")
	if err := sqlite.OnlineCopy(t.Context(), path, dest); err != nil {
		t.Fatal(err)
	}
	if r := verify(t, dest); r.OK() {
		t.Error("the copy verifies")
	}
}
