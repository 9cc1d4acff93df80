package mkv_test

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"github.com/millrace/millrace/mkv"
)

// FuzzReader reads any bytes, in several cuts: no panic, an end, the same
// elements each time, Raw bytes that join to the input (all in drain), and no
// more memory than twice what came.
func FuzzReader(f *testing.F) {
	f.Add(chatter(), uint64(1))
	f.Add(unhexSeed("1A45DFA380 18538067FF 1F43B67583 E78101 1F43B67540FF A3"), uint64(2))
	f.Add(unhexSeed("18538067 8A 1254C36780 1F43B675FF E780 EC80 A0858183 1C53BB6B80"), uint64(3))
	f.Fuzz(func(t *testing.T, input []byte, seed uint64) {
		options := mkv.ReaderOptions{MaxElementSize: 1 << 16, MaxBlockSize: 1 << 20}
		r := mkv.NewReader(bytes.NewReader(input), options)
		want, wantErr := drain(t, r, input)
		if n := r.BufferSize(); n > max(64<<10, 2*len(input)) {
			t.Errorf("%d bytes held for %d", n, len(input))
		}
		checkNesting(t, want)
		for _, src := range []io.Reader{
			iotest.OneByteReader(bytes.NewReader(input)),
			iotest.DataErrReader(iotest.HalfReader(bytes.NewReader(input))),
			randomReader{bytes.NewReader(input), rand.New(rand.NewPCG(seed, 0))},
		} {
			got, gotErr := drain(t, mkv.NewReader(src, options), input)
			if diff := cmp.Diff(lines(want), lines(got)); diff != "" {
				t.Fatal(diff)
			}
			if wantErr.Error() != gotErr.Error() {
				t.Fatalf("got %v, want %v", gotErr, wantErr)
			}
		}
	})
}

// checkNesting checks that Starts and Ends pair and levels fit.
func checkNesting(t *testing.T, records []record) {
	t.Helper()
	var open []record
	for _, r := range records {
		switch r.Kind {
		case mkv.Start:
			open = append(open, r)
		case mkv.End:
			last := open[len(open)-1]
			open = open[:len(open)-1]
			if last.ID != r.ID || last.Offset != r.Offset || last.Level != r.Level || last.Size != r.Size {
				t.Fatalf("%v ends %v", r, last)
			}
			if last.Size != mkv.UnknownSize && r.ID == mkv.IDCluster && r.offset != last.offset+last.Size {
				t.Fatalf("%v ends at %d, not after %d bytes", r, r.offset, last.Size)
			}
		case mkv.Whole:
			if inCluster := len(open) > 0 && open[len(open)-1].ID == mkv.IDCluster; inCluster != (r.Level == 2) {
				t.Fatalf("%v inside %v", r, open)
			}
		}
	}
}

// FuzzParsers gives any payload to every parser: no panic, typed errors, and
// what is decoded survives being encoded and decoded again.
func FuzzParsers(f *testing.F) {
	ids := parsed()
	for i := range ids {
		f.Add(uint8(i), []byte{})
	}
	f.Add(uint8(0), payload(mkv.AppendEBML(nil, mkv.EBML{})))
	f.Add(uint8(1), payload(mkv.AppendInfo(nil, mkv.Info{Duration: 1, Title: "t", SegmentUID: make([]byte, 16)})))
	f.Add(uint8(2), payload(mkv.AppendTracks(nil, header().Tracks)))
	f.Add(uint8(3), payload(mkv.AppendTags(nil, []mkv.Tag{{Simple: []mkv.SimpleTag{{Name: "n", String: "s", Binary: []byte("b")}}}}, 4)))
	f.Add(uint8(4), payload(block(1, -1, "payload")))
	f.Add(uint8(4), unhexSeed("81 0000 06 03 4320 5ED3 5FFF 00000000"))
	f.Add(uint8(4), unhexSeed("81 0000 02 02 FF23 05 00000000"))
	f.Add(uint8(5), unhexSeed("9B 81 28  A1 86 82 FFFE 08 0000 FB 81 D8"))
	f.Fuzz(func(t *testing.T, which uint8, data []byte) {
		roundTrip(t, ids[int(which)%len(ids)], data)
	})
}

func parsed() []mkv.ElementID {
	return []mkv.ElementID{mkv.IDEBML, mkv.IDInfo, mkv.IDTracks, mkv.IDTags, mkv.IDSimpleBlock, mkv.IDBlockGroup}
}

func unhexSeed(s string) []byte { return unhex(&testing.B{}, s) }

// roundTrip decodes a payload as the element with the given id, if there is a
// parser for it, and checks that encoding the result and decoding that again
// changes nothing.
func roundTrip(t *testing.T, id mkv.ElementID, data []byte) {
	t.Helper()
	switch id {
	case mkv.IDEBML:
		again(t, data, mkv.ParseEBML, mkv.AppendEBML)
	case mkv.IDInfo:
		again(t, data, mkv.ParseInfo, mkv.AppendInfo)
	case mkv.IDTracks:
		again(t, data, mkv.ParseTracks, mkv.AppendTracks)
	case mkv.IDTags:
		again(t, data, mkv.ParseTags, func(b []byte, tags []mkv.Tag) []byte { return mkv.AppendTags(b, tags, len(data)%9) })
	case mkv.IDSimpleBlock, mkv.IDBlock:
		again(t, data, mkv.ParseBlock, appendBlock)
		checkFrames(t, data)
	case mkv.IDBlockGroup:
		again(t, data, mkv.ParseBlockGroup, func(b []byte, g mkv.BlockGroup) []byte {
			p := mkv.AppendBytes(nil, mkv.IDBlock, payload(appendBlock(nil, g.Block)))
			p = mkv.AppendUint(p, mkv.IDBlockDuration, g.Duration)
			p = mkv.AppendInt(p, mkv.IDDiscardPadding, g.Padding)
			for range g.References {
				p = mkv.AppendInt(p, mkv.IDReferenceBlock, -1)
			}
			return mkv.AppendBytes(b, mkv.IDBlockGroup, p)
		})
	}
}

func appendBlock(b []byte, v mkv.Block) []byte {
	return append(mkv.AppendSimpleBlockHeader(b, v.Track, v.RelTime, v.Flags, len(v.Payload)), v.Payload...)
}

func again[T any](t *testing.T, data []byte, parse func([]byte) (T, error), encode func([]byte, T) []byte) {
	t.Helper()
	first, err := parse(data)
	if err != nil {
		var syntax *mkv.SyntaxError
		if !errors.As(err, &syntax) && !errors.Is(err, mkv.ErrBadValue) {
			t.Fatalf("%T is no error of this package", err)
		}
		if syntax != nil && (syntax.Offset < 0 || syntax.Offset > int64(len(data))) {
			t.Fatalf("%v is outside of %d bytes", err, len(data))
		}
		return
	}
	second, err := parse(payload(encode(nil, first)))
	if err != nil {
		t.Fatalf("encoded again: %v", err)
	}
	if diff := cmp.Diff(first, second); diff != "" {
		t.Fatal(diff)
	}
}

func checkFrames(t *testing.T, data []byte) {
	t.Helper()
	b, err := mkv.ParseBlock(data)
	if err != nil {
		return
	}
	var all []byte
	for f, err := range b.Frames() {
		if err != nil && !errors.Is(err, mkv.ErrBadLacing) {
			t.Fatal(err)
		}
		all = append(all, f...)
	}
	if !bytes.HasSuffix(data, all) {
		t.Fatal("the frames are not the end of the block")
	}
}
