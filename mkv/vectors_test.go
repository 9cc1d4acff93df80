package mkv_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/millrace/millrace/mkv"
)

const endOfFragment = "AWS_KINESISVIDEO_END_OF_FRAGMENT"

// summary is what the .expect.json of a captured body says, as far as a
// Reader can know it.
type summary struct {
	Bytes         int64             `json:"bytes"`
	HeaderBytes   int64             `json:"header_bytes"`
	TimecodeScale uint64            `json:"timecode_scale"`
	TrailingBytes int64             `json:"trailing_bytes"`
	Segments      int               `json:"segments"`
	Tracks        []trackSummary    `json:"tracks"`
	Fragments     []fragmentSummary `json:"fragments"`
}

type trackSummary struct {
	Number       uint64  `json:"number"`
	UID          uint64  `json:"uid"`
	Type         uint8   `json:"type"`
	Name         string  `json:"name"`
	CodecID      string  `json:"codec_id"`
	Width        uint64  `json:"width"`
	Height       uint64  `json:"height"`
	Rate         float64 `json:"rate"`
	Channels     uint64  `json:"channels"`
	CodecPrivate string  `json:"codec_private_hex"`
}

type fragmentSummary struct {
	Offset        int64          `json:"offset"`
	SizeField     string         `json:"size_field"`
	Timecode      uint64         `json:"timecode"`
	Blocks        map[uint64]int `json:"blocks"`
	Keyframes     int            `json:"keyframes"`
	FirstRel      int16          `json:"first_rel"`
	LastRel       int16          `json:"last_rel"`
	MinRel        int16          `json:"min_rel"`
	MaxRel        int16          `json:"max_rel"`
	PayloadBytes  int            `json:"payload_bytes"`
	TagsBefore    [][2]string    `json:"tags_before"`
	TagsAfter     [][2]string    `json:"tags_after"`
	TagsAfterEofr [][2]string    `json:"tags_after_eofr"`
	EndOfFragment bool           `json:"end_of_fragment_tag"`
}

// summarize reads a body into the form of its .expect.json.
func summarize(t *testing.T, src io.Reader, body []byte) summary {
	t.Helper()
	s := summary{Bytes: int64(len(body))}
	var early [][2]string
	records, err := drain(t, mkv.NewReader(src, mkv.ReaderOptions{}), body)
	if err != io.EOF && !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Fatal(err)
	}
	for _, r := range records {
		switch {
		case r.Kind == mkv.Start && r.ID == mkv.IDSegment:
			s.Segments++
		case r.Kind == mkv.Start && r.ID == mkv.IDCluster:
			s.Fragments = append(s.Fragments, newFragmentSummary(r, early))
			early = [][2]string{}
		case r.Kind == mkv.Whole && r.ID == mkv.IDTags && s.Fragments == nil:
			early = append(early, pairs(t, r)...)
		case r.Kind == mkv.Whole && s.Fragments != nil:
			s.Fragments[len(s.Fragments)-1].add(t, r)
		case r.Kind == mkv.Whole:
			s.addHeader(t, r)
		}
		if r.Kind == mkv.Whole && r.Level == 1 && s.Fragments == nil && r.ID != mkv.IDTags {
			s.HeaderBytes = r.offset
		}
		s.TrailingBytes = int64(len(body)) - r.offset
	}
	return s
}

func newFragmentSummary(start record, early [][2]string) fragmentSummary {
	f := fragmentSummary{
		Offset:        start.Offset,
		SizeField:     hex.EncodeToString(start.Raw[4:]),
		Blocks:        map[uint64]int{},
		TagsBefore:    early,
		TagsAfter:     [][2]string{},
		TagsAfterEofr: [][2]string{},
	}
	if early == nil {
		f.TagsBefore = [][2]string{}
	}
	return f
}

func (s *summary) addHeader(t *testing.T, r record) {
	t.Helper()
	switch r.ID {
	case mkv.IDInfo:
		info, err := mkv.ParseInfo(r.Data())
		if err != nil {
			t.Fatal(err)
		}
		s.TimecodeScale = info.TimecodeScale
	case mkv.IDTracks:
		tracks, err := mkv.ParseTracks(r.Data())
		if err != nil {
			t.Fatal(err)
		}
		for _, k := range tracks {
			s.Tracks = append(s.Tracks, trackSummary{
				k.Number, k.UID, uint8(k.Type), k.Name, k.CodecID, k.Video.PixelWidth, k.Video.PixelHeight,
				k.Audio.SamplingFrequency, k.Audio.Channels, hex.EncodeToString(k.CodecPrivate),
			})
		}
	}
}

