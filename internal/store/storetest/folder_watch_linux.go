package storetest

import (
	"encoding/binary"
	"testing"

	"golang.org/x/sys/unix"
)

// WatchFolder watches what is done in a directory, as far as a mask of inotify
// says. It returns a function that lists the masks of the events since. Where
// watching is not possible, the test is skipped.
func WatchFolder(t testing.TB, dir string, mask uint32) (events func() []uint32) {
	t.Helper()
	watch, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		t.Skipf("directories cannot be watched: %v", err)
	}
	t.Cleanup(func() { _ = unix.Close(watch) })
	if _, err := unix.InotifyAddWatch(watch, dir, mask); err != nil {
		t.Fatal(err)
	}
	return func() (seen []uint32) {
		t.Helper()
		buf := make([]byte, 4096)
		n, err := unix.Read(watch, buf)
		if err != nil {
			t.Fatalf("nothing was seen in %s: %v", dir, err)
		}
		for b := buf[:n]; len(b) >= unix.SizeofInotifyEvent; b = b[unix.SizeofInotifyEvent+binary.NativeEndian.Uint32(b[12:]):] {
			seen = append(seen, binary.NativeEndian.Uint32(b[4:]))
		}
		return seen
	}
}
