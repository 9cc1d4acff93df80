package hls_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace/internal/hls"
)

// lines are those of the playlist of a rendition.
func lines(w *hls.Window, r hls.Rendition) []string {
	r.Token = "TOK~"
	return strings.Split(strings.TrimSuffix(string(w.AppendMedia(nil, r)), "\n"), "\n")
}

// value is what stands behind a tag where it occurs first; ok is false if it
// does not.
func value(playlist []string, tag string) (v string, ok bool) {
	for _, line := range playlist {
		if v, ok = strings.CutPrefix(line, tag+":"); ok || line == tag {
			return v, true
		}
	}
	return "", false
}

func count(playlist []string, prefix string) int {
	n := 0
	for _, line := range playlist {
		if strings.HasPrefix(line, prefix) {
			n++
		}
	}
	return n
}

// session is a window with n fragments of 2 s, of which each has its own codec
// private data if fresh says so.
func session(s hls.Settings, n int, fresh bool) *hls.Window {
	track := picture(0)
	var facts []hls.Facts
	for i := range n {
		if fresh {
			track = picture(byte(i))
		}
		facts = append(facts, fragment(i+1, epoch.Add(time.Duration(i)*2*time.Second), 2*time.Second, track))
	}
	w := hls.NewWindow(s)
	w.Extend(epoch.Add(24*time.Hour), facts, true)
	return w
}

// kinds are the settings that most rules are to be seen in: all modes with all
// modes of discontinuities.
func kinds(limit int) []hls.Settings {
	var all []hls.Settings
	for _, m := range []hls.Mode{hls.Live, hls.LiveReplay, hls.OnDemand} {
		for _, d := range []hls.DiscontinuityMode{hls.AlwaysDiscontinuous, hls.NeverDiscontinuous, hls.OnDiscontinuity} {
			all = append(all, hls.Settings{Mode: m, Discontinuities: d, Limit: limit})
		}
	}
	return all
}

