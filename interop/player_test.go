//go:build interop

package interop

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// Bounds of what a viewer puts up with.
const (
	longestStall  = 500 * time.Millisecond // after the start
	settling      = time.Second            // after the first picture, when a player finds its place
	liveTargets   = 3                      // target durations that a live picture may be behind,
	liveAllowance = time.Second            // and this;
	usualStart    = time.Second / 2        // in which a browser begins, and is later by what it takes longer
)

// A viewing is a page that plays an address for some seconds, or to its end.
type viewing struct {
	Name    string  `json:"name"`
	URL     string  `json:"url"`
	Engine  string  `json:"engine"` // hls or native
	Seconds float64 `json:"seconds"`
}

// A view is what came of a viewing.
type view struct {
	Name    string       `json:"name"`
	Samples [][3]float64 `json:"samples"` // wall clock in ms, number in the picture, position in s
	Errors  []struct {
		Fatal                bool
		Type, Details, Error string
	} `json:"errors"`
	Ended  bool `json:"ended"`
	Target int  `json:"target"`
	Width  int  `json:"width"`
	Live   bool `json:"live"`
}

// watch plays all viewings at once in one browser.
func (r *rig) watch(t *testing.T, plan []viewing) map[string]view {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	in, err := json.Marshal(plan)
	must(t, err)
	library, err := filepath.Abs("../internal/player/page/hls-1.7.4.min.js")
	must(t, err)
	cmd := r.script(t, ctx, "watch.js", need(t, "chromium"), library)
	var out, said bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(in), &out, &said
	if err := cmd.Run(); err != nil {
		t.Fatalf("watch.js: %v\n%s", err, tailOf(said.String(), 4000))
	}
	var views []view
	must(t, json.Unmarshal(out.Bytes(), &views))
	byName := map[string]view{}
	for _, v := range views {
		byName[v.Name] = v
	}
	return byName
}

// A sighting is a number that was seen for the first time.
type sighting struct {
	at     time.Time
	number int
}

// sightings are the numbers of the picture as they changed, in order.
func (v view) sightings(t *testing.T) []sighting {
	t.Helper()
	var all []sighting
	unreadable := 0
	for _, s := range v.Samples {
		n := int(s[1])
		if n == -2 && len(all) > 0 {
			unreadable++
		}
		if n >= 0 && (len(all) == 0 || all[len(all)-1].number != n) {
			all = append(all, sighting{time.UnixMilli(int64(s[0])), n})
		}
	}
	if unreadable > len(v.Samples)/50 {
		t.Errorf("%s: %d of %d pictures cannot be read", v.Name, unreadable, len(v.Samples))
	}
	return all
}

// moves are the moments at which the position went on.
func (v view) moves() []sighting {
	var all []sighting
	last := 0.0
	for _, s := range v.Samples {
		if s[2] > last {
			all = append(all, sighting{time.UnixMilli(int64(s[0])), int(s[2] * 1000)})
			last = s[2]
		}
	}
	return all
}

// broken says whether an error is one of decoding, or the end of playing. hls.js
// tells of stalls too, which plays sees for itself.
func broken(fatal bool, details string) bool {
	return fatal || slices.Contains([]string{"bufferAppendError", "bufferAppendingError", "fragParsingError", "fragDecryptError", "internalException"}, details)
}

// plays checks that a viewing had no error and never stood still; after the
// start if that is at least settling ago, or for longer than pause.
func (v view) plays(t *testing.T, seen []sighting, pause time.Duration) {
	t.Helper()
	for _, e := range v.Errors {
		if broken(e.Fatal, e.Details) {
			t.Errorf("%s: %s %s %s", v.Name, e.Type, e.Details, e.Error)
		}
	}
	if len(seen) < 20 {
		t.Errorf("%s: %d pictures were seen; errors %v", v.Name, len(seen), v.Errors)
		return
	}
	var longest time.Duration
	where := 0
	for i := range seen[1:] {
		if gap := seen[i+1].at.Sub(seen[i].at); gap > longest && seen[i].at.Sub(seen[0].at) > settling {
			longest, where = gap, seen[i].number
		}
		if v.Live && seen[i+1].number < seen[i].number && seen[i].at.Sub(seen[0].at) > settling {
			t.Errorf("%s: %d came after %d", v.Name, seen[i+1].number, seen[i].number)
		}
	}
	if longest > max(longestStall, pause) {
		t.Errorf("%s: stood still for %v at %d", v.Name, longest, where)
	}
	t.Logf("%s: %d pictures, longest stand %v", v.Name, len(seen), longest)
}

