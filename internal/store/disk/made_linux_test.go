package disk_test

import (
	"encoding/binary"
	"path/filepath"
	"slices"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/millrace/millrace/internal/store/disk"
)

// TestADirectoryThatIsMadeIsSynced: its parent is opened, to be synced, when it
// is there.
func TestADirectoryThatIsMadeIsSynced(t *testing.T) {
	dir := t.TempDir()
	watch, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		t.Skipf("directories cannot be watched: %v", err)
	}
	defer unix.Close(watch)
	if _, err := unix.InotifyAddWatch(watch, dir, unix.IN_OPEN|unix.IN_CREATE); err != nil {
		t.Fatal(err)
	}
	if _, err := disk.Open(filepath.Join(dir, "new")); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 4096)
	n, err := unix.Read(watch, buf)
	if err != nil {
		t.Fatal(err)
	}
	var seen []uint32
	for b := buf[:n]; len(b) >= unix.SizeofInotifyEvent; b = b[unix.SizeofInotifyEvent+binary.NativeEndian.Uint32(b[12:]):] {
		seen = append(seen, binary.NativeEndian.Uint32(b[4:]))
	}
	if !slices.Equal(seen, []uint32{unix.IN_CREATE | unix.IN_ISDIR, unix.IN_OPEN | unix.IN_ISDIR}) {
		t.Errorf("events are %x, want that it is made and its parent opened", seen)
	}
}
