package server_test

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/millrace/millrace/internal/config"
	"github.com/millrace/millrace/internal/server"
	"github.com/millrace/millrace/internal/wire"
)

// A studio is a server on a clock of the test's, and a camera that sends it the
// fragments of a clip one by one.
type studio struct {
	*rig
	ahead    *atomic.Int64 // of base, in milliseconds
	base     time.Time
	header   []byte
	clusters [][]byte
	sent     int
	numbers  []string
}

func newStudio(t testing.TB, o server.Options, change func(*config.Server)) *studio {
	t.Helper()
	s := &studio{base: time.Now().Truncate(time.Second), ahead: new(atomic.Int64)}
	s.readClip(t, filepath.Join("..", "demo", "clip.mkv"))
	o.Boot = func() time.Duration { return time.Duration(s.ahead.Load()) * time.Millisecond }
	o.Now = func() time.Time { return s.base.Add(o.Boot()) }
	s.rig = startWith(t, o, change)
	s.create("cam", 24)
	return s
}

// readClip takes a file apart. Its Clusters are of a second.
func (s *studio) readClip(t testing.TB, name string) {
	t.Helper()
	clip, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	parts := bytes.Split(clip, []byte{0x1f, 0x43, 0xb6, 0x75})
	s.header = parts[0]
	for _, p := range parts[1:] {
		s.clusters = append(s.clusters, append([]byte{0x1f, 0x43, 0xb6, 0x75}, p...))
	}
}

// at moves the clock to a second.
func (s *studio) at(seconds float64) { s.ahead.Store(int64(seconds * 1000)) }

// send sends the next fragment, which comes now.
func (s *studio) send() string {
	s.t.Helper()
	p := s.put("cam", http.Header{wire.HeaderTimecodeType: {"RELATIVE"}})
	p.mustSend(append(bytes.Clone(s.header), s.clusters[s.sent%len(s.clusters)]...))
	p.end()
	number := ""
	for _, a := range p.rest() {
		if a.EventType == "PERSISTED" {
			number = a.FragmentNumber
		}
	}
	if number == "" {
		s.t.Fatal("a fragment was not kept")
	}
	s.sent++
	s.numbers = append(s.numbers, number)
	return number
}

// film sends a fragment each second, so many of them.
func (s *studio) film(n int) {
	s.t.Helper()
	for range n {
		s.at(float64(s.sent))
		s.send()
	}
	s.at(float64(s.sent))
}

// listed are the indexes of the fragments that a playlist lists.
func (s *studio) listed(p playlist) string {
	s.t.Helper()
	var list []string
	for _, seg := range p.segments {
		index := "?"
		for i, n := range s.numbers {
			if n == seg.number(s.t) {
				index = fmt.Sprint(i)
			}
		}
		if seg.gap {
			index += "!"
		}
		list = append(list, index)
	}
	return strings.Join(list, " ")
}

func (s *studio) want(address, sequence, want string) playlist {
	s.t.Helper()
	p := s.playlist(address)
	if got := s.listed(p); got != want || p.tags["#EXT-X-MEDIA-SEQUENCE"] != sequence {
		s.t.Fatalf("at %d ms: %s from %s, want %s from %s", s.ahead.Load(), got, p.tags["#EXT-X-MEDIA-SEQUENCE"], want, sequence)
	}
	return p
}

func TestALivePlaylistFollowsTheStream(t *testing.T) {
	s := newStudio(t, server.Options{}, nil)
	s.film(7)
	master := s.session("cam", map[string]any{"MaxMediaPlaylistFragmentResults": 3})
	address := s.playlist(master).variants[0]
	p := s.want(address, "1", "4 5 6")
	if p.ended || p.tags["#EXT-X-PLAYLIST-TYPE"] != "" || p.tags["#EXT-X-DISCONTINUITY-SEQUENCE"] != "0" || !p.segments[0].discontinuity {
		t.Errorf("a live playlist:\n%s", p.text)
	}
	if cache := s.play(http.MethodGet, address, nil).header.Get("Cache-Control"); cache != "no-cache" {
		t.Errorf("cache control %s", cache)
	}
	s.film(1)
	p = s.want(address, "2", "5 6 7")
	if time := decodeTime(t, s.load(p.segments[2].address)); time != 3*90_000 {
		t.Errorf("the fourth fragment is decoded at %d", time)
	}
	s.film(5)
	s.want(address, "7", "10 11 12")
	s.at(100)
	s.want(address, "7", "10 11 12") // a stream that is silent keeps its last fragments
}

