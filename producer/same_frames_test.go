package producer_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/wire"
	"github.com/millrace/millrace/media"
	"github.com/millrace/millrace/mkv"
	"github.com/millrace/millrace/producer"
	"github.com/millrace/millrace/producer/producertest"
)

// meant is in what a body of this producer differs from one that the C producer
// made of the same frames. docs/reference/producer.md has the same list, and says
// why. Where only recordings show it, the value is true.
func meant() map[string]bool {
	return map[string]bool{
		// What readers need not know.
		"EBML/DocTypeVersion: value":     false,
		"Info/SegmentUID: theirs alone":  false,
		"Info/Title: theirs alone":       false,
		"Info/MuxingApp: value":          false,
		"Info/WritingApp: value":         false,
		"Cluster/Position: theirs alone": false,
		// Sizes and numbers are as short as they can be, but for what is not known yet.
		"size of Segment": false, "size of Cluster": false,
		"size of Info": false, "size of Tracks": false, "size of TrackEntry": false, "size of Video": false, "size of Audio": false,
		"size of SimpleBlock": false, "size of Tags": false, "size of Tag": false, "size of SimpleTag": false, "size of TagName": false,
		"size of TagString":       false,
		"digits of TimecodeScale": false, "digits of TrackUID": false, "digits of Timecode": false, "digits of PixelHeight": true,
		// The order that Matroska lists them in.
		"Tracks/TrackEntry/Video: elsewhere": false,
		"Tracks/TrackEntry/Audio: elsewhere": false,
		// What the other one writes wrong, or leaves out.
		"Tracks/TrackEntry/CodecPrivate of A_MS/ACM: value":         false,
		"Tracks/TrackEntry/CodecPrivate of V_MPEGH/ISO/HEVC: value": true,
		"Tracks/TrackEntry/Audio/BitDepth: ours alone":              false,
		"Cluster/SimpleBlock of sound: key flag":                    false,
		"Cluster/SimpleBlock: discardable flag":                     true,
		// By these a server keeps a fragment once.
		"Cluster/Void (identity): ours alone, for Millrace": false,
		"Cluster/Void (digest): ours alone, for Millrace":   false,
		// One Tags element has all tags of a fragment, behind its Cluster.
		"Tags: theirs alone":             false,
		"Tags/Tag/SimpleTag: ours alone": false,
	}
}

// A take is what another producer has sent in a call: the tracks, and what it
// was given one after the other.
type take struct {
	name   string
	body   []byte
	config producer.StreamConfig
	steps  []step
}

// A step is a frame that begins or goes on with a fragment, or the end of one,
// behind tags of the fragment that is open.
type step struct {
	frame  media.Frame
	begins bool // the first of a Cluster
	ends   bool
	tags   []mkv.SimpleTag
}

// takes reads the calls of a directory.
func takes(t *testing.T, dir string, wanted ...string) (all []take) {
	t.Helper()
	for _, pattern := range wanted {
		names, err := filepath.Glob(filepath.Join(dir, pattern+".head.txt"))
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			all = append(all, readTake(t, strings.TrimSuffix(name, ".head.txt")))
		}
	}
	return all
}

