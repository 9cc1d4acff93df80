//go:build interop

package interop

import (
	"bytes"
	"encoding/json"
	"math"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/Eyevinn/hls-m3u8/m3u8"
)

// A listing is a media playlist as a parser sees it.
type listing struct {
	Target        int64   `json:"target"`
	First         uint64  `json:"first"`
	Discontinuity uint64  `json:"discontinuity"`
	Ended         bool    `json:"ended"`
	VOD           bool    `json:"vod"`
	Entries       []entry `json:"entries"`
}

type entry struct {
	URI           string `json:"uri"`
	Map           string `json:"map"`
	Duration      int64  `json:"duration"` // ms
	Discontinuity bool   `json:"discontinuity"`
	Gap           *bool  `json:"gap"`  // nil: the parser does not know
	Time          int64  `json:"time"` // ms since 1970; 0 if there is none
}

// TestOthersReadEveryKindOfPlaylist: what the unit tests compare with, read by
// parsers in Go and JavaScript, which must see the same.
func TestOthersReadEveryKindOfPlaylist(t *testing.T) {
	files, err := filepath.Glob("../internal/hls/testdata/*.txtar")
	must(t, err)
	var playlists []string
	for _, name := range files {
		text, err := os.ReadFile(name)
		must(t, err)
		playlists = append(playlists, shown(string(text))...)
	}
	if len(playlists) < 30 {
		t.Fatalf("%d playlists", len(playlists))
	}
	compareParsers(t, shared, playlists)
}

// TestOthersReadPlaylistsOfRecordings: what a server gives out on demand, in all
// ways, is the same to all parsers, and each entry can be had.
func TestOthersReadPlaylistsOfRecordings(t *testing.T) {
	r, name := shared, "playlists-recording"
	from := time.Now().Add(-time.Minute)
	r.fill(t, name)
	for _, container := range []string{"FRAGMENTED_MP4", "MPEG_TS"} {
		for _, discontinuities := range []string{"ALWAYS", "NEVER", "ON_DISCONTINUITY"} {
			t.Run(container+" "+discontinuities, func(t *testing.T) {
				master := r.archived(t, "getHLSStreamingSessionURL", map[string]any{
					"StreamName": name, "PlaybackMode": "ON_DEMAND", "ContainerFormat": container,
					"DiscontinuityMode": discontinuities, "DisplayFragmentTimestamp": "ALWAYS",
					"HLSFragmentSelector": map[string]any{
						"FragmentSelectorType": "SERVER_TIMESTAMP",
						"TimestampRange":       map[string]any{"StartTimestamp": seconds(from), "EndTimestamp": seconds(time.Now())},
					},
				}).address(t)
				lists := r.mediaPlaylists(t, master)
				for i, l := range compareParsers(t, r, texts(lists)) {
					if len(l.Entries) != clipSeconds || !l.Ended || !l.VOD || l.First != 1 {
						t.Errorf("list %d is %+v", i, l)
					}
					for k, e := range l.Entries {
						want := discontinuities == "ALWAYS"
						if e.Time == 0 || e.Discontinuity != want && discontinuities != "ON_DISCONTINUITY" || *e.Gap {
							t.Errorf("entry %d of list %d is %+v", k, i, e)
						}
						r.load(t, resolve(t, lists[i].base, e.URI))
					}
				}
			})
		}
	}
}

// TestOthersFollowLivePlaylists: while a stream arrives its lists are read again
// and again. To all parsers an entry keeps its number, and sound has what the
// picture has.
func TestOthersFollowLivePlaylists(t *testing.T) {
	r, name := shared, "playlists-live"
	r.newStream(t, name)
	producer := r.command(t.Context(), r.binary, "push", name, clip(t), "--realtime")
	must(t, producer.Start())
	var master string
	for deadline := time.Now().Add(20 * time.Second); master == ""; time.Sleep(200 * time.Millisecond) {
		a := r.archived(t, "getHLSStreamingSessionURL", map[string]any{
			"StreamName": name, "PlaybackMode": "LIVE", "DiscontinuityMode": "ON_DISCONTINUITY", "MaxMediaPlaylistFragmentResults": 3,
		})
		if a.status == http.StatusOK {
			master = a.address(t)
		} else if a.failure != "ResourceNotFoundException" || time.Now().After(deadline) {
			t.Fatalf("no address: %d %s: %s", a.status, a.failure, a.message)
		}
	}
	var all []mediaPlaylist
	for end := time.Now().Add((clipSeconds + 1) * time.Second); time.Now().Before(end); time.Sleep(400 * time.Millisecond) {
		all = append(all, r.mediaPlaylists(t, master)...)
	}
	must(t, producer.Wait())
	seen := map[uint64]entry{}
	for i, l := range compareParsers(t, r, texts(all)) {
		if l.Ended || len(l.Entries) == 0 || len(l.Entries) > 3 {
			t.Errorf("list %d is %+v", i, l)
		}
		for k, e := range l.Entries {
			number := l.First + uint64(k)
			e.URI = strings.Replace(e.URI, "TrackNumber=2", "TrackNumber=1", 1)
			e.Map, e.Duration, e.Gap = "", 0, nil
			if before, ok := seen[number]; ok && before != e {
				t.Errorf("entry %d was %+v and is %+v", number, before, e)
			}
			seen[number] = e
		}
	}
	if len(seen) < clipSeconds-2 {
		t.Errorf("%d entries went by", len(seen))
	}
}

