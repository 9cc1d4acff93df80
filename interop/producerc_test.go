//go:build interop && producerc

package interop

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// The samples of the producer SDK for C send the frames that come with them in
// real time, 25 pictures and 50 sounds a second. They speak https only.
const producerCSeconds = 6

// producerC is a run of one of the samples.
type producerC struct {
	sample string
	args   []string // behind the stream's name; "FRAMES" is where the frames are
	video  string   // codec of the pictures, as the files of frames are named; empty without
	sound  string   // codec of the sounds
	frames int      // how many pictures are due: at least, if they are sent in real time
	tags   []string // that each fragment carries
}

// TestProducerCSendsMedia: each sample makes its stream, sends, has every
// fragment acknowledged as PERSISTED and stops; what comes back is what went in.
func TestProducerCSendsMedia(t *testing.T) {
	seconds := fmt.Sprint(producerCSeconds)
	for name, p := range map[string]producerC{
		"h264": {
			sample: "kvsVideoOnlyRealtimeStreamingSample", args: []string{"h264", seconds, "FRAMES"},
			video: "h264", frames: 20 * producerCSeconds, tags: []string{"TEST_KEY_1", "TEST_KEY_9"},
		},
		"h265": {
			sample: "kvsVideoOnlyRealtimeStreamingSample", args: []string{"h265", seconds, "FRAMES", "3"},
			video: "h265", frames: 20 * producerCSeconds, tags: []string{"TEST_KEY_3"},
		},
		"h264-aac": {
			sample: "kvsAudioVideoStreamingSample", args: []string{seconds, "FRAMES", "aac", "h264", "1"},
			video: "h264", sound: "aac", frames: 20 * producerCSeconds,
		},
		"h265-alaw": {
			sample: "kvsAudioVideoStreamingSample", args: []string{seconds, "FRAMES", "alaw", "h265"},
			video: "h265", sound: "alaw", frames: 20 * producerCSeconds,
		},
		"sound": {
			sample: "kvsAudioOnlyStreamingSample", args: []string{seconds, "FRAMES", "aac"}, sound: "aac",
		},
		"offline": { // the media of 16 s, as fast as they go
			sample: "kvsVideoOnlyOfflineStreamingSample", args: []string{"h265", "16", "FRAMES"}, video: "h265", frames: 400,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			stream := "producer-c-" + name
			persisted := sharedTLS.runProducerC(t, stream, p)
			media := []byte(sharedTLS.output(t, sharedTLS.binary, "pull", stream, "--from", "1h ago", "--container", "raw"))
			if stored := numbersIn(media); len(stored) == 0 || !slices.Equal(stored, persisted) {
				t.Errorf("%d fragments were persisted, %d come back: %q, %q", len(persisted), len(stored), persisted, stored)
			}
			for _, tag := range p.tags {
				if n := strings.Count(string(media), tag); n != len(persisted) {
					t.Errorf("%d fragments carry %s, want %d", n, tag, len(persisted))
				}
			}
			sharedTLS.checkPictures(t, stream, p)
			sharedTLS.checkSounds(t, stream, p)
		})
	}
}

// TestProducerCOutlivesTheServer: the server is killed under the client and
// comes back after two seconds, in which the client is refused many times.
// Nothing that was acknowledged is lost, and nothing that was not: the client
// sends it again.
func TestProducerCOutlivesTheServer(t *testing.T) {
	t.Parallel()
	const stream, seconds = "producer-c-restart", 15
	r := ownRig(t, true)
	must(t, r.start())
	p := producerC{sample: "kvsVideoOnlyRealtimeStreamingSample", args: []string{"h264", fmt.Sprint(seconds), "FRAMES", "0"}, video: "h264"}
	persisted := make(chan []string, 1)
	go func() { persisted <- r.runProducerC(t, stream, p) }()
	time.Sleep(6 * time.Second)
	must(t, r.kill())
	time.Sleep(2 * time.Second)
	must(t, r.start())
	acknowledged := <-persisted

	path := filepath.Join(t.TempDir(), "restart.mkv")
	r.output(t, r.binary, "pull", stream, "--from", "1h ago", "--container", "raw", "--out", path)
	media, err := os.ReadFile(path)
	must(t, err)
	stored := map[string]bool{}
	for _, number := range numbersIn(media) {
		stored[number] = true
	}
	for _, number := range acknowledged {
		if !stored[number] {
			t.Errorf("fragment %s was persisted, and is gone", number)
		}
	}
	got := map[string]bool{}
	for _, sum := range framesOf(t, path, true) {
		got[sum] = true
	}
	sent := sentPictures(t, p.video, 20*seconds)
	missing := slices.DeleteFunc(sent, func(sum string) bool { return got[sum] })
	t.Logf("%d fragments persisted, %d stored, %d different pictures", len(acknowledged), len(stored), len(got))
	if len(missing) != 0 {
		t.Errorf("%d of the first %d pictures are missing", len(missing), 20*seconds)
	}
}