// isLive checks how far the picture is behind what was filmed: number n was at
// origin and n frames. A player begins three target durations behind the present, as the
// playlist says, and then plays as fast as the camera films.
func (v view) isLive(t *testing.T, seen []sighting, origin time.Time) {
	t.Helper()
	var lags []time.Duration
	for _, s := range seen {
		if s.at.Sub(seen[0].at) > settling {
			lags = append(lags, s.at.Sub(origin.Add(time.Duration(s.number)*time.Second/clockRate)))
		}
	}
	if len(lags) == 0 {
		return // plays has said it
	}
	slices.Sort(lags)
	bound := liveTargets*time.Duration(v.Target)*time.Second + liveAllowance
	if began := seen[0].at.Sub(time.UnixMilli(int64(v.Samples[0][0]))); began > usualStart {
		bound += began - usualStart // a machine with much to do
	}
	if middle := lags[len(lags)/2]; middle > bound || lags[0] < 0 {
		t.Errorf("%s: %v behind, at most %v is allowed", v.Name, middle, bound)
	}
	t.Logf("%s: behind by %v in the middle, %v at most; target duration %d s", v.Name, lags[len(lags)/2], lags[len(lags)-1], v.Target)
}

// clockRate is in frames a second.
const clockRate = 30

// clocked makes a recording whose picture has a number at its top, counted up
// with every frame from first: watch.js reads it. A key frame begins each second.
func clocked(t *testing.T, name, size string, seconds, first int, args ...string) string {
	t.Helper()
	ffmpeg := need(t, "ffmpeg")
	making.Lock()
	defer making.Unlock()
	path := filepath.Join(shared.work, name+".mkv")
	if _, err := os.Stat(path); err == nil {
		return path
	}
	width, _, _ := strings.Cut(size, "x")
	w, err := strconv.Atoi(width)
	must(t, err)
	side := w / 16
	filter := fmt.Sprintf("testsrc2=size=%s:rate=%d:duration=%d,drawbox=w=iw:h=%d:color=black:t=fill", size, clockRate, seconds, side)
	square := func(i int, when string) {
		filter += fmt.Sprintf(",drawbox=x=%d:w=%d:h=%d:color=white:t=fill:enable='mod(%s,2)'", i*side, side, side, when)
	}
	parity := "0"
	square(0, "1")
	for bit := range 13 {
		one := fmt.Sprintf("floor((n+%d)/%d)", first, 1<<bit)
		square(2+bit, one)
		parity += "+mod(" + one + ",2)"
	}
	square(15, parity)
	all := []string{
		"-hide_banner", "-loglevel", "error", "-y", "-f", "lavfi", "-i", filter,
		"-f", "lavfi", "-i", fmt.Sprintf("sine=frequency=440:sample_rate=48000:duration=%d", seconds),
		"-pix_fmt", "yuv420p", "-c:v", "libx264", "-preset", "veryfast", "-g", strconv.Itoa(clockRate), "-sc_threshold", "0",
		"-c:a", "aac", "-b:a", "64k",
	}
	all = append(append(all, args...), "-f", "matroska", path+".part")
	shared.output(t, ffmpeg, all...)
	must(t, os.Rename(path+".part", path))
	return path
}

// sendFrom sends a recording as a camera would, whose first frame is at start.
func (r *rig) sendFrom(t *testing.T, stream, path string, start time.Time) *exec.Cmd {
	t.Helper()
	cmd := r.command(t.Context(), r.binary, "push", stream, path, "--realtime", "--start", start.Format(time.RFC3339Nano))
	must(t, cmd.Start())
	return cmd
}

// link makes a link with the command line.
func (r *rig) link(t *testing.T, args ...string) string {
	t.Helper()
	return strings.TrimSpace(r.output(t, r.binary, append([]string{"url", "hls"}, args...)...))
}

// filmed are the kinds of streams that are played.
var filmed = []struct {
	name   string
	args   []string
	silent bool // without a picture
}{
	{name: "pictures", args: []string{"-map", "0:v", "-bf", "0", "-g", strconv.Itoa(clockRate / 2)}},
	{name: "pictures-and-sound", args: []string{"-map", "0:v", "-map", "1:a", "-bf", "0"}},
	{name: "pictures-out-of-order", args: []string{"-map", "0:v", "-map", "1:a", "-bf", "2"}},
	{name: "sound", args: []string{"-map", "1:a", "-cluster_time_limit", "990"}, silent: true},
}

