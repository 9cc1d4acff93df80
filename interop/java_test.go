//go:build interop

package interop

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// javaHome is where run.sh has put the Java clients and the programs of java/
// that drive them.
func javaHome(t *testing.T) string {
	t.Helper()
	home := os.Getenv("MILLRACE_INTEROP_JAVA")
	if _, err := os.Stat(filepath.Join(home, "complete")); home == "" || err != nil {
		t.Skipf("the Java clients are not installed: %s is not there", filepath.Join(home, "complete"))
	}
	return home
}

// javaCommand prepares one of the programs. Java looks for authorities in a
// store of its own form, which keytool makes.
func (r *rig) javaCommand(ctx context.Context, t *testing.T, program string, args ...string) *exec.Cmd {
	t.Helper()
	home := javaHome(t)
	options := []string{
		"-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC",
		"-classpath", filepath.Join(home, "classes") + ":" + filepath.Join(home, "lib", "*"),
	}
	if r.ca != "" {
		store := filepath.Join(t.TempDir(), "authorities.p12")
		r.output(t, need(t, "keytool"), "-importcert", "-noprompt", "-alias", "millrace", "-file", r.ca,
			"-keystore", store, "-storetype", "PKCS12", "-storepass", "authorities")
		options = append(options, "-Djavax.net.ssl.trustStore="+store, "-Djavax.net.ssl.trustStorePassword=authorities")
	}
	cmd := r.command(ctx, need(t, "java"), append(append(options, "millrace.interop."+program), args...)...)
	cmd.Env = append(cmd.Env, "AWS_JAVA_V1_DISABLE_DEPRECATION_ANNOUNCEMENT=true")
	return cmd
}

// java runs one of the programs for at most two minutes. It has to succeed,
// and each line it prints is decoded.
func java[line any](t *testing.T, r *rig, program string, args ...string) []line {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	var stderr strings.Builder
	cmd := r.javaCommand(ctx, t, program, args...)
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("java %s %q: %v\n%s\n%s", program, args, err, tailOf(string(out), 2000), tailOf(stderr.String(), 4000))
	}
	var lines []line
	for text := range strings.Lines(string(out)) {
		var l line
		must(t, json.Unmarshal([]byte(text), &l))
		lines = append(lines, l)
	}
	return lines
}

// TestJavaV2RunsTheControlOperations: the SDK for Java v2, with its typed
// exceptions and its paginator.
func TestJavaV2RunsTheControlOperations(t *testing.T) {
	javaHome(t)
	plainAndTLS(t, func(t *testing.T, r *rig) {
		java[any](t, r, "Control")
	})
}

// TestJavaV2KeepsConfigurations: what else can be configured of a stream, and
// the answers about signaling channels.
func TestJavaV2KeepsConfigurations(t *testing.T) {
	javaHome(t)
	plainAndTLS(t, func(t *testing.T, r *rig) {
		java[any](t, r, "Configurations")
	})
}

// TestJavaV2ReadsMedia: GetMedia of the SDK for Java v2, with the synchronous
// client and with the asynchronous one.
func TestJavaV2ReadsMedia(t *testing.T) {
	javaHome(t)
	clip(t)
	plainAndTLS(t, func(t *testing.T, r *rig) {
		r.fill(t, "java2-media")
		java[any](t, r, "Media", "java2-media", strconv.Itoa(clipSeconds))
	})
}

// A javaPutLine is an acknowledgement, or the end of a session.
type javaPutLine struct {
	Stream   string
	Ack      string
	Fragment string
	Timecode int64
	Error    *string

	Complete bool
	Failure  string
	Status   int
}

