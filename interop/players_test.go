//go:build interop

package interop

import (
	"bufio"
	"context"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// A player decodes what is at an address and returns checksums of its pictures,
// of the first count if that is not 0, and what it had to complain of.
type player struct {
	name  string
	needs string
	play  func(t *testing.T, address string, count int) (sums []string, complaints string)
}

func players() []player {
	return []player{
		{"ffmpeg", "ffmpeg", playFFmpeg},
		{"mpv", "mpv", playMPV},
		{"GStreamer's hlsdemux", "gst-launch-1.0", func(t *testing.T, address string, count int) ([]string, string) {
			return playGStreamer(t, "playbin", address, count)
		}},
		{"GStreamer's hlsdemux2", "gst-launch-1.0", func(t *testing.T, address string, count int) ([]string, string) {
			return playGStreamer(t, "playbin3", address, count)
		}},
	}
}

// TestPlayersPlayToTheEnd: a stretch of a stream comes out whole.
func TestPlayersPlayToTheEnd(t *testing.T) {
	need(t, "ffmpeg")
	for _, rec := range recordings() {
		if !slices.Contains([]string{"h264-aac", "h264-bframes", "h264-vfr-hole", "hevc-aac", "av1-opus"}, rec.name) {
			continue
		}
		whole, _ := rec.make(t)
		stream, kept := shared.keep(t, "players-"+rec.name, whole)
		want := sums(picturesOf(t, whole))
		for how, container := range map[string]string{asFMP4: "FRAGMENTED_MP4", asTS: "MPEG_TS"} {
			if fates("default")[rec.name][how] != "" {
				continue
			}
			for _, p := range players() {
				t.Run(rec.name+"/"+how+"/"+p.name, func(t *testing.T) {
					need(t, p.needs)
					got, complaints := p.play(t, shared.onDemand(t, stream, container, kept).address(t), 0)
					if complaints != "" {
						t.Errorf("it says:\n%s", tailOf(complaints, 2000))
					}
					if !slices.Equal(got, want) {
						t.Errorf("%d pictures of %d came out, or others", len(got), len(want))
					}
				})
			}
		}
	}
}

// TestPlayersPlayWhatWasSentFast: by the server's clock the fragments of a file
// that is pushed at once begin one right behind the other.
func TestPlayersPlayWhatWasSentFast(t *testing.T) {
	need(t, "ffmpeg")
	all := recordings()
	rec := &all[slices.IndexFunc(all, func(r recording) bool { return r.name == "h264-aac" })]
	whole, _ := rec.make(t)
	stream, _ := shared.keep(t, "players-fast", whole)
	want := sums(picturesOf(t, whole))
	kept := span{time.Now().Add(-time.Hour), time.Now()}.selector()
	kept["FragmentSelectorType"] = "SERVER_TIMESTAMP"
	for _, container := range []string{"FRAGMENTED_MP4", "MPEG_TS"} {
		for _, p := range players() {
			t.Run(container+"/"+p.name, func(t *testing.T) {
				need(t, p.needs)
				a := shared.archived(t, "getHLSStreamingSessionURL", map[string]any{
					"StreamName": stream, "PlaybackMode": "ON_DEMAND", "ContainerFormat": container, "HLSFragmentSelector": kept,
				})
				got, complaints := p.play(t, a.address(t), 0)
				if complaints != "" || !slices.Equal(got, want) {
					t.Errorf("%d pictures of %d came out, or others; it says: %s", len(got), len(want), tailOf(complaints, 2000))
				}
			})
		}
	}
}

// TestPlayersSeeThePictureChangeItsSize: twice, without a stop. ffmpeg and
// hlsdemux keep to the first init segment of fragmented MP4, and go by the
// parameter sets in the segments. mpv writes no pictures of two sizes.
func TestPlayersSeeThePictureChangeItsSize(t *testing.T) {
	need(t, "ffmpeg")
	all := recordings()
	rec := &all[slices.IndexFunc(all, func(r recording) bool { return r.name == "h264-resolution-change" })]
	whole, parts := rec.make(t)
	stream, kept := shared.keep(t, "players-"+rec.name, whole)
	var want []string
	for _, part := range parts {
		want = append(want, sums(picturesOf(t, part))...)
	}
	check := func(t *testing.T, got []string, complaints string) {
		t.Helper()
		if complaints != "" || !slices.Equal(got, want) {
			t.Errorf("%d pictures of %d came out, or others; it says: %s", len(got), len(want), tailOf(complaints, 2000))
		}
	}
	for _, container := range []string{"MPEG_TS", "FRAGMENTED_MP4"} {
		t.Run("ffmpeg/"+container, func(t *testing.T) {
			check(t, sums(picturesOf(t, shared.onDemand(t, stream, container, kept).address(t), "duplicated MOOV", "Last message repeated")), "")
		})
	}
	for _, row := range []struct{ bin, container string }{{"playbin", "MPEG_TS"}, {"playbin", "FRAGMENTED_MP4"}, {"playbin3", "MPEG_TS"}, {"playbin3", "FRAGMENTED_MP4"}} {
		t.Run(row.bin+"/"+row.container, func(t *testing.T) {
			need(t, "gst-launch-1.0")
			got, complaints := playGStreamer(t, row.bin, shared.onDemand(t, stream, row.container, kept).address(t), 0)
			check(t, got, complaints)
		})
	}
}

// TestPlayersFollowALiveStream: while a camera goes on, pictures come out one
// after the other as they were taken.
func TestPlayersFollowALiveStream(t *testing.T) {
	need(t, "ffmpeg")
	const count = 75 // five seconds, and so more than the playlist had when the player came
	rec := recordings()[0]
	whole, _ := rec.make(t)
	taken := sums(picturesOf(t, whole))
	shared.film(t, "players-live", whole)
	shared.waitLive(t, "players-live")
	for _, clock := range []string{"SERVER_TIMESTAMP", "PRODUCER_TIMESTAMP"} { // with discontinuities, and without
		for _, container := range []string{"FRAGMENTED_MP4", "MPEG_TS"} {
			for _, p := range players() {
				t.Run(clock+"/"+container+"/"+p.name, func(t *testing.T) {
					t.Parallel()
					need(t, p.needs)
					address := shared.live(t, "players-live", container, clock).address(t)
					got, complaints := p.play(t, address, count)
					if complaints = withoutReloads(complaints); complaints != "" {
						t.Errorf("it says:\n%s", tailOf(complaints, 2000))
					}
					if len(got) < count || !follows(got[:count], taken) {
						t.Errorf("%d pictures came out of %d, or they do not follow one another", len(got), count)
					}
				})
			}
		}
	}
}

// live asks for the address of a stream as it is now.
func (r *rig) live(t *testing.T, stream, container, clock string) answer {
	t.Helper()
	return r.archived(t, "getHLSStreamingSessionURL", map[string]any{
		"StreamName": stream, "PlaybackMode": "LIVE", "ContainerFormat": container,
		"HLSFragmentSelector": map[string]any{"FragmentSelectorType": clock},
	})
}

// film pushes a file over and over, as a camera would, until the test ends.
func (r *rig) film(t *testing.T, stream, file string) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	push := r.command(ctx, r.binary, "push", stream, file, "--realtime", "--loop")
	push.Cancel = func() error { return push.Process.Signal(os.Interrupt) }
	must(t, push.Start())
	t.Cleanup(func() {
		cancel()
		_ = push.Wait() // it was interrupted
	})
}

