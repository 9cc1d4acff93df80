package storetest

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// A SmallDisk is a file system of a few megabytes that a test may fill to its
// last byte, and on which others than the test's subject have a file.
type SmallDisk struct {
	Dir string // where it is mounted

	t      testing.TB
	others *os.File
}

// NewSmallDisk mounts a file system in memory, until the test ends. Where
// mounting is not allowed, the test is skipped.
func NewSmallDisk(t testing.TB, size int64) *SmallDisk {
	t.Helper()
	dir := t.TempDir()
	err := unix.Mount("tmpfs", dir, "tmpfs", 0, fmt.Sprint("size=", size))
	if errors.Is(err, unix.EPERM) || errors.Is(err, unix.EACCES) {
		t.Skipf("a full disk needs a small one, and mounting is not allowed here: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	d := &SmallDisk{Dir: dir, t: t}
	t.Cleanup(func() {
		if d.others != nil {
			_ = d.others.Close()
		}
		if err := unix.Unmount(dir, 0); err != nil {
			t.Errorf("unmount: %v", err)
		}
	})
	return d
}

// Fill has others take all that is left but n bytes.
func (d *SmallDisk) Fill(n int64) {
	d.t.Helper()
	d.Take(1 << 62)
	if n > 0 {
		info, err := d.others.Stat()
		if err != nil {
			d.t.Fatal(err)
		}
		d.Leave(max(info.Size()-n, 0))
	}
}

// Take has others take n bytes more, or as many as there is room for.
func (d *SmallDisk) Take(n int64) {
	d.t.Helper()
	if d.others == nil {
		f, err := os.Create(filepath.Join(d.Dir, "others"))
		if err != nil {
			d.t.Fatal(err)
		}
		d.others = f
	}
	for block := make([]byte, 64<<10); n > 0; n -= int64(len(block)) {
		if _, err := d.others.Write(block[:min(n, int64(len(block)))]); errors.Is(err, syscall.ENOSPC) {
			return
		} else if err != nil {
			d.t.Fatal(err)
		}
	}
}

// Leave has others give back all but n bytes of what they took.
func (d *SmallDisk) Leave(n int64) {
	d.t.Helper()
	if d.others == nil {
		return
	}
	if err := d.others.Truncate(n); err != nil {
		d.t.Fatal(err)
	}
	if _, err := d.others.Seek(0, io.SeekEnd); err != nil {
		d.t.Fatal(err)
	}
}

// Free is how many bytes are left.
func (d *SmallDisk) Free() int64 {
	d.t.Helper()
	var st unix.Statfs_t
	if err := unix.Statfs(d.Dir, &st); err != nil {
		d.t.Fatal(err)
	}
	return int64(st.Bavail) * int64(st.Bsize)
}