// TestJavaPutMediaUploads: the PutMedia client of the SDK for Java v1 uploads
// as fast as it can and in real time, with timecodes of both types, and is
// told of a stream that is not there. What it sent comes back. In real time the
// client hands over no acknowledgement before its source has ended, because
// one thread of it waits for the source and reads the socket.
func TestJavaPutMediaUploads(t *testing.T) {
	javaHome(t)
	relative, began := clip(t), time.Now()
	absolute := filepath.Join(t.TempDir(), "absolute.mkv")
	shared.output(t, need(t, "ffmpeg"), "-hide_banner", "-loglevel", "error", "-i", relative, "-c", "copy",
		"-output_ts_offset", strconv.FormatInt(began.Unix(), 10), "-f", "matroska", absolute)
	plainAndTLS(t, func(t *testing.T, r *rig) {
		streams := []string{"java-relative", "java-realtime", "java-absolute"}
		for _, stream := range streams {
			r.newStream(t, stream)
		}
		lines := map[string][]javaPutLine{}
		for _, l := range java[javaPutLine](t, r, "Put",
			"java-relative,RELATIVE,0,"+relative, "java-realtime,RELATIVE,"+strconv.Itoa(clipSeconds)+","+relative,
			"java-absolute,ABSOLUTE,0,"+absolute, "java-nobody,RELATIVE,0,"+relative) {
			lines[l.Stream] = append(lines[l.Stream], l)
		}
		for _, stream := range streams {
			checkJavaAcks(t, stream, lines[stream])
			path := filepath.Join(t.TempDir(), stream+".mkv")
			r.output(t, r.binary, "pull", stream, "--from", "1h ago", "--container", "mkv", "--out", path)
			sameFrames(t, framesOf(t, path, false))
		}
		if first := lines["java-absolute"][0].Timecode; first != began.Unix()*1000 {
			t.Errorf("the first absolute timecode is %d, want %d", first, began.Unix()*1000)
		}
		times := serverTimesIn(t, r.output(t, r.binary, "pull", "java-realtime", "--from", "1h ago", "--container", "raw"))
		if took := times[len(times)-1] - times[0]; took < clipSeconds/2 {
			t.Errorf("in real time the fragments arrived within %.1f s", took)
		}
		if got := lines["java-nobody"]; len(got) != 1 || got[0].Failure != "ResourceNotFoundException" || got[0].Status != 404 {
			t.Errorf("without a stream the client was told %+v", got)
		}
	})
}

// checkJavaAcks: each fragment is buffered, received and persisted, in this
// order; numbers and timecodes grow; then the session is complete.
func checkJavaAcks(t *testing.T, stream string, lines []javaPutLine) {
	t.Helper()
	seen := map[string]string{}
	var order []javaPutLine
	for i, l := range lines {
		if l.Complete != (i == len(lines)-1) || l.Failure != "" || l.Error != nil {
			t.Errorf("%s: line %d of %d says %+v", stream, i+1, len(lines), l)
		}
		if l.Ack == "BUFFERING" {
			order = append(order, l)
		}
		seen[l.Fragment] += l.Ack + " "
	}
	if len(order) != clipSeconds {
		t.Errorf("%s: %d fragments were acknowledged, want %d", stream, len(order), clipSeconds)
	}
	for i, l := range order {
		if seen[l.Fragment] != "BUFFERING RECEIVED PERSISTED " {
			t.Errorf("%s: fragment %s: %s", stream, l.Fragment, seen[l.Fragment])
		}
		if i > 0 && (l.Fragment <= order[i-1].Fragment || l.Timecode <= order[i-1].Timecode) {
			t.Errorf("%s: fragment %s at %d follows %s at %d", stream, l.Fragment, l.Timecode, order[i-1].Fragment, order[i-1].Timecode)
		}
	}
}

// TestJavaPutMediaGoesOnWithoutReadingAcks: with a source that is never ahead
// the client reads nothing until it has sent everything. What lies between
// client and server is full of acknowledgements after some hundred fragments;
// the server then waits longer than it waits for a client that is gone, and
// every fragment is acknowledged in the end.
func TestJavaPutMediaGoesOnWithoutReadingAcks(t *testing.T) {
	javaHome(t)
	t.Parallel()                 // it mostly waits
	const seconds, rate = 40, 95 // fragments a second, each of one frame
	path := filepath.Join(t.TempDir(), "many.mkv")
	shared.output(t, need(t, "ffmpeg"), "-hide_banner", "-loglevel", "error",
		"-f", "lavfi", "-i", fmt.Sprintf("testsrc2=size=32x32:rate=25:duration=%d", seconds*rate/25),
		"-c:v", "libx264", "-preset", "ultrafast", "-g", "1", "-b:v", "20k", "-pix_fmt", "yuv420p",
		"-f", "matroska", "-cluster_time_limit", "30", path)
	plainAndTLS(t, func(t *testing.T, r *rig) {
		r.newStream(t, "java-deaf")
		lines := java[javaPutLine](t, r, "Put", fmt.Sprintf("java-deaf,RELATIVE,%d,%s", seconds, path))
		var persisted []string
		for _, l := range lines {
			if l.Ack == "PERSISTED" {
				persisted = append(persisted, l.Fragment)
			}
		}
		if !slices.IsSorted(persisted) || len(persisted) != seconds*rate {
			t.Errorf("%d fragments were persisted, want %d, in order", len(persisted), seconds*rate)
		}
		if last := lines[len(lines)-1]; !last.Complete {
			t.Errorf("the session ended with %+v", last)
		}
	})
}

// serverTimesIn finds the times of arrival in a response of GetMedia, in
// seconds since 1970: 14 characters behind a size of four bytes.
func serverTimesIn(t *testing.T, media string) []float64 {
	t.Helper()
	var times []float64
	for _, after := range strings.Split(media, "AWS_KINESISVIDEO_SERVER_TIMESTAMP\x44\x87\x10\x00\x00\x0e")[1:] {
		at, err := strconv.ParseFloat(after[:14], 64)
		must(t, err)
		times = append(times, at)
	}
	if len(times) != clipSeconds {
		t.Fatalf("%d fragments have a time of arrival, want %d", len(times), clipSeconds)
	}
	return times
}