// A server that was started again goes on where it was: the numbers of a live
// playlist, its discontinuities and the times of its segments.
func TestALivePlaylistOutlivesARestart(t *testing.T) {
	s := newStudio(t, server.Options{}, nil)
	s.film(5)
	address := s.playlist(s.session("cam", map[string]any{"MaxMediaPlaylistFragmentResults": 3})).variants[0]
	s.film(20)
	before := s.want(address, "21", "22 23 24")
	segment := s.load(before.segments[1].address)
	old := strings.Replace(before.segments[1].address, s.numbers[23], s.numbers[4], 1)
	s.gone("a segment that left the list long ago", old)
	s.restart()
	s.gone("a segment that left the list long before the restart", s.moved(old))
	address = s.moved(address)
	after := s.want(address, "21", "22 23 24")
	if after.text != before.text {
		t.Errorf("before:\n%s\nafter:\n%s", before.text, after.text)
	}
	if s.load(after.segments[1].address) != segment {
		t.Error("a segment has other bytes")
	}
	s.film(1)
	s.want(address, "22", "23 24 25")
	// The first request after a restart may be for a segment that has left the list.
	s.restart()
	if p := s.play(http.MethodGet, s.moved(before.segments[0].address), nil); p.status != http.StatusOK {
		t.Errorf("a segment that was listed a second ago: %d %s", p.status, p.body)
	}
}

// moved is an address at the server as it is now.
func (r *rig) moved(address string) string {
	_, path, _ := strings.Cut(address, "/hls/")
	return r.url + "/hls/" + path
}

// Sessions that there is no room for are made again.
func TestASessionThatWasLetGoGoesOn(t *testing.T) {
	s := newStudio(t, server.Options{}, func(c *config.Server) { c.PlaybackSessions = 1 })
	s.film(5)
	one := s.playlist(s.session("cam", map[string]any{"MaxMediaPlaylistFragmentResults": 3})).variants[0]
	s.film(1)
	two := s.playlist(s.session("cam", map[string]any{"MaxMediaPlaylistFragmentResults": 2})).variants[0]
	for range 3 {
		s.want(one, fmt.Sprint(s.sent-4), fmt.Sprint(s.sent-3, s.sent-2, s.sent-1))
		s.want(two, fmt.Sprint(s.sent-5), fmt.Sprint(s.sent-2, s.sent-1))
		s.film(1)
	}
}

func TestAReplayGoesAtTheSpeedOfItsFragments(t *testing.T) {
	s := newStudio(t, server.Options{}, nil)
	s.film(20)
	selector := map[string]any{"FragmentSelectorType": "PRODUCER_TIMESTAMP", "TimestampRange": map[string]any{"StartTimestamp": 1700000002}}
	master := s.session("cam", map[string]any{"PlaybackMode": "LIVE_REPLAY", "HLSFragmentSelector": selector, "MaxMediaPlaylistFragmentResults": 3, "Expires": 3600})
	address := s.playlist(master).variants[0]
	s.at(30)
	s.want(address, "1", "2 3 4") // it begins with the first media playlist
	s.at(30.9)
	s.want(address, "1", "2 3 4")
	s.at(31)
	s.want(address, "2", "3 4 5")
	s.at(34.5)
	s.want(address, "5", "6 7 8")
	s.at(45)
	s.want(address, "16", "17 18 19") // it has caught up
	s.at(50)
	s.send()
	s.at(51)
	s.want(address, "17", "18 19 20")
}

// A replay that was asked for at once goes on where it was after a restart.
func TestAReplayOutlivesARestart(t *testing.T) {
	s := newStudio(t, server.Options{}, nil)
	s.film(20)
	address := s.playlist(s.session("cam", s.ranged("LIVE_REPLAY", 0, 19))).variants[0]
	s.want(address, "1", "0 1 2 3 4")
	s.at(24.5)
	before := s.want(address, "5", "4 5 6 7 8")
	s.restart()
	if after := s.want(s.moved(address), "5", "4 5 6 7 8"); after.text != before.text {
		t.Errorf("before:\n%s\nafter:\n%s", before.text, after.text)
	}
}

// In the service's profile a stream that is silent for thirty seconds has no live
// playlist any more; nor can a session begin.
func TestALiveSessionNeedsAFragmentOfTheLastThirtySeconds(t *testing.T) {
	s := newStudio(t, server.Options{}, func(c *config.Server) { c.PlaybackIdle = 30 * time.Second })
	s.film(3)
	address := s.playlist(s.session("cam", nil)).variants[0]
	s.at(32)
	s.want(address, "1", "0 1 2")
	s.at(32.5)
	if p := s.play(http.MethodGet, address, nil); p.status != http.StatusNotFound || !strings.Contains(p.body, "No fragments found in the stream for the streaming request.") {
		t.Errorf("after thirty seconds: %d %s", p.status, p.body)
	}
	if a := s.asked("/getHLSStreamingSessionURL", map[string]any{"StreamName": "cam"}); a.status != http.StatusNotFound || a.kind != "ResourceNotFoundException" || a.text != "No fragments found in the stream for the streaming request." {
		t.Errorf("a new session: %+v", a)
	}
}
