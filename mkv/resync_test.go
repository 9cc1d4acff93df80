package mkv_test

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"testing"
	"testing/iotest"

	"github.com/millrace/millrace/mkv"
)

// ending is a document that can be found again: a header and an Info.
func ending() []byte {
	b := mkv.AppendEBML(nil, mkv.EBML{})
	b = mkv.AppendUnknownSize(mkv.AppendID(b, mkv.IDSegment), 8)
	return mkv.AppendInfo(b, mkv.Info{WritingApp: "found"})
}

func TestResyncFindsTheNextDocument(t *testing.T) {
	header := func(payload []byte) []byte { return mkv.AppendBytes(nil, mkv.IDEBML, payload) }
	for name, garbage := range map[string][]byte{
		"at once":                                    nil,
		"behind one byte":                            {0x42},
		"behind what is no element":                  bytes.Repeat([]byte{0}, 70_000),
		"behind half of a mark":                      {0x1A, 0x45, 0xDF},
		"behind a mark alone":                        {0x1A, 0x45, 0xDF, 0xA3},
		"behind a mark with the beginning of a mark": {0x1A, 0x45, 0x1A, 0x45, 0xDF},
		"behind a header of unknown size":            {0x1A, 0x45, 0xDF, 0xA3, 0xFF},
		"behind a header of eight bytes' size":       {0x1A, 0x45, 0xDF, 0xA3, 0x01, 0, 0, 0xFF, 0, 0, 0, 0},
		"behind a header of no size":                 {0x1A, 0x45, 0xDF, 0xA3, 0x00},
		"behind a header that says nothing":          header(nil),
		"behind a header of another kind":            header(mkv.AppendString(nil, mkv.IDDocType, "subtitles")),
		"behind a header that is none":               header(bytes.Repeat([]byte{0xFF}, 30)),
		"behind a cut header":                        mkv.AppendEBML(nil, mkv.EBML{})[:20],
		"inside an element of a huge size":           {0xEC, 0x01, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFE},
	} {
		t.Run(name, func(t *testing.T) {
			input := slices.Concat(garbage, ending())
			for _, source := range []io.Reader{
				bytes.NewReader(input), iotest.OneByteReader(bytes.NewReader(input)), iotest.DataErrReader(bytes.NewReader(input)),
			} {
				r := mkv.NewReader(source, mkv.ReaderOptions{})
				skipped, err := r.Resync()
				if err != nil || skipped != int64(len(garbage)) || r.Offset() != int64(len(garbage)) {
					t.Fatalf("skipped %d of %d, at %d: %v", skipped, len(garbage), r.Offset(), err)
				}
				e, err := r.Next()
				if err != nil || e.ID != mkv.IDEBML || e.Offset != int64(len(garbage)) {
					t.Fatalf("%v at %d: %v", e.ID, e.Offset, err)
				}
			}
		})
	}
}

