package server_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/millrace/millrace/internal/wire"
)

// An archiveShape is an operation on archived media in the table of shapes.
type archiveShape struct {
	name, path string
	errors     []string
	in, out    []shapeRow
}

// A shapeRow is a member of it. What is said here is in its facts in place of what
// AWS says.
type shapeRow struct {
	path, kind string
	facts      map[string]string
}

func (r shapeRow) has(fact string) bool { _, ok := r.facts[fact]; return ok }

// bounds are those of a fact, -1 where there is none.
func (r shapeRow) bounds(fact string) (least, most int) {
	a, b, _ := strings.Cut(r.facts[fact], "..")
	least, most = -1, -1
	if n, err := strconv.Atoi(a); err == nil {
		least = n
	}
	if n, err := strconv.Atoi(b); err == nil {
		most = n
	}
	return least, most
}

// archiveShapes reads the operations of the table that have a specimen.
func archiveShapes(t *testing.T) []archiveShape {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "api", "testdata", "shapes.txt"))
	if err != nil {
		t.Fatal(err)
	}
	var all []archiveShape
	var s *archiveShape
	for line := range strings.Lines(string(text)) {
		theirs, ours, _ := strings.Cut(line, " ; ")
		words := strings.Fields(theirs)
		switch {
		case len(words) == 3 && words[0] == "operation":
			s = nil
			if archiveSpecimens()[words[1]] != "" {
				all = append(all, archiveShape{name: words[1], path: words[2]})
				s = &all[len(all)-1]
			}
		case s == nil || len(words) < 2:
		case words[0] == "error":
			s.errors = append(s.errors, words[1])
		default:
			row := shapeRow{path: words[1], kind: words[2], facts: map[string]string{}}
			for _, fact := range append(words[3:], strings.Fields(ours)...) {
				name, value, _ := strings.Cut(fact, "=")
				row.facts[name] = value
			}
			if words[0] == "in" {
				s.in = append(s.in, row)
			} else {
				s.out = append(s.out, row)
			}
		}
	}
	if len(all) != len(archiveSpecimens()) {
		t.Fatalf("%d operations of %d are in the table", len(all), len(archiveSpecimens()))
	}
	return all
}

// archiveSpecimens are requests with every member that an operation has. $number
// is that of a fragment.
func archiveSpecimens() map[string]string {
	const (
		times    = `{"StartTimestamp":1,"EndTimestamp":"2099-01-01T00:00:00Z"}`
		day      = `{"StartTimestamp":1700000000,"EndTimestamp":1700000060}`
		selector = `{"FragmentSelectorType":"PRODUCER_TIMESTAMP","TimestampRange":`
	)
	return map[string]string{
		"ListFragments":           `{"StreamName":"cam","NextToken":"","MaxResults":2,"FragmentSelector":` + selector + times + `}}`,
		"GetMediaForFragmentList": `{"StreamName":"cam","Fragments":["$number"]}`,
		"GetClip":                 `{"StreamName":"cam","ClipFragmentSelector":` + selector + day + `}}`,
		"GetHLSStreamingSessionURL": `{"StreamName":"cam","PlaybackMode":"ON_DEMAND","HLSFragmentSelector":` + selector + day + `},` +
			`"ContainerFormat":"FRAGMENTED_MP4","DiscontinuityMode":"ALWAYS","DisplayFragmentTimestamp":"ALWAYS","Expires":300,"MaxMediaPlaylistFragmentResults":10}`,
	}
}

// A tried member has a value that is accepted or refused.
type tried struct {
	name    string
	value   any  // nil is null
	absent  bool // it is left out
	refused string
}

