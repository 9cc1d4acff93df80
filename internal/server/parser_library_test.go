package server_test

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace/consumer"
	"github.com/millrace/millrace/internal/wire"
	"github.com/millrace/millrace/mkv"
)

// facts are what a reader finds in media: a line for each track, Cluster, frame,
// tag and fragment, in order.
type facts struct {
	lines []string
	times []string // the service's times as they stand in the media, in milliseconds
}

// factsOf are what the consumer library finds, in the words of the program that
// runs the parser library for Java (interop/java).
func factsOf(t *testing.T, body []byte) facts {
	t.Helper()
	f := facts{}
	var header *consumer.Header
	reader := consumer.ReadFrom(bytes.NewReader(body), consumer.ReadOptions{Events: consumer.Events{
		Failed: func(e *consumer.FragmentError) { f.add("failed %s %d %s", e.Number, e.ID, quoted(e.Name)) },
	}})
	for fragment, err := range reader.Fragments(context.Background()) {
		if err != nil {
			t.Fatal(err)
		}
		f.fragment(t, fragment, fragment.Header != header || !fragment.Number.IsZero())
		header = fragment.Header
	}
	counts, err := mkv.Count(bytes.NewReader(body), mkv.ReaderOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range []mkv.ElementID{
		mkv.IDEBML, mkv.IDSegment, mkv.IDCluster, mkv.IDSimpleBlock, mkv.IDBlockGroup, mkv.IDTags, mkv.IDTag, mkv.IDSimpleTag,
	} {
		f.add("count %s %d", id, counts[id])
	}
	return f
}

func (f *facts) add(format string, args ...any) {
	f.lines = append(f.lines, fmt.Sprintf(format, args...))
}

// fragment adds a fragment, and its tracks if it begins a document.
func (f *facts) fragment(t *testing.T, g *consumer.Fragment, begins bool) {
	t.Helper()
	if !g.Number.IsZero() {
		f.times = append(f.times, fmt.Sprint(wire.TagServerTimestamp, " ", g.ServerTime.UnixMilli()),
			fmt.Sprint(wire.TagProducerTimestamp, " ", g.ProducerTime.UnixMilli()))
	}
	leading := len(g.Tags())
	f.tags(g.Tags())
	if begins {
		f.tracks(g.Header)
	}
	first := true
	for frame, err := range g.Frames() {
		if err != nil {
			t.Fatal(err)
		}
		if first {
			f.add("cluster %d scale %d", g.Timecode, g.Header.Info.TimecodeScale)
		}
		first = false
		flags := letter('k', frame.Key) + letter('i', frame.Invisible) + letter('d', frame.Discardable)
		f.add("frame %d %d %s %d %s", frame.Track, frame.Timecode, flags, len(frame.Data), sum(frame.Data))
		checkTimes(t, g, frame)
	}
	f.tags(g.Tags()[leading:])
	if !g.Number.IsZero() {
		f.add("fragment %s server %d producer %d complete %t behind %d token %s", g.Number,
			g.ServerTime.UnixMilli(), g.ProducerTime.UnixMilli(), g.Complete(), g.Behind().Milliseconds(), cmp.Or(g.Token(), "-"))
	}
}

// checkTimes: what a caller of the parser library works out by hand, the time of
// a frame by either clock, is the fragment's and the frame's place in it.
func checkTimes(t *testing.T, g *consumer.Fragment, frame consumer.Frame) {
	t.Helper()
	if g.Number.IsZero() {
		return
	}
	in := time.Duration(frame.Timecode-int64(g.Timecode)) * time.Duration(g.Header.Info.TimecodeScale)
	if want := g.ProducerTime.Add(in); !frame.Time.Equal(want) {
		t.Errorf("a frame of %s is of %v, want %v", g.Number, frame.Time, want)
	}
	if !frame.ServerTime.Equal(g.ServerTime) {
		t.Errorf("a frame of %s arrived at %v, want %v", g.Number, frame.ServerTime, g.ServerTime)
	}
}

func (f *facts) tags(tags []consumer.Tag) {
	for _, tag := range tags {
		f.add("tag %s %s", quoted(tag.Name), quoted(tag.Value))
	}
}

func (f *facts) tracks(h *consumer.Header) {
	tracks := slices.SortedFunc(slices.Values(h.Tracks), func(a, b mkv.Track) int { return cmp.Compare(a.Number, b.Number) })
	for _, k := range tracks {
		private := "-"
		if k.CodecPrivate != nil {
			private = sum(k.CodecPrivate)
		}
		rate := "-"
		if k.Audio.SamplingFrequency != 0 {
			rate = strconv.FormatFloat(k.Audio.SamplingFrequency, 'f', 1, 64)
		}
		f.add("track %d uid %d %s %s %s private %s pixels %s %s sound %s %s %s", k.Number, k.UID, orNone(quoted(k.CodecID)), orNone(quoted(k.Name)),
			orNone(quoted(k.CodecName)), private, number(k.Video.PixelWidth), number(k.Video.PixelHeight), rate, number(k.Audio.Channels), number(k.Audio.BitDepth))
	}
}

func number(n uint64) string {
	if n == 0 {
		return "-"
	}
	return strconv.FormatUint(n, 10)
}

func letter(is rune, set bool) string {
	if set {
		return string(is)
	}
	return "-"
}

func sum(data []byte) string {
	all := sha256.Sum256(data)
	return hex.EncodeToString(all[:16])
}

// quoted is a string between quotation marks, with an escape for what a line
// must not have.
func quoted(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		if r < ' ' || r == '"' || r == '\\' {
			fmt.Fprintf(&b, "\\u%04x", r)
			continue
		}
		b.WriteRune(r)
	}
	b.WriteByte('"')
	return b.String()
}

