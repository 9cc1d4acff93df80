//go:build interop

package server_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace/mkv"
)

// extract runs the parser library for Java over files, and returns where it wrote
// what it found in each, under the file's name.
func extract(t *testing.T, files ...string) (dir string) {
	t.Helper()
	home := os.Getenv("MILLRACE_INTEROP_JAVA")
	if _, err := os.Stat(filepath.Join(home, "complete")); home == "" || err != nil {
		t.Skipf("the Java clients are not installed: %s is not there", filepath.Join(home, "complete"))
	}
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Minute)
	defer cancel()
	dir = t.TempDir()
	args := []string{
		"-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC",
		"-classpath", filepath.Join(home, "classes") + ":" + filepath.Join(home, "lib", "*"), "millrace.interop.Extract", dir,
	}
	if out, err := exec.CommandContext(ctx, "java", append(args, files...)...).CombinedOutput(); err != nil {
		t.Fatalf("extract: %v\n%s", err, out[max(0, len(out)-4000):])
	}
	return dir
}

// updateVariable is the variable of the environment that has facts written down.
const updateVariable = "MILLRACE_UPDATE"

// TestOthersFindInTheServicesOutputWhatIsWrittenDown runs the parser library for
// Java over what the service sent. Its elements are where Walk has them. With
// MILLRACE_UPDATE what it finds is written down.
func TestOthersFindInTheServicesOutputWhatIsWrittenDown(t *testing.T) {
	outputs := serviceOutputs(t)
	in := t.TempDir()
	var files []string
	for _, o := range outputs {
		files = append(files, filepath.Join(in, o.name))
		if err := os.WriteFile(files[len(files)-1], o.body, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	dir := extract(t, files...)
	for _, o := range outputs {
		t.Run(o.name, func(t *testing.T) {
			got := readText(t, filepath.Join(dir, o.name+".txt"))
			if os.Getenv(updateVariable) != "" {
				if err := os.WriteFile(o.path, []byte(got), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if want := readText(t, o.path); got != want {
				t.Errorf("it found %d bytes of facts, written down are %d others", len(got), len(want))
			}
			sameTree(t, o.body, readText(t, filepath.Join(dir, o.name+".tree")))
			if copied := readText(t, filepath.Join(dir, o.name+".copy")); !bytes.Equal([]byte(copied), copyOf(t, o.body)) {
				t.Errorf("CopyVisitor copied %d bytes, Walk %d", len(copied), len(copyOf(t, o.body)))
			}
		})
	}
}

// TestOthersFindInOurOutputWhatWeFind has the server read back what clients of all
// kinds sent, and runs the parser library for Java over its responses.
func TestOthersFindInOurOutputWhatWeFind(t *testing.T) {
	for kind, load := range sources() {
		t.Run(kind, func(t *testing.T) {
			in := t.TempDir()
			var files []string
			bodies := map[string][]byte{}
			for _, c := range load(t) {
				if !c.expect.CleanEnd {
					continue
				}
				bodies[c.name] = responseFor(t, c)
				files = append(files, filepath.Join(in, c.name))
				if err := os.WriteFile(files[len(files)-1], bodies[c.name], 0o600); err != nil {
					t.Fatal(err)
				}
			}
			dir := extract(t, files...)
			for name, body := range bodies {
				t.Run(name, func(t *testing.T) {
					sameFacts(t, factsOf(t, body), javaFacts(t, readText(t, filepath.Join(dir, name+".txt"))))
					sameTree(t, body, readText(t, filepath.Join(dir, name+".tree")))
				})
			}
		})
	}
}

// responseFor is what a live reader gets of a capture.
func responseFor(t *testing.T, c *capture) (body []byte) {
	t.Helper()
	r, head := startFor(t, c)
	live := r.get(c.stream(), earliest())
	defer live.close()
	p := r.putRaw(head)
	defer p.close()
	whole := c.way("whole", everything, everything)
	if err := p.write(whole.framed, whole.pieces); err != nil {
		t.Fatal(err)
	}
	for range c.slices {
		body = append(body, live.must().raw...)
	}
	return body
}

// TestOthersDifferAsThePageSays: what docs/reference/consumer.md says of the parser
// library and no capture shows.
func TestOthersDifferAsThePageSays(t *testing.T) {
	const seconds = "1700000000.0001"
	const fragmentNumber = "91343852333181432412489103236310005892133364608"
	laced := func(lacing mkv.BlockFlags, payload string) []byte {
		return append(mkv.AppendSimpleBlockHeader(nil, 1, 0, lacing, len(payload)), payload...)
	}
	group := mkv.AppendBytes(nil, mkv.IDBlockGroup, mkv.AppendBytes(nil, mkv.IDBlock, []byte("\x81\x00\x00\x00grouped")))
	body := bytes.Join([][]byte{
		header(1),
		userTags("AWS_KINESISVIDEO_FRAGMENT_NUMBER", fragmentNumber, "AWS_KINESISVIDEO_SERVER_TIMESTAMP", seconds, "AWS_KINESISVIDEO_PRODUCER_TIMESTAMP", seconds),
		cluster(0, laced(0x04, "\x01aabb"), laced(0x06, "\x01\x82aabbb"), group),
	}, nil)
	path := filepath.Join(t.TempDir(), "made")
	if err := os.WriteFile(path, body, 0o600); err != nil {
		t.Fatal(err)
	}
	theirs := javaFacts(t, readText(t, filepath.Join(extract(t, path), "made.txt"))).lines
	ours := factsOf(t, body).lines
	for _, want := range []struct {
		lines []string
		part  string
		times int
	}{
		{theirs, " 0 --- 5 " + sum([]byte("\x01aabb")) + " EBML", 1}, // of fixed size, in truth
		{theirs, " 0 --- 7 " + sum([]byte("\x01\x82aabbb")) + " FIXED_SIZE", 1},
		{theirs, sum([]byte("grouped")), 0},
		{theirs, "server 1700000000001 producer 1700000000001 complete false", 1},
		{ours, "server 1700000000000 producer 1700000000000", 1},
		{ours, sum([]byte("aa")), 2},
		{ours, sum([]byte("bb")), 1},
		{ours, sum([]byte("bbb")), 1},
		{ours, sum([]byte("grouped")), 1},
	} {
		if n := strings.Count(strings.Join(want.lines, "\n"), want.part); n != want.times {
			t.Errorf("%q is there %d times, want %d, in\n%s", want.part, n, want.times, strings.Join(want.lines, "\n"))
		}
	}
}

func readText(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// copyOf joins the bytes of all elements.
func copyOf(t *testing.T, body []byte) (out []byte) {
	t.Helper()
	for e, err := range mkv.Walk(bytes.NewReader(body), mkv.ReaderOptions{}) {
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, e.Raw...)
	}
	return out
}

// sameTree: ElementSizeAndOffsetVisitor has every element where Walk has it, with
// the same sizes, under the same name if Walk has one. An unknown size of five to
// seven bytes it takes for a known one.
func sameTree(t *testing.T, body []byte, tree string) {
	t.Helper()
	line := regexp.MustCompile(`Element (\S+) elementNumber \d+ offset (\d+) element header size (\d+) element data size (\S+)`)
	theirs := line.FindAllStringSubmatch(tree, -1)
	for e, err := range mkv.Walk(bytes.NewReader(body), mkv.ReaderOptions{}) {
		if err != nil {
			t.Fatal(err)
		}
		if e.Kind == mkv.End {
			continue
		}
		if len(theirs) == 0 {
			t.Errorf("theirs has no %s at %d", e.ID, e.Offset)
			return
		}
		name := e.ID.String()
		if strings.HasPrefix(name, "0x") {
			name = theirs[0][1]
		}
		size := fmt.Sprint(e.Size)
		if width := len(e.Raw) - 4; e.Size == mkv.UnknownSize {
			if size = "unknown"; width >= 5 && width <= 7 {
				size = theirs[0][4]
			}
		}
		ours := fmt.Sprintf("%s %d %d %s", name, e.Offset, len(e.Raw)-len(e.Data()), size)
		if got := strings.Join(theirs[0][1:], " "); got != ours {
			t.Errorf("ours has %s, theirs %s", ours, got)
			return
		}
		theirs = theirs[1:]
	}
	if len(theirs) > 0 {
		t.Errorf("theirs has %d elements more", len(theirs))
	}
}