// trials are what is tried of a member: each of its facts, from both sides.
func (r shapeRow) trials(sample any) []tried {
	list := []tried{{name: "is a " + r.kind, value: wrongKind(r.kind), refused: badBody}}
	element := strings.HasSuffix(r.path, "[]")
	switch {
	case r.has("required"):
		list = append(list, tried{name: "is required", absent: true, refused: badArgument}, tried{name: "must not be null", refused: badArgument})
	case r.has("no-range"): // the default, and the specimen has a range
		list = append(list, tried{name: "forbids a range by default", absent: true, refused: badArgument}, tried{name: "forbids a range where it is null", refused: badArgument})
	case !element:
		list = append(list, tried{name: "is not required", absent: true}, tried{name: "may be null"})
	}
	if r.has("enum") {
		for value := range strings.SplitSeq(r.facts["enum"], "|") {
			refused := ""
			if value == r.facts["no-range"] {
				refused = badArgument
			}
			list = append(list, tried{name: "as " + value, value: value, refused: refused})
		}
		return append(list, tried{name: "must be one of its values", value: "SOMETHING", refused: badArgument},
			tried{name: "must be one of its values, in their case", value: strings.ToLower(fmt.Sprint(sample)), refused: badArgument})
	}
	if least, most := r.bounds("range"); r.has("range") {
		list = append(list,
			tried{name: fmt.Sprint("may be ", least), value: least}, tried{name: fmt.Sprint("must not be ", least-1), value: least - 1, refused: badArgument},
			tried{name: fmt.Sprint("may be ", most), value: most}, tried{name: fmt.Sprint("must not be ", most+1), value: most + 1, refused: badArgument},
			tried{name: "must be whole", value: 1.5, refused: badBody}, tried{name: "must not wrap", value: 1<<32 + least, refused: overflow(r.kind)})
	}
	if least, most := r.bounds("count"); r.has("count") {
		list = append(list,
			tried{name: fmt.Sprint("may have ", least), value: slices.Repeat(sample.([]any), least)}, tried{name: fmt.Sprint("must have ", least), value: []any{}, refused: badArgument},
			tried{name: fmt.Sprint("may have ", most), value: slices.Repeat(sample.([]any), most)}, tried{name: fmt.Sprint("must not have ", most+1), value: slices.Repeat(sample.([]any), most+1), refused: badArgument})
	}
	if r.has("pattern") {
		list = append(list, tried{name: "must match its pattern", value: "a b!", refused: badArgument})
	}
	if least, most := r.bounds("len"); least > 0 {
		if !r.has("empty-is-absent") {
			list = append(list, tried{name: "must not be empty", value: "", refused: badArgument})
		}
		list = append(list, tried{name: fmt.Sprint("must not be longer than ", most), value: strings.Repeat("1", most+1), refused: badArgument})
		if r.path == "StreamName" {
			list = append(list, tried{name: fmt.Sprint("may have ", most), value: strings.Repeat("n", most)})
		}
	}
	if r.kind == "timestamp" {
		list = append(list, tried{name: "must be in seconds", value: json.Number("1646055362163"), refused: badArgument})
	}
	return list
}

func wrongKind(kind string) any {
	if kind == "string" {
		return 7
	}
	return "wrong"
}

// overflow is how a number is refused that is beyond 32 bits.
func overflow(kind string) string {
	if kind == "long" {
		return badArgument
	}
	return badBody
}

// with returns a request with a member changed, and the sample that was there.
func with(t *testing.T, body, path string, change func(sample any) (value any, absent bool)) (changed map[string]any) {
	t.Helper()
	if err := json.Unmarshal([]byte(body), &changed); err != nil {
		t.Fatal(err)
	}
	at := changed
	names := strings.Split(path, ".")
	for _, name := range names[:len(names)-1] {
		at = at[name].(map[string]any)
	}
	last, element := strings.CutSuffix(names[len(names)-1], "[]")
	if element {
		value, _ := change(at[last].([]any)[0])
		at[last] = []any{value}
		return changed
	}
	value, absent := change(at[last])
	if at[last] = value; absent {
		delete(at, last)
	}
	return changed
}