// TestBrowserPlaysHLS: everything that is filmed plays live, as it is recorded,
// and recorded again as if it were live, in both containers, by hls.js as it
// comes. How far a live picture is behind, and whether it stands still, is read
// off the picture.
func TestBrowserPlaysHLS(t *testing.T) {
	const (
		seconds = 26
		head    = 5 * time.Second // that is filmed before anybody looks
	)
	r := shared
	for _, f := range filmed {
		clocked(t, "clock-"+f.name, "320x240", seconds, 0, f.args...)
		r.newStream(t, "watch-"+f.name)
	}
	start := time.Now().Add(time.Second).Truncate(time.Millisecond)
	var cameras []*exec.Cmd
	for _, f := range filmed {
		cameras = append(cameras, r.sendFrom(t, "watch-"+f.name, clocked(t, "clock-"+f.name, "320x240", seconds, 0, f.args...), start))
	}
	time.Sleep(time.Until(start.Add(head)))
	both := func(engine string, length float64, args ...string) (plan []viewing) {
		for _, f := range filmed {
			for _, container := range []string{"mp4", "ts"} {
				how := append([]string{"watch-" + f.name, "--container", container}, args...)
				if container == "mp4" && len(args) == 0 {
					how = append(how, "--clock", "server") // of transport streams hls.js adds up the delays of pictures out of order where each fragment is a break
				}
				link := r.link(t, how...)
				plan = append(plan, viewing{f.name + " " + container, link, engine, length})
			}
		}
		return plan
	}
	live := r.watch(t, both("hls", 12))
	for _, camera := range cameras {
		must(t, camera.Wait())
	}
	t.Run("live", func(t *testing.T) {
		for _, f := range filmed {
			for _, container := range []string{" mp4", " ts"} {
				v := live[f.name+container]
				if f.silent {
					v.plays(t, v.moves(), 0)
					continue
				}
				seen := v.sightings(t)
				v.plays(t, seen, 0)
				v.isLive(t, seen, start)
			}
		}
	})
	from := start.Add(5 * time.Second)
	span := []string{"--clock", "producer", "--from", from.Format(time.RFC3339Nano), "--to", from.Add(7500 * time.Millisecond).Format(time.RFC3339Nano)}
	plan := both("hls", 20, span...)
	replay := r.link(t, append([]string{"watch-pictures-and-sound", "--mode", "replay"}, span...)...)
	plan = append(plan, viewing{"replay", replay, "hls", 30}, viewing{"native", plan[2].URL, "native", 20})
	recorded := r.watch(t, plan)
	t.Run("recorded", func(t *testing.T) {
		for _, one := range plan {
			v := recorded[one.Name]
			if strings.HasPrefix(one.Name, "sound") {
				v.plays(t, v.moves(), 0)
			} else {
				seen := v.sightings(t)
				if one.Name == "replay" { // whose end is told some time after its last picture
					v.plays(t, seen[:max(0, len(seen)-3)], 0)
				} else {
					v.plays(t, seen, 0)
				}
				v.whole(t, seen, 5*clockRate, 13*clockRate-1, one.Name == "replay")
			}
			if !v.Ended {
				t.Errorf("%s did not come to its end", one.Name)
			}
		}
	})
}

// whole checks that a viewing began where it should and came to the last number,
// and saw most between them: a machine that is busy misses some. What is as if it
// were live begins later, as players do with what is live.
func (v view) whole(t *testing.T, seen []sighting, first, last int, late bool) {
	t.Helper()
	if len(seen) == 0 {
		return // plays has said it
	}
	latest := first + 2*clockRate
	if late {
		latest += 3 * clockRate
	}
	lowest, highest := seen[0].number, seen[len(seen)-1].number
	if lowest < first || lowest > latest || highest > last || highest < last-3 || len(seen) < (highest-lowest)*3/4 {
		t.Errorf("%s: %d pictures from %d to %d, want those from %d to %d", v.Name, len(seen), lowest, highest, first, last)
	}
}