// orNone: Java tells a name that is empty from one that is not there.
func orNone(quoted string) string {
	if quoted == `""` {
		return "-"
	}
	return quoted
}

// javaFacts reads what the program wrote, less the differences that are meant:
//
//   - Strings keep the NULs that some writers pad them with; here they have none.
//   - A number of 64 bits is negative if its first bit is set; here it is not.
//   - The visitor's accessors for sound are always empty ("false"), though the
//     elements are there; here they have the values.
//   - Fractions of a millisecond are rounded up; nobody sends any.
//   - A document without a Cluster is a fragment without frames; here it is none.
//
// What is in BlockGroups it passes over; sameFacts allows for that.
func javaFacts(t *testing.T, text string) facts {
	t.Helper()
	f := facts{}
	for line := range strings.Lines(text) {
		words := strings.Fields(line)
		if words[0] == "says" {
			at, err := wire.ParseTimestamp(words[2])
			if err != nil {
				t.Fatal(err)
			}
			f.times = append(f.times, fmt.Sprint(words[1], " ", at.UnixMilli()))
			continue
		}
		for strings.Contains(line, `\u0000"`) {
			line = strings.ReplaceAll(line, `\u0000"`, `"`)
		}
		if words[0] == "track" {
			if uid, err := strconv.ParseInt(words[3], 10, 64); err == nil && uid < 0 {
				line = strings.Replace(line, words[3], strconv.FormatUint(uint64(uid), 10), 1)
			}
			line = strings.Replace(strings.ReplaceAll(line, ` "" `, ` - `), " sound false ", " sound ", 1)
		}
		f.lines = append(f.lines, strings.TrimSuffix(line, "\n"))
	}
	if slices.Contains(f.lines, "count Cluster 0") {
		f.times = nil
		f.lines = slices.DeleteFunc(f.lines, func(l string) bool { return !strings.HasPrefix(l, "count ") })
	}
	return f
}

// sameFacts reports the first difference.
func sameFacts(t *testing.T, got, want facts) {
	t.Helper()
	got.lines = withoutGroups(got.lines, want.lines)
	for name, both := range map[string][2][]string{"facts": {got.lines, want.lines}, "times": {got.times, want.times}} {
		for i := range max(len(both[0]), len(both[1])) {
			g, w := lineAt(both[0], i), lineAt(both[1], i)
			if g != w {
				t.Errorf("%s differ at line %d of %d and %d:\nours   %s\ntheirs %s", name, i+1, len(both[0]), len(both[1]), g, w)
				break
			}
		}
	}
}

// withoutGroups leaves out frames that want lacks, as many as there are
// BlockGroups.
func withoutGroups(got, want []string) (out []string) {
	groups := 0
	for _, line := range got {
		_, _ = fmt.Sscanf(line, "count BlockGroup %d", &groups)
	}
	for _, line := range got {
		if groups > 0 && strings.HasPrefix(line, "frame ") && line != lineAt(want, len(out)) {
			groups--
			continue
		}
		out = append(out, line)
	}
	return out
}

func lineAt(lines []string, i int) string {
	if i < len(lines) {
		return lines[i]
	}
	return "nothing"
}

// A serviceOutput is a file that the service itself sent, and what the parser
// library for Java found in it.
type serviceOutput struct {
	name string
	body []byte
	path string // of what was found
}

func serviceOutputs(t *testing.T) []serviceOutput {
	t.Helper()
	vectors := os.Getenv("MILLRACE_VECTORS")
	if vectors == "" {
		vectors = filepath.Join("..", "..", "..", "shared", "vectors")
	}
	paths, err := filepath.Glob(filepath.Join(vectors, "getmedia", "*.mkv"))
	if err != nil {
		t.Fatal(err)
	}
	if len(paths) == 0 {
		t.Skip("vectors not present")
	}
	var all []serviceOutput
	for _, path := range paths {
		body, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		name := filepath.Base(path)
		all = append(all, serviceOutput{name, body, filepath.Join("testdata", "parser_library", name+".txt")})
	}
	return all
}

// TestTheServicesOutputIsReadAsTheParserLibraryReadsIt: every frame, tag, track
// and time in what the service itself sent is what the parser library for Java
// finds there. What that finds is written down; a test with the tag interop runs
// it again.
func TestTheServicesOutputIsReadAsTheParserLibraryReadsIt(t *testing.T) {
	for _, o := range serviceOutputs(t) {
		t.Run(o.name, func(t *testing.T) {
			want, err := os.ReadFile(o.path)
			if errors.Is(err, os.ErrNotExist) {
				t.Fatalf("nobody wrote down what is in %s", o.name)
			}
			if err != nil {
				t.Fatal(err)
			}
			sameFacts(t, factsOf(t, o.body), javaFacts(t, string(want)))
		})
	}
}
