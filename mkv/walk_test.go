package mkv_test

import (
	"bytes"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"testing"

	"github.com/millrace/millrace/mkv"
)

// walked walks to the end and checks that the bytes of all elements are those of
// the input, each where it says.
func walked(t testing.TB, input []byte) (elements []mkv.Element, err error) {
	t.Helper()
	pos := 0
	for e, err := range mkv.Walk(bytes.NewReader(input), mkv.ReaderOptions{}) {
		if err != nil {
			return elements, err
		}
		if e.Kind != mkv.End && int(e.Offset) != pos {
			t.Fatalf("%v says offset %d, is at %d", e.ID, e.Offset, pos)
		}
		if !bytes.HasPrefix(input[pos:], e.Raw) {
			t.Fatalf("%v at %d is not the input", e.ID, pos)
		}
		pos += len(e.Raw)
		e.Raw = bytes.Clone(e.Raw)
		elements = append(elements, e)
	}
	if pos != len(input) {
		t.Fatalf("the elements have %d bytes of %d", pos, len(input))
	}
	return elements, nil
}

func TestWalkGoesDownToTheValues(t *testing.T) {
	input := join(
		open(mkv.IDSegment, 8),
		mkv.AppendTracks(nil, []mkv.Track{{Number: 1, UID: 2, Type: mkv.TrackVideo, CodecID: "V", Video: mkv.Video{PixelWidth: 3, PixelHeight: 4}}}),
		open(mkv.IDCluster, 1), timecode(5),
		master(mkv.IDBlockGroup, mkv.AppendBytes(nil, mkv.IDBlock, []byte("\x81\x00\x00\x00x")), mkv.AppendUint(nil, mkv.IDBlockDuration, 6)),
		mkv.AppendTags(nil, []mkv.Tag{{Simple: []mkv.SimpleTag{{Name: "n", String: "s"}}}}, 0),
	)
	elements, err := walked(t, input)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range elements {
		got = append(got, fmt.Sprint(e.Level, e.Kind, e.ID))
	}
	want := []string{
		"0 start Segment", "1 start Tracks", "2 start TrackEntry", "3 whole TrackNumber", "3 whole TrackUID", "3 whole TrackType",
		"3 whole CodecID", "3 start Video", "4 whole PixelWidth", "4 whole PixelHeight", "3 end Video", "2 end TrackEntry", "1 end Tracks",
		"1 start Cluster", "2 whole Timecode", "2 start BlockGroup", "3 whole Block", "3 whole BlockDuration", "2 end BlockGroup", "1 end Cluster",
		"1 start Tags", "2 start Tag", "3 start SimpleTag", "4 whole TagName", "4 whole TagString", "3 end SimpleTag", "2 end Tag", "1 end Tags",
		"0 end Segment",
	}
	if !slices.Equal(got, want) {
		t.Errorf("walked\n%q, want\n%q", got, want)
	}
}

func TestWalkHandsOverEveryByteOfTheCaptures(t *testing.T) {
	for _, dir := range []string{"getmedia", "putmedia"} {
		paths, err := filepath.Glob(filepath.Join(vectorsDir(t, dir), "*.mkv"))
		if err != nil || len(paths) == 0 {
			t.Fatal(paths, err)
		}
		for _, path := range paths {
			if _, err := walked(t, readFile(t, path)); err != nil {
				t.Errorf("%s: %v", path, err)
			}
		}
	}
}

func TestWalkSaysWhereAFaultIs(t *testing.T) {
	head := join(open(mkv.IDSegment, 8), mkv.AppendInfo(nil, mkv.Info{}))
	bad := master(mkv.IDTags, master(mkv.IDTag, []byte{0x45, 0xA3, 0x85, 'x'})) // a TagName that is too long for its Tag
	_, err := walked(t, join(head, bad))
	var fault *mkv.SyntaxError
	if !errors.As(err, &fault) || !errors.Is(err, mkv.ErrOverrun) {
		t.Fatalf("error %v", err)
	}
	if want := int64(len(head) + len(bad) - 4); fault.Offset != want || fault.Path != "Tags/Tag/TagName" {
		t.Errorf("the fault is in %s at %d, want at %d", fault.Path, fault.Offset, want)
	}
}

func TestWalkDoesNotGoDownForEver(t *testing.T) {
	tag := []byte{}
	for range 10_000 {
		tag = master(mkv.IDSimpleTag, tag)
	}
	elements, err := walked(t, join(open(mkv.IDSegment, 8), master(mkv.IDTags, master(mkv.IDTag, tag))))
	if err != nil || len(elements) > 100 {
		t.Errorf("%d elements, %v", len(elements), err)
	}
}

func TestWalkEndsWhenItsLoopDoes(t *testing.T) {
	for stop := range 12 {
		n := 0
		for range mkv.Walk(bytes.NewReader(chatter()), mkv.ReaderOptions{}) {
			if n++; n > stop {
				break
			}
		}
		if n != stop+1 {
			t.Errorf("%d steps of %d", n, stop+1)
		}
	}
}

func TestCount(t *testing.T) {
	input := join(chatter(), chatter())
	counts, err := mkv.Count(bytes.NewReader(input), mkv.ReaderOptions{})
	if err != nil {
		t.Fatal(err)
	}
	want := map[mkv.ElementID]int{}
	elements, _ := walked(t, input)
	for _, e := range elements {
		if e.Kind != mkv.End {
			want[e.ID]++
		}
	}
	if len(counts) != len(want) || counts[mkv.IDEBML] != 2 {
		t.Errorf("counts are %v", counts)
	}
	for id, n := range want {
		if counts[id] != n {
			t.Errorf("%d of %v, want %d", counts[id], id, n)
		}
	}
	if _, err := mkv.Count(bytes.NewReader(input[:len(input)-1]), mkv.ReaderOptions{}); err == nil {
		t.Error("a cut input was counted without an error")
	}
}

// FuzzWalk walks any bytes: no panic, an end, and the bytes of the elements are
// those of the input.
func FuzzWalk(f *testing.F) {
	f.Add(chatter())
	f.Add(unhexSeed("18538067 8A 1254C36780 1F43B675FF E780 EC80 A0858183 1C53BB6B80"))
	f.Add(unhexSeed("18538067FF 1254C36787 737384 67C881 45"))
	f.Fuzz(func(t *testing.T, input []byte) {
		pos := 0
		for e, err := range mkv.Walk(bytes.NewReader(input), mkv.ReaderOptions{MaxElementSize: 1 << 16, MaxBlockSize: 1 << 20}) {
			if err != nil {
				break
			}
			if !bytes.HasPrefix(input[pos:], e.Raw) {
				t.Fatalf("%v at %d is not the input", e.ID, pos)
			}
			pos += len(e.Raw)
		}
	})
}
