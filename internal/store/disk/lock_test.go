package disk_test

import (
	"errors"
	"testing"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/store/disk"
)

func TestADirectoryHasOneOwnerAtATime(t *testing.T) {
	dir := t.TempDir()
	first, err := disk.Lock(dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := disk.Lock(dir); !errors.Is(err, millrace.ErrConflict) {
		t.Errorf("second lock: %v", err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	again, err := disk.Lock(dir)
	if err != nil {
		t.Fatalf("lock after the first was given back: %v", err)
	}
	if err := again.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestOpenMakesWhatLacks(t *testing.T) {
	dir := t.TempDir() + "/a/b/c"
	d, err := disk.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	if names, err := d.ReadDir(); err != nil || len(names) != 0 {
		t.Errorf("names are %v, %v", names, err)
	}
	f, err := d.Create("file")
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := disk.Open(dir + "/file"); err == nil {
		t.Error("a file was taken for a directory")
	}
}
