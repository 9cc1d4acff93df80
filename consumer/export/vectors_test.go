package export_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/millrace/millrace/consumer"
	"github.com/millrace/millrace/consumer/export"
	"github.com/millrace/millrace/media"
	"github.com/millrace/millrace/mkv"
)

// vectors are the files of others that every container is made of: what the
// service sent, what producers sent, and what ffmpeg made.
func vectors(t *testing.T) (paths []string) {
	t.Helper()
	dir := os.Getenv("MILLRACE_VECTORS")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "shared", "vectors")
	}
	for _, pattern := range []string{"getmedia/*.mkv", "putmedia/*.body.mkv", "media/*.mkv"} {
		found, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil {
			t.Fatal(err)
		}
		paths = append(paths, found...)
	}
	return paths
}

// few are those of make test; all of them take minutes.
func few() []string {
	return []string{
		"output_get_media", "h264-bframes", "h264-aac", "h264-alaw", "hevc-aac", "av1-opus", "mjpeg", "h264-resolution-change", "h264-vfr-hole",
		"kvssink-file-offline-bframes-aac", "go-kvm-relative-1",
	}
}

// A reference is what ffmpeg reads of a vector: its documents as they are, joined
// as long as their tracks are the same, because ffmpeg reads one alone.
type reference struct {
	path   string
	codecs []media.Codec
	frames [][]byte // payloads of all tracks, in order
	seen
}

