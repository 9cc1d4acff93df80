package export_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/Eyevinn/mp4ff/mp4"

	"github.com/millrace/millrace/consumer"
	"github.com/millrace/millrace/consumer/export"
	"github.com/millrace/millrace/mkv"
)

// A block is a frame of a document.
type block struct {
	track uint64
	rel   int16
	data  []byte
}

// film is a document of one Cluster.
func film(tracks []mkv.Track, timecode uint64, blocks ...block) []byte {
	b := mkv.AppendEBML(nil, mkv.EBML{})
	b = mkv.AppendUnknownSize(mkv.AppendID(b, mkv.IDSegment), 8)
	b = mkv.AppendInfo(b, mkv.Info{})
	b = mkv.AppendTracks(b, tracks)
	b = mkv.AppendUnknownSize(mkv.AppendID(b, mkv.IDCluster), 8)
	b = mkv.AppendUint(b, mkv.IDTimecode, timecode)
	for _, x := range blocks {
		b = append(mkv.AppendSimpleBlockHeader(b, x.track, x.rel, mkv.FlagKeyframe, len(x.data)), x.data...)
	}
	return b
}

// aac is a track of 48 kHz, and alaw one of 8 kHz.
func aac(number uint64) mkv.Track {
	return mkv.Track{
		Number: number, UID: number, Type: mkv.TrackAudio, CodecID: "A_AAC", CodecPrivate: []byte{0x11, 0x90},
		Audio: mkv.Audio{SamplingFrequency: 48000, Channels: 2},
	}
}

func alaw(number uint64) mkv.Track {
	return mkv.Track{
		Number: number, UID: number, Type: mkv.TrackAudio, CodecID: "A_MS/ACM",
		CodecPrivate: []byte("\x06\x00\x01\x00\x40\x1f\x00\x00\x40\x1f\x00\x00\x01\x00\x08\x00\x00\x00"),
		Audio:        mkv.Audio{SamplingFrequency: 8000, Channels: 1},
	}
}

