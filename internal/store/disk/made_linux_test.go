package disk_test

import (
	"path/filepath"
	"slices"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/millrace/millrace/internal/store/disk"
	"github.com/millrace/millrace/internal/store/storetest"
)

// TestADirectoryThatIsMadeIsSynced: its parent is opened, to be synced, when it
// is there.
func TestADirectoryThatIsMadeIsSynced(t *testing.T) {
	dir := t.TempDir()
	events := storetest.WatchFolder(t, dir, unix.IN_OPEN|unix.IN_CREATE)
	if _, err := disk.Open(filepath.Join(dir, "new")); err != nil {
		t.Fatal(err)
	}
	seen := events()
	if !slices.Equal(seen, []uint32{unix.IN_CREATE | unix.IN_ISDIR, unix.IN_OPEN | unix.IN_ISDIR}) {
		t.Errorf("events are %x, want that it is made and its parent opened", seen)
	}
}
