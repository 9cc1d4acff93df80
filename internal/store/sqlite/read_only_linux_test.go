package sqlite_test

import (
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/millrace/millrace/internal/store/sqlite"
	"github.com/millrace/millrace/internal/store/storetest"
)

// TestCopyFromAReadOnlyDisk: a system makes a disk read-only when it begins to
// fail, and then a backup is wanted most. What a killed server left in its log
// is in the copy as well.
func TestCopyFromAReadOnlyDisk(t *testing.T) {
	for name, path := range map[string]string{
		"closed": small(t), "killed": left(t, "-wal", "-shm"), "killed, without the log's index": left(t, "-wal"),
	} {
		t.Run(name, func(t *testing.T) {
			disk := storetest.NewSmallDisk(t, 16<<20)
			if err := os.CopyFS(filepath.Join(disk.Dir, "data"), os.DirFS(filepath.Dir(path))); err != nil {
				t.Fatal(err)
			}
			if err := unix.Mount("", disk.Dir, "", unix.MS_REMOUNT|unix.MS_RDONLY, ""); err != nil {
				t.Fatal(err)
			}
			dest := filepath.Join(t.TempDir(), "copy.db")
			if err := sqlite.OnlineCopy(t.Context(), filepath.Join(disk.Dir, "data", filepath.Base(path)), dest); err != nil {
				t.Fatal(err)
			}
			want, got := open(t, path, sqlite.Options{}), open(t, dest, sqlite.Options{})
			if w, g := dump(t, want), dump(t, got); w != g {
				t.Errorf("the copy has %s\nand should have %s", g, w)
			}
		})
	}
}
