package pack_test

import (
	"bytes"
	"flag"
	"os"
	"testing"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// The golden pack is of format version 1. Every later release must read it.
const golden = "testdata/version1.pack"

func TestVersion1IsWrittenAsEver(t *testing.T) {
	b := build(t, 5)
	b.seal()
	if *update {
		if err := os.WriteFile(golden, b.file, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(b.file, want) {
		t.Error("the bytes of a pack have changed: that needs a new format version")
	}
}
