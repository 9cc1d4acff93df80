package producer

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/millrace/millrace/media"
	"github.com/millrace/millrace/mkv"
)

var update = flag.Bool("update", false, "write what comes out into testdata")

// epoch is what the times of scripts count from.
const epoch = 1_800_000_000 * time.Second

// TestScripts writes what the scripts of testdata/packager say to a stream
// without a server. In a file, the section "play" has a line for each thing that
// happens, and "want" shows the fragments, and the errors and notices among
// them:
//
//	config NAME=VALUE …      see (*script).config
//	track N video|audio|data [unknown]
//	write N TIME DATA        a frame; a capital letter is a key frame
//	every N FROM STEP COUNT DATA   that many frames; the first is a key frame if DATA begins with a capital
//	sleep D                  moves the wall clock
//	tag NAME VALUE open|next|every
//	private N DATA           sets codec private data
//	end                      ends the fragment
func TestScripts(t *testing.T) {
	files, err := filepath.Glob("testdata/packager/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	for _, name := range files {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) { playFile(t, name) })
	}
}

func playFile(t *testing.T, name string) {
	archive, err := txtar.ParseFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if len(archive.Files) == 0 || archive.Files[0].Name != "play" {
		t.Fatal("the first section is not play")
	}
	var got string
	synctest.Test(t, func(t *testing.T) { got = play(t, string(archive.Files[0].Data)) })
	if *update {
		archive.Files = append(archive.Files[:1], txtar.File{Name: "want", Data: []byte(got)})
		if err := os.WriteFile(name, txtar.Format(archive), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if len(archive.Files) != 2 {
		t.Fatal("there is no section want; -update writes it")
	}
	if d := cmp.Diff(string(archive.Files[1].Data), got); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
}

// A script is a stream that is written to.
type script struct {
	t      *testing.T
	config StreamConfig
	stream *Stream
	out    strings.Builder
}

// play runs a script and returns what came out.
func play(t *testing.T, text string) string {
	s := &script{t: t}
	s.config.Events.Notice = func(err error) {
		if !errors.Is(err, ErrUnplayable) { // the codecs of the scripts are none
			fmt.Fprintf(&s.out, "notice: %v\n", err)
		}
	}
	for line := range strings.Lines(text) {
		if words := strings.Fields(line); len(words) > 0 {
			s.do(words)
			synctest.Wait()
		}
	}
	s.open()
	if err := s.stream.packager.close(t.Context()); err != nil {
		t.Fatal(err)
	}
	synctest.Wait()
	s.out.WriteString(show(t, s.stream))
	s.stream.Abort()
	return s.out.String()
}

func (s *script) do(words []string) {
	switch words[0] {
	case "config":
		for _, w := range words[1:] {
			name, value, _ := strings.Cut(w, "=")
			s.configure(name, value)
		}
	case "track":
		s.config.Tracks = append(s.config.Tracks, track(s.t, words[1:]))
	case "write":
		s.write(words[1], span(s.t, words[2]), words[3])
	case "every":
		count, _ := strconv.Atoi(words[4])
		data := words[5]
		for i := range count {
			s.write(words[1], span(s.t, words[2])+time.Duration(i)*span(s.t, words[3]), data)
			data = strings.ToLower(data)
		}
	case "sleep":
		time.Sleep(span(s.t, words[1]))
	case "tag":
		scope := map[string]TagScope{"open": OpenFragment, "next": NextFragment, "every": EveryFragment}[words[3]]
		s.say(s.open().SetTag(words[1], strings.Trim(words[2], `"`), scope))
	case "private":
		number, _ := strconv.Atoi(words[1])
		s.say(s.open().SetCodecPrivate(s.t.Context(), media.TrackNumber(number), []byte(words[2])))
	case "end":
		s.say(s.open().EndFragment(s.t.Context()))
	default:
		s.t.Fatalf("what is %q?", words)
	}
}

func (s *script) configure(name, value string) {
	f, r := &s.config.Fragment, &s.config.Time
	set := map[string]func(){
		"max":        func() { f.MaxDuration = span(s.t, value) },
		"min":        func() { f.MinDuration = span(s.t, value) },
		"bytes":      func() { f.MaxBytes, _ = strconv.ParseInt(value, 10, 64) },
		"idle":       func() { f.Idle = span(s.t, value) },
		"interleave": func() { f.Interleave = span(s.t, value) },
		"silent":     func() { f.Silent = map[string]SilentPolicy{"keep": SilentKeep}[value] },
		"tick":       func() { r.Tick = span(s.t, value) },
		"nudge":      func() { r.MaxNudge = span(s.t, value) },
		"regress":    func() { r.OnRegress = map[string]RegressPolicy{"reject": RegressReject}[value] },
		"start":      func() { r.Relative, r.Start = true, time.Unix(0, int64(span(s.t, value))) },
		"mode":       func() { s.config.Mode = map[string]Mode{"offline": Offline}[value] },
	}[name]
	if set == nil {
		s.t.Fatalf("what is %q?", name)
	}
	set()
}

func (s *script) open() *Stream {
	if s.stream == nil {
		s.stream = unconnected(s.t, s.config)
	}
	return s.stream
}

func (s *script) write(number string, at time.Duration, data string) {
	n, err := strconv.Atoi(number)
	if err != nil {
		s.t.Fatal(err)
	}
	if !s.config.Time.Relative {
		at += epoch
	}
	s.say(s.open().Write(s.t.Context(), media.Frame{
		Track: media.TrackNumber(n), PTS: at, Key: strings.ToUpper(data[:1]) == data[:1], Data: []byte(data),
	}))
}

func (s *script) say(err error) {
	if err != nil {
		fmt.Fprintf(&s.out, "error: %v\n", err)
	}
}

func track(t *testing.T, words []string) media.Track {
	n, err := strconv.Atoi(words[0])
	if err != nil {
		t.Fatal(err)
	}
	kind := map[string]media.Track{
		"video": {Type: media.Video, CodecID: "V_TEST"},
		"audio": {Type: media.Audio, CodecID: "A_TEST"},
		"data":  {Type: media.Metadata, CodecID: "X_TEST"},
	}[words[1]]
	kind.Number, kind.UID = media.TrackNumber(n), uint64(n)
	return kind
}

func span(t *testing.T, text string) time.Duration {
	d, err := time.ParseDuration(text)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

var errNoServer = errors.New("there is no server")

type nowhere struct{}

func (nowhere) RoundTrip(*http.Request) (*http.Response, error) { return nil, errNoServer }

// unconnected opens a stream that reaches no server.
func unconnected(t testing.TB, config StreamConfig) *Stream {
	t.Helper()
	c := &Client{
		Endpoint:   "http://nowhere.test",
		Region:     "test",
		HTTPClient: &http.Client{Transport: nowhere{}},
		Dial:       func(context.Context, string, string) (net.Conn, error) { return nil, errNoServer },
	}
	s, err := c.Open(t.Context(), "gate", config)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// kept returns what the buffer has of a stream, a document for each fragment,
// and the headers that they go under.
func kept(s *Stream) (documents [][]byte, headers []*header) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for f := s.queue.first; f != nil; f = f.next {
		documents = append(documents, bytes.Join(append([][]byte{f.header.bytes}, f.body.pieces...), nil))
		headers = append(headers, f.header)
	}
	return documents, headers
}

// show prints the fragments that a stream has in its buffer.
func show(t *testing.T, s *Stream) string {
	t.Helper()
	var b strings.Builder
	documents, headers := kept(s)
	for i, d := range documents {
		if i == 0 || headers[i] != headers[i-1] {
			fmt.Fprintf(&b, "call\n")
		}
		showFragment(t, &b, d, i == 0 || headers[i] != headers[i-1])
	}
	return b.String()
}

func showFragment(t *testing.T, b *strings.Builder, document []byte, header bool) {
	r := mkv.NewReader(bytes.NewReader(document), mkv.ReaderOptions{})
	video := bytes.Contains(document, []byte("V_TEST"))
	for {
		e, err := r.Next()
		if err != nil {
			break
		}
		switch {
		case e.ID == mkv.IDInfo && header && e.Kind == mkv.Whole:
			info, err := mkv.ParseInfo(e.Data())
			if err != nil {
				t.Fatal(err)
			}
			if info.TimecodeScale != mkv.DefaultTimecodeScale {
				fmt.Fprintf(b, "\tticks of %v\n", time.Duration(info.TimecodeScale))
			}
		case e.ID == mkv.IDTracks && header:
			tracks, err := mkv.ParseTracks(e.Data())
			if err != nil {
				t.Fatal(err)
			}
			for _, tr := range tracks {
				fmt.Fprintf(b, "\ttrack %d %s %s\n", tr.Number, tr.CodecID, tr.CodecPrivate)
			}
		case e.ID == mkv.IDTimecode:
			n, err := mkv.ParseUint(e.Data())
			if err != nil {
				t.Fatal(err)
			}
			if ms := uint64(epoch / time.Millisecond); n >= ms && n < 2*ms {
				n -= ms
			}
			fmt.Fprintf(b, "\tfragment at %d:", n)
		case e.ID == mkv.IDSimpleBlock:
			block, err := mkv.ParseBlock(e.Data())
			if err != nil {
				t.Fatal(err)
			}
			payload := block.Payload[:min(len(block.Payload), 12)]
			if video && block.Keyframe() != bytes.Equal(bytes.ToUpper(payload[:1]), payload[:1]) && block.Track == 1 {
				t.Errorf("frame %q is a key frame: %v", payload, block.Keyframe())
			}
			fmt.Fprintf(b, " %d%+d=%s", block.Track, block.RelTime, payload)
		case e.ID == mkv.IDTags:
			tags, err := mkv.ParseTags(e.Data())
			if err != nil {
				t.Fatal(err)
			}
			for _, s := range slices.Concat(tags[0].Simple) {
				fmt.Fprintf(b, " [%s %s]", strings.TrimPrefix(s.Name, "AWS_KINESISVIDEO_"), s.String)
			}
		}
	}
	b.WriteString("\n")
}
