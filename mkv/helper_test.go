package mkv_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/millrace/millrace/mkv"
)

// unhex reads hexadecimal with spaces and line breaks; "…" between quotes is
// taken as text.
func unhex(t testing.TB, s string) []byte {
	t.Helper()
	var out []byte
	for i, part := range strings.Split(s, `"`) {
		if i%2 == 1 {
			out = append(out, part...)
			continue
		}
		b, err := hex.DecodeString(strings.Join(strings.Fields(part), ""))
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, b...)
	}
	return out
}

// master encodes an element around others.
func master(id mkv.ElementID, children ...[]byte) []byte {
	return mkv.AppendBytes(nil, id, bytes.Join(children, nil))
}

// open encodes the head of a Segment or Cluster of unknown size.
func open(id mkv.ElementID, width int) []byte {
	return mkv.AppendUnknownSize(mkv.AppendID(nil, id), width)
}

func timecode(v uint64) []byte { return mkv.AppendUint(nil, mkv.IDTimecode, v) }

func block(track uint64, rel int16, payload string) []byte {
	return append(mkv.AppendSimpleBlockHeader(nil, track, rel, 0, len(payload)), payload...)
}

func join(parts ...[]byte) []byte { return bytes.Join(parts, nil) }

// record is an Element that outlives the call of Next.
type record struct {
	mkv.Element
	offset int64 // of the Reader, afterwards
}

// String is one line: kind, id, level, offset, length of payload.
func (r record) String() string {
	s := fmt.Sprintf("%v %v %d @%d", r.Kind, r.ID, r.Level, r.Offset)
	if r.Kind == mkv.Whole {
		return s + fmt.Sprintf(" [%d]", r.Size)
	}
	return s
}

// drain reads to the end, and checks M1 on the way: Raw bytes joined are the
// input, and Offset counts them.
func drain(t testing.TB, r *mkv.Reader, input []byte) ([]record, error) {
	t.Helper()
	var out []record
	var pos int64
	for {
		e, err := r.Next()
		if err != nil {
			if e.Kind != 0 || e.Raw != nil {
				t.Fatalf("an error came with an element: %v", e)
			}
			if _, again := r.Next(); !errors.Is(again, err) {
				t.Fatalf("after %v the next call said %v", err, again)
			}
			return out, err
		}
		end := pos + int64(len(e.Raw))
		if end > int64(len(input)) || !bytes.Equal(e.Raw, input[pos:end]) {
			t.Fatalf("%v at %d is not the input", e.ID, pos)
		}
		if e.Kind != mkv.End && e.Offset != pos {
			t.Fatalf("%v says offset %d, is at %d", e.ID, e.Offset, pos)
		}
		if pos = end; r.Offset() != pos {
			t.Fatalf("Offset %d after %d bytes", r.Offset(), pos)
		}
		e.Raw = bytes.Clone(e.Raw)
		out = append(out, record{e, pos})
	}
}

func lines(records []record) string {
	var b strings.Builder
	for _, r := range records {
		fmt.Fprintln(&b, r)
	}
	return b.String()
}

// randomReader cuts the reads of another reader at random.
type randomReader struct {
	r   io.Reader
	rng *rand.Rand
}

func (r randomReader) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	return r.r.Read(p[:1+r.rng.IntN(len(p))])
}

// cuts are the ways in which the same bytes may arrive.
func cuts() map[string]func([]byte) io.Reader {
	return map[string]func([]byte) io.Reader{
		"as they are": func(b []byte) io.Reader { return bytes.NewReader(b) },
		"byte by byte": func(b []byte) io.Reader {
			return iotest.OneByteReader(bytes.NewReader(b))
		},
		"in halves": func(b []byte) io.Reader { return iotest.HalfReader(bytes.NewReader(b)) },
		"with the error at the last bytes": func(b []byte) io.Reader {
			return iotest.DataErrReader(bytes.NewReader(b))
		},
		"at random": func(b []byte) io.Reader {
			return randomReader{bytes.NewReader(b), rand.New(rand.NewPCG(1, uint64(len(b))))}
		},
	}
}

// vectorsDir returns a directory of the wire vectors, or skips.
func vectorsDir(t testing.TB, name string) string {
	t.Helper()
	root := os.Getenv("MILLRACE_VECTORS")
	if root == "" {
		root = filepath.Join("..", "..", "shared", "vectors")
	}
	dir := filepath.Join(root, name)
	if _, err := os.Stat(dir); err != nil {
		t.Skip("vectors not present")
	}
	return dir
}

func readFile(t testing.TB, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// chatter is a live document with everything a body may contain.
func chatter() []byte {
	return join(
		mkv.AppendEBML(nil, mkv.EBML{}),
		open(mkv.IDSegment, 1),
		mkv.AppendInfo(nil, mkv.Info{MuxingApp: "test"}),
		mkv.AppendTracks(nil, []mkv.Track{{Number: 1, UID: 1, Type: mkv.TrackVideo, CodecID: "V_TEST"}}),
		mkv.AppendTags(nil, []mkv.Tag{{Simple: []mkv.SimpleTag{{Name: "Motion", String: "true"}}}}, 8),
		open(mkv.IDCluster, 1), timecode(1700000000123),
		mkv.AppendUint(nil, mkv.IDPosition, 0),
		block(1, 0, strings.Repeat("key", 3000)), block(1, 33, "delta"),
		mkv.AppendBytes(nil, mkv.IDVoid, []byte("filling")),
		mkv.AppendTags(nil, nil, 0),
		master(mkv.IDCluster, timecode(1700000002123), block(1, -5, ""),
			master(mkv.IDBlockGroup, mkv.AppendBytes(nil, mkv.IDBlock, []byte{0x81, 0, 1, 0, 'x'}))),
		master(0x4DBC, []byte("nobody knows")),
		mkv.AppendBytes(nil, mkv.IDCRC32, []byte{1, 2, 3, 4}),
		open(mkv.IDCluster, 8), timecode(1700000004123), block(1, 7, "last"),
	)
}
