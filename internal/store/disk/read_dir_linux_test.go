package disk_test

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/millrace/millrace/internal/store/disk"
)

// TestOnlyFilesAreListed: a pipe that somebody left among the packs would hold up
// everything that reads them.
func TestOnlyFilesAreListed(t *testing.T) {
	dir := t.TempDir()
	path := func(name string) string { return filepath.Join(dir, name) }
	steps := []error{
		os.WriteFile(path("file"), nil, 0o600),
		os.Mkdir(path("directory"), 0o700),
		unix.Mkfifo(path("pipe"), 0o600),
		os.Symlink(path("file"), path("link")),
		os.Symlink(path("nothing"), path("link to nothing")),
		os.Symlink(path("directory"), path("link to a directory")),
		os.Symlink(path("pipe"), path("link to a pipe")),
		os.Symlink("/dev/zero", path("link to a device")),
	}
	for _, err := range steps {
		if err != nil {
			t.Fatal(err)
		}
	}
	fs, err := disk.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	view, err := disk.View(dir)
	if err != nil {
		t.Fatal(err)
	}
	for what, list := range map[string]func() ([]string, error){"FS": fs.ReadDir, "view": view.ReadDir} {
		if names, err := list(); err != nil || !slices.Equal(names, []string{"file", "link", "link to nothing"}) {
			t.Errorf("%s: %q, %v", what, names, err)
		}
	}
}
