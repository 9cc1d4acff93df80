package pack_test

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"testing"

	"github.com/millrace/millrace/internal/pack"
)

// bytesAt is a file in memory that can be written in place.
type bytesAt []byte

func (b bytesAt) WriteAt(p []byte, off int64) (int, error) { return copy(b[off:], p), nil }

func TestMarksAreOutsideOfEveryChecksum(t *testing.T) {
	b := build(t, 4)
	b.seal()
	before := slices.Clone(b.file)
	if err := errors.Join(pack.WriteHasMarks(bytesAt(b.file)), pack.WriteMark(bytesAt(b.file), b.offsets[2])); err != nil {
		t.Fatal(err)
	}
	if !pack.HasMarks(b.reader()) {
		t.Error("the pack says that it has no marks")
	}
	for _, at := range []int64{0, 4096} { // each copy of the file header alone
		file := slices.Clone(before)
		copy(file[at:at+100], b.file[at:])
		if !pack.HasMarks(bytes.NewReader(file)) {
			t.Errorf("copy at %d alone says that there are no marks", at)
		}
	}
	if h, err := pack.ReadFileHeader(b.reader()); err != nil || h != b.header {
		t.Errorf("header is %+v, %v", h, err)
	}
	for i, off := range b.offsets {
		rec, err := pack.ReadRecord(b.reader(), off, b.header.Salt)
		if err != nil || (rec.Mark == pack.MarkDeleted) != (i == 2) || (rec.Mark == pack.MarkLive) != (i != 2) {
			t.Errorf("mark of record %d is %x, %v", i, rec.Mark, err)
		}
	}
	changed := 0
	for i := range before {
		if before[i] != b.file[i] {
			changed++
		}
	}
	if changed != 3 {
		t.Errorf("%d bytes have changed", changed)
	}
}

func TestMarkedFragmentsAreDroppedFromAFooter(t *testing.T) {
	b := build(t, 4)
	b.seal()
	if err := errors.Join(pack.WriteHasMarks(bytesAt(b.file)), pack.WriteMark(bytesAt(b.file), b.offsets[1])); err != nil {
		t.Fatal(err)
	}
	b.file[b.offsets[2]+pack.MarkOffset] = 0x10 // damaged
	f, _, err := pack.ReadFooter(b.reader(), int64(len(b.file)))
	if err != nil {
		t.Fatal(err)
	}
	f.DropMarked(b.reader())
	var got []int64
	for _, e := range f.Entries {
		got = append(got, e.Offset)
	}
	if want := []int64{b.offsets[0], b.offsets[2], b.offsets[3]}; !slices.Equal(got, want) {
		t.Errorf("kept are %v, want %v", got, want)
	}
}

func TestMarksThatCannotBeReadAreLookedFor(t *testing.T) {
	b := build(t, 1)
	if !pack.HasMarks(bytes.NewReader(b.file[:100])) {
		t.Error("one byte of two is missing, and there are no marks")
	}
	if _, err := pack.ReadMark(b.reader(), int64(len(b.file))); err == nil || errors.Is(err, io.EOF) {
		t.Errorf("mark behind the end: %v", err)
	}
}

func TestTheFooterOfAPackThatSaysThatItHasNoMarksIsTakenAsItIs(t *testing.T) {
	b := build(t, 2)
	b.seal()
	b.file[b.offsets[0]+pack.MarkOffset] = byte(pack.MarkDeleted) // against the rule
	f, _, err := pack.ReadFooter(b.reader(), int64(len(b.file)))
	if err != nil {
		t.Fatal(err)
	}
	if f.DropMarked(b.reader()); len(f.Entries) != 2 {
		t.Errorf("%d entries are left", len(f.Entries))
	}
}
