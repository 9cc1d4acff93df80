//go:build interop

package interop

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A recording is a file that ffmpeg makes, of the kinds that producers send.
// Every picture has a counter in it.
type recording struct {
	name     string
	parts    []string // ffmpeg's arguments for each document; several follow one another in the file
	tracks   []string // codec ids, in order
	pictures int      // in the file
}

const (
	camera  = "-c:v libx264 -preset veryfast -tune zerolatency -g 15 -bf 0 -b:v 150k"
	quickly = "-c:v libx264 -preset veryfast -g 15 -bf 0 -b:v 120k"
)

// recordings are those of the kinds that there are. Their list is that of the
// media files that are kept beside the captures of clients.
func recordings() []recording {
	const avc, hevc, aac, acm = "V_MPEG4/ISO/AVC", "V_MPEGH/ISO/HEVC", "A_AAC", "A_MS/ACM"
	return []recording{
		{"h264-cam", []string{picture("320x240", "15", "6") + camera}, []string{avc}, 90},
		{"h264-bframes", []string{
			picture("320x240", "25", "6") + "-c:v libx264 -preset veryfast -g 75 -keyint_min 20 -sc_threshold 0 -bf 3 -b_strategy 0 -b:v 150k -force_key_frames 0,1.2,3.6",
		}, []string{avc}, 150},
		{"h264-aac", []string{
			picture("320x240", "25", "6") + tone("48000", "6") + "-c:v libx264 -preset veryfast -g 50 -bf 0 -b:v 150k -c:a aac -b:a 48k",
		}, []string{avc, aac}, 150},
		{"h264-alaw", []string{picture("320x240", "15", "4") + tone("8000", "4") + quickly + " -c:a pcm_alaw"}, []string{avc, acm}, 60},
		{"h264-mulaw", []string{picture("320x240", "15", "4") + tone("8000", "4") + quickly + " -c:a pcm_mulaw"}, []string{avc, acm}, 60},
		{"hevc-aac", []string{
			picture("320x240", "15", "4") + tone("44100", "4") + "-c:v libx265 -x265-params log-level=none:keyint=15:bframes=0 -b:v 120k -c:a aac -b:a 48k",
		}, []string{hevc, aac}, 60},
		{"av1-opus", []string{
			picture("320x240", "15", "3") + tone("48000", "3") + "-c:v libaom-av1 -cpu-used 8 -g 15 -b:v 120k -c:a libopus -b:a 32k",
		}, []string{"V_AV1", "A_OPUS"}, 45},
		{"aac-only", []string{tone("48000", "6") + "-c:a aac -b:a 48k -cluster_time_limit 2000"}, []string{aac}, 0},
		{"mjpeg", []string{picture("320x240", "2", "6") + "-c:v mjpeg -q:v 12"}, []string{"V_MJPEG"}, 12},
		{"h264-resolution-change", []string{
			picture("320x240", "15", "2") + camera, picture("160x120", "15", "2") + quickly, picture("240x160", "15", "1") + quickly,
		}, []string{avc}, 75},
		{"h264-vfr-hole", []string{
			picture("320x240", "30", "8") + "-vf select=not(between(t\\,3\\,5))*not(mod(n\\,3)) -vsync vfr -c:v libx264 -preset veryfast -g 20 -bf 0 -b:v 120k",
		}, []string{avc}, 59},
	}
}

func picture(size, rate, seconds string) string {
	return "-f lavfi -i testsrc2=size=" + size + ":rate=" + rate + ":duration=" + seconds + " "
}

func tone(rate, seconds string) string {
	return "-f lavfi -i sine=frequency=440:sample_rate=" + rate + ":duration=" + seconds + " "
}

// make makes the file once, and returns its path and those of its documents.
func (rec *recording) make(t *testing.T) (whole string, parts []string) {
	t.Helper()
	ffmpeg := need(t, "ffmpeg")
	making.Lock()
	defer making.Unlock()
	whole = filepath.Join(shared.work, rec.name+".mkv")
	var all []byte
	for i, args := range rec.parts {
		part := filepath.Join(shared.work, rec.name+"-"+string(rune('1'+i))+".mkv")
		parts = append(parts, part)
		if _, err := os.Stat(whole); err == nil {
			continue
		}
		line := "-hide_banner -loglevel error -y " + args + " -f matroska " + part
		shared.output(t, ffmpeg, strings.Fields(line)...)
		b, err := os.ReadFile(part)
		must(t, err)
		all = append(all, b...)
	}
	if all != nil {
		must(t, os.WriteFile(whole, all, 0o600))
	}
	return whole, parts
}