// waitLive waits until a stream has enough for a player to begin with.
func (r *rig) waitLive(t *testing.T, stream string) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(200 * time.Millisecond) {
		if a := r.live(t, stream, "FRAGMENTED_MP4", "SERVER_TIMESTAMP"); a.status == 200 {
			if len(r.playlist(t, r.playlist(t, a.address(t)).media[0]).media) >= 3 {
				return
			}
		}
		if time.Now().After(deadline) {
			t.Fatal("no live playlist of three segments in 30 s")
		}
	}
}

// follows reports whether got are pictures of a film that begins anew at its end,
// one after the other.
func follows(got, film []string) bool {
	for first := range film {
		ok := true
		for i := range got {
			ok = ok && got[i] == film[(first+i)%len(film)]
		}
		if ok {
			return true
		}
	}
	return false
}

// withoutReloads takes out what ffmpeg says where it loads a live playlist again:
// it loads the init segment again, too, and finds that it has it.
func withoutReloads(complaints string) (rest string) {
	for line := range strings.Lines(complaints) {
		if !strings.Contains(line, "Found duplicated MOOV Atom. Skipped it") && !strings.Contains(line, "Last message repeated") {
			rest += line
		}
	}
	return rest
}

func playFFmpeg(t *testing.T, address string, count int) ([]string, string) {
	args := []string{"-hide_banner", "-loglevel", "warning", "-i", address, "-map", "0:v:0", "-vsync", "passthrough"}
	if count > 0 {
		args = append(args, "-frames:v", strconv.Itoa(count))
	}
	stdout, stderr, err := shared.run(t, nil, "ffmpeg", append(args, "-f", "framemd5", "-")...)
	must(t, err)
	return lastFields(stdout), strings.ReplaceAll(stderr, "-vsync is deprecated. Use -fps_mode\n", "")
}