// A javaVisitLine is a frame, or what is known of a fragment at its end.
type javaVisitLine struct {
	Source string

	Fragment  string
	Track, At int64
	Scale     int64
	Key       bool
	Sum       string
	Codec     string
	Width     int
	Tags      int // that have been seen in this fragment, without those of the service

	End               string
	Complete, Success bool
	Server, Producer  int64 // ms since 1970
	Behind            int64 // ms
	Token             string
}

// TestJavaParserVisitsFragmentsAndFrames: the parser library sees the frames
// of the file, byte by byte, and all that is to be known of each fragment.
func TestJavaParserVisitsFragmentsAndFrames(t *testing.T) {
	javaHome(t)
	path := clip(t)
	plainAndTLS(t, func(t *testing.T, r *rig) {
		r.newStream(t, "java-visit")
		before := time.Now().Add(-time.Second).UnixMilli()
		java[any](t, r, "Put", "java-visit,RELATIVE,0,"+path) // which leaves the file's tags where they are
		var sent, read, ends []javaVisitLine
		for _, l := range java[javaVisitLine](t, r, "Visit", "java-visit", path) {
			switch {
			case l.Source == path:
				sent = append(sent, l)
			case l.End != "":
				ends = append(ends, l)
			default:
				read = append(read, l)
			}
		}
		checkVisitedFrames(t, sent, read)
		if len(ends) != clipSeconds {
			t.Fatalf("%d fragments ended, want %d", len(ends), clipSeconds)
		}
		for i, l := range ends {
			if !l.Complete || !l.Success || l.Token != l.End || l.Server < before || l.Behind < 0 {
				t.Errorf("fragment %d: %+v", i, l)
			}
			if i > 0 && (l.End <= ends[i-1].End || l.Server < ends[i-1].Server || l.Producer <= ends[i-1].Producer) {
				t.Errorf("fragment %d: %+v follows %+v", i, l, ends[i-1])
			}
		}
	})
}

// checkVisitedFrames: the same frames, at the same distances from the first;
// the tracks are known; the file's tags came with the first fragment.
func checkVisitedFrames(t *testing.T, sent, read []javaVisitLine) {
	t.Helper()
	if len(read) != len(sent) || len(sent) < clipFrames {
		t.Fatalf("%d frames came back, %d went in", len(read), len(sent))
	}
	for i, l := range read {
		w := sent[i]
		if l.Sum != w.Sum || l.Track != w.Track || l.Key != w.Key || l.Scale != w.Scale || l.At-read[0].At != w.At-sent[0].At {
			t.Fatalf("frame %d came back as %+v and was %+v", i, l, w)
		}
		if video := l.Codec == "V_MPEG4/ISO/AVC"; !video && l.Codec != "A_AAC" || video != (l.Width == 320) {
			t.Fatalf("frame %d is of the track %+v", i, l)
		}
	}
	if read[0].Tags == 0 {
		t.Errorf("no tag of the file came with the first fragment")
	}
}

// TestJavaMergerMakesOneFile: OutputSegmentMerger, alone and as
// MergedOutputPiper, makes one document that ffmpeg decodes without a word.
func TestJavaMergerMakesOneFile(t *testing.T) {
	javaHome(t)
	clip(t)
	plainAndTLS(t, func(t *testing.T, r *rig) {
		r.fill(t, "java-merge")
		merged, piped := filepath.Join(t.TempDir(), "merged.mkv"), filepath.Join(t.TempDir(), "piped.mkv")
		for _, l := range java[struct{ Segments int }](t, r, "Merge", "java-merge", merged, piped) {
			if l.Segments != clipSeconds {
				t.Errorf("%d segments were merged, want %d", l.Segments, clipSeconds)
			}
		}
		for _, path := range []string{merged, piped} {
			sameFrames(t, framesOf(t, path, false))
		}
	})
}

// A javaFollowLine is the beginning of a response, or a fragment of it.
type javaFollowLine struct {
	From     string
	Response int
	Fragment string
	Complete bool
}

