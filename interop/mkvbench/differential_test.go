package mkvbench_test

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/at-wat/ebml-go"

	"github.com/millrace/millrace/mkv"
)

// compare reads the bytes with both libraries and wants the same documents.
func compare(t *testing.T, b []byte) []document {
	t.Helper()
	ours, theirs, err := readBoth(b)
	if err != nil {
		t.Fatal(err)
	}
	if len(ours) != len(theirs) {
		t.Fatalf("%d documents, theirs %d", len(ours), len(theirs))
	}
	for i := range ours {
		o, h := ours[i], theirs[i]
		if !reflect.DeepEqual(o.Clusters, h.Clusters) {
			t.Errorf("document %d: clusters differ", i)
		}
		o.Clusters, h.Clusters = nil, nil
		if !reflect.DeepEqual(o, h) {
			t.Errorf("document %d:\nours   %+v\ntheirs %+v", i, o, h)
		}
	}
	return ours
}

func TestCapturesAreReadAlike(t *testing.T) {
	root := os.Getenv("MILLRACE_VECTORS")
	if root == "" {
		root = filepath.Join("..", "..", "..", "shared", "vectors")
	}
	var paths []string
	for _, pattern := range []string{"putmedia/*.body.mkv", "getmedia/*.mkv"} {
		found, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil {
			t.Fatal(err)
		}
		paths = append(paths, found...)
	}
	if len(paths) == 0 {
		t.Skip("vectors not present")
	}
	for _, path := range paths {
		t.Run(filepath.Base(path), func(t *testing.T) {
			b, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if len(compare(t, b)) == 0 {
				t.Error("no document")
			}
		})
	}
}

// randomTracks describes a picture track and a sound track.
func randomTracks(rng *rand.Rand) []mkv.Track {
	return []mkv.Track{
		{
			Number: 1, UID: rng.Uint64(), Type: mkv.TrackVideo, CodecID: "V_TEST", CodecPrivate: randomBytes(rng, 40),
			Video: mkv.Video{PixelWidth: 1 + rng.Uint64N(5000), PixelHeight: 1 + rng.Uint64N(5000)},
		},
		{
			Number: 1 + rng.Uint64N(1<<20), UID: rng.Uint64(), Type: mkv.TrackAudio, CodecID: "A_TEST", CodecPrivate: randomBytes(rng, 300),
			Audio: mkv.Audio{SamplingFrequency: float64(rng.Uint64N(96000) + 1), Channels: 1 + rng.Uint64N(8)},
		},
	}
}

func randomBytes(rng *rand.Rand, most int) []byte {
	b := make([]byte, 1+rng.IntN(most))
	for i := range b {
		b[i] = byte(rng.Uint32())
	}
	return b
}

type blockWriter interface {
	WriteHeader(h mkv.Header) error
	StartCluster(timecode uint64) error
	WriteBlock(track uint64, rel int16, flags mkv.BlockFlags, payload []byte) error
	WriteTags(tags []mkv.Tag) error
}