// references joins the documents of a vector, element by element as they came.
func references(t *testing.T, path string) (list []*reference) {
	t.Helper()
	in, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var out []byte
	var tracks, head []byte
	finish := func() {
		if len(list) == 0 {
			return
		}
		r := list[len(list)-1]
		r.path = filepath.Join(t.TempDir(), "source.mkv")
		if err := os.WriteFile(r.path, out, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	r := mkv.NewReader(bytes.NewReader(in), mkv.ReaderOptions{MaxBlockSize: 1 << 26})
	for {
		e, err := r.Next()
		if err != nil {
			if !errors.Is(err, io.EOF) {
				t.Fatal(err)
			}
			finish()
			return list
		}
		switch {
		case e.ID == mkv.IDEBML:
			head = bytes.Clone(e.Raw)
		case e.ID == mkv.IDSegment && e.Kind == mkv.Start:
			head = mkv.AppendUnknownSize(mkv.AppendID(head, mkv.IDSegment), 8)
		case e.ID == mkv.IDInfo:
			head = append(head, e.Raw...)
		case e.ID == mkv.IDTracks:
			if bytes.Equal(tracks, e.Raw) {
				continue
			}
			finish()
			tracks = bytes.Clone(e.Raw)
			parsed, err := mkv.ParseTracks(e.Data())
			if err != nil {
				t.Fatal(err)
			}
			ref := &reference{}
			for _, p := range parsed {
				ref.codecs = append(ref.codecs, media.DetectCodec(p.CodecID, p.CodecPrivate))
			}
			list, out = append(list, ref), append(head, e.Raw...)
		case e.ID == mkv.IDCluster && e.Kind == mkv.Start:
			out = mkv.AppendUnknownSize(mkv.AppendID(out, mkv.IDCluster), 8)
		case e.Level == 2 && len(list) > 0:
			out = append(out, e.Raw...)
			list[len(list)-1].note(t, e)
		}
	}
}

func (r *reference) note(t *testing.T, e mkv.Element) {
	t.Helper()
	var block mkv.Block
	var err error
	switch e.ID {
	case mkv.IDSimpleBlock:
		block, err = mkv.ParseBlock(e.Data())
	case mkv.IDBlockGroup:
		var g mkv.BlockGroup
		g, err = mkv.ParseBlockGroup(e.Data())
		block = g.Block
	default:
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	for data, err := range block.Frames() {
		if err != nil {
			t.Fatal(err)
		}
		r.frames = append(r.frames, bytes.Clone(data))
	}
}

// has reports whether a track of one of the codecs is there.
func (r *reference) has(codecs ...media.Codec) bool {
	return slices.ContainsFunc(r.codecs, func(c media.Codec) bool { return slices.Contains(codecs, c) })
}

// A way is one that media leave.
type way struct {
	container export.Container
	live      bool
	front     bool
	carries   []media.Codec // nil: all
}

func (w way) String() string {
	return fmt.Sprintf("%s live=%v front=%v", w.container, w.live, w.front)
}

func ways() []way {
	inMP4 := []media.Codec{media.AVC, media.HEVC, media.AV1, media.AAC, media.Opus, media.ALaw, media.MuLaw}
	return []way{
		{container: export.ContainerMKV},
		{container: export.ContainerMKV, live: true},
		{container: export.ContainerMP4, carries: inMP4},
		{container: export.ContainerMP4, carries: inMP4, front: true},
		{container: export.ContainerMP4, carries: inMP4, live: true},
		{container: export.ContainerTS, carries: []media.Codec{media.AVC, media.AAC}},
		{container: export.ContainerAnnexB, carries: []media.Codec{media.AVC, media.HEVC}},
		{container: export.ContainerADTS, carries: []media.Codec{media.AAC}},
		{container: export.ContainerWAV, carries: []media.Codec{media.ALaw, media.MuLaw, media.PCMLittle, media.PCMBig, media.PCMFloat}},
		{container: export.ContainerJPEG, carries: []media.Codec{media.MJPEG}},
	}
}

// files exports a vector and returns the files.
func (w way) files(t *testing.T, vector string) (paths []string, err error) {
	t.Helper()
	in, err := os.Open(vector)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	dir := t.TempDir()
	o := export.Options{Container: w.container, Live: w.live, FastStart: w.front, LeaveOut: true}
	err = export.Files(t.Context(), consumer.ReadFrom(in, consumer.ReadOptions{}), o, func(part int) (io.WriteSeeker, error) {
		path := filepath.Join(dir, fmt.Sprintf("%d.%s", part, extensionOf(w.container)))
		paths = append(paths, path)
		return os.Create(path)
	})
	return paths, err
}

func extensionOf(c export.Container) string {
	switch c {
	case export.ContainerAnnexB:
		return "h264" // ffmpeg looks into it
	case export.ContainerADTS:
		return "aac"
	case export.ContainerJPEG:
		return "mjpeg"
	}
	return string(c)
}

// TestExportsDecodeToTheFramesOfTheSource: in every container, ffmpeg decodes the
// same pictures at the same times and the same sound as of the vector, and has
// nothing to say that it does not say of the vector itself.
func TestExportsDecodeToTheFramesOfTheSource(t *testing.T) {
	compareAll(t, func(name string) bool { return slices.Contains(few(), name) })
}

func compareAll(t *testing.T, wanted func(name string) bool) {
	_, err := exec.LookPath("ffmpeg")
	for _, vector := range vectors(t) {
		name := strings.TrimSuffix(strings.TrimSuffix(filepath.Base(vector), ".mkv"), ".body")
		if !wanted(name) {
			continue
		}
		t.Run(name, func(t *testing.T) {
			if err != nil {
				t.Skip("no ffmpeg")
			}
			t.Parallel()
			refs := references(t, vector)
			for _, r := range refs {
				r.seen = see(t, r.path, r.codecs)
			}
			for _, w := range ways() {
				t.Run(w.String(), func(t *testing.T) { w.compare(t, vector, refs) })
			}
		})
	}
}

func (w way) compare(t *testing.T, vector string, refs []*reference) {
	refs = slices.DeleteFunc(slices.Clone(refs), func(r *reference) bool { return len(r.frames) == 0 })
	paths, err := w.files(t, vector)
	if w.carries != nil && slices.ContainsFunc(refs, func(r *reference) bool { return !r.has(w.carries...) }) {
		if !errors.Is(err, export.ErrCarry) || len(paths) > 0 {
			t.Errorf("%d files, error %v", len(paths), err)
		}
		return
	}
	if err != nil || len(paths) != len(refs) {
		t.Fatalf("%d files of %d documents: %v", len(paths), len(refs), err)
	}
	for i, path := range paths {
		r := refs[i]
		var codecs []media.Codec
		for _, c := range r.codecs {
			if w.carries == nil || slices.Contains(w.carries, c) {
				codecs = append(codecs, c)
			}
		}
		if w.container == export.ContainerMKV {
			sameFrames(t, path, r.frames)
			cleanMKV(t, path)
		}
		bare := w.container == export.ContainerAnnexB || w.container == export.ContainerJPEG
		r.seen.same(t, see(t, path, codecs), r, codecs, w, !bare)
	}
}

// sameFrames compares what is in a file's blocks, in order.
func sameFrames(t *testing.T, path string, want [][]byte) {
	t.Helper()
	var got [][]byte
	for _, r := range references(t, path) {
		got = append(got, r.frames...)
	}
	if !slices.EqualFunc(got, want, bytes.Equal) {
		t.Errorf("%d frames of %d, and they differ", len(got), len(want))
	}
}

// cleanMKV asks mkvinfo, where it is.
func cleanMKV(t *testing.T, path string) {
	t.Helper()
	mkvinfo, err := exec.LookPath("mkvinfo")
	if err != nil {
		return
	}
	said, err := exec.Command(mkvinfo, "--ui-language", "en_US", path).CombinedOutput()
	lower := strings.ToLower(string(said))
	if err != nil || strings.Contains(lower, "warning") || strings.Contains(lower, "error") || !strings.Contains(lower, "cluster") {
		t.Errorf("mkvinfo: %v, %s", err, said)
	}
}