// TestJavaWorkerFollowsAcrossRestarts: workers that begin at the oldest
// fragment, after a certain one and with the next one go on when a response
// ends, when the server is restarted and when it is killed, and see each
// fragment once.
func TestJavaWorkerFollowsAcrossRestarts(t *testing.T) {
	javaHome(t)
	t.Parallel() // it mostly waits
	path := clip(t)
	for _, scheme := range []string{"http", "https"} {
		t.Run(scheme, func(t *testing.T) {
			t.Parallel()
			r := ownRig(t, scheme == "https")
			must(t, r.start())
			r.fill(t, "java-follow")
			before := fragmentsOf(t, r, "java-follow")
			follower := startFollower(t, r, "java-follow", "EARLIEST", before[clipSeconds/2], "NOW")
			follower.waitFor(t, "NOW", func(l []javaFollowLine) bool { return len(l) > 0 })

			camera := r.command(t.Context(), r.binary, "push", "java-follow", path, "--realtime")
			must(t, camera.Start())
			time.Sleep(3500 * time.Millisecond)
			must(t, r.stop())
			must(t, r.start())
			time.Sleep(3500 * time.Millisecond)
			must(t, r.kill())
			must(t, r.start())
			must(t, camera.Wait())

			all := fragmentsOf(t, r, "java-follow")
			for from, want := range map[string][]string{
				"EARLIEST": all, before[clipSeconds/2]: all[clipSeconds/2+1:], "NOW": all[clipSeconds:],
			} {
				follower.waitFor(t, from, func(l []javaFollowLine) bool {
					last := l[len(l)-1]
					return last.Fragment == "" && len(fragmentsIn(l)) >= len(want) // on to the response after the last fragment
				})
				lines := follower.lines[from]
				if got := fragmentsIn(lines); !slices.Equal(got, want) {
					t.Errorf("from %s the worker saw %d fragments, want %d:\n%q\n%q", from, len(got), len(want), got, want)
				}
				if n := lines[len(lines)-1].Response; n < 4 {
					t.Errorf("from %s there were %d responses, want at least 4", from, n)
				}
			}
		})
	}
}

// fragmentsOf reads the numbers of all fragments with our own client.
func fragmentsOf(t *testing.T, r *rig, stream string) []string {
	t.Helper()
	return numbersIn([]byte(r.output(t, r.binary, "pull", stream, "--from", "1h ago", "--container", "raw")))
}

func fragmentsIn(lines []javaFollowLine) []string {
	var numbers []string
	for _, l := range lines {
		if l.Fragment != "" {
			numbers = append(numbers, l.Fragment)
		}
	}
	return numbers
}

// A follower is a program Follow at work.
type follower struct {
	lines map[string][]javaFollowLine // by where their worker began
	next  chan javaFollowLine
}

// startFollower starts the program, which ends with the test.
func startFollower(t *testing.T, r *rig, stream string, from ...string) *follower {
	t.Helper()
	cmd := r.javaCommand(t.Context(), t, "Follow", append([]string{stream}, from...)...)
	stdin, err := cmd.StdinPipe()
	must(t, err)
	stdout, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	f := &follower{lines: map[string][]javaFollowLine{}, next: make(chan javaFollowLine, 1000)}
	t.Cleanup(func() {
		stdin.Close()
		cmd.Wait() // killed with the test's context, if nothing else
	})
	go func() {
		defer close(f.next)
		for lines := bufio.NewScanner(stdout); lines.Scan(); {
			var l javaFollowLine
			if err := json.Unmarshal(lines.Bytes(), &l); err != nil {
				l.From = fmt.Sprintf("%q: %v", lines.Text(), err)
			}
			f.next <- l
		}
	}()
	return f
}

// waitFor takes lines until those of one worker suffice, for at most two
// minutes.
func (f *follower) waitFor(t *testing.T, from string, suffice func([]javaFollowLine) bool) {
	t.Helper()
	timeout := time.After(2 * time.Minute)
	for len(f.lines[from]) == 0 || !suffice(f.lines[from]) {
		select {
		case l, ok := <-f.next:
			if !ok {
				t.Fatalf("the workers ended: %v", f.lines)
			}
			if l.Fragment != "" && !l.Complete {
				t.Errorf("from %s the worker took %s for a fragment, which is not complete", l.From, l.Fragment)
			}
			f.lines[l.From] = append(f.lines[l.From], l)
		case <-timeout:
			t.Fatalf("from %s the worker has come to %+v", from, f.lines[from])
		}
	}
}

// TestJavaReadsArchivedMedia: ListFragmentWorker and GetMediaForFragmentListWorker
// of the parser library, and clips and sessions of the SDK for Java v1.
func TestJavaReadsArchivedMedia(t *testing.T) {
	javaHome(t)
	clip(t)
	plainAndTLS(t, func(t *testing.T, r *rig) {
		r.fill(t, "java-archived")
		time.Sleep(time.Second) // the last fragment is older than what the program calls now, to the second
		lines := java[struct{ Frames int }](t, r, "Archived", "java-archived", strconv.Itoa(clipSeconds))
		if len(lines) != 1 || lines[0].Frames < clipFrames {
			t.Errorf("it saw %v", lines)
		}
	})
}
