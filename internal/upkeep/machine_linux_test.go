package upkeep

import (
	"os"
	"slices"
	"testing"

	"github.com/millrace/millrace/internal/store/disk"
)

func TestTheMountOfADirectoryIsFound(t *testing.T) {
	const mounts = `22 1 8:1 / / rw,relatime - ext4 /dev/sda1 rw,errors=remount-ro
23 22 0:5 / /proc rw,nosuid - proc proc rw
30 22 8:2 / /srv/my\040disk rw,noatime shared:1 - xfs /dev/sdb1 rw,nobarrier
31 30 0:40 / /srv/my\040disk/net rw - nfs4 host:/x rw,vers=4.2
32 30 0:41 / /srv/my\040disk/net rw - tmpfs tmpfs rw
not a line
`
	for path, want := range map[string]string{
		"/var/lib":            "ext4",
		"/srv/my disk":        "xfs",
		"/srv/my disk/data":   "xfs",
		"/srv/my disk2":       "ext4",
		"/srv/my disk/net/a":  "tmpfs",
		"/srv/my disk/nether": "xfs",
	} {
		if got := mountOf([]byte(mounts), path); got.kind != want {
			t.Errorf("%s is on %q, want %q", path, got.kind, want)
		}
	}
	if got := mountOf([]byte(mounts), "/srv/my disk/data"); !slices.Contains(got.options, "nobarrier") || !slices.Contains(got.options, "noatime") {
		t.Errorf("options %v", got.options)
	}
}

func TestTheHolderOfALockIsFound(t *testing.T) {
	dir := t.TempDir()
	m := thisMachine{}
	if l, known := m.lockedBy(dir + "/lock"); l.held || !known {
		t.Errorf("before there is a lock: %+v, %v", l, known)
	}
	lock, err := disk.Lock(dir)
	if err != nil {
		t.Fatal(err)
	}
	if l, known := m.lockedBy(dir + "/lock"); known && (!l.held || l.pid != 0 && l.pid != os.Getpid()) {
		t.Errorf("our own lock: %+v, %v", l, known)
	}
	lock.Close()
	if l, _ := m.lockedBy(dir + "/lock"); l.held {
		t.Errorf("after Close: %+v", l)
	}
}

func TestThisMachineAnswers(t *testing.T) {
	m := thisMachine{}
	if n, known := m.memory(); !known || n < 1<<20 {
		t.Errorf("memory: %d, %v", n, known)
	}
	if n, known := m.openFiles(); !known || n == 0 {
		t.Errorf("open files: %d, %v", n, known)
	}
	if f, err := m.fileSystem(t.TempDir()); err != nil || f.kind == "" {
		t.Errorf("file system: %+v, %v", f, err)
	}
}
