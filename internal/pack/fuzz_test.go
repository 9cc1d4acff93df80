package pack_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"slices"
	"testing"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/pack"
)

// FuzzSamples takes any bytes for a sample table. What decodes must encode to
// something that decodes to the same.
func FuzzSamples(f *testing.F) {
	f.Add([]byte{1, 1, 0, 5, 0, 3, 2, 14, 5, 66}, uint32(2))
	f.Add([]byte{}, uint32(0))
	f.Add([]byte{1, 1, 1, 1, 1}, uint32(1<<32-1))
	f.Fuzz(func(t *testing.T, table []byte, count uint32) {
		samples, err := pack.ParseSamples(table, count)
		if err != nil {
			if !errors.Is(err, millrace.ErrCorrupt) {
				t.Fatal(err)
			}
			return
		}
		again, err := pack.ParseSamples(pack.AppendSamples(nil, samples), count)
		if err != nil || !slices.Equal(again, samples) {
			t.Fatalf("%v became %v, %v", samples, again, err)
		}
	})
}

// FuzzFooter takes any bytes for the body of a footer.
func FuzzFooter(f *testing.F) {
	b := new(pack.Footer)
	b.Entries = []pack.Entry{{Offset: 8192, Size: 5}, {Offset: 16384, Stream: millrace.StreamKey{ID: 1}}}
	b.Headers = []pack.HeaderEntry{{Offset: 64}}
	b.Limits = []pack.Limit{{First: 1, Last: 2, Offset: 3}}
	f.Add(b.Body())
	f.Add([]byte{0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, body []byte) {
		footer, err := pack.ParseFooter(body)
		if err != nil {
			return
		}
		again, err := pack.ParseFooter(footer.Body())
		if err != nil || !slices.Equal(again.Entries, footer.Entries) ||
			!slices.Equal(again.Headers, footer.Headers) || !slices.Equal(again.Limits, footer.Limits) {
			t.Fatalf("%+v became %+v, %v", footer, again, err)
		}
	})
}

// FuzzPack takes any bytes for what follows a file header. The first record's
// checksum is made right, so that the values behind it are reached.
func FuzzPack(f *testing.F) {
	f.Add([]byte("MREC\x01\x01"))
	head, _, err := pack.AppendFragment(nil, &millrace.Fragment{Cluster: [][]byte{make([]byte, 100)}})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(append(head, make([]byte, 164)...))
	f.Fuzz(func(t *testing.T, data []byte) {
		header := pack.FileHeader{Salt: 7}
		file := append(header.Append(nil), data...)
		if rec := file[pack.FileHeaderSize:]; len(rec) >= pack.RecordHeaderSize {
			pack.Stamp{Salt: header.Salt, Synced: int64(binary.LittleEndian.Uint32(rec[40:]))}.Put(rec)
		}
		readAll(t, file, header.Salt)
	})
}

func readAll(t *testing.T, file []byte, salt uint64) {
	r := bytes.NewReader(file)
	s := pack.NewScanner(r, salt, int64(len(file)))
	for last := int64(0); s.Next(); last = s.Offset() {
		if s.Offset() <= last || s.Gap() < 0 {
			t.Fatalf("record at %d follows the one at %d", s.Offset(), last)
		}
		rec := s.Record()
		body, err := pack.ReadBody(r, s.Offset(), rec)
		if err != nil {
			continue
		}
		table := make([]byte, rec.Table)
		if err := pack.ReadFull(r, table, s.Offset()+pack.RecordHeaderSize); err != nil {
			t.Fatal(err)
		}
		if fragment, err := rec.Fragment(table, body, nil); err == nil && fragment.Size() != len(body) {
			t.Fatalf("fragment of %d bytes out of %d", fragment.Size(), len(body))
		}
	}
	if _, _, err := pack.ReadFooter(r, int64(len(file))); err == nil {
		t.Log("that is a footer")
	}
	if _, err := pack.NeverSynced(r, int64(len(file))); err != nil {
		t.Fatal(err)
	}
}
