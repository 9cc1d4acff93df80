package storetest

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"slices"
	"testing"

	"github.com/millrace/millrace/internal/store"
)

// FS checks an implementation of store.FS. open returns an empty one.
func FS(t *testing.T, open func(t *testing.T) store.FS) {
	for name, test := range map[string]func(*testing.T, store.FS){
		"writes append and are read at once":           fsAppend,
		"a vector may have any number of pieces":       fsLongVector,
		"an opened file goes on at its end":            fsReopen,
		"a cut file goes on where it was cut":          fsTruncate,
		"create refuses a name that exists":            fsCreateTwice,
		"what does not exist is fs.ErrNotExist":        fsNotExist,
		"names are listed in order":                    fsNames,
		"an open file outlives its name":               fsRemoveOpen,
		"a rename takes the place of what was there":   fsRename,
		"a read behind the end is io.EOF":              fsReadBehind,
		"the caller's list of pieces is left as it is": fsListUntouched,
	} {
		t.Run(name, func(t *testing.T) { test(t, open(t)) })
	}
}

func fsCreate(t *testing.T, d store.FS, name string, content ...string) store.File {
	t.Helper()
	f, err := d.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	fsWrite(t, f, content...)
	return f
}

func fsWrite(t *testing.T, f store.File, content ...string) {
	t.Helper()
	var bufs [][]byte
	for _, s := range content {
		bufs = append(bufs, []byte(s))
	}
	if _, err := f.WriteV(bufs); err != nil {
		t.Fatal(err)
	}
}

func fsContent(t *testing.T, f store.File, want string) {
	t.Helper()
	size, err := f.Size()
	if err != nil {
		t.Fatal(err)
	}
	b := make([]byte, size)
	if n, err := f.ReadAt(b, 0); n != len(b) || err != nil && !errors.Is(err, io.EOF) {
		t.Fatalf("read %d of %d bytes: %v", n, len(b), err)
	}
	if string(b) != want {
		t.Fatalf("content is %.100q, want %.100q", b, want)
	}
}

func fsOpen(t *testing.T, d store.FS, name string) store.File {
	t.Helper()
	f, err := d.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	return f
}

func fsAppend(t *testing.T, d store.FS) {
	f := fsCreate(t, d, "a", "one ", "", "two ")
	fsContent(t, f, "one two ")
	fsWrite(t, f, "three")
	fsContent(t, f, "one two three")
	if err := errors.Join(f.StartWriteback(0, 4), f.Sync(), d.SyncDir()); err != nil {
		t.Fatal(err)
	}
	fsContent(t, fsOpen(t, d, "a"), "one two three")
}

func fsLongVector(t *testing.T, d store.FS) {
	f := fsCreate(t, d, "a")
	var bufs [][]byte
	for i := range 5000 {
		bufs = append(bufs, bytes.Repeat([]byte{byte(i)}, i%5))
	}
	n, err := f.WriteV(bufs)
	want := bytes.Join(bufs, nil)
	if err != nil || n != int64(len(want)) {
		t.Fatalf("wrote %d of %d: %v", n, len(want), err)
	}
	fsContent(t, f, string(want))
}

func fsReopen(t *testing.T, d store.FS) {
	fsCreate(t, d, "a", "one ")
	f := fsOpen(t, d, "a")
	fsWrite(t, f, "two")
	fsContent(t, f, "one two")
}

func fsTruncate(t *testing.T, d store.FS) {
	f := fsCreate(t, d, "a", "one two")
	if err := f.Truncate(4); err != nil {
		t.Fatal(err)
	}
	fsWrite(t, f, "three")
	fsContent(t, f, "one three")
}

func fsCreateTwice(t *testing.T, d store.FS) {
	f := fsCreate(t, d, "a", "one")
	if _, err := d.Create("a"); !errors.Is(err, fs.ErrExist) {
		t.Errorf("create: %v", err)
	}
	fsContent(t, f, "one")
}

func fsNotExist(t *testing.T, d store.FS) {
	_, open := d.Open("a")
	for name, err := range map[string]error{"open": open, "remove": d.Remove("a"), "rename": d.Rename("a", "b")} {
		if !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func fsNames(t *testing.T, d store.FS) {
	for _, name := range []string{"b", "c", "a"} {
		fsCreate(t, d, name)
	}
	if err := d.Remove("b"); err != nil {
		t.Fatal(err)
	}
	names, err := d.ReadDir()
	if err != nil || !slices.Equal(names, []string{"a", "c"}) {
		t.Errorf("names are %v, %v", names, err)
	}
}

func fsRemoveOpen(t *testing.T, d store.FS) {
	f := fsCreate(t, d, "a", "one")
	if err := d.Remove("a"); err != nil {
		t.Fatal(err)
	}
	fsContent(t, f, "one")
}

func fsRename(t *testing.T, d store.FS) {
	fsCreate(t, d, "a", "one")
	fsCreate(t, d, "b", "two")
	if err := d.Rename("a", "b"); err != nil {
		t.Fatal(err)
	}
	fsContent(t, fsOpen(t, d, "b"), "one")
	if names, err := d.ReadDir(); err != nil || !slices.Equal(names, []string{"b"}) {
		t.Errorf("names are %v, %v", names, err)
	}
}

func fsReadBehind(t *testing.T, d store.FS) {
	f := fsCreate(t, d, "a", "one")
	var b [4]byte
	if n, err := f.ReadAt(b[:], 1); n != 2 || !errors.Is(err, io.EOF) {
		t.Errorf("read %d: %v", n, err)
	}
	if n, err := f.ReadAt(b[:], 9); n != 0 || !errors.Is(err, io.EOF) {
		t.Errorf("read %d: %v", n, err)
	}
}

func fsListUntouched(t *testing.T, d store.FS) {
	f := fsCreate(t, d, "a")
	bufs := [][]byte{[]byte("one"), {}, []byte("two")}
	if _, err := f.WriteV(bufs); err != nil {
		t.Fatal(err)
	}
	if len(bufs) != 3 || string(bufs[0]) != "one" || string(bufs[2]) != "two" {
		t.Errorf("pieces are %q", bufs)
	}
}
