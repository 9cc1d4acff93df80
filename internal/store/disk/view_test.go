package disk_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/millrace/millrace/internal/store/disk"
)

func TestAViewChangesNothing(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "a"), []byte("abc"), 0o400); err != nil {
		t.Fatal(err)
	}
	v, err := disk.View(dir)
	if err != nil {
		t.Fatal(err)
	}
	f, err := v.Open("a")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var b [3]byte
	if n, err := f.ReadAt(b[:], 0); n != 3 || err != nil || string(b[:]) != "abc" {
		t.Errorf("read %q, %v", b[:n], err)
	}
	if size, err := f.Size(); size != 3 || err != nil {
		t.Errorf("size %d, %v", size, err)
	}
	_, create := v.Create("b")
	_, write := f.WriteV([][]byte{[]byte("x")})
	_, writeAt := f.WriteAt([]byte("x"), 0)
	for what, err := range map[string]error{
		"create": create, "remove": v.Remove("a"), "rename": v.Rename("a", "b"), "sync": v.SyncDir(),
		"write": write, "write at": writeAt, "punch": f.Punch(0, 1), "truncate": f.Truncate(0),
	} {
		if err == nil {
			t.Errorf("%s is possible", what)
		}
	}
	if b, err := os.ReadFile(filepath.Join(dir, "a")); string(b) != "abc" || err != nil {
		t.Errorf("the file has become %q, %v", b, err)
	}
	if _, err := disk.View(filepath.Join(dir, "none")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a view of nothing: %v", err)
	}
	if _, err := os.Stat(filepath.Join(dir, "none")); err == nil {
		t.Error("it was made")
	}
}