// TestArchivedMediaHaveTheShapesOfTheTable tries every fact of every member of a
// request from both sides, against a stream that has media.
func TestArchivedMediaHaveTheShapesOfTheTable(t *testing.T) {
	r := start(t, nil, nil)
	r.create("cam", 24)
	number := r.putClip("cam")
	arn := r.arn("cam")
	for _, s := range archiveShapes(t) {
		t.Run(s.name, func(t *testing.T) {
			body := strings.ReplaceAll(archiveSpecimens()[s.name], "$number", number)
			if a := r.asked(s.path, json.RawMessage(body)); a.status != http.StatusOK {
				t.Fatalf("the specimen: %+v", a)
			}
			for _, row := range s.in {
				var sample any
				with(t, strings.Replace(body, "StreamName", row.name(), 1), row.path, func(v any) (any, bool) { sample = v; return v, false })
				for _, tr := range row.trials(sample) {
					in := with(t, strings.Replace(body, "StreamName", row.name(), 1), row.path, func(any) (any, bool) { return tr.value, tr.absent })
					if row.path == "StreamARN" && tr.refused == "" {
						in["StreamName"] = "cam"
					}
					if row.path == "StreamName" && (tr.absent || tr.value == nil) {
						in["StreamARN"] = arn
					}
					a := r.asked(s.path, in)
					if (a.kind == badArgument || a.kind == badBody) != (tr.refused != "") || tr.refused != "" && a.kind != tr.refused {
						t.Errorf("%s %s: %+v, want %q", row.path, tr.name, a, tr.refused)
					}
					if a.status != http.StatusOK && a.kind != badBody && !slices.Contains(s.errors, a.kind) {
						t.Errorf("%s %s: the operation has no %s", row.path, tr.name, a.kind)
					}
				}
			}
			r.wantShape(t, s, body)
		})
	}
}

// name is the member by which the stream is addressed where a row is tried.
func (r shapeRow) name() string {
	if r.path == "StreamARN" {
		return r.path
	}
	return "StreamName"
}

// wantShape compares an answer with the table: the content's type where it is
// media, else every member.
func (r *rig) wantShape(t *testing.T, s archiveShape, body string) {
	t.Helper()
	resp := r.post(t.Context(), s.path, json.RawMessage(body))
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if s.out[0].path == "ContentType" {
		if kind := resp.Header.Get("Content-Type"); !regexp.MustCompile(`^video/[a-z0-9]+$`).MatchString(kind) || len(raw) == 0 {
			t.Errorf("%d bytes of %q", len(raw), kind)
		}
		return
	}
	seen := map[string]bool{}
	var walk func(path string, v any)
	walk = func(path string, v any) {
		switch v := v.(type) {
		case map[string]any:
			for name, inner := range v {
				walk(strings.TrimPrefix(path+"."+name, "."), inner)
			}
		case []any:
			for _, inner := range v {
				walk(path+"[]", inner)
			}
		}
		seen[path] = true
		i := slices.IndexFunc(s.out, func(r shapeRow) bool { return r.path == path })
		if path != "" && (i < 0 || !s.out[i].fits(v)) {
			t.Errorf("%s = %v is not in the table", path, v)
		}
	}
	var tree map[string]any
	dec := json.NewDecoder(strings.NewReader(string(raw)))
	dec.UseNumber()
	if err := dec.Decode(&tree); err != nil {
		t.Fatal(err)
	}
	walk("", tree)
	for _, row := range s.out {
		if !seen[row.path] {
			t.Errorf("the answer has no %s", row.path)
		}
	}
}

// fits reports whether a value of an answer is what the table says.
func (r shapeRow) fits(v any) bool {
	switch v := v.(type) {
	case string:
		if r.has("pattern") && !regexp.MustCompile("^(?:"+strings.Trim(r.facts["pattern"], "^$")+")$").MatchString(v) {
			return false
		}
		return r.kind == "string"
	case json.Number:
		_, err := v.Int64()
		return r.kind == "long" && err == nil || r.kind == "timestamp" && regexp.MustCompile(`^[0-9]+\.[0-9]{3}$`).MatchString(v.String())
	case []any:
		return r.kind == "list"
	case map[string]any:
		return r.kind == "structure"
	}
	return false
}

// putClip puts a clip that every player plays into a stream, at the producer's time
// that the specimens have, and returns the number of its first fragment.
func (r *rig) putClip(name string) string {
	r.t.Helper()
	clip, err := os.ReadFile(filepath.Join("..", "demo", "clip.mkv"))
	if err != nil {
		r.t.Fatal(err)
	}
	p := r.put(name, http.Header{wire.HeaderTimecodeType: {"RELATIVE"}})
	p.mustSend(clip)
	number := p.next().FragmentNumber
	p.end()
	p.rest()
	return number
}