// writeRandom writes a document of random length and content.
func writeRandom(t *testing.T, rng *rand.Rand, w blockWriter) (frames int) {
	t.Helper()
	tracks := randomTracks(rng)
	must(t, w.WriteHeader(mkv.Header{Info: mkv.Info{TimecodeScale: 1 + rng.Uint64N(2_000_000)}, Tracks: tracks}))
	for range rng.IntN(5) {
		must(t, w.StartCluster(rng.Uint64N(1<<42)))
		for range rng.IntN(20) {
			flags := mkv.BlockFlags(rng.Uint32()) & (mkv.FlagKeyframe | mkv.FlagInvisible)
			must(t, w.WriteBlock(tracks[rng.IntN(2)].Number, int16(rng.Uint32()), flags, randomBytes(rng, 20_000)))
			frames++
		}
		if rng.IntN(2) == 0 {
			must(t, w.WriteTags([]mkv.Tag{{Simple: []mkv.SimpleTag{{Name: "n", String: fmt.Sprint(rng.Uint64())}, {Name: "empty"}}}}))
		}
	}
	return frames
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func countFrames(docs []document) (n int) {
	for _, d := range docs {
		for _, c := range d.Clusters {
			n += len(c.Frames)
		}
	}
	return n
}

func TestTheyReadWhatTheLiveWriterWrites(t *testing.T) {
	for seed := range uint64(50) {
		rng := rand.New(rand.NewPCG(seed, 1))
		var out bytes.Buffer
		frames := 0
		for range 1 + rng.IntN(3) { // documents behind each other
			frames += writeRandom(t, rng, mkv.NewLiveWriter(&out))
		}
		if got := countFrames(compare(t, out.Bytes())); got != frames {
			t.Errorf("seed %d: %d frames of %d", seed, got, frames)
		}
	}
}

func TestTheyReadWhatTheFileWriterWrites(t *testing.T) {
	path := filepath.Join(t.TempDir(), "out.mkv")
	for seed := range uint64(20) {
		f, err := os.Create(path)
		must(t, err)
		w := mkv.NewFileWriter(f)
		frames := writeRandom(t, rand.New(rand.NewPCG(seed, 2)), w)
		must(t, w.Finish())
		must(t, f.Close())
		b, err := os.ReadFile(path)
		must(t, err)
		if got := countFrames(compare(t, b)); got != frames {
			t.Errorf("seed %d: %d frames of %d", seed, got, frames)
		}
	}
}

func TestWeReadWhatTheyWrite(t *testing.T) {
	for seed := range uint64(50) {
		rng := rand.New(rand.NewPCG(seed, 3))
		var out bytes.Buffer
		must(t, ebml.Marshal(randomFile(rng), &out))
		compare(t, out.Bytes())
	}
}

// randomFile is a document for ebml-go to write, with blocks of every lacing.
func randomFile(rng *rand.Rand) *ebmlFile {
	s := ebmlSegment{
		Info:   ebmlInfo{TimecodeScale: 1 + rng.Uint64N(2_000_000), MuxingApp: "m", WritingApp: "w"},
		Tracks: ebmlTracks{TrackEntry: []ebmlTrack{{TrackNumber: 1, TrackUID: rng.Uint64(), TrackType: 1, CodecID: "V_TEST"}}},
	}
	for range 1 + rng.IntN(4) {
		c := ebmlCluster{Timecode: rng.Uint64N(1 << 42)}
		for range rng.IntN(10) {
			c.SimpleBlock = append(c.SimpleBlock, randomBlock(rng))
		}
		s.Cluster = append(s.Cluster, c)
	}
	s.Tags = []ebmlTags{{Tag: []ebmlTag{{SimpleTag: []ebmlSimpleTag{{TagName: "n", TagString: "s"}}}}}}
	return &ebmlFile{
		EBML:    []ebmlHeader{{DocType: "matroska", DocTypeVersion: 4, DocTypeReadVersion: 2}},
		Segment: []ebmlSegment{s},
	}
}

func randomBlock(rng *rand.Rand) ebml.Block {
	b := ebml.Block{
		TrackNumber: 1 + rng.Uint64N(300),
		Timecode:    int16(rng.Uint32()),
		Keyframe:    rng.IntN(2) == 0,
		Invisible:   rng.IntN(2) == 0,
		Lacing:      ebml.LacingMode(rng.IntN(4)),
		Data:        [][]byte{randomBytes(rng, 2000)},
	}
	if b.Lacing == ebml.LacingNo {
		return b
	}
	for range 1 + rng.IntN(6) {
		next := randomBytes(rng, 2000)
		if b.Lacing == ebml.LacingFixed {
			next = bytes.Repeat([]byte{byte(rng.Uint32())}, len(b.Data[0]))
		}
		b.Data = append(b.Data, next)
	}
	return b
}

// Cut anywhere, neither library may find frames the other does not.
func TestACutStreamIsReadAlike(t *testing.T) {
	rng := rand.New(rand.NewPCG(4, 4))
	var out bytes.Buffer
	for out.Len() < 20_000 {
		out.Reset()
		writeRandom(t, rng, mkv.NewLiveWriter(&out))
	}
	for range 200 {
		n := rng.IntN(out.Len())
		ours, _ := readOurs(bytes.NewReader(out.Bytes()[:n]))
		var f ebmlFile
		if err := ebml.Unmarshal(bytes.NewReader(out.Bytes()[:n]), &f); err != nil && !strings.Contains(err.Error(), io.ErrUnexpectedEOF.Error()) {
			t.Fatal(err)
		}
		var theirs []document
		for _, s := range f.Segment {
			theirs = append(theirs, s.document(""))
		}
		if o, h := countFrames(ours), countFrames(theirs); o != h {
			t.Errorf("cut at %d: %d frames, theirs %d", n, o, h)
		}
	}
}
