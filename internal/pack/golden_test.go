package pack_test

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"testing"

	"github.com/millrace/millrace/internal/pack"
	"github.com/millrace/millrace/internal/store/storetest"
)

var update = flag.Bool("update", false, "rewrite the golden file of the format's present version")

// golden names the sample of a version. Every later release must read it.
func golden(version uint32) string { return fmt.Sprintf("testdata/version%d.pack", version) }

func TestEveryVersionIsWrittenAsEver(t *testing.T) {
	for version := uint32(1); version <= pack.FormatVersion; version++ {
		b := buildVersion(t, version, 5)
		b.seal()
		if *update && version == pack.FormatVersion {
			if err := os.WriteFile(golden(version), b.file, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(golden(version))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(b.file, want) {
			t.Errorf("the bytes of a pack of version %d have changed: that needs a new format version", version)
		}
	}
}

func TestEveryVersionIsRead(t *testing.T) {
	for version := uint32(1); version <= pack.FormatVersion; version++ {
		b := buildVersion(t, version, 5)
		var err error
		if b.file, err = os.ReadFile(golden(version)); err != nil {
			t.Fatal(err)
		}
		if h, err := pack.ReadFileHeader(b.reader()); err != nil || h != b.header {
			t.Errorf("version %d: header is %+v, %v", version, h, err)
		}
		f, h, err := pack.ReadFooter(b.reader(), int64(len(b.file)))
		if err != nil || len(f.Entries) != 5 || h.Version != version || h.Class != b.header.Class {
			t.Errorf("version %d: footer is %+v of %+v, %v", version, f, h, err)
		}
		for i, off := range b.scan(t) {
			got, err := b.read(off)
			if err != nil {
				t.Fatalf("version %d: %v", version, err)
			}
			if err := storetest.Same(got, b.fragments[i]); err != nil {
				t.Errorf("version %d: %v", version, err)
			}
		}
		if pack.HasMarks(b.reader()) {
			t.Errorf("version %d has marks", version)
		}
	}
}

func TestAPackKeepsItsVersionWhenItIsSealedLater(t *testing.T) {
	h := pack.FileHeader{Version: 1, Pack: 7, Salt: 9, Class: 2}
	file := h.Append(nil)
	file = new(pack.Footer).Append(file, h, int64(len(file)), 0)
	_, got, err := pack.ReadFooter(bytes.NewReader(file), int64(len(file)))
	if err != nil || got.Version != 1 || got.Class != pack.ClassUnknown {
		t.Errorf("trailer says %+v, %v", got, err)
	}
	if got, err := pack.ReadFileHeader(bytes.NewReader(file)); err != nil || got.Version != 1 || got.Class != pack.ClassUnknown {
		t.Errorf("file header says %+v, %v", got, err)
	}
}