// TestOthersFollowReplays: a recording of fragments of one second is shown again at
// the speed at which it happened, whoever looks how often.
func TestOthersFollowReplays(t *testing.T) {
	r, name := shared, "playlists-replay"
	from := time.Now().Add(-time.Minute)
	r.fill(t, name)
	master := r.archived(t, "getHLSStreamingSessionURL", map[string]any{
		"StreamName": name, "PlaybackMode": "LIVE_REPLAY", "MaxMediaPlaylistFragmentResults": 3,
		"HLSFragmentSelector": map[string]any{
			"FragmentSelectorType": "SERVER_TIMESTAMP", "TimestampRange": map[string]any{"StartTimestamp": seconds(from)},
		},
	}).address(t)
	var all []mediaPlaylist
	var at []time.Duration // of each since the first
	begin := time.Now()
	for _, wait := range []time.Duration{0, 0, 1200 * time.Millisecond, 2000 * time.Millisecond, 300 * time.Millisecond} {
		time.Sleep(wait)
		asked := time.Since(begin)
		for _, l := range r.mediaPlaylists(t, master) {
			all, at = append(all, l), append(at, asked)
		}
	}
	for i, l := range compareParsers(t, r, texts(all)) {
		earliest := uint64(1 + at[i]/time.Second)
		if len(l.Entries) != 3 || l.Ended || l.Discontinuity != l.First-1 || l.First+1 < earliest || l.First > earliest+1 {
			t.Errorf("after %v the list is %+v", at[i], l)
		}
	}
}

// A mediaPlaylist is the text of one, and where it was loaded from.
type mediaPlaylist struct {
	base *url.URL
	text string
}

func texts(lists []mediaPlaylist) (all []string) {
	for _, l := range lists {
		all = append(all, l.text)
	}
	return all
}

// mediaPlaylists loads a master playlist, which a parser must have nothing to say
// about, and the playlists that it names: the picture's, and the sound's if that
// is a rendition of its own.
func (r *rig) mediaPlaylists(t *testing.T, master string) (lists []mediaPlaylist) {
	t.Helper()
	p, kind, err := m3u8.DecodeFrom(bytes.NewReader(r.load(t, master)), true)
	if err != nil || kind != m3u8.MASTER {
		t.Fatalf("hls-m3u8: %v, kind %v", err, kind)
	}
	base, err := url.Parse(master)
	must(t, err)
	for _, v := range p.(*m3u8.MasterPlaylist).Variants {
		for _, name := range append([]string{v.URI}, alternatives(v)...) {
			address := resolve(t, base, name)
			lists = append(lists, mediaPlaylist{base, string(r.load(t, address))})
		}
	}
	if len(lists) == 0 {
		t.Fatal("the master playlist names nothing")
	}
	return lists
}

func alternatives(v *m3u8.Variant) (names []string) {
	for _, a := range v.Alternatives {
		names = append(names, a.URI)
	}
	return names
}

// shown are the whole playlists of a golden file: each stands behind a line of what
// was done.
func shown(text string) []string {
	_, want, _ := strings.Cut(text, "-- want --\n")
	var all []string
	for _, part := range strings.Split("\n"+want, "\n== ") {
		did, playlist, _ := strings.Cut(part, "\n")
		if strings.HasPrefix(playlist, "#EXTM3U") && strings.Contains(playlist, "#EXTINF") && !strings.Contains(did, "until") {
			all = append(all, strings.TrimSuffix(playlist, "\n")+"\n")
		}
	}
	return all
}

// compareParsers reads playlists with three parsers, which must see the same, and
// returns what they saw.
func compareParsers(t *testing.T, r *rig, playlists []string) []listing {
	t.Helper()
	input, err := json.Marshal(playlists)
	must(t, err)
	cmd := r.script(t, t.Context(), "playlists.js")
	cmd.Stdin = bytes.NewReader(input)
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("playlists.js: %v\n%s", err, tailOf(errs.String(), 4000))
	}
	var seen map[string][]listing
	must(t, json.Unmarshal(out, &seen))
	all := make([]listing, 0, len(playlists))
	for i, text := range playlists {
		l := readPlaylist(t, text)
		if n := strings.Count(text, "#EXTINF:"); len(l.Entries) != n {
			t.Errorf("hls-m3u8 sees %d of %d entries in\n%s", len(l.Entries), n, text)
		}
		for parser, others := range seen {
			other := others[i]
			for k := range other.Entries {
				if e := &other.Entries[k]; e.Gap == nil && k < len(l.Entries) {
					e.Gap = l.Entries[k].Gap
				}
			}
			if !reflect.DeepEqual(other, l) {
				t.Errorf("%s sees\n%+v\nhls-m3u8\n%+v\nin\n%s", parser, other, l, text)
			}
		}
		all = append(all, l)
	}
	return all
}

func readPlaylist(t *testing.T, text string) listing {
	t.Helper()
	p, kind, err := m3u8.DecodeFrom(strings.NewReader(text), true)
	if err != nil || kind != m3u8.MEDIA {
		t.Fatalf("hls-m3u8: %v, kind %v\n%s", err, kind, text)
	}
	media := p.(*m3u8.MediaPlaylist)
	l := listing{
		Target: int64(media.TargetDuration), First: media.SeqNo, Discontinuity: media.DiscontinuitySeq,
		Ended: media.Closed, VOD: media.MediaType == m3u8.VOD, Entries: []entry{},
	}
	initialization := ""
	if media.Map != nil {
		initialization = media.Map.URI
	}
	for _, s := range media.GetAllSegments() {
		if s.Map != nil {
			initialization = s.Map.URI
		}
		e := entry{URI: s.URI, Map: initialization, Duration: int64(math.Round(s.Duration * 1000)), Discontinuity: s.Discontinuity, Gap: &s.Gap}
		if !s.ProgramDateTime.IsZero() {
			e.Time = s.ProgramDateTime.UnixMilli()
		}
		l.Entries = append(l.Entries, e)
	}
	return l
}