// playMPV has mpv write the checksums instead of showing the pictures.
func playMPV(t *testing.T, address string, count int) ([]string, string) {
	path := filepath.Join(t.TempDir(), "sums")
	args := []string{"--no-config", "--really-quiet", "--msg-level=all=warn", "--no-audio", "--ovc=rawvideo", "--of=framemd5", "--o=" + path}
	if count > 0 {
		args = append(args, "--frames="+strconv.Itoa(count))
	}
	stdout, stderr, err := shared.run(t, nil, "mpv", append(args, address)...)
	if err != nil {
		t.Errorf("mpv: %v", err)
	}
	written, err := os.ReadFile(path)
	must(t, err)
	return lastFields(string(written)), stdout + stderr
}

// lastFields takes the checksums out of what ffmpeg writes as framemd5.
func lastFields(text string) (list []string) {
	for line := range strings.Lines(text) {
		if line[0] == '#' {
			continue
		}
		fields := strings.Split(strings.TrimSpace(line), ",")
		list = append(list, strings.TrimSpace(fields[len(fields)-1]))
	}
	return list
}

// playGStreamer has a sink print the checksums. A live stream has no end: the
// player is stopped when enough has come.
func playGStreamer(t *testing.T, bin, address string, count int) (list []string, complaints string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	cmd := shared.command(ctx, "gst-launch-1.0", "-q", bin, "uri="+address, "flags=3",
		"video-sink=checksumsink hash=md5 sync=false", "audio-sink=fakesink sync=false")
	out, err := cmd.StdoutPipe()
	must(t, err)
	errs := &syncBuffer{}
	cmd.Stderr = errs
	must(t, cmd.Start())
	for lines := bufio.NewScanner(out); (count == 0 || len(list) < count) && lines.Scan(); {
		if at, sum, ok := strings.Cut(lines.Text(), " "); ok && strings.Count(at, ":") == 2 {
			list = append(list, sum)
		}
	}
	if count > 0 {
		cancel()
	}
	_, _ = io.Copy(io.Discard, out) // what else it wrote
	if err := cmd.Wait(); err != nil && count == 0 {
		t.Errorf("gst-launch-1.0: %v", err)
	}
	for line := range strings.Lines(errs.String()) {
		if strings.HasPrefix(line, "ERROR") || strings.HasPrefix(line, "WARNING") {
			complaints += line
		}
	}
	return list, complaints
}