func readTake(t *testing.T, path string) take {
	t.Helper()
	head, err := os.Open(path + ".head.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer head.Close()
	r, err := http.ReadRequest(bufio.NewReader(head))
	if err != nil {
		t.Fatal(err)
	}
	params, err := wire.ParsePutMediaHeaders(r.Header)
	if err != nil {
		t.Fatal(err)
	}
	k := take{name: filepath.Base(path)}
	k.config.Mode = producer.Offline
	if params.Timecode == wire.TimecodeRelative {
		k.config.Time = producer.TimeRules{Relative: true, Start: params.Start}
	}
	if k.body, err = os.ReadFile(path + ".body.mkv"); err != nil {
		t.Fatal(err)
	}
	k.read(t)
	return k
}

// read makes steps of the body.
func (k *take) read(t *testing.T) {
	t.Helper()
	var early []mkv.SimpleTag // before the fragment that they are of
	ended := true             // there is no open fragment that tags could be of
	var base time.Duration
	for _, n := range elements(t, k.body)[1].children {
		switch n.id {
		case mkv.IDTracks:
			k.config.Tracks = trackList(n)
		case mkv.IDTags:
			for _, tag := range n.simpleTags() {
				switch {
				case tag.Name == wire.TagEndOfFragment:
					k.steps = append(k.steps, step{ends: true})
					ended = true
				case ended:
					early = append(early, tag)
				default:
					k.steps = append(k.steps, step{tags: []mkv.SimpleTag{tag}})
				}
			}
		case mkv.IDCluster:
			ended = false
			begins := true
			for _, c := range n.children {
				switch c.id {
				case mkv.IDTimecode:
					v, _ := mkv.ParseUint(c.data)
					base = time.Duration(v) * time.Millisecond
				case mkv.IDSimpleBlock:
					b, err := mkv.ParseBlock(c.data)
					if err != nil {
						t.Fatal(err)
					}
					k.steps = append(k.steps, step{begins: begins, tags: early, frame: media.Frame{
						Track: media.TrackNumber(b.Track), PTS: base + time.Duration(b.RelTime)*time.Millisecond,
						Key: b.Keyframe(), Discardable: b.Discardable(), Data: b.Payload,
					}})
					early, begins = nil, false
				}
			}
		}
	}
}

func (n *node) simpleTags() (all []mkv.SimpleTag) {
	for _, tag := range n.children {
		for _, simple := range tag.children {
			var s mkv.SimpleTag
			for _, part := range simple.children {
				switch part.id {
				case mkv.IDTagName:
					s.Name = string(part.data)
				case mkv.IDTagString:
					s.String = string(part.data)
				}
			}
			all = append(all, s)
		}
	}
	return all
}

// trackList is what an application would say of the tracks.
func trackList(n *node) (all []media.Track) {
	for _, entry := range n.children {
		var t media.Track
		for _, c := range entry.children {
			v, _ := mkv.ParseUint(c.data)
			switch c.id {
			case mkv.IDTrackNumber:
				t.Number = media.TrackNumber(v)
			case mkv.IDTrackUID:
				t.UID = v
			case mkv.IDTrackType:
				t.Type = media.TrackType(v)
			case mkv.IDName:
				t.Name = string(c.data)
			case mkv.IDCodecID:
				t.CodecID = string(c.data)
			case mkv.IDCodecPrivate:
				t.Private = c.data
			}
		}
		all = append(all, t)
	}
	return all
}

// A tap keeps what is written to a connection.
type tap struct {
	net.Conn
	wrote *bytes.Buffer
}

func (c tap) Write(b []byte) (int, error) {
	c.wrote.Write(b)
	return c.Conn.Write(b)
}

// sent gives the frames to a producer, and returns the bodies of its calls and
// what a server made of them.
func (k *take) sent(t *testing.T, config producertest.Config) (bodies [][]byte, fragments []producertest.Fragment) {
	t.Helper()
	t.Setenv("HOME", t.TempDir())
	var calls []*bytes.Buffer
	synctest.Test(t, func(t *testing.T) {
		config.Pipes, config.Strict = true, true
		s := producertest.Start(t, config)
		c := &producer.Client{
			Endpoint: s.Endpoint(), HTTPClient: s.HTTPClient(),
			Credentials: millrace.StaticCredentials(millrace.Credentials{AccessKeyID: "AKIDTEST", SecretAccessKey: "secret"}),
			Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
				conn, err := s.Dial(ctx, network, address)
				calls = append(calls, &bytes.Buffer{}) // one is made at a time
				return tap{conn, calls[len(calls)-1]}, err
			},
		}
		up, err := c.Open(t.Context(), "gate", k.config)
		if err != nil {
			t.Fatal(err)
		}
		defer up.Abort()
		for _, step := range k.steps {
			k.give(t, up, step)
		}
		if err := up.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		fragments = s.Persisted("gate")
	})
	for _, call := range calls {
		bodies = append(bodies, bodyOf(t, call.Bytes()))
	}
	return bodies, fragments
}

func (k *take) give(t *testing.T, up *producer.Stream, s step) {
	t.Helper()
	if s.frame.Data != nil {
		if err := up.Write(t.Context(), s.frame); err != nil {
			t.Fatalf("%s: %v", k.name, err)
		}
	}
	for _, tag := range s.tags {
		if err := up.SetTag(tag.Name, tag.String, producer.OpenFragment); err != nil {
			t.Fatalf("%s: %v", k.name, err)
		}
	}
	if s.ends {
		if err := up.EndFragment(t.Context()); err != nil {
			t.Fatalf("%s: %v", k.name, err)
		}
	}
}

