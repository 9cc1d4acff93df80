package server_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace/internal/config"
)

// Operators and players: what is counted and recorded of playback.

// What a player asks for within a session is no control call, and its token is in
// no record and in no log.
func TestTheAuditLogHasSessionsAndNotWhatTheyPlay(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.log")
	r := start(t, nil, func(c *config.Server) { c.AuditLog = path })
	r.create("cam", 24)
	number := r.putClip("cam")
	r.list("cam", everyFragment("SERVER_TIMESTAMP"))
	master := r.session("cam", onDemand(nil))
	_, token, _ := strings.Cut(master, "SessionToken=")
	_, p := r.mediaOf(master)
	r.load(p.inits[0])
	r.load(p.segments[0].address)
	r.play(http.MethodGet, master+"x", nil)
	r.media("cam", number)
	if status := r.asked("/getClip", map[string]any{"StreamName": "cam", "ClipFragmentSelector": clipRange()}).status; status != http.StatusOK {
		t.Fatal(status)
	}
	var operations []string
	for _, record := range records(t, path) {
		operations = append(operations, record["operation"].(string))
	}
	if want := []string{"CreateStream", "ListFragments", "GetHLSStreamingSessionURL"}; !slices.Equal(operations, want) {
		t.Errorf("on record are %v, want %v", operations, want)
	}
	if text, _ := os.ReadFile(path); strings.Contains(string(text), token) {
		t.Error("the token is on record")
	}
}

func TestMetricsCountWhatIsPlayed(t *testing.T) {
	r := start(t, nil, nil)
	r.create("cam", 24)
	r.putClip("cam")
	master := r.session("cam", onDemand(map[string]any{"MaxMediaPlaylistFragmentResults": 7}))
	_, p := r.mediaOf(master) // which gets both playlists
	init, segment := r.load(p.inits[0]), r.load(p.segments[0].address)
	if again := r.load(p.segments[0].address); again != segment || init == "" {
		t.Error("a segment is another when it is asked for again")
	}
	ts := r.session("cam", onDemand(map[string]any{"ContainerFormat": "MPEG_TS"}))
	_, p = r.mediaOf(ts)
	other := r.load(p.segments[0].address)
	resp := r.post(t.Context(), "/getClip", map[string]any{"StreamName": "cam", "ClipFragmentSelector": clipRange()})
	clip := make([]byte, resp.ContentLength)
	if _, err := resp.Body.Read(clip[:1]); err != nil {
		t.Fatal(err)
	}
	for n := 1; n < len(clip); {
		k, err := resp.Body.Read(clip[n:])
		if n += k; err != nil && n < len(clip) {
			t.Fatal(err)
		}
	}
	resp.Body.Close()
	want := map[string]float64{
		`millrace_get_hls_streaming_session_url_requests_total{stream_name="cam"}`:        2,
		`millrace_get_hls_streaming_session_url_success_total{stream_name="cam"}`:         2,
		`millrace_get_hls_streaming_session_url_latency_seconds_count{stream_name="cam"}`: 2,
		`millrace_get_hls_master_playlist_requests_total{stream_name="cam"}`:              2,
		`millrace_get_hls_media_playlist_requests_total{stream_name="cam"}`:               2,
		`millrace_get_hls_media_playlist_success_total{stream_name="cam"}`:                2,
		`millrace_get_mp4_init_fragment_requests_total{stream_name="cam"}`:                1,
		`millrace_get_mp4_media_fragment_requests_total{stream_name="cam"}`:               2,
		`millrace_get_mp4_media_fragment_success_total{stream_name="cam"}`:                2,
		`millrace_get_mp4_media_fragment_outgoing_bytes_total{stream_name="cam"}`:         float64(2 * len(segment)),
		`millrace_get_ts_fragment_outgoing_bytes_total{stream_name="cam"}`:                float64(len(other)),
		`millrace_get_clip_requests_total{stream_name="cam"}`:                             1,
		`millrace_get_clip_success_total{stream_name="cam"}`:                              1,
		`millrace_get_clip_outgoing_bytes_total{stream_name="cam"}`:                       float64(len(clip)),
		`millrace_archive_bytes_total{operation="GetClip"}`:                               float64(len(clip)),
		`millrace_playback_packaged_segments_total`:                                       2,
		`millrace_playback_cached_segments_total`:                                         1,
		`millrace_archived_fragments_consumed_media_total{stream_name="cam"}`:             60 + 3,
		`millrace_archived_fragments_consumed_metadata_total{stream_name="cam"}`:          60 + 7 + 1000,
		`millrace_operations_total{code="OK",operation="GetHLSMediaPlaylist"}`:            2,
	}
	m := r.scrape()
	for until := time.Now().Add(30 * time.Second); m[`millrace_get_clip_success_total{stream_name="cam"}`] != 1 && time.Now().Before(until); m = r.scrape() {
		time.Sleep(10 * time.Millisecond) // it is counted behind its end
	}
	for name, value := range want {
		if m[name] != value {
			t.Errorf("%s is %v, want %v", name, m[name], value)
		}
	}
}