// TestAChangingStreamPlaysThrough: a camera whose picture changes its size twice,
// and which pauses for 8 seconds, is seen to its last picture: live and recorded,
// in a browser and by ffmpeg.
func TestAChangingStreamPlaysThrough(t *testing.T) {
	const (
		stream = "watch-changing"
		part   = 5
		pause  = 8 * time.Second
		frames = 3 * part * clockRate
	)
	r := shared
	var parts []string
	for i, size := range []string{"320x240", "640x480", "480x272"} {
		parts = append(parts, clocked(t, "clock-"+size, size, part, i*part*clockRate, "-map", "0:v", "-map", "1:a", "-bf", "0"))
	}
	r.newStream(t, stream)
	start := time.Now().Add(time.Second).Truncate(time.Millisecond)
	var filming sync.WaitGroup
	filming.Go(func() {
		at := start
		for i, one := range parts {
			if err := r.sendFrom(t, stream, one, at).Wait(); err != nil {
				t.Errorf("push: %v", err)
			}
			at = time.Now().Add(500 * time.Millisecond) // in time, for what is late is left out
			if i == 0 {
				at = at.Add(pause)
			}
		}
	})
	defer filming.Wait()
	time.Sleep(time.Until(start.Add(3500 * time.Millisecond)))
	check := func(t *testing.T, views map[string]view, pause time.Duration) {
		for _, v := range views {
			seen := v.sightings(t)
			v.plays(t, seen, pause)
			if len(seen) == 0 {
				continue
			}
			if last := seen[len(seen)-1].number; last < frames-clockRate/2 || v.Width != 480 {
				t.Errorf("%s: the last picture is %d of %d, and %d wide", v.Name, last, frames-1, v.Width)
			}
		}
	}
	live := r.watch(t, []viewing{
		{"changing live mp4", r.link(t, stream, "--clock", "server"), "hls", 28},
		{"changing live ts", r.link(t, stream, "--clock", "server", "--container", "ts"), "hls", 28},
	})
	filming.Wait()
	t.Run("live", func(t *testing.T) { check(t, live, pause+4*time.Second) })
	span := []string{"--clock", "server", "--from", start.Add(-time.Minute).Format(time.RFC3339Nano)}
	mp4, ts := r.link(t, append([]string{stream}, span...)...), r.link(t, append([]string{stream, "--container", "ts"}, span...)...)
	recorded := r.watch(t, []viewing{{"changing mp4", mp4, "hls", 40}, {"changing ts", ts, "hls", 40}})
	t.Run("recorded", func(t *testing.T) {
		check(t, recorded, 0)
		for _, v := range recorded {
			if !v.Ended {
				t.Errorf("%s did not come to its end", v.Name)
			}
		}
	})
	t.Run("ffmpeg", func(t *testing.T) {
		link := r.link(t, append([]string{stream, "--clock", "producer", "--container", "ts"}, span...)...)
		sums := r.output(t, need(t, "ffmpeg"), "-hide_banner", "-loglevel", "warning", "-i", link, "-map", "0:v:0", "-vsync", "passthrough", "-f", "framemd5", "-")
		got := 0
		for line := range strings.Lines(sums) {
			if line[0] != '#' {
				got++
			}
		}
		if got != frames {
			t.Errorf("ffmpeg decodes %d pictures of %d", got, frames)
		}
	})
}

// TestThePage: what the server's own page shows, and what it says when there is
// nothing to show.
func TestThePage(t *testing.T) {
	r := shared
	hevc := filepath.Join(r.work, "page-hevc.mkv")
	r.output(t, need(t, "ffmpeg"), "-hide_banner", "-loglevel", "error", "-y", "-f", "lavfi", "-i", "testsrc2=size=320x240:rate=25:duration=2",
		"-pix_fmt", "yuv420p", "-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=none:keyint=25", hevc)
	telephone := filepath.Join(r.work, "page-g711.mkv")
	r.output(t, need(t, "ffmpeg"), "-hide_banner", "-loglevel", "error", "-y", "-f", "lavfi", "-i", "testsrc2=size=320x240:rate=25:duration=2",
		"-f", "lavfi", "-i", "sine=sample_rate=8000:duration=2", "-pix_fmt", "yuv420p", "-c:v", "libx264", "-g", "25", "-bf", "0", "-c:a", "pcm_alaw", telephone)
	r.runScript(t, "player.js", need(t, "chromium"), r.binary, clip(t), hevc, telephone)
}
