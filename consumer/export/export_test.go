package export_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/millrace/millrace/consumer"
	"github.com/millrace/millrace/consumer/export"
	"github.com/millrace/millrace/mkv"
)

// document is a document with one Cluster at the given time, whose blocks are
// at the given times relative to it, alternately of the tracks.
func document(codec string, timecode uint64, tracks uint64, blocks ...int16) []byte {
	b := mkv.AppendEBML(nil, mkv.EBML{})
	b = mkv.AppendUnknownSize(mkv.AppendID(b, mkv.IDSegment), 8)
	b = mkv.AppendInfo(b, mkv.Info{WritingApp: codec})
	var list []mkv.Track
	for n := range tracks {
		list = append(list, mkv.Track{Number: n + 1, UID: n + 1, Type: mkv.TrackVideo, CodecID: codec})
	}
	b = mkv.AppendTracks(b, list)
	b = mkv.AppendUnknownSize(mkv.AppendID(b, mkv.IDCluster), 8)
	b = mkv.AppendUint(b, mkv.IDTimecode, timecode)
	for i, rel := range blocks {
		flags := mkv.BlockFlags(0)
		if i == 0 {
			flags = mkv.FlagKeyframe
		}
		b = append(mkv.AppendSimpleBlockHeader(b, uint64(i)%tracks+1, rel, flags, 1), 'x')
	}
	return b
}

// exported runs documents through a writer and returns what it wrote.
func exported(t *testing.T, make func(io.Writer) export.Writer, documents ...[]byte) (out []byte, writes int, err error) {
	t.Helper()
	var w counter
	x := make(&w)
	for f, err := range consumer.ReadFrom(bytes.NewReader(slices.Concat(documents...)), consumer.ReadOptions{}).Fragments(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		if err := x.WriteFragment(f); err != nil {
			return w.Bytes(), w.writes, err
		}
	}
	return w.Bytes(), w.writes, nil
}

type counter struct {
	bytes.Buffer
	writes int
}

func (c *counter) Write(p []byte) (int, error) {
	c.writes++
	return c.Buffer.Write(p)
}

// times returns the times of all blocks, and how many headers there are.
func times(t *testing.T, b []byte) (all []int64, headers int) {
	t.Helper()
	var at, last uint64
	for r := mkv.NewReader(bytes.NewReader(b), mkv.ReaderOptions{}); ; {
		e, err := r.Next()
		if errors.Is(err, io.EOF) {
			return all, headers
		}
		if err != nil {
			t.Fatal(err)
		}
		switch {
		case e.ID == mkv.IDEBML:
			headers++
		case e.ID == mkv.IDTimecode:
			at, _ = mkv.ParseUint(e.Data())
			if at < last {
				t.Errorf("cluster at %d after %d", at, last)
			}
			last = at
		case e.ID == mkv.IDSimpleBlock:
			block, err := mkv.ParseBlock(e.Data())
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, int64(at)+int64(block.RelTime))
		}
	}
}

func newMKV(w io.Writer) export.Writer { return export.NewMKV(w) }

func TestOneDocumentWithTimesThatNeverGoBack(t *testing.T) {
	for name, tc := range map[string]struct {
		documents [][]byte
		want      []int64
	}{
		"time begins with zero": {
			[][]byte{document("V_A", 1_700_000_000_000, 1, 0, 40, 80), document("V_A", 1_700_000_000_120, 1, 0, 40)},
			[]int64{0, 40, 80, 120, 160},
		},
		"a gap stays": {
			[][]byte{document("V_A", 1000, 1, 0, 40), document("V_A", 61_000, 1, 0, 40)},
			[]int64{0, 40, 60_000, 60_040},
		},
		"a producer that starts again goes on behind": {
			[][]byte{document("V_A", 5000, 1, 0, 40), document("V_A", 0, 1, 0, 40), document("V_A", 80, 1, 0, 40)},
			[]int64{0, 40, 80, 120, 160, 200},
		},
		"an overlap is moved behind": {
			[][]byte{document("V_A", 0, 1, 0, 1000, 2000), document("V_A", 1000, 1, 0, 1000)},
			[]int64{0, 1000, 2000, 2040, 3040},
		},
		"sound that reaches into the next fragment is no overlap": {
			[][]byte{document("V_A", 0, 2, 0, 0, 1000, 1100), document("V_A", 1050, 2, 0, 110)},
			[]int64{0, 0, 1000, 1100, 1050, 1160},
		},
		"pictures out of order stay where they are": {
			[][]byte{document("V_A", 500, 1, 0, 120, 40, 80), document("V_A", 660, 1, 0, 80, 40)},
			[]int64{0, 120, 40, 80, 160, 240, 200},
		},
		"a frame that comes behind the first and is shown before it": {
			[][]byte{document("V_A", 1000, 1, 33, 0, 73)},
			[]int64{33, 0, 73},
		},
		"a fragment that is longer than a block can say": {
			[][]byte{document("V_A", 0, 1, -30_000, 30_000)},
			[]int64{0, 60_000},
		},
		"a fragment without frames": {
			[][]byte{document("V_A", 0, 1), document("V_A", 40, 1, 0)},
			[]int64{0},
		},
	} {
		out, _, err := exported(t, newMKV, tc.documents...)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		got, headers := times(t, out)
		if !slices.Equal(got, tc.want) || headers != 1 {
			t.Errorf("%s: times %v under %d headers, want %v", name, got, headers, tc.want)
		}
	}
}

