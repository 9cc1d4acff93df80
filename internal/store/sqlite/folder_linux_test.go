package sqlite_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/millrace/millrace/internal/store/sqlite"
	"github.com/millrace/millrace/internal/store/storetest"
)

// TestSyncsOfFoldersReachTheFileSystem: /proc has nothing to sync, and says so
// to whoever asks it to.
func TestSyncsOfFoldersReachTheFileSystem(t *testing.T) {
	if err := sqlite.SyncFolder("/proc/self"); !errors.Is(err, unix.EINVAL) {
		t.Errorf("sync of a folder: %v, want that it is refused", err)
	}
}

// TestRemovalsOfFilesAreDurable: the folder is opened, to be synced, when the
// files have gone.
func TestRemovalsOfFilesAreDurable(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "index.db-wal")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	events := storetest.WatchFolder(t, dir, unix.IN_OPEN|unix.IN_DELETE)
	if err := sqlite.RemoveFiles(filepath.Join(dir, "index.db"), "-wal", "-shm"); err != nil {
		t.Fatal(err)
	}
	seen := events()
	if len(seen) != 2 || seen[0] != unix.IN_DELETE || seen[1] != unix.IN_OPEN|unix.IN_ISDIR {
		t.Errorf("events are %x, want a removal and that the folder is opened", seen)
	}
}