// TestMediaPlaylistTags has a case for each tag there is, with its rule, in all
// modes, containers and modes of discontinuities.
func TestMediaPlaylistTags(t *testing.T) {
	type shown struct {
		hls.Settings
		hls.Rendition
		lines []string
	}
	rules := []struct {
		name string
		ok   func(s shown) bool
	}{
		{"#EXTM3U is the first line, and only that", func(s shown) bool {
			return s.lines[0] == "#EXTM3U" && count(s.lines, "#EXTM3U") == 1
		}},
		{"#EXT-X-VERSION is 7 for fMP4 and 3 for TS", func(s shown) bool {
			want := map[hls.Container]string{hls.FragmentedMP4: "#EXT-X-VERSION:7", hls.MPEGTS: "#EXT-X-VERSION:3"}
			return s.lines[1] == want[s.Container]
		}},
		{"#EXT-X-PLAYLIST-TYPE:VOD stands right after the version, ON_DEMAND alone", func(s shown) bool {
			return (s.lines[2] == "#EXT-X-PLAYLIST-TYPE:VOD") == (s.Mode == hls.OnDemand) &&
				count(s.lines, "#EXT-X-PLAYLIST-TYPE") <= 1 && count(s.lines, "#EXT-X-PLAYLIST-TYPE:EVENT") == 0
		}},
		{"#EXT-X-TARGETDURATION is a whole number", func(s shown) bool {
			v, ok := value(s.lines, "#EXT-X-TARGETDURATION")
			return ok && v == "2"
		}},
		{"#EXT-X-MEDIA-SEQUENCE counts from 1", func(s shown) bool {
			v, ok := value(s.lines, "#EXT-X-MEDIA-SEQUENCE")
			return ok && v == map[hls.Mode]string{hls.Live: "3", hls.LiveReplay: "1", hls.OnDemand: "1"}[s.Mode]
		}},
		{"#EXT-X-DISCONTINUITY-SEQUENCE is in lists that slide once there has been a discontinuity", func(s shown) bool {
			_, ok := value(s.lines, "#EXT-X-DISCONTINUITY-SEQUENCE")
			return ok == (s.Mode != hls.OnDemand && s.Discontinuities != hls.NeverDiscontinuous)
		}},
		{"#EXT-X-INDEPENDENT-SEGMENTS is always there with fMP4", func(s shown) bool {
			_, ok := value(s.lines, "#EXT-X-INDEPENDENT-SEGMENTS")
			return ok == (s.Container == hls.FragmentedMP4)
		}},
		{"#EXT-X-MAP stands before the first segment and after each change, fMP4 alone", func(s shown) bool {
			n := count(s.lines, "#EXT-X-MAP")
			return s.Container == hls.MPEGTS && n == 0 || s.Container == hls.FragmentedMP4 && n == 3
		}},
		{"#EXT-X-DISCONTINUITY stands as the mode says, and never at the end", func(s shown) bool {
			n := 0
			for _, line := range s.lines {
				if line == "#EXT-X-DISCONTINUITY" {
					n++
				}
			}
			want := map[hls.DiscontinuityMode]int{hls.AlwaysDiscontinuous: 3, hls.NeverDiscontinuous: 0, hls.OnDiscontinuity: 2}[s.Discontinuities]
			if s.Mode == hls.Live && s.Discontinuities == hls.OnDiscontinuity {
				want = 3 // the first that is listed is not the first of the session
			}
			return n == want && s.lines[len(s.lines)-1] != "#EXT-X-DISCONTINUITY"
		}},
		{"#EXT-X-PROGRAM-DATE-TIME stands before every segment if it is asked for", func(s shown) bool {
			v, _ := value(s.lines, "#EXT-X-PROGRAM-DATE-TIME")
			n := count(s.lines, "#EXT-X-PROGRAM-DATE-TIME:2026-01-28T07:00:")
			return !s.Timestamps && v == "" && n == 0 || s.Timestamps && strings.HasSuffix(v, ".931Z") && n == 3
		}},
		{"#EXTINF stands before every segment, with an empty title", func(s shown) bool {
			return count(s.lines, "#EXTINF:2,") == 3 && count(s.lines, "#EXTINF:") == 3
		}},
		{"#EXT-X-ENDLIST is the last line ON_DEMAND, and in LIVE never", func(s shown) bool {
			return (s.lines[len(s.lines)-1] == "#EXT-X-ENDLIST") == (s.Mode == hls.OnDemand) &&
				count(s.lines, "#EXT-X-ENDLIST") == map[bool]int{true: 1}[s.Mode == hls.OnDemand]
		}},
		{"tags of an entry stand in the order DISCONTINUITY, MAP, PROGRAM-DATE-TIME, EXTINF, address", func(s shown) bool {
			order := []string{"#EXT-X-DISCONTINUITY", "#EXT-X-MAP", "#EXT-X-PROGRAM-DATE-TIME", "#EXTINF", "get"}
			at := -1
			for _, line := range s.lines {
				i := slices.IndexFunc(order, func(p string) bool {
					return strings.HasPrefix(line, p) && !strings.HasPrefix(line, "#EXT-X-DISCONTINUITY-")
				})
				if i >= 0 && i <= at {
					return false
				}
				if at = max(at, i); i == len(order)-1 {
					at = -1
				}
			}
			return true
		}},
	}
	for _, rule := range rules {
		t.Run(rule.name, func(t *testing.T) {
			for _, set := range kinds(3) {
				n := map[hls.Mode]int{hls.Live: 5, hls.LiveReplay: 3, hls.OnDemand: 5}[set.Mode]
				w := session(set, n, true)
				for _, r := range []hls.Rendition{{}, {Timestamps: true}, {Container: hls.MPEGTS}, {Container: hls.MPEGTS, Timestamps: true}} {
					if s := (shown{set, r, lines(w, r)}); !rule.ok(s) {
						t.Errorf("%+v %+v:\n%s", set, r, strings.Join(s.lines, "\n"))
					}
				}
			}
		})
	}
}

func TestTimesAreUTCWithMilliseconds(t *testing.T) {
	w := hls.NewWindow(hls.Settings{Limit: 1})
	at := time.Date(2023, 5, 17, 15, 48, 35, 994_999_999, time.FixedZone("", 2*3600))
	w.Extend(at, []hls.Facts{fragment(1, at, time.Second, picture(0))}, true)
	if v, _ := value(lines(w, hls.Rendition{Timestamps: true}), "#EXT-X-PROGRAM-DATE-TIME"); v != "2023-05-17T13:48:35.994Z" {
		t.Errorf("it is %s", v)
	}
}

