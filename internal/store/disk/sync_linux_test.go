package disk_test

import (
	"errors"
	"syscall"
	"testing"

	"github.com/millrace/millrace/internal/store/disk"
)

// TestSyncsReachTheFileSystem: /proc has nothing to sync, and says so to whoever
// asks it to.
func TestSyncsReachTheFileSystem(t *testing.T) {
	d, err := disk.Open("/proc/self")
	if err != nil {
		t.Fatal(err)
	}
	if err := d.SyncDir(); !errors.Is(err, syscall.EINVAL) {
		t.Errorf("sync of the directory: %v, want that it is refused", err)
	}
	f, err := d.Open("comm")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := f.Sync(); !errors.Is(err, syscall.EINVAL) {
		t.Errorf("sync of a file: %v, want that it is refused", err)
	}
}