func TestEveryFrameIsOneWrite(t *testing.T) {
	_, writes, err := exported(t, newMKV, document("V_A", 0, 1, 0, 40, 80), document("V_A", 120, 1, 0))
	if err != nil || writes != 4 {
		t.Errorf("%d writes, %v", writes, err)
	}
}

func TestOtherTracksAreRefusedBeforeAnythingIsRead(t *testing.T) {
	out, _, err := exported(t, newMKV, document("V_A", 0, 1, 0), document("V_B", 40, 1, 0))
	if !errors.Is(err, export.ErrTracksChanged) {
		t.Errorf("error %v", err)
	}
	if got, _ := times(t, out); len(got) != 1 {
		t.Errorf("wrote %d frames", len(got))
	}
}

func TestRawIsWhatCame(t *testing.T) {
	in := slices.Concat(document("V_A", 0, 1, 0, 40), document("V_B", 80, 2, 0, 40))
	out, _, err := exported(t, func(w io.Writer) export.Writer { return export.NewRaw(w) }, in)
	if err != nil || !bytes.Equal(out, in) {
		t.Errorf("wrote %d of %d bytes, %v", len(out), len(in), err)
	}
}

func TestALineForEachFrameAndFragment(t *testing.T) {
	out, _, err := exported(t, func(w io.Writer) export.Writer { return export.NewJSON(w) },
		document("V_MPEG4/ISO/AVC", 1000, 1, 0, 40), document("V_MPEG4/ISO/AVC", 1080, 1, 0))
	if err != nil {
		t.Fatal(err)
	}
	var kinds []string
	for line := range strings.Lines(string(out)) {
		var v struct {
			Kind     string
			Timecode int64
			Key      bool
			Frames   int
			Complete bool
			Codecs   []string
		}
		if err := json.Unmarshal([]byte(line), &v); err != nil {
			t.Fatal(err)
		}
		kinds = append(kinds, v.Kind)
		if v.Kind == "fragment" && (!v.Complete || v.Frames == 0 || !slices.Equal(v.Codecs, []string{"avc"})) {
			t.Errorf("fragment %+v", v)
		}
	}
	if want := []string{"frame", "frame", "fragment", "frame", "fragment"}; !slices.Equal(kinds, want) {
		t.Errorf("lines %v", kinds)
	}
}

// TestFFmpegReadsTheDocument is the judgement of a program that is not ours on
// what the service itself sent.
func TestFFmpegReadsTheDocument(t *testing.T) {
	ffmpeg, err := exec.LookPath("ffmpeg")
	if err != nil {
		t.Skip("no ffmpeg")
	}
	dir := os.Getenv("MILLRACE_VECTORS")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "shared", "vectors")
	}
	for _, name := range []string{"getmedia/output_get_media.mkv", "media/h264-aac.mkv", "media/h264-bframes.mkv", "media/av1-opus.mkv", "media/hevc-aac.mkv"} {
		in, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Skip("vectors not present")
		}
		out, _, err := exported(t, newMKV, in)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		path := filepath.Join(t.TempDir(), "out.mkv")
		if err := os.WriteFile(path, out, 0o600); err != nil {
			t.Fatal(err)
		}
		said, err := exec.Command(ffmpeg, "-v", "warning", "-i", path, "-f", "null", "-").CombinedOutput()
		if err != nil || len(said) > 0 {
			t.Errorf("%s: %v, %s", name, err, said)
		}
	}
}
