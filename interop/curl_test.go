//go:build interop

package interop

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

type ack struct {
	EventType        string
	FragmentTimecode uint64
	FragmentNumber   string
	ErrorID          int `json:"ErrorId"`
}

// An ackLog keeps what curl prints, and when it first said that a fragment is
// received. curl looks for answers only when it has got something to send, so
// this is as late as the next Cluster.
type ackLog struct {
	text  bytes.Buffer
	first time.Time
}

func (l *ackLog) Write(p []byte) (int, error) {
	n, err := l.text.Write(p)
	if l.first.IsZero() && bytes.Contains(l.text.Bytes(), []byte(`"RECEIVED"`)) {
		l.first = time.Now()
	}
	return n, err
}

// putWithCurl are the arguments that make curl a producer, signed by itself.
// From standard input, which is "-", it sends transfer chunks and Expect; from
// a small file a Content-Length and no Expect.
func (r *rig) putWithCurl(stream, source string, more ...string) []string {
	if r.ca != "" {
		more = append([]string{"--cacert", r.ca}, more...)
	}
	return append([]string{
		"--silent", "--show-error", "--no-buffer", "--max-time", "60", "--request", "POST", "--upload-file", source,
		"--aws-sigv4", "aws:amz:" + region + ":kinesisvideo", "--user", accessKey + ":" + secretKey,
		"--header", "x-amzn-stream-name: " + stream,
		"--header", "x-amzn-fragment-timecode-type: RELATIVE",
		"--header", "x-amzn-producer-start-timestamp: " + time.Now().Add(-time.Minute).UTC().Format("2006-01-02T15:04:05Z"),
		"--write-out", "\n%{http_code}\n", r.url + "/putMedia",
	}, more...)
}

// TestCurlPutsAFile: with and without Expect, fast and slow, each fragment gets its three
// acknowledgements in order, and the media comes back.
func TestCurlPutsAFile(t *testing.T) {
	plainAndTLS(t, func(t *testing.T, r *rig) {
		curl := need(t, "curl")
		media, err := os.ReadFile(clip(t))
		must(t, err)
		cases := []struct {
			stream, source string
			more           []string
		}{
			{"curl-length", clip(t), nil},
			{"curl-length-expect", clip(t), []string{"--header", "Expect: 100-continue"}},
			{"curl-chunks", "-", nil},
			{"curl-chunks-no-expect", clip(t), []string{"--header", "Transfer-Encoding: chunked"}},
			{"curl-slow", "-", []string{"--limit-rate", "200k"}},
		}
		for _, c := range cases {
			t.Run(c.stream, func(t *testing.T) {
				r.newStream(t, c.stream)
				stdout, stderr, err := r.run(t, media, curl, r.putWithCurl(c.stream, c.source, c.more...)...)
				if err != nil {
					t.Fatalf("curl: %v\n%s\n%s", err, stdout, stderr)
				}
				checkAcks(t, stdout, clipSeconds)
				path := filepath.Join(t.TempDir(), "out.mkv")
				r.output(t, r.binary, "pull", c.stream, "--from", "1h ago", "--container", "mkv", "--out", path)
				sameFrames(t, framesOf(t, path, false))
			})
		}
	})
}

// TestCurlPutsWhatFFmpegMakes: a live pipe from an encoder, whose Segment has
// no size and whose Clusters come when they are due. Acknowledgements come
// while it goes on.
func TestCurlPutsWhatFFmpegMakes(t *testing.T) {
	plainAndTLS(t, func(t *testing.T, r *rig) {
		curl, ffmpeg := need(t, "curl"), need(t, "ffmpeg")
		r.newStream(t, "curl-live")
		encoder := exec.CommandContext(t.Context(), ffmpeg, "-hide_banner", "-loglevel", "error", "-re",
			"-f", "lavfi", "-i", "testsrc2=size=320x240:rate=25:duration=6",
			"-c:v", "libx264", "-preset", "veryfast", "-tune", "zerolatency", "-pix_fmt", "yuv420p", "-g", "50", "-b:v", "400k",
			"-f", "matroska", "-live", "1", "-cluster_time_limit", "5000", "-cluster_size_limit", "5000000", "-")
		pipe, err := encoder.StdoutPipe()
		must(t, err)
		must(t, encoder.Start())
		uploader := exec.CommandContext(t.Context(), curl, r.putWithCurl("curl-live", "-")...)
		uploader.Stdin = pipe
		var out ackLog
		uploader.Stdout, uploader.Stderr = &out, &out
		if err := uploader.Run(); err != nil {
			t.Errorf("curl: %v\n%s", err, out.text.String())
		}
		ended := time.Now()
		must(t, encoder.Wait())
		checkAcks(t, out.text.String(), 3)
		if out.first.IsZero() || ended.Sub(out.first) < time.Second {
			t.Errorf("the first fragment was acknowledged %v before the end of an upload of 6 s", ended.Sub(out.first))
		}
	})
}

// TestCurlIsRefused: a wrong secret never gets to send media.
func TestCurlIsRefused(t *testing.T) {
	plainAndTLS(t, func(t *testing.T, r *rig) {
		curl := need(t, "curl")
		r.newStream(t, "curl-refused")
		args := r.putWithCurl("curl-refused", "-")
		for i, arg := range args {
			args[i] = strings.Replace(arg, secretKey, "wrong", 1)
		}
		stdout, _, _ := r.run(t, []byte("anything"), curl, args...)
		if !strings.Contains(stdout, "\n403\n") || !strings.Contains(stdout, "InvalidSignatureException") {
			t.Errorf("curl was told %q", stdout)
		}
	})
}

// checkAcks: the response is 200; every fragment is buffered, received and
// persisted, in this order; numbers grow; nothing else is said but IDLE.
func checkAcks(t *testing.T, stdout string, fragments int) {
	t.Helper()
	lines, status := []string{}, ""
	for line := range strings.Lines(stdout) {
		if line = strings.TrimSpace(line); strings.HasPrefix(line, "{") {
			lines = append(lines, line)
		} else if line != "" {
			status = line
		}
	}
	if status != "200" {
		t.Errorf("status is %q\n%s", status, stdout)
	}
	seen := map[string]string{}
	var order []string
	for _, line := range lines {
		var a ack
		must(t, json.Unmarshal([]byte(line), &a))
		if a.EventType == "IDLE" {
			continue
		}
		if a.EventType == "BUFFERING" {
			order = append(order, a.FragmentNumber)
		}
		seen[a.FragmentNumber] += a.EventType + " "
	}
	if len(order) != fragments {
		t.Errorf("%d fragments were acknowledged, want %d\n%s", len(order), fragments, stdout)
	}
	for i, number := range order {
		if seen[number] != "BUFFERING RECEIVED PERSISTED " {
			t.Errorf("fragment %s: %s", number, seen[number])
		}
		if i > 0 && number <= order[i-1] {
			t.Errorf("fragment %s follows %s", number, order[i-1])
		}
	}
}
