package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/millrace/millrace/internal/demo"
	"github.com/millrace/millrace/mkv"
)

// dumped runs a dump of bytes from standard input.
func dumped(in []byte, d dumpCommand, asJSON bool) (out string, err error) {
	var b bytes.Buffer
	d.File = "-"
	err = d.Run(context.Background(), &console{in: bytes.NewReader(in), out: &b, err: &bytes.Buffer{}, json: asJSON})
	return b.String(), err
}

// nested is n SimpleTags in one another, in Tags.
func nested(n int) []byte {
	var b []byte
	for range n {
		b = mkv.AppendBytes(nil, mkv.IDSimpleTag, b)
	}
	return mkv.AppendBytes(nil, mkv.IDTags, mkv.AppendBytes(nil, mkv.IDTag, b))
}

func TestDamageIsShownInItsPlace(t *testing.T) {
	tag := mkv.AppendBytes(nil, mkv.IDTags, []byte{0x73, 0x73, 0x90, 1, 2}) // a Tag that overruns
	long := mkv.AppendBytes(nil, mkv.IDTimecode, bytes.Repeat([]byte{1}, 9))
	block := mkv.AppendBytes(nil, mkv.IDSimpleBlock, []byte{0x81})
	cluster := mkv.AppendUnknownSize(mkv.AppendID(nil, mkv.IDCluster), 1)
	for name, tc := range map[string]struct {
		in   []byte
		want string // a part of what is shown
		err  string // the whole of what is said
	}{
		"a child that overruns its parent": {slices.Concat(tag, tag), "           5                       Tag  damaged: element overruns its parent\n          10   5            5    Tags\n", ""},
		"a number of nine bytes":           {slices.Concat(cluster, long), "           5   2            9      Timecode  damaged: invalid value\n", ""},
		"a block that is cut":              {slices.Concat(cluster, block), "           5   2            1      SimpleBlock  damaged: invalid value\n", ""},
		"an end within an element": {
			slices.Concat(cluster, long)[:8], "           0   5      unknown    Cluster\n",
			"dump standard input: mkv: Cluster/Timecode at offset 5: unexpected EOF",
		},
		"a size above all bounds": {
			append(mkv.AppendID(nil, mkv.IDInfo), 0x01, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFE), "",
			"dump standard input: mkv: Info at offset 0: element too large",
		},
		"nothing":        {nil, "", "standard input is empty"},
		"something else": {[]byte("This is no film."), "", "standard input is no Matroska: it begins with 54 68 69 73"},
	} {
		out, err := dumped(tc.in, dumpCommand{}, false)
		if !strings.Contains(out, tc.want) || (tc.want == "" && out != "") || (err == nil) != (tc.err == "") || err != nil && err.Error() != tc.err {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
	}
}

// TestADumpIsBounded: what a file says of its sizes is not believed, and
// its lines are not collected.
func TestADumpIsBounded(t *testing.T) {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	lying := append(mkv.AppendID(nil, mkv.IDTags), 0x10, 0x3F, 0xFF, 0xFF) // 4 MiB less one, of which nothing comes
	if _, err := dumped(lying, dumpCommand{}, false); err == nil {
		t.Error("a file that is cut is whole")
	}
	runtime.ReadMemStats(&after)
	if taken := after.TotalAlloc - before.TotalAlloc; taken > 1<<20 {
		t.Errorf("%d bytes for four", taken)
	}
	out, err := dumped(nested(1000), dumpCommand{}, false)
	if err != nil || strings.Count(out, "\n") != deepestDump-1 {
		t.Errorf("%d lines, %v", strings.Count(out, "\n"), err)
	}
	if out, err = dumped(demo.Clip(), dumpCommand{Limit: 7, Depth: 1}, false); err != nil || strings.Count(out, "\n") != 2 {
		t.Errorf("%q, %v", out, err)
	}
}

func TestNobodysTagsMoveTheCursor(t *testing.T) {
	in := mkv.AppendTags(nil, []mkv.Tag{{Simple: []mkv.SimpleTag{{Name: "a\x1b[2Jb\u202e", String: strings.Repeat("é", 1000)}}}}, 0)
	for _, asJSON := range []bool{false, true} {
		out, err := dumped(in, dumpCommand{}, asJSON)
		if err != nil || strings.ContainsAny(out, "\x1b\u202e") || len(out) > 2000 {
			t.Errorf("%q, %v", out, err)
		}
	}
}

// dumpSeeds are files of all kinds.
func dumpSeeds(t testing.TB) (seeds [][]byte) {
	t.Helper()
	for _, name := range []string{"version1.pack", "version2.pack"} {
		b, err := os.ReadFile(filepath.Join("..", "..", "internal", "pack", "testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		seeds = append(seeds, b)
	}
	return append(seeds, demo.Clip()[:5000], nested(40), []byte("MILLPACK"))
}

// showsAnything dumps bytes, as lines and as JSON.
func showsAnything(t *testing.T, path string, in []byte) {
	t.Helper()
	if err := os.WriteFile(path, in, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, asJSON := range []bool{false, true} {
		var out bytes.Buffer
		_ = dumpCommand{File: path}.Run(t.Context(), &console{out: &out, err: &bytes.Buffer{}, json: asJSON})
		// An element has two bytes at least, and may end.
		if lines := bytes.Count(out.Bytes(), []byte("\n")); lines > len(in)+2 || out.Len() > 1000*(lines+1) {
			t.Fatalf("%d lines and %d bytes of %d: %x", lines, out.Len(), len(in), in)
		}
		for line := range bytes.Lines(out.Bytes()) {
			if asJSON && !json.Valid(line) {
				t.Fatalf("no JSON: %q of %x", line, in)
			}
		}
	}
}

func FuzzDump(f *testing.F) {
	for _, seed := range dumpSeeds(f) {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, in []byte) { showsAnything(t, filepath.Join(t.TempDir(), "in"), in) })
}

// TestChangedFilesAreShownAsFarAsTheyGo: bytes are changed, cut out and put in.
func TestChangedFilesAreShownAsFarAsTheyGo(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 1))
	seeds, path := dumpSeeds(t), filepath.Join(t.TempDir(), "in")
	for range 300 {
		in := bytes.Clone(seeds[rnd.IntN(len(seeds))])
		for range 1 + rnd.IntN(8) {
			at := rnd.IntN(len(in))
			switch rnd.IntN(3) {
			case 0:
				in[at] = byte(rnd.Uint32())
			case 1:
				in = slices.Delete(in, at, max(at, min(len(in)-1, at+rnd.IntN(16))))
			case 2:
				in = slices.Insert(in, at, byte(rnd.Uint32()), byte(rnd.Uint32()), 0xFF)
			}
		}
		showsAnything(t, path, in)
	}
}

// TestAReaderThatIsGoneEndsADump: head(1) closes its end.
func TestAReaderThatIsGoneEndsADump(t *testing.T) {
	gone := errors.New("gone")
	err := dumpCommand{File: "-"}.Run(t.Context(), &console{in: bytes.NewReader(demo.Clip()), out: failing{gone}, err: &bytes.Buffer{}})
	if !errors.Is(err, gone) {
		t.Error(err)
	}
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }
