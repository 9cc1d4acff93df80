package sqlite_test

import (
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/millrace/millrace/internal/store/sqlite"
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
	watch, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		t.Skipf("folders cannot be watched: %v", err)
	}
	defer unix.Close(watch)
	if _, err := unix.InotifyAddWatch(watch, dir, unix.IN_OPEN|unix.IN_DELETE); err != nil {
		t.Fatal(err)
	}
	if err := sqlite.RemoveFiles(filepath.Join(dir, "index.db"), "-wal", "-shm"); err != nil {
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
	if len(seen) != 2 || seen[0] != unix.IN_DELETE || seen[1] != unix.IN_OPEN|unix.IN_ISDIR {
		t.Errorf("events are %x, want a removal and that the folder is opened", seen)
	}
}
