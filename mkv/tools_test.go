package mkv_test

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/millrace/millrace/mkv"
)

// tool runs an external program, or skips the test where there is none.
func tool(t *testing.T, name string, args ...string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Skip(name, "is not installed")
	}
	out, err := exec.Command(path, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", name, err, out)
	}
	return string(out)
}

// recording is a file of ffmpeg's: five seconds of video with a key frame each
// second, and sound.
func recording(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "recording.mkv")
	tool(t, "ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc=d=5:r=25:s=320x240", "-f", "lavfi", "-i", "sine=d=5",
		"-c:v", "mpeg4", "-g", "25", "-b:v", "400k", "-c:a", "aac", "-shortest", path)
	return path
}

// blockWriter is what LiveWriter and FileWriter have in common.
type blockWriter interface {
	WriteHeader(h mkv.Header) error
	StartCluster(timecode uint64) error
	WriteBlock(track uint64, rel int16, flags mkv.BlockFlags, payload []byte) error
}

// remux copies the frames of a body to a writer, later by offset ticks.
func remux(t *testing.T, body []byte, w blockWriter, offset uint64) {
	t.Helper()
	r := mkv.NewReader(bytes.NewReader(body), mkv.ReaderOptions{})
	var h mkv.Header
	for {
		e, err := r.Next()
		if err == io.EOF {
			return
		}
		if err == nil && e.Kind == mkv.Whole {
			err = remuxElement(w, &h, e, offset)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

func remuxElement(w blockWriter, h *mkv.Header, e mkv.Element, offset uint64) (err error) {
	switch e.ID {
	case mkv.IDInfo:
		h.Info, err = mkv.ParseInfo(e.Data())
	case mkv.IDTracks:
		if h.Tracks, err = mkv.ParseTracks(e.Data()); err == nil {
			err = w.WriteHeader(*h)
		}
	case mkv.IDTimecode:
		var v uint64
		if v, err = mkv.ParseUint(e.Data()); err == nil {
			err = w.StartCluster(v + offset)
		}
	case mkv.IDSimpleBlock:
		var b mkv.Block
		if b, err = mkv.ParseBlock(e.Data()); err == nil {
			err = w.WriteBlock(b.Track, b.RelTime, b.Flags, b.Payload)
		}
	case mkv.IDBlockGroup:
		var g mkv.BlockGroup
		if g, err = mkv.ParseBlockGroup(e.Data()); err == nil {
			err = w.WriteBlock(g.Block.Track, g.Block.RelTime, g.Block.Flags, g.Block.Payload)
		}
	}
	return err
}

func remuxedFile(t *testing.T, body []byte, offset uint64) string {
	t.Helper()
	f := tempFile(t)
	w := mkv.NewFileWriter(f)
	remux(t, body, w, offset)
	if err := w.WriteTags([]mkv.Tag{{Simple: []mkv.SimpleTag{{Name: "PLACE", String: "mill"}}}}); err != nil {
		t.Fatal(err)
	}
	if err := w.Finish(); err != nil {
		t.Fatal(err)
	}
	return f.Name()
}

func TestOtherProgramsFindNothingWrongInAFile(t *testing.T) {
	source := recording(t)
	for _, offset := range []uint64{0, 1_700_000_000_123} {
		path := remuxedFile(t, readFile(t, source), offset)
		if out := tool(t, "ffmpeg", "-v", "warning", "-i", path, "-f", "null", "-"); out != "" {
			t.Error("ffmpeg:", out)
		}
		probe := tool(t, "ffprobe", "-v", "warning", "-show_entries", "format=start_time,duration:format_tags=PLACE", "-of", "csv=p=0", path)
		if want := fmt.Sprintf("%d.%03d000,5.0", offset/1000, offset%1000); !strings.HasPrefix(probe, want) || !strings.Contains(probe, "mill") {
			t.Errorf("ffprobe: %s, want %s…", probe, want)
		}
		if got, want := hashes(t, path), hashes(t, source); got != want {
			t.Errorf("frames\n%swant\n%s", got, want)
		}
	}
}

// hashes returns a hash over the frames of each track.
func hashes(t *testing.T, path string) string {
	t.Helper()
	return tool(t, "ffmpeg", "-v", "warning", "-i", path, "-map", "0", "-c", "copy", "-f", "streamhash", "-")
}

func TestOtherProgramsSeekInAFile(t *testing.T) {
	path := remuxedFile(t, readFile(t, recording(t)), 0)
	out := tool(t, "ffprobe", "-v", "warning", "-read_intervals", "3.5%+#1", "-select_streams", "v",
		"-show_entries", "packet=pts_time,flags", "-of", "csv=p=0", path)
	if !strings.HasPrefix(out, "3.0") || !strings.Contains(out, ",K") {
		t.Errorf("seeking to 3.5 s leads to %s", out)
	}
}

func TestMKVToolNixFindsNothingWrongInAFile(t *testing.T) {
	path := remuxedFile(t, readFile(t, recording(t)), 0)
	// mkvmerge exits with 1 after a warning.
	tool(t, "mkvmerge", "-o", filepath.Join(t.TempDir(), "again.mkv"), path)
	info := tool(t, "mkvinfo", "-a", path)
	for _, want := range []string{"+ Seek head", "+ Cues", "| + Duration: 00:00:05", "+ Cue relative position", "+ Tags"} {
		if !strings.Contains(info, want) {
			t.Errorf("mkvinfo does not say %q", want)
		}
	}
	for _, fault := range []string{"nknown element", "rror", "arning", "damaged"} {
		if strings.Contains(info, fault) {
			t.Errorf("mkvinfo says %q\n%s", fault, info)
		}
	}
}

func TestOtherProgramsReadALiveDocument(t *testing.T) {
	source := recording(t)
	path := filepath.Join(t.TempDir(), "live.mkv")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	remux(t, readFile(t, source), mkv.NewLiveWriter(f), 0)
	if out := tool(t, "ffmpeg", "-v", "warning", "-i", path, "-f", "null", "-"); out != "" {
		t.Error("ffmpeg:", out)
	}
	if got, want := hashes(t, path), hashes(t, source); got != want {
		t.Errorf("frames\n%swant\n%s", got, want)
	}
}