// With the profile of the service players are held to points and rates. They are
// told to come again, in a way that they understand.
func TestPlayersAreToldToWait(t *testing.T) {
	clock := newFrozen()
	r := start(t, clock.now, imitating(func(c *config.Server) {
		c.MediaPoints, c.MetadataPoints, c.StrictRanges, c.FragmentRate = 3, 60, false, 0
	}))
	r.create("cam", 24)
	r.putClip("cam")
	master := r.session("cam", onDemand(map[string]any{"MaxMediaPlaylistFragmentResults": 50}))
	address, p := r.mediaOf(master)
	wait := func(what, address string) {
		t.Helper()
		a := r.play(http.MethodGet, address, nil)
		if a.status != http.StatusTooManyRequests || a.header.Get("Retry-After") != "1" || a.header.Get("Access-Control-Allow-Origin") != "*" {
			t.Errorf("%s: %d %v %s", what, a.status, a.header, a.body)
		}
	}
	wait("a playlist beyond the points", address)
	for i := range 3 {
		r.load(p.segments[i].address)
	}
	wait("a segment beyond the points", p.segments[3].address)
	for range 4 { // beside the one before
		r.load(master)
	}
	wait("a playlist beyond the rate", master)
	clock.move(time.Second)
	r.load(master)
	r.load(address)
	r.load(p.segments[3].address)
}

// The points of a stream are spent by both operations, each from its own.
func TestArchivedMediaCostPoints(t *testing.T) {
	clock := newFrozen()
	r := start(t, clock.now, imitating(func(c *config.Server) { c.MetadataPoints, c.MediaPoints = 250, 7 }))
	number := r.heavy("cam", 10)
	r.heavy("other", 10)
	list := func(name string, most int) refusal {
		in := everyFragment("SERVER_TIMESTAMP")
		in["StreamName"], in["MaxResults"] = name, most
		return r.asked("/listFragments", in)
	}
	media := func(n int) refusal {
		return r.asked("/getMediaForFragmentList", map[string]any{"StreamName": "cam", "Fragments": slices.Repeat([]string{number}, n)})
	}
	refused := func(what, operation string) refusal {
		return refusal{http.StatusBadRequest, "ClientLimitExceededException", fmt.Sprintf("Limit exceeded on number of %s for %s API for resource 'cam'", what, operation)}
	}
	fine := refusal{status: http.StatusOK}
	for i, step := range []struct {
		got, want refusal
	}{
		{list("cam", 200), fine},
		{list("cam", 100), refused("fragment metadata", "ListFragments")},
		{list("other", 100), fine},
		{media(5), fine},
		{media(3), refused("fragment media", "GetMediaForFragmentList")},
		{media(2), fine},
		{media(1), refused("fragment media", "GetMediaForFragmentList")},
		{list("cam", 50), fine},
	} {
		if step.got != step.want {
			t.Errorf("step %d: %+v, want %+v", i, step.got, step.want)
		}
	}
	clock.move(time.Second)
	if a := media(7); a != fine {
		t.Errorf("a second later: %+v", a)
	}
}

func TestMetricsCountArchivedMedia(t *testing.T) {
	r := start(t, nil, nil)
	number := r.heavy("cam", 10)
	if before := r.scrape(); slices.ContainsFunc(keysOf(before), func(name string) bool { return strings.HasPrefix(name, "millrace_list_fragments") }) {
		t.Error("a stream has metrics of what nobody asked for")
	}
	r.list("cam", everyFragment("SERVER_TIMESTAMP"))
	r.asked("/listFragments", map[string]any{"StreamName": "cam", "NextToken": "AQ=="})
	sent := len(r.media("cam", number, number)) + len(r.media("cam", number, "1"))
	r.asked("/getMediaForFragmentList", map[string]any{"StreamName": "cam", "Fragments": []string{"x"}})
	want := map[string]float64{
		`millrace_operations_total{code="OK",operation="ListFragments"}`:                       1,
		`millrace_operations_total{code="InvalidArgumentException",operation="ListFragments"}`: 1,
		`millrace_list_fragments_requests_total{stream_name="cam"}`:                            2,
		`millrace_list_fragments_success_total{stream_name="cam"}`:                             1,
		`millrace_list_fragments_latency_seconds_count{stream_name="cam"}`:                     2,
		`millrace_get_media_for_fragment_list_requests_total{stream_name="cam"}`:               2,
		`millrace_get_media_for_fragment_list_success_total{stream_name="cam"}`:                1,
		`millrace_get_media_for_fragment_list_outgoing_fragments_total{stream_name="cam"}`:     3,
		`millrace_get_media_for_fragment_list_outgoing_frames_total{stream_name="cam"}`:        3,
		`millrace_get_media_for_fragment_list_outgoing_bytes_total{stream_name="cam"}`:         float64(sent),
		`millrace_archive_bytes_total{operation="GetMediaForFragmentList"}`:                    float64(sent),
		`millrace_archived_fragments_consumed_metadata_total{stream_name="cam"}`:               200,
		`millrace_archived_fragments_consumed_media_total{stream_name="cam"}`:                  4,
		`millrace_archive_metadata_points_total`:                                               200,
		`millrace_archive_media_points_total`:                                                  4,
	}
	m := r.scrape()
	for until := time.Now().Add(30 * time.Second); m[`millrace_get_media_for_fragment_list_requests_total{stream_name="cam"}`] != 2 && time.Now().Before(until); m = r.scrape() {
		time.Sleep(10 * time.Millisecond) // a call is counted behind its end
	}
	for name, value := range want {
		if m[name] != value {
			t.Errorf("%s is %v, want %v", name, m[name], value)
		}
	}
}

func keysOf(m map[string]float64) (keys []string) {
	for name := range m {
		keys = append(keys, name)
	}
	return keys
}
