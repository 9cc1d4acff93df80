//go:build interop

package interop

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// identifiedClip is the clip as a producer with an identity would send it: each
// Cluster has a Void that says which fragment it is behind its Timecode, and at
// its end one with the digest of its bytes, as docs/reference/identity.md says.
func identifiedClip(t *testing.T) string {
	t.Helper()
	// Made for a pipe, it has no places in it that would have to move.
	stdout, stderr, err := shared.run(t, nil, need(t, "ffmpeg"), "-hide_banner", "-loglevel", "error", "-i", clip(t),
		"-c", "copy", "-f", "matroska", "-live", "1", "-write_crc32", "0", "-cluster_time_limit", "5000", "-cluster_size_limit", "5000000", "-")
	if err != nil {
		t.Fatalf("ffmpeg: %v\n%s", err, stderr)
	}
	path := filepath.Join(t.TempDir(), "identified.mkv")
	body, clusters := identify(t, []byte(stdout))
	if clusters != clipSeconds {
		t.Fatalf("the clip has %d Clusters, want %d", clusters, clipSeconds)
	}
	must(t, os.WriteFile(path, body, 0o600))
	return path
}

// identify puts the two Voids into each Cluster of a document.
func identify(t *testing.T, document []byte) (out []byte, clusters int) {
	t.Helper()
	const cluster, timecode = "\x1f\x43\xb6\x75", 0xe7
	for at := bytes.Index(document, []byte(cluster)); at >= 0; at = bytes.Index(document, []byte(cluster)) {
		out, document = append(out, document[:at]...), document[at+len(cluster):]
		size, n := sizeOf(t, document)
		content := document[n : n+size]
		document = document[n+size:]
		if content[0] != timecode {
			t.Fatalf("a Cluster begins with %x", content[:8])
		}
		length, m := sizeOf(t, content[1:])
		head := 1 + m + length
		// A size of eight bytes for all that the Cluster will hold.
		begin := append([]byte(cluster), 0x01)
		begin = append(begin, binary.BigEndian.AppendUint64(nil, uint64(size+34+42))[1:]...)
		begin = append(begin, content[:head]...)
		begin = append(begin, "\xec\xa0MLRCFRG1a session's id 0"...)
		begin = binary.BigEndian.AppendUint64(begin, uint64(clusters))
		begin = append(begin, content[head:]...)
		sum := sha256.Sum256(begin)
		out = append(append(append(out, begin...), "\xec\xa8MLRCSUM1"...), sum[:]...)
		clusters++
	}
	return append(out, document...), clusters
}

// sizeOf reads an element's size, and how long it is.
func sizeOf(t *testing.T, b []byte) (size, n int) {
	t.Helper()
	for n = 1; n <= 8; n++ {
		if b[0]>>(8-n) != 0 {
			break
		}
	}
	size = int(b[0]) & (0xff >> n)
	for _, c := range b[1:n] {
		size = size<<8 | int(c)
	}
	if size > len(b) {
		t.Fatalf("an element of %d bytes", size)
	}
	return size, n
}

// TestIdentitiesDisturbNobody: what says which fragment a Cluster is disturbs
// nobody who reads it, out of a file or out of the server, and the server keeps
// it once.
func TestIdentitiesDisturbNobody(t *testing.T) {
	t.Parallel() // it mostly waits
	curl := need(t, "curl")
	path := identifiedClip(t)
	t.Run("ffmpeg", func(t *testing.T) { sameFrames(t, framesOf(t, path, false)) })
	t.Run("mkvinfo", func(t *testing.T) { checkMKVInfo(t, path) })
	r := shared
	const stream = "identities"
	r.newStream(t, stream)
	put := r.putWithCurl(stream, path, "--header", "x-millrace-producer: 8f14e45fceea167a5a36dedd4bea2543", "--header", "Transfer-Encoding: chunked")
	var numbers [][]string
	for range 2 {
		stdout, stderr, err := r.run(t, nil, curl, put...)
		if err != nil {
			t.Fatalf("curl: %v\n%s\n%s", err, stdout, stderr)
		}
		checkAcks(t, stdout, clipSeconds)
		numbers = append(numbers, persistedIn(t, stdout))
	}
	if !slices.Equal(numbers[0], numbers[1]) {
		t.Errorf("acknowledged as %q and then as %q", numbers[0], numbers[1])
	}
	t.Run("a pull", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "out.mkv")
		r.output(t, r.binary, "pull", stream, "--from", "1h ago", "--container", "mkv", "--out", path)
		sameFrames(t, framesOf(t, path, false))
	})
	t.Run("boto3", func(t *testing.T) { r.output(t, python(t), "python/media.py", stream, fmt.Sprint(clipSeconds)) })
	t.Run("the aws command line", func(t *testing.T) {
		out := filepath.Join(t.TempDir(), "out")
		cli := newAWSCLI(t, r, "1")
		cli.do(t, nil, "kinesis-video-media get-media --start-selector StartSelectorType=EARLIEST --stream-name", stream, out)
		media, err := os.ReadFile(out)
		must(t, err)
		if got := numbersIn(media); !slices.Equal(got, numbers[0]) {
			t.Errorf("it got the fragments %q, want %q", got, numbers[0])
		}
	})
	t.Run("the parser library for Java", func(t *testing.T) {
		javaHome(t)
		var sent, read []javaVisitLine
		for _, l := range java[javaVisitLine](t, r, "Visit", stream, path) {
			switch {
			case l.Source == path:
				sent = append(sent, l)
			case l.End == "":
				read = append(read, l)
			}
		}
		checkVisitedFrames(t, sent, read)
	})
}

// checkMKVInfo: mkvinfo finds the Voids, and nothing to complain of.
func checkMKVInfo(t *testing.T, path string) {
	t.Helper()
	stdout, stderr, err := shared.run(t, nil, need(t, "mkvinfo"), "--all", path)
	text := strings.ToLower(stdout + stderr)
	if err != nil || strings.Contains(text, "(mkvinfo) error") || strings.Contains(text, "error:") || strings.Contains(text, "warning") || strings.Contains(text, "unknown element") {
		t.Errorf("mkvinfo: %v\n%s", err, tailOf(stdout+stderr, 2000))
	}
	if first, last := strings.Count(text, "ebml void: size 32\n"), strings.Count(text, "ebml void: size 40\n"); first != clipSeconds || last != clipSeconds {
		t.Errorf("mkvinfo finds %d and %d Voids, want %d of each", first, last, clipSeconds)
	}
}

// persistedIn are the numbers of what was acknowledged as durable.
func persistedIn(t *testing.T, stdout string) (numbers []string) {
	t.Helper()
	for line := range strings.Lines(stdout) {
		var a ack
		if strings.HasPrefix(line, "{") {
			must(t, json.Unmarshal([]byte(line), &a))
		}
		if a.EventType == "PERSISTED" {
			numbers = append(numbers, a.FragmentNumber)
		}
	}
	return numbers
}
