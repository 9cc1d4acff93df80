package api_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// A shape is an operation of testdata/shapes.txt.
type shape struct {
	name, path string
	offered    bool
	errors     []string
	in, out    []memberShape
}

// A memberShape is a row of the table, with what is said here in place of what
// AWS says.
type memberShape struct {
	path, kind string
	facts      map[string]string // the value is empty where there is none to a fact
}

func (m memberShape) has(fact string) bool {
	_, ok := m.facts[fact]
	return ok
}

// bounds returns both bounds of a fact; -1 is none.
func (m memberShape) bounds(fact string) (least, most int) {
	a, b, _ := strings.Cut(m.facts[fact], "..")
	return atoi(a), atoi(b)
}

func atoi(s string) int {
	n, err := strconv.Atoi(s)
	if err != nil {
		return -1
	}
	return n
}

// pattern spans the whole value, unless it says where it begins and not where it
// ends.
func (m memberShape) pattern() *regexp.Regexp {
	p := m.facts["pattern"]
	if strings.HasPrefix(p, "^") {
		return regexp.MustCompile(p)
	}
	return regexp.MustCompile("^(?:" + p + ")$")
}

func (s shape) member(path string) (memberShape, bool) {
	for _, m := range s.out {
		if m.path == path {
			return m, true
		}
	}
	return memberShape{}, false
}

// readShapes reads the table.
func readShapes(t *testing.T) []shape {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", "shapes.txt"))
	if err != nil {
		t.Fatal(err)
	}
	var shapes []shape
	for line := range strings.Lines(string(text)) {
		theirs, ours, _ := strings.Cut(line, " ; ")
		words := strings.Fields(theirs)
		if len(words) == 0 || words[0] == "#" {
			continue
		}
		last := len(shapes) - 1
		switch {
		case words[0] == "operation" && len(words) == 3:
			shapes = append(shapes, shape{name: words[1], path: words[2], offered: strings.TrimSpace(ours) != "not-offered"})
		case words[0] == "error" && len(words) == 2:
			shapes[last].errors = append(shapes[last].errors, words[1])
		case words[0] == "in" && len(words) > 2:
			shapes[last].in = append(shapes[last].in, newMemberShape(words[1:], strings.Fields(ours)))
		case words[0] == "out" && len(words) > 2:
			shapes[last].out = append(shapes[last].out, newMemberShape(words[1:], strings.Fields(ours)))
		default:
			t.Fatalf("line %q", line)
		}
	}
	return shapes
}

func newMemberShape(words, ours []string) memberShape {
	m := memberShape{path: words[0], kind: words[1], facts: map[string]string{}}
	for _, fact := range append(words[2:], ours...) {
		name, value, _ := strings.Cut(fact, "=")
		m.facts[name] = value
	}
	return m
}

// controlShapes are those of the control operations. Those on media are tried
// elsewhere, with media.
func controlShapes(t *testing.T) []shape {
	t.Helper()
	var control []shape
	for _, s := range readShapes(t) {
		if !slices.Contains(mediaOperations(), s.name) {
			control = append(control, s)
		}
	}
	return control
}

// mediaOperations are the operations on media, live and archived.
func mediaOperations() []string {
	return strings.Fields(`PutMedia GetMedia ListFragments GetMediaForFragmentList GetClip GetImages
		GetHLSStreamingSessionURL GetDASHStreamingSessionURL`)
}

func TestTheTableOfShapesIsWhole(t *testing.T) {
	offered, others := everyPath()
	want := map[string]bool{} // whether it is offered
	for _, path := range offered {
		want[path] = true
	}
	for _, path := range others[:6] { // the signaling channels of the control plane
		want[path] = false
	}
	control := controlShapes(t)
	if len(control) != 32 || len(want) != 32 || len(readShapes(t)) != 32+len(mediaOperations()) {
		t.Errorf("%d operations in the table, %d here", len(control), len(want))
	}
	for _, s := range control {
		if is, ok := want[s.path]; !ok || is != s.offered {
			t.Errorf("%s: offered %t in the table, %t here", s.path, s.offered, is)
		}
		if len(s.errors) == 0 {
			t.Errorf("%s has no exceptions", s.name)
		}
	}
}
