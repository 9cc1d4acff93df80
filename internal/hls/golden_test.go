package hls_test

import (
	"bufio"
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/hls"
	"github.com/millrace/millrace/internal/timeline"
	"github.com/millrace/millrace/media"
)

var update = flag.Bool("update", false, "write what is rendered into testdata")

// TestGolden plays the scripts of testdata. In a file, the section "play" says
// what happens to a session, a line each, and "want" what it shows:
//
//	session NAME=VALUE …             begins one
//	fragment N [NAME=VALUE …]        is in the store from now on; see (*script).fragment
//	fragments A-B [NAME=VALUE …]     are, one behind the other
//	at TIME                          moves the clock, from the first fragment's start
//	show [audio] [ts] [times] [until N]  refreshes and renders; until leaves out what follows N lines
//	find N                           asks for an entry as one does who wants its segment
//	unreadable N                     says that a fragment turned out to be damaged
//
// Numbers of fragments are written as the service's documentation does, with
// their middle left out.
func TestGolden(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	for _, name := range files {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) { golden(t, name) })
	}
}

func golden(t *testing.T, name string) {
	archive, err := txtar.ParseFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if len(archive.Files) == 0 || archive.Files[0].Name != "play" {
		t.Fatal("the first section is not play")
	}
	got := play(t, archive.Files[0].Data)
	if *update {
		archive.Files = append(archive.Files[:1], txtar.File{Name: "want", Data: got})
		if err := os.WriteFile(name, txtar.Format(archive), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if len(archive.Files) != 2 {
		t.Fatal("there is no section want; -update writes it")
	}
	if d := cmp.Diff(string(archive.Files[1].Data), string(got)); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
}

// A script is a session and the store that it plays from.
type script struct {
	t        *testing.T
	now      time.Time
	settings hls.Settings
	window   *hls.Window
	stored   []hls.Facts
	there    []time.Time // when each is in the store, zero is at once
	fed      int
	next     time.Time // where the next fragment begins if it does not say
	tracks   map[string]*timeline.Track
	named    []string // what the session was asked for, for the sections of its playlists
	out      bytes.Buffer
}

func play(t *testing.T, lines []byte) []byte {
	s := &script{t: t, now: epoch, next: epoch, tracks: map[string]*timeline.Track{}}
	scan := bufio.NewScanner(bytes.NewReader(lines))
	for scan.Scan() {
		words := strings.Fields(scan.Text())
		if len(words) == 0 || strings.HasPrefix(words[0], "#") {
			continue
		}
		s.do(words[0], words[1:])
	}
	return s.out.Bytes()
}

func (s *script) do(verb string, args []string) {
	switch verb {
	case "session":
		s.session(args)
	case "fragment":
		s.fragment(s.int(args[0]), args[1:])
	case "fragments":
		first, last, _ := strings.Cut(args[0], "-")
		for n := s.int(first); n <= s.int(last); n++ {
			s.fragment(n, args[1:])
		}
	case "at":
		s.now = epoch.Add(s.duration(args[0]))
	case "show":
		s.show(args)
	case "find":
		s.find(s.int(args[0]))
	case "unreadable":
		s.window.MarkGap(short(s.int(args[0])))
	default:
		s.t.Fatalf("unknown: %s", verb)
	}
}

func (s *script) session(args []string) {
	set := hls.Settings{Limit: 3, Mode: hls.Live, Discontinuities: hls.NeverDiscontinuous}
	for name, value := range pairs(args) {
		switch name {
		case "mode":
			set.Mode = map[string]hls.Mode{"LIVE": hls.Live, "LIVE_REPLAY": hls.LiveReplay, "ON_DEMAND": hls.OnDemand}[value]
		case "discontinuity":
			set.Discontinuities = map[string]hls.DiscontinuityMode{
				"ALWAYS": hls.AlwaysDiscontinuous, "NEVER": hls.NeverDiscontinuous, "ON_DISCONTINUITY": hls.OnDiscontinuity,
			}[value]
		case "limit":
			set.Limit = s.int(value)
		case "clock":
			set.ProducerClock = value == "PRODUCER"
		case "changes":
			set.Changes = s.int(value)
		case "forms":
			set.MarkForms = true
		case "end":
			set.End = s.moment(value)
		default:
			s.t.Fatalf("unknown setting %s", name)
		}
	}
	s.named = args
	s.settings, s.window, s.fed = set, hls.NewWindow(set), 0
}

// fragment puts one into the store: start= and lasts= (of both tracks, or vlasts=
// and alasts=), voff= and aoff= the offset of the first frame, video= and audio=
// the names of their codec private data ("none": no such track; "empty": no
// frames), whole= when it is there, damaged.
func (s *script) fragment(n int, args []string) {
	p := map[string]string{"video": "v0", "audio": "none", "lasts": "2s", "voff": "0", "aoff": "0"}
	for name, value := range pairs(args) {
		p[name] = value
	}
	start := s.next
	if p["start"] != "" {
		start = s.moment(p["start"])
	}
	f := hls.Facts{Number: short(n), Start: start, Whole: start.Add(s.duration(p["lasts"]))}
	var there time.Time
	if p["whole"] != "" {
		there = s.moment(p["whole"])
		f.Whole = there
	}
	s.there = append(s.there, there)
	_, f.Damaged = p["damaged"]
	f.Tracks[0] = s.timed(p["video"], p["voff"], or(p["vlasts"], p["lasts"]), s.video)
	f.Tracks[1] = s.timed(p["audio"], p["aoff"], or(p["alasts"], p["lasts"]), s.audio)
	s.stored = append(s.stored, f)
	s.next = start.Add(s.duration(p["lasts"]))
}

func (s *script) timed(private, offset, lasts string, track func(string) *timeline.Track) hls.Timed {
	if private == "none" {
		return hls.Timed{}
	}
	name, empty := strings.CutSuffix(private, "-empty")
	t := track(name)
	if empty {
		return hls.Timed{Track: t}
	}
	v := timed(t, s.duration(lasts))
	v.Span.Start = t.Ticks(s.duration(offset))
	v.Span.Last += v.Span.Start
	return v
}

// video is the track of a name: what follows a colon is the width of the picture.
func (s *script) video(name string) *timeline.Track {
	if s.tracks[name] == nil {
		t := picture(0)
		t.Media.Private = []byte(name)
		if _, width, ok := strings.Cut(name, ":"); ok {
			t.Parameters = media.Parameters{Width: s.int(width)}
		}
		s.tracks[name] = t
	}
	return s.tracks[name]
}

func (s *script) audio(name string) *timeline.Track {
	if s.tracks[name] == nil {
		t := sound()
		if name != "a0" {
			t.Media.Private = append(t.Media.Private, name...)
		}
		s.tracks[name] = t
	}
	return s.tracks[name]
}

func (s *script) refresh() {
	want := s.window.Extend(s.now, nil, false)
	for want > 0 {
		from := s.fed
		for s.fed < len(s.stored) && s.fed < from+want && !s.there[s.fed].After(s.now) {
			s.fed++
		}
		want = s.window.Extend(s.now, s.stored[from:s.fed], s.fed < from+want)
	}
}

func (s *script) show(args []string) {
	s.refresh()
	r, lines := hls.Rendition{Token: "TOK~"}, -1
	for i, a := range args {
		switch a {
		case "audio":
			r.Track = 1
		case "ts":
			r.Container = hls.MPEGTS
		case "times":
			r.Timestamps = true
		case "until":
			lines = s.int(args[i+1])
		}
	}
	fmt.Fprintf(&s.out, "== %s\n", strings.Join(slices.Concat([]string{s.now.Sub(epoch).String()}, args, s.named), " "))
	text := elide(string(s.window.AppendMedia(nil, r)))
	if lines >= 0 {
		text = strings.Join(strings.SplitAfter(text, "\n")[:lines], "")
	}
	s.out.WriteString(text)
}

func (s *script) find(n int) {
	e, ok := s.window.Find(short(n))
	if !ok {
		fmt.Fprintf(&s.out, "== %d is not known\n", n)
		return
	}
	fmt.Fprintf(&s.out, "== %d is entry %d, generation %d\n", n, e.Sequence, e.Generation)
	for i := range e.Tracks {
		if t := e.Tracks[i].Track; t != nil {
			fmt.Fprintf(&s.out, "track %d begins at %v and lasts %v, hint %+v\n", i+1, t.Time(e.MediaTime(i)), t.Time(e.Duration(i)), e.Hint(i))
		}
	}
}

func (s *script) int(text string) int {
	n, err := strconv.Atoi(text)
	if err != nil {
		s.t.Fatal(err)
	}
	return n
}

func (s *script) duration(text string) time.Duration {
	d, err := time.ParseDuration(text)
	if err != nil {
		s.t.Fatal(err)
	}
	return d
}

// moment is a time, or one after the first fragment's start.
func (s *script) moment(text string) time.Time {
	if at, err := time.Parse(time.RFC3339, text); err == nil {
		return at
	}
	return epoch.Add(s.duration(text))
}

func pairs(args []string) map[string]string {
	p := map[string]string{}
	for _, a := range args {
		name, value, _ := strings.Cut(a, "=")
		p[name] = value
	}
	return p
}

func or(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// short is the number that elide writes as 913…000n.
func short(n int) millrace.FragmentNumber {
	v, err := millrace.ParseFragmentNumber(fmt.Sprintf("913%04d", n))
	if err != nil {
		panic(err)
	}
	return v
}

func elide(playlist string) string {
	return strings.ReplaceAll(playlist, "FragmentNumber=913", "FragmentNumber=913…")
}
