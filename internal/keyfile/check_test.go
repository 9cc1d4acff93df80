package keyfile_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/millrace/millrace/internal/keyfile"
)

func TestAFileSaysWhoCanGetAtIt(t *testing.T) {
	if runtime.GOOS == "windows" {
		return // has no such modes
	}
	path := filepath.Join(t.TempDir(), "key")
	if err := keyfile.Write(path, []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	for mode, want := range map[fs.FileMode][2]string{
		0o600: {},
		0o400: {},
		0o640: {"seal " + path + " may be read by others (mode 0640), who could stamp: chmod 600 it", ""},
		0o604: {"seal " + path + " may be read by others (mode 0604), who could stamp: chmod 600 it", ""},
		0o620: {"", "may be written by others (mode 0620)"},
		0o602: {"", "may be written by others (mode 0602)"},
		0o666: {"", "may be written by others (mode 0666)"},
	} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		warning, err := keyfile.Check(path, "seal", ", who could stamp")
		if warning != want[0] || (err == nil) != (want[1] == "") || err != nil && !strings.Contains(err.Error(), want[1]) {
			t.Errorf("%v: %q, %v", mode, warning, err)
		}
	}
	if _, err := keyfile.Check(path+"2", "seal", ""); !errors.Is(err, fs.ErrNotExist) || !strings.HasPrefix(err.Error(), "read seal: ") {
		t.Errorf("one that is not there: %v", err)
	}
}