func TestResyncGoesOnBehindAFault(t *testing.T) {
	input := slices.Concat(ending(), []byte{0x00, 1, 2, 3}, ending())
	r := mkv.NewReader(bytes.NewReader(input), mkv.ReaderOptions{})
	seen := 0
	for {
		e, err := r.Next()
		if _, ok := errors.AsType[*mkv.SyntaxError](err); ok {
			if skipped, err := r.Resync(); err != nil || skipped != 4 {
				t.Fatalf("skipped %d: %v", skipped, err)
			}
			continue
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if e.ID == mkv.IDInfo {
			seen++
		}
	}
	if seen != 2 {
		t.Errorf("saw %d documents", seen)
	}
}

func TestResyncTakesAHeaderInsideAClusterThatLies(t *testing.T) {
	lying := mkv.AppendSize(mkv.AppendID(nil, mkv.IDCluster), 1000, 8)
	r := mkv.NewReader(bytes.NewReader(slices.Concat(lying, ending())), mkv.ReaderOptions{})
	var err error
	for err == nil {
		_, err = r.Next()
	}
	if !errors.Is(err, mkv.ErrMisplaced) {
		t.Fatal(err)
	}
	if skipped, err := r.Resync(); skipped != 0 || err != nil {
		t.Errorf("skipped %d: %v", skipped, err)
	}
	if e, err := r.Next(); err != nil || e.ID != mkv.IDEBML || e.Level != 0 {
		t.Errorf("%v: %v", e.ID, err)
	}
}

func TestResyncWithoutADocumentIsTheEnd(t *testing.T) {
	input := append(bytes.Repeat([]byte{0xA3}, 300_000), 0x1A, 0x45, 0xDF, 0xA3, 0xA0, 0x42)
	r := mkv.NewReader(bytes.NewReader(input), mkv.ReaderOptions{})
	skipped, err := r.Resync()
	if !errors.Is(err, io.EOF) || skipped != int64(len(input)) {
		t.Errorf("skipped %d of %d: %v", skipped, len(input), err)
	}
	if _, err := r.Next(); !errors.Is(err, io.EOF) {
		t.Errorf("then: %v", err)
	}
}

func TestResyncGoesOnBehindAnErrorOfTheSource(t *testing.T) {
	garbage := bytes.Repeat([]byte{7}, 100)
	source := &hiccup{parts: [][]byte{garbage, ending()}}
	r := mkv.NewReader(source, mkv.ReaderOptions{})
	skipped, err := r.Resync()
	if !errors.Is(err, errHiccup) {
		t.Fatal(err)
	}
	more, err := r.Resync()
	if err != nil || skipped+more != int64(len(garbage)) {
		t.Errorf("skipped %d and %d: %v", skipped, more, err)
	}
}

var errHiccup = errors.New("hiccup")

// hiccup fails between its parts.
type hiccup struct {
	parts [][]byte
}

func (h *hiccup) Read(p []byte) (int, error) {
	if len(h.parts) == 0 {
		return 0, io.EOF
	}
	if len(h.parts[0]) == 0 {
		h.parts = h.parts[1:]
		return 0, errHiccup
	}
	n := copy(p, h.parts[0])
	h.parts[0] = h.parts[0][n:]
	return n, nil
}

func TestPeekTakesNothing(t *testing.T) {
	r := mkv.NewReader(bytes.NewReader(ending()), mkv.ReaderOptions{})
	if b, err := r.Peek(4); err != nil || !bytes.Equal(b, ending()[:4]) || r.Offset() != 0 {
		t.Errorf("%x at %d: %v", b, r.Offset(), err)
	}
	if e, err := r.Next(); err != nil || e.ID != mkv.IDEBML {
		t.Errorf("%v: %v", e.ID, err)
	}
	short := mkv.NewReader(bytes.NewReader([]byte{1, 2}), mkv.ReaderOptions{})
	if b, err := short.Peek(4); len(b) != 2 || !errors.Is(err, io.EOF) {
		t.Errorf("%x: %v", b, err)
	}
}

// FuzzResync: whatever comes, it makes progress, holds little, and what it finds is
// the beginning of a document.
func FuzzResync(f *testing.F) {
	f.Add([]byte{}, ending())
	f.Add([]byte{0x1A, 0x45, 0xDF, 0xA3, 0x81, 0x1A}, ending())
	f.Add(ending(), []byte{0})
	f.Fuzz(func(t *testing.T, before, after []byte) {
		input := slices.Concat(before, after)
		r := mkv.NewReader(iotest.HalfReader(bytes.NewReader(input)), mkv.ReaderOptions{})
		for steps := 0; ; steps++ {
			if steps > len(input) {
				t.Fatal("no progress")
			}
			at := r.Offset()
			skipped, err := r.Resync()
			if r.Offset() != at+skipped || skipped < 0 {
				t.Fatalf("skipped %d from %d to %d", skipped, at, r.Offset())
			}
			if errors.Is(err, io.EOF) {
				if r.Offset() != int64(len(input)) {
					t.Fatalf("ended at %d of %d", r.Offset(), len(input))
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if e, err := r.Next(); err != nil || e.ID != mkv.IDEBML || !bytes.Equal(e.Raw, input[at+skipped:at+skipped+int64(len(e.Raw))]) {
				t.Fatalf("%v: %v", e.ID, err)
			}
		}
	})
}
