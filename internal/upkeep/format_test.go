package upkeep_test

import (
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/millrace/millrace/internal/store/disk"
	"github.com/millrace/millrace/internal/store/mem"
	"github.com/millrace/millrace/internal/upkeep"
)

// Backups of every format lie in testdata, and are never changed: -keep NAME
// makes a new one.
var keepBackup = flag.String("keep", "", "make testdata/NAME, a backup in the present format")

// keptSite is the site that the backups in testdata are of.
func keptSite(t *testing.T) *site {
	s := newSite()
	s.put(t, 3)
	s.leave(t, 1)
	return s
}

// TestABackupCanBeKept makes one, which -keep puts with the others.
func TestABackupCanBeKept(t *testing.T) {
	dir := filepath.Join("testdata", *keepBackup)
	if *keepBackup == "" {
		dir = t.TempDir()
	}
	to, err := disk.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	keptSite(t).backup(t, to)
	_, packs, err := restored(to)
	if err != nil {
		t.Fatal(err)
	}
	if n, err := readable(packs); n != 4 || err != nil {
		t.Errorf("%d fragments can be read, %v", n, err)
	}
}

func TestBackupsOfEveryFormatAreRestored(t *testing.T) {
	dirs, err := filepath.Glob("testdata/backup*")
	if err != nil || len(dirs) == 0 {
		t.Fatal("no old backups", err)
	}
	for _, dir := range dirs {
		from, err := disk.View(dir)
		if err != nil {
			t.Fatal(err)
		}
		if err := checkHeld(from, nil, "control 1"); err != nil {
			t.Errorf("%s: %v", dir, err)
		}
		_, packs, err := restored(from)
		if err != nil {
			t.Fatal(err)
		}
		if n, err := readable(packs); n != 4 || err != nil {
			t.Errorf("%s: %d fragments can be read, %v", dir, n, err)
		}
	}
}

func TestABackupOfANewerFormatIsRefused(t *testing.T) {
	s, to := newSite(), mem.NewFS()
	s.put(t, 1)
	s.backup(t, to)
	var m map[string]any
	if err := json.Unmarshal([]byte(contents(to, "manifest.json")), &m); err != nil {
		t.Fatal(err)
	}
	m["format"] = 99
	b, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "manifest.json"), b, 0o600); err != nil {
		t.Fatal(err)
	}
	newer, err := disk.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	_, _, restoring := restored(newer)
	_, backing := upkeep.Backup(t.Context(), s.config(newer))
	for what, err := range map[string]error{"restore": restoring, "backup": backing} {
		if !errors.Is(err, upkeep.ErrNewerBackup) || !strings.Contains(err.Error(), "format 99") {
			t.Errorf("%s: %v", what, err)
		}
	}
	if names := list(t, newer); len(names) != 1 {
		t.Errorf("the directory holds %v", names)
	}
}
