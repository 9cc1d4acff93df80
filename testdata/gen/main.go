// Command gen writes the PutMedia fixtures in testdata/putmedia: small request
// bodies in the shapes that clients send, each with the head of its request and
// a summary of what is in it.
//
// It promises to write the same bytes each time, which a test beside it checks,
// and to describe what it wrote from what it meant to write: the summary is not
// made by reading the body back. It writes its bytes by hand, with an encoder of
// its own, so that a mistake in the module's Matroska package cannot hide here.
//
// It refuses to hold anybody's pictures: payloads are made up. They have the
// framing of their codec, and codec private data are real, but nothing in them
// can be decoded.
//
// Run it from the root of the module: go run ./testdata/gen
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
)

func main() {
	out := flag.String("out", filepath.Join("testdata", "putmedia"), "directory to write to")
	flag.Parse()
	if err := write(*out); err != nil {
		fmt.Fprintln(os.Stderr, "gen:", err)
		os.Exit(1)
	}
}

func write(dir string) error {
	for _, f := range fixtures() {
		files, err := f.files()
		if err != nil {
			return fmt.Errorf("make %s: %w", f.name, err)
		}
		for suffix, data := range files {
			if err := os.WriteFile(filepath.Join(dir, f.name+suffix), data, 0o644); err != nil {
				return fmt.Errorf("write fixture: %w", err)
			}
		}
	}
	return nil
}