func (f *fragmentSummary) add(t *testing.T, r record) {
	t.Helper()
	switch r.ID {
	case mkv.IDTimecode:
		f.Timecode = uintOf(t, r.Element)
	case mkv.IDSimpleBlock:
		b, err := mkv.ParseBlock(r.Data())
		if err != nil {
			t.Fatal(err)
		}
		f.addBlock(b)
	case mkv.IDTags:
		for _, p := range pairs(t, r) {
			switch {
			case p[0] == endOfFragment:
				f.EndOfFragment = true
			case f.EndOfFragment:
				f.TagsAfterEofr = append(f.TagsAfterEofr, p)
			default:
				f.TagsAfter = append(f.TagsAfter, p)
			}
		}
	}
}

func (f *fragmentSummary) addBlock(b mkv.Block) {
	if len(f.Blocks) == 0 {
		f.FirstRel, f.MinRel, f.MaxRel = b.RelTime, b.RelTime, b.RelTime
	}
	f.Blocks[b.Track]++
	f.LastRel, f.MinRel, f.MaxRel = b.RelTime, min(f.MinRel, b.RelTime), max(f.MaxRel, b.RelTime)
	f.PayloadBytes += len(b.Payload)
	if b.Keyframe() && (b.Track == 1) {
		f.Keyframes++
	}
}

func pairs(t *testing.T, r record) [][2]string {
	t.Helper()
	tags, err := mkv.ParseTags(r.Data())
	if err != nil {
		t.Fatal(err)
	}
	var out [][2]string
	for _, tag := range tags {
		for _, s := range tag.Simple {
			out = append(out, [2]string{s.Name, s.String})
		}
	}
	return out
}

func TestCapturedBodies(t *testing.T) {
	dir := vectorsDir(t, "putmedia")
	bodies, err := filepath.Glob(filepath.Join(dir, "*.body.mkv"))
	if err != nil || len(bodies) < 17 {
		t.Fatalf("%d bodies, %v", len(bodies), err)
	}
	for _, path := range bodies {
		name := strings.TrimSuffix(filepath.Base(path), ".body.mkv")
		var want summary
		if err := json.Unmarshal(readFile(t, filepath.Join(dir, name+".expect.json")), &want); err != nil {
			t.Fatal(err)
		}
		body := readFile(t, path)
		for cut, source := range cuts() {
			t.Run(name+" "+cut, func(t *testing.T) {
				if diff := cmp.Diff(want, summarize(t, source(body), body)); diff != "" {
					t.Error(diff)
				}
			})
		}
	}
}

func TestCapturedChunks(t *testing.T) {
	dir := vectorsDir(t, "getmedia")
	tests := map[string]struct{ documents, clusters, frames, tags int }{
		"output_get_media.mkv":                      {5, 5, 300, 60},
		"clusters.mkv":                              {1, 8, 444, 4},
		"test_mixed_tags.mkv":                       {10, 10, 100, 105},
		"empty-mkv-with-tags.mkv":                   {1, 0, 0, 3},
		"kinesis_video_renderer_example_output.mkv": {8, 8, 444, 40},
	}
	for name, want := range tests {
		body := readFile(t, filepath.Join(dir, name))
		for cut, source := range cuts() {
			t.Run(name+" "+cut, func(t *testing.T) {
				got := want
				got.documents, got.clusters, got.frames, got.tags = 0, 0, 0, 0
				records, err := drain(t, mkv.NewReader(source(body), mkv.ReaderOptions{}), body)
				if err != io.EOF {
					t.Fatal(err)
				}
				for _, r := range records {
					switch {
					case r.ID == mkv.IDEBML:
						got.documents++
					case r.ID == mkv.IDCluster && r.Kind == mkv.Start:
						got.clusters++
					case r.ID == mkv.IDSimpleBlock:
						got.frames++
					case r.ID == mkv.IDTags:
						got.tags += len(pairs(t, r))
					}
				}
				if got != want {
					t.Errorf("got %+v, want %+v", got, want)
				}
			})
		}
	}
}

// Captured headers survive being decoded, encoded and decoded again.
func TestCapturedHeadersRoundTrip(t *testing.T) {
	dir := vectorsDir(t, "putmedia")
	bodies, _ := filepath.Glob(filepath.Join(dir, "*.body.mkv"))
	for _, path := range bodies {
		body := readFile(t, path)
		records, _ := drain(t, mkv.NewReader(bytes.NewReader(body), mkv.ReaderOptions{}), body)
		for _, r := range records {
			if r.Kind == mkv.Whole && r.Level < 2 {
				roundTrip(t, r.ID, r.Data())
			}
		}
	}
}