// movieOf writes documents as MP4 and reads what came of it.
func movieOf(t *testing.T, o export.Options, documents ...[]byte) (*mp4.File, []byte) {
	t.Helper()
	o.Container = export.ContainerMP4
	files, err := parts(t, o, documents...)
	if err != nil || len(files) != 1 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	b, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	f, err := mp4.DecodeFile(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	return f, b
}

// payloads reads the samples of a track by its tables.
func payloads(t *testing.T, trak *mp4.TrakBox, file []byte) (all []string) {
	t.Helper()
	stbl := trak.Mdia.Minf.Stbl
	for n := uint32(1); n <= stbl.Stsz.SampleNumber; n++ {
		chunk, first, err := stbl.Stsc.ChunkNrFromSampleNr(int(n))
		if err != nil {
			t.Fatal(err)
		}
		at, err := stbl.Stco.GetOffset(chunk)
		if err != nil {
			t.Fatal(err)
		}
		for i := uint32(first); i < n; i++ {
			at += uint64(stbl.Stsz.GetSampleSize(int(i)))
		}
		all = append(all, string(file[at:at+uint64(stbl.Stsz.GetSampleSize(int(n)))]))
	}
	return all
}

func TestAnMP4FileIsItsTables(t *testing.T) {
	tracks := []mkv.Track{aac(1), alaw(2)}
	documents := [][]byte{
		film(tracks, 10_000, block{1, 0, []byte("one")}, block{1, 21, []byte("two")}, block{1, 43, []byte("three")}),
		film(tracks, 10_064, block{1, 0, []byte("four")}, block{2, 436, make([]byte, 160)}, block{1, 21, []byte("five")}),
		film(tracks, 70_000, block{1, 0, []byte("six")}, block{2, 0, make([]byte, 160)}),
	}
	for _, front := range []bool{false, true} {
		f, b := movieOf(t, export.Options{FastStart: front}, documents...)
		if moovFirst := bytes.Index(b, []byte("moov")) < bytes.Index(b, []byte("mdat")); moovFirst != front {
			t.Errorf("tables in front: %v", moovFirst)
		}
		one, two := f.Moov.Traks[0], f.Moov.Traks[1]
		if got := payloads(t, one, b); !slices.Equal(got, []string{"one", "two", "three", "four", "five", "six"}) {
			t.Errorf("samples %q", got)
		}
		if got := payloads(t, two, b); len(got) != 2 || len(got[0]) != 160 || len(got[1]) != 160 {
			t.Errorf("samples %q", got)
		}
		// 64 ms are 3072 ticks, and not the 3 x 1024 of the frames alone plus what
		// their rounded times say; the gap lasts to 60 s, by the first track's frame.
		stts := one.Mdia.Minf.Stbl.Stts
		sum := uint64(0)
		for i, n := range stts.SampleCount {
			sum += uint64(n) * uint64(stts.SampleTimeDelta[i])
		}
		if sum != 60_000*48+1024 {
			t.Errorf("the first track lasts %d ticks: %v of %v", sum, stts.SampleTimeDelta, stts.SampleCount)
		}
		// The second track begins half a second later than the first.
		edits := two.Edts.Elst[0].Entries
		if len(edits) != 2 || edits[0].MediaTime != -1 || edits[0].SegmentDuration != 45_000 || edits[1].MediaTime != 0 {
			t.Errorf("edits %+v", edits)
		}
	}
}

func TestAGapLongerThanASampleCanLastIsLeftOut(t *testing.T) {
	var moves []export.Move
	o := export.Options{Events: export.Events{Moved: func(m export.Move) { moves = append(moves, m) }}}
	tracks := []mkv.Track{aac(1)}
	f, _ := movieOf(t, o, film(tracks, 0, block{1, 0, []byte("a")}), film(tracks, 7*3600*1000, block{1, 0, []byte("b")}))
	if d := f.Moov.Traks[0].Mdia.Mdhd.Duration; d > 48_000 {
		t.Errorf("lasts %d ticks", d)
	}
	if len(moves) != 1 || !errors.Is(moves[0].Reason, export.ErrGap) {
		t.Errorf("moves %v", moves)
	}
}

func TestATrackThatIsShownBeforeTheFirstFrameIsNotLate(t *testing.T) {
	tracks := []mkv.Track{aac(1), aac(2)}
	f, _ := movieOf(t, export.Options{}, film(tracks, 1000, block{1, 0, []byte("a")}, block{2, -100, []byte("b")}))
	edits := f.Moov.Traks[0].Edts.Elst[0].Entries
	if len(edits) != 2 || edits[0].SegmentDuration != 9000 || len(f.Moov.Traks[1].Edts.Elst[0].Entries) != 1 {
		t.Errorf("edits %+v and %+v", edits, f.Moov.Traks[1].Edts.Elst[0].Entries)
	}
}

func TestFragmentedMP4OfSeveralTracks(t *testing.T) {
	tracks := []mkv.Track{aac(1), alaw(2)}
	var out counter
	w, err := export.New(&out, export.Options{Container: export.ContainerMP4})
	if err != nil {
		t.Fatal(err)
	}
	in := slices.Concat(
		film(tracks, 1000, block{1, 0, []byte("a")}, block{2, -20, make([]byte, 160)}, block{1, 21, []byte("b")}),
		film(tracks, 1043, block{1, 0, []byte("c")}))
	if err := export.Copy(t.Context(), consumer.ReadFrom(bytes.NewReader(in), consumer.ReadOptions{}), w); err != nil {
		t.Fatal(err)
	}
	if out.writes != 2 {
		t.Errorf("%d writes of two fragments", out.writes)
	}
	f, err := mp4.DecodeFile(bytes.NewReader(out.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	type at struct {
		track uint32
		time  uint64
	}
	var got []at
	for _, s := range f.Segments {
		for _, fragment := range s.Fragments {
			got = append(got, at{fragment.Moof.Traf.Tfhd.TrackID, fragment.Moof.Traf.Tfdt.BaseMediaDecodeTime()})
		}
	}
	if want := []at{{1, 960}, {2, 0}, {1, 63 * 48}}; !slices.Equal(got, want) {
		t.Errorf("segments %v, want %v", got, want)
	}
}

// TestAFragmentThatDoesNotBeginWithAKeyFrameSaysSo, in both kinds of MP4, whatever
// its producer calls a key frame.
func TestAFragmentThatDoesNotBeginWithAKeyFrameSaysSo(t *testing.T) {
	const idr, intra, predicted, bidirectional = "65888040", "61888040", "419a8040", "01a08040"
	tracks := []mkv.Track{avc(1)}
	documents := [][]byte{
		film(tracks, 0, block{1, 0, units(predicted)}, block{1, 40, units(idr)}, block{1, 80, units(bidirectional)}),
		film(tracks, 120, block{1, 0, units(idr)}),
		film(tracks, 160, block{1, 0, units(intra)}),
	}
	f, _ := movieOf(t, export.Options{}, documents...)
	if got := f.Moov.Trak.Mdia.Minf.Stbl.Stss.SampleNumber; !slices.Equal(got, []uint32{2, 4, 5}) {
		t.Errorf("key frames %v", got)
	}
	f, _ = movieOf(t, export.Options{Live: true}, documents...)
	var keys []bool
	for _, s := range f.Segments {
		for _, fragment := range s.Fragments {
			for _, sample := range fragment.Moof.Traf.Trun.Samples {
				keys = append(keys, sample.Flags&0x10000 == 0)
			}
		}
	}
	if !slices.Equal(keys, []bool{false, true, false, true, true}) {
		t.Errorf("key frames %v", keys)
	}
}

// TestPicturesOutOfOrderAreShownInIt: 0, 120, 40, 80 are decoded at 0, 40, 80 and
// 120, all of them 40 ms before that so that no offset is negative.
func TestPicturesOutOfOrderAreShownInIt(t *testing.T) {
	tracks := []mkv.Track{avc(1)}
	f, _ := movieOf(t, export.Options{}, film(tracks, 0,
		block{1, 0, units("6588")}, block{1, 120, units("419a")}, block{1, 40, units("01a0")}, block{1, 80, units("01a0")}))
	stbl := f.Moov.Trak.Mdia.Minf.Stbl
	var shown []int64
	decoded := int64(0)
	for i := range uint32(4) {
		offset := int64(stbl.Ctts.GetCompositionTimeOffset(i + 1))
		if offset < 0 {
			t.Errorf("picture %d has the offset %d", i, offset)
		}
		shown = append(shown, decoded+offset-f.Moov.Trak.Edts.Elst[0].Entries[0].MediaTime)
		decoded += int64(stbl.Stts.GetDur(i + 1))
	}
	if !slices.Equal(shown, []int64{0, 120 * 90, 40 * 90, 80 * 90}) {
		t.Errorf("shown at %v", shown)
	}
}

// TestParameterSetsOfTheFirstFrameDoForAHeaderWithout, in either form.
func TestParameterSetsOfTheFirstFrameDoForAHeaderWithout(t *testing.T) {
	track := avc(1)
	track.CodecPrivate = nil
	for _, frame := range [][]byte{units(spsA, ppsA, "6588"), codes(spsA, ppsA, "6588")} {
		for _, live := range []bool{false, true} {
			f, b := movieOf(t, export.Options{Live: live}, film([]mkv.Track{track}, 0, block{1, 0, frame}))
			entry := f.Moov.Trak.Mdia.Minf.Stbl.Stsd.AvcX
			if entry == nil || entry.Width != 320 || !bytes.HasSuffix(b[:bytes.LastIndex(b, []byte("mdat"))+10], []byte("\x00\x00\x00\x02\x65\x88")) {
				t.Errorf("entry %+v", entry)
			}
		}
	}
}

// TestSoundThatIsNotHeardIsBehindTheLastEdit: 1024 samples of 48 kHz are 1920 ticks
// of the file, of which 10 ms are 900.
func TestSoundThatIsNotHeardIsBehindTheLastEdit(t *testing.T) {
	doc := film([]mkv.Track{aac(1)}, 0, block{1, 0, []byte("a")})
	doc = mkv.AppendPaddedBlock(doc, 1, 21, 0, []byte("b"), int64(10*time.Millisecond))
	f, _ := movieOf(t, export.Options{}, doc)
	if e := f.Moov.Trak.Edts.Elst[0].Entries; len(e) != 1 || e[0].SegmentDuration != 2*1920-900 || f.Moov.Trak.Mdia.Mdhd.Duration != 2048 {
		t.Errorf("edits %+v", e)
	}
}

func TestATrackThatOverlapsGoesOnAllTheSame(t *testing.T) {
	tracks := []mkv.Track{aac(1), aac(2)}
	f, _ := movieOf(t, export.Options{Live: true},
		film(tracks, 0, block{1, 0, []byte("a")}, block{2, 100, []byte("b")}),
		film(tracks, 60, block{1, 0, []byte("c")}, block{2, 0, []byte("d")}))
	var times []uint64
	for _, s := range f.Segments {
		for _, fragment := range s.Fragments {
			times = append(times, fragment.Moof.Traf.Tfdt.BaseMediaDecodeTime())
		}
	}
	if want := []uint64{0, 4800, 2880, 4801}; !slices.Equal(times, want) {
		t.Errorf("segments at %v, want %v", times, want)
	}
}

// A sparse file forgets what is written in large pieces.
type sparse struct {
	at, size int64
	kept     map[int64][]byte
}

func (s *sparse) Write(p []byte) (int, error) {
	const large = 1 << 20
	if len(p) < large {
		if s.kept == nil {
			s.kept = map[int64][]byte{}
		}
		s.kept[s.at] = bytes.Clone(p)
	}
	s.at += int64(len(p))
	s.size = max(s.size, s.at)
	return len(p), nil
}

func (s *sparse) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekStart:
		s.at = offset
	case io.SeekCurrent:
		s.at += offset
	default:
		return 0, errors.New("no such place")
	}
	return s.at, nil
}

// torture runs what moves 4 GiB, which under the race detector takes half a minute.
func torture(t *testing.T, test func(t *testing.T)) {
	t.Run("whole", func(t *testing.T) {
		if os.Getenv("MILLRACE_TORTURE") == "" {
			t.Skip("MILLRACE_TORTURE is not set")
		}
		test(t)
	})
}

// large writes more than 4 GiB of frames of a track.
func large(t *testing.T, c export.Container, track mkv.Track) *sparse {
	t.Helper()
	const frame = 8 << 20
	frames := mkv.AppendSimpleBlockHeader(nil, 1, 0, mkv.FlagKeyframe, frame)
	frames = append(frames, make([]byte, frame)...)
	var documents []io.Reader
	for i := range uint64(math.MaxUint32/frame + 3) {
		documents = append(documents, bytes.NewReader(film([]mkv.Track{track}, i*2000)), bytes.NewReader(frames))
	}
	var s sparse
	w, err := export.New(&s, export.Options{Container: c})
	if err != nil {
		t.Fatal(err)
	}
	if err := export.Copy(t.Context(), consumer.ReadFrom(io.MultiReader(documents...), consumer.ReadOptions{}), w); err != nil {
		t.Fatal(err)
	}
	return &s
}

func TestTortureAnMP4FileOfMoreThan4GiB(t *testing.T) { torture(t, largeMP4) }

func largeMP4(t *testing.T) {
	s := large(t, export.ContainerMP4, aac(1))
	var moov *mp4.MoovBox
	for _, b := range s.kept {
		if i := bytes.Index(b, []byte("moov")); i == 4 {
			box, err := mp4.DecodeBox(0, bytes.NewReader(b))
			if err != nil {
				t.Fatal(err)
			}
			moov = box.(*mp4.MoovBox)
		}
	}
	if moov == nil {
		t.Fatal("no tables")
	}
	co64 := moov.Trak.Mdia.Minf.Stbl.Co64
	if co64 == nil || len(co64.ChunkOffset) != math.MaxUint32/(8<<20)+3 {
		t.Fatalf("offsets %v", co64)
	}
	front := co64.ChunkOffset[0]
	for i, at := range co64.ChunkOffset {
		if at != front+uint64(i)<<23 {
			t.Fatalf("frame %d is at %d", i, at)
		}
	}
	head := s.kept[int64(front)-16]
	if len(head) != 16 || binary.BigEndian.Uint32(head) != 1 || binary.BigEndian.Uint64(head[8:]) != 16+uint64(len(co64.ChunkOffset))<<23 {
		t.Errorf("head of the media %x", head)
	}
}

func TestTortureAWAVFileOfMoreThan4GiB(t *testing.T) { torture(t, largeWAV) }

func largeWAV(t *testing.T) {
	s := large(t, export.ContainerWAV, alaw(1))
	head := s.kept[0]
	if len(head) < 60 || string(head[:4]) != "RF64" || string(head[8:16]) != "WAVEds64" {
		t.Fatalf("head %q", head)
	}
	le := binary.LittleEndian
	samples := uint64(math.MaxUint32/(8<<20)+3) << 23
	if le.Uint64(head[20:]) != uint64(s.size)-8 || le.Uint64(head[28:]) != samples || le.Uint64(head[36:]) != samples {
		t.Errorf("sizes %d, %d and %d", le.Uint64(head[20:]), le.Uint64(head[28:]), le.Uint64(head[36:]))
	}
}

func TestTheTablesCannotGoInFrontOfWhatCannotBeRead(t *testing.T) {
	if _, err := export.New(&sparse{}, export.Options{Container: export.ContainerMP4, FastStart: true}); err == nil {
		t.Error("no error")
	}
	file, err := os.Create(filepath.Join(t.TempDir(), "f"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if _, err := export.New(file, export.Options{Container: export.ContainerMP4, FastStart: true}); err != nil {
		t.Error(err)
	}
}