func TestDurationsAreSecondsWithUpToThreeDecimals(t *testing.T) {
	for lasts, want := range map[time.Duration]string{
		2 * time.Second:         "2",
		1857 * time.Millisecond: "1.857",
		1010 * time.Millisecond: "1.01",
		1500 * time.Millisecond: "1.5",
		40 * time.Millisecond:   "0.04",
		time.Millisecond:        "0.001",
		20 * time.Second:        "20",
	} {
		w := hls.NewWindow(hls.Settings{Limit: 1})
		w.Extend(epoch, []hls.Facts{fragment(1, epoch, lasts, picture(0))}, true)
		if v, _ := value(lines(w, hls.Rendition{}), "#EXTINF"); v != want+"," {
			t.Errorf("%v is written %s", lasts, v)
		}
	}
}

func TestTargetDurationIsTheLongestRoundedUpAndNeverFalls(t *testing.T) {
	w := hls.NewWindow(hls.Settings{Limit: 1})
	at := epoch
	for i, step := range []struct {
		lasts time.Duration
		want  string
	}{{10, "1"}, {1000, "1"}, {1001, "2"}, {999, "2"}, {2000, "2"}, {5400, "6"}, {20, "6"}} {
		lasts := step.lasts * time.Millisecond
		w.Extend(at, []hls.Facts{fragment(i+1, at, lasts, picture(0))}, true)
		at = at.Add(lasts)
		if v, _ := value(lines(w, hls.Rendition{}), "#EXT-X-TARGETDURATION"); v != step.want {
			t.Errorf("after %v it is %s, not %s", lasts, v, step.want)
		}
	}
}

func TestTargetDurationCountsSoundOnlyWhereItMust(t *testing.T) {
	for sounds, want := range map[time.Duration]string{2005: "2", 2499: "2", 2500: "3"} {
		w := hls.NewWindow(hls.Settings{Limit: 1})
		f := fragment(1, epoch, 2*time.Second, picture(0))
		f.Tracks[1] = timed(sound(), sounds*time.Millisecond)
		w.Extend(epoch, []hls.Facts{f}, true)
		for track := range hls.MaxTracks {
			if v, _ := value(lines(w, hls.Rendition{Track: track}), "#EXT-X-TARGETDURATION"); v != want {
				t.Errorf("with %d ms of sound it is %s, not %s", sounds, v, want)
			}
		}
	}
}

func TestAddressesAreRelativeAndCarryTheToken(t *testing.T) {
	w := session(hls.Settings{Limit: 1}, 1, false)
	n := number(1).String()
	for want, r := range map[string]hls.Rendition{
		"getMP4MediaFragment.mp4?FragmentNumber=" + n + "&SessionToken=TOK~&TrackNumber=1": {},
		"getMP4MediaFragment.mp4?FragmentNumber=" + n + "&SessionToken=TOK~&TrackNumber=2": {Track: 1},
		"getTSFragment.ts?FragmentNumber=" + n + "&SessionToken=TOK~":                      {Container: hls.MPEGTS, Track: 1},
	} {
		all := lines(w, r)
		if got := all[len(all)-1]; got != want {
			t.Errorf("%+v: %s", r, got)
		}
	}
}

func TestEmptyWindowIsAPlaylistWithoutEntries(t *testing.T) {
	for _, set := range kinds(3) {
		w := hls.NewWindow(set)
		w.Extend(epoch, nil, true)
		all := lines(w, hls.Rendition{})
		if count(all, "#EXTINF") != 0 || count(all, "#EXT-X-TARGETDURATION:1") != 1 || count(all, "#EXT-X-ENDLIST") != 0 {
			t.Errorf("%+v: %s", set, strings.Join(all, "\n"))
		}
	}
}

// TestPlaylistOfTheMostEntries: more than fit are cut off on demand, and slide
// out otherwise.
func TestPlaylistOfTheMostEntries(t *testing.T) {
	for _, set := range kinds(5000) {
		w := session(set, 5001, false)
		all := lines(w, hls.Rendition{})
		first, _ := value(all, "#EXT-X-MEDIA-SEQUENCE")
		want := map[hls.Mode]string{hls.Live: "2", hls.LiveReplay: "1", hls.OnDemand: "1"}[set.Mode]
		if count(all, "#EXTINF") != 5000 || first != want {
			t.Errorf("%+v: %d entries from %s", set, count(all, "#EXTINF"), first)
		}
		if last := fmt.Sprint(number(5001)); set.Mode == hls.OnDemand && strings.Contains(strings.Join(all, "\n"), last) {
			t.Errorf("%s is in a list that ended before it", last)
		}
	}
}
