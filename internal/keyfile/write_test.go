package keyfile

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"testing"
)

// TestAFileIsDurableBeforeItHasItsName: what is synced first is the file, whole
// and under another name, and then the directory that has its name.
func TestAFileIsDurableBeforeItHasItsName(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "key")
	var synced []string
	sync := func(f *os.File) error {
		info, err := f.Stat()
		if err != nil {
			return err
		}
		named, err := os.ReadFile(path)
		switch {
		case info.IsDir() && f.Name() == dir && err == nil && string(named) == "secret":
			synced = append(synced, "directory with the file")
		case !info.IsDir() && errors.Is(err, os.ErrNotExist):
			b, err := io.ReadAll(io.NewSectionReader(f, 0, 100))
			synced = append(synced, "file of "+string(b))
			return err
		default:
			synced = append(synced, f.Name())
		}
		return nil
	}
	if err := writeSynced(path, []byte("secret"), 0o600, sync); err != nil {
		t.Fatal(err)
	}
	want := []string{"file of secret", "directory with the file"}
	if runtime.GOOS == "windows" {
		want = want[:1]
	}
	if !slices.Equal(synced, want) {
		t.Errorf("synced were %q, want %q", synced, want)
	}
}

// TestAFileThatCannotBeSyncedIsNotThere: nor is anything else.
func TestAFileThatCannotBeSyncedIsNotThere(t *testing.T) {
	dir := t.TempDir()
	broken := errors.New("broken")
	if err := writeSynced(filepath.Join(dir, "key"), []byte("secret"), 0o600, func(*os.File) error { return broken }); !errors.Is(err, broken) {
		t.Errorf("error is %v", err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("left are %v, %v", left, err)
	}
}