// bodyOf takes the media out of a call.
func bodyOf(t *testing.T, call []byte) []byte {
	t.Helper()
	_, chunks, ok := bytes.Cut(call, []byte("\r\n\r\n"))
	if !ok {
		t.Fatalf("no call: %.80q", call)
	}
	body, err := io.ReadAll(httputil.NewChunkedReader(bytes.NewReader(chunks)))
	if err != nil {
		t.Fatal(err)
	}
	return body
}

// TestTheSameFramesMakeTheSameElements gives the frames of the C producer's calls
// to this one and compares what both have sent. In the repository are bodies of
// the same shape; recordings of the C producer itself are read where they are.
func TestTheSameFramesMakeTheSameElements(t *testing.T) {
	all := takes(t, filepath.Join("..", "testdata", "putmedia"), "metadata-eofr", "relative-*", "offline-burst", "persistent-tags-*")
	vectors := os.Getenv("MILLRACE_VECTORS")
	if vectors == "" {
		vectors = filepath.Join("..", "..", "shared", "vectors")
	}
	recorded := takes(t, filepath.Join(vectors, "putmedia"), "producer-c-*", "kvssink-h264", "kvssink-*aac", "kvssink-relative*")
	if len(all) == 0 {
		t.Fatal("no bodies")
	}
	found := differences{}
	for _, k := range slices.Concat(all, recorded) {
		for _, server := range []producertest.Config{producertest.AWS(), producertest.Millrace()} {
			bodies, fragments := k.sent(t, server)
			k.checkTags(t, fragments)
			d := differences{}
			if len(bodies) != 1 {
				d.note("calls: more than one", "%d", len(bodies))
			}
			d.compare("", elements(t, k.body), elements(t, bodies[0]))
			for key, example := range d {
				if server.Identity && strings.Contains(key, "Void (") {
					key += ", for Millrace"
				}
				if found[key] == "" {
					found[key] = k.name + ": " + example
				}
			}
		}
	}
	list := meant()
	for _, key := range found.sorted() {
		if _, ok := list[key]; !ok {
			t.Errorf("a difference that nobody meant: %s (%s)", key, found[key])
		}
	}
	for key, needsRecordings := range list {
		if found[key] == "" && (len(recorded) > 0 || !needsRecordings) {
			t.Errorf("there is no such difference any more: %s", key)
		}
	}
	if got, want := documented(t), sortedKeys(list); !slices.Equal(got, want) {
		t.Errorf("the reference lists\n%q, want\n%q", got, want)
	}
}

// checkTags fails the test unless each fragment has the tags that it should.
func (k *take) checkTags(t *testing.T, fragments []producertest.Fragment) {
	t.Helper()
	var want [][]mkv.SimpleTag
	for _, s := range k.steps {
		if s.begins {
			want = append(want, nil)
		}
		for _, tag := range s.tags {
			want[len(want)-1] = withTag(want[len(want)-1], tag)
		}
	}
	if len(fragments) != len(want) {
		t.Errorf("%s: %d fragments, want %d", k.name, len(fragments), len(want))
		return
	}
	for i, f := range fragments {
		if fmt.Sprint(f.Tags) != fmt.Sprint(want[i]) {
			t.Errorf("%s: fragment %d has the tags %v, want %v", k.name, i, f.Tags, want[i])
		}
	}
}

// withTag adds a tag, in place of one of the same name: others send both.
func withTag(list []mkv.SimpleTag, tag mkv.SimpleTag) []mkv.SimpleTag {
	for i := range list {
		if list[i].Name == tag.Name {
			list[i] = tag
			return list
		}
	}
	return append(list, tag)
}

func sortedKeys(list map[string]bool) (keys []string) {
	for key := range list {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}

// documented is the list of differences in the reference.
func documented(t *testing.T) (keys []string) {
	t.Helper()
	page, err := os.ReadFile(filepath.Join("..", "docs", "reference", "producer.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(page), "\n## The same frames from the C producer\n")
	section, _, _ = strings.Cut(section, "\n## ")
	for line := range strings.Lines(section) {
		cell, ok := strings.CutPrefix(line, "| `")
		if !ok {
			continue
		}
		cell, _, _ = strings.Cut(cell, " | ")
		for _, key := range strings.Split(strings.TrimSuffix(cell, "`"), "`, `") {
			keys = append(keys, strings.TrimSpace(key))
		}
	}
	slices.Sort(keys)
	return keys
}