// samples is where the samples were built.
func samples(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs(os.Getenv("MILLRACE_INTEROP_PRODUCER_C"))
	must(t, err)
	return dir
}

// sampleFrames is where their frames are.
func sampleFrames(t *testing.T) string {
	t.Helper()
	return filepath.Join(filepath.Dir(samples(t)), "samples")
}

var persistedNumber = regexp.MustCompile(`"EventType":"PERSISTED","FragmentTimecode":[0-9]+,"FragmentNumber":"([0-9]+)"`)

// runProducerC runs a sample, which has to succeed, and returns the fragments
// that were persisted, according to the client.
func (r *rig) runProducerC(t *testing.T, stream string, p producerC) []string {
	args := append([]string{stream}, p.args...)
	for i, a := range args {
		if a == "FRAMES" {
			args[i] = sampleFrames(t)
		}
	}
	cmd := r.command(t.Context(), filepath.Join(samples(t), p.sample), args...)
	cmd.Env = append(withoutEmpty(cmd.Env), "CONTROL_PLANE_URI="+r.url, "AWS_KVS_CACERT_PATH="+r.ca, "AWS_KVS_LOG_LEVEL=2")
	log := runFor(t, time.Minute, cmd)
	var numbers []string
	for _, found := range persistedNumber.FindAllStringSubmatch(log, -1) {
		numbers = append(numbers, found[1])
	}
	return numbers
}

// checkPictures compares the pictures of a stream with those that a sample sent.
func (r *rig) checkPictures(t *testing.T, stream string, p producerC) {
	t.Helper()
	if p.video == "" {
		return
	}
	path := filepath.Join(t.TempDir(), "pulled.mkv")
	r.output(t, r.binary, "pull", stream, "--from", "1h ago", "--container", "mkv", "--out", path)
	got := framesOf(t, path, p.sound == "alaw") // ffmpeg says that it takes the sound for mono
	if len(got) < p.frames || !slices.Equal(got, sentPictures(t, p.video, len(got))) {
		t.Errorf("%d pictures came back, at least %d were due, and they are not the first ones of the sample", len(got), p.frames)
	}
}

// sentPictures are the checksums of the first n pictures of a codec's sample.
func sentPictures(t *testing.T, codec string, n int) []string {
	t.Helper()
	var all []byte
	for i := range n {
		frame, err := os.ReadFile(filepath.Join(sampleFrames(t), codec+"SampleFrames", fmt.Sprintf("frame-%03d.%s", i+1, codec)))
		must(t, err)
		all = append(all, frame...)
	}
	path := filepath.Join(t.TempDir(), "sent."+codec)
	must(t, os.WriteFile(path, all, 0o600))
	return framesOf(t, path, false)
}

// checkSounds compares the sizes of a stream's sounds with those that a sample
// sent.
func (r *rig) checkSounds(t *testing.T, stream string, p producerC) {
	t.Helper()
	if p.sound == "" {
		return
	}
	var got []int64
	for track, sizes := range r.sizes(t, stream) {
		if p.video == "" || track == 2 {
			got = sizes
		}
	}
	if len(got) < 40*producerCSeconds {
		t.Errorf("%d sounds came back", len(got))
	}
	for i, size := range got {
		file, err := os.Stat(filepath.Join(sampleFrames(t), p.sound+"SampleFrames", fmt.Sprintf("sample-%03d.%s", i+1, p.sound)))
		must(t, err)
		if size != file.Size() {
			t.Fatalf("sound %d has %d bytes, and %d were sent", i, size, file.Size())
		}
	}
}
