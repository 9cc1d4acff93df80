package fmp4_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"slices"
	"testing"

	"github.com/Eyevinn/mp4ff/mp4"
	"pgregory.net/rapid"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/fmp4"
	"github.com/millrace/millrace/internal/timeline"
	"github.com/millrace/millrace/media"
)

// units frames NAL units with lengths of four bytes.
func units(list ...[]byte) []byte {
	var b []byte
	for _, u := range list {
		b = binary.BigEndian.AppendUint32(b, uint32(len(u)))
		b = append(b, u...)
	}
	return b
}

// A frame is what a test puts into a fragment.
type frame struct {
	at   int32 // ms
	data []byte
	key  bool
}

// fragmentOf lays frames into a fragment with other bytes about them.
func fragmentOf(frames ...frame) *millrace.Fragment {
	f := &millrace.Fragment{TimecodeScale: 1_000_000}
	cluster := []byte("head")
	for _, x := range frames {
		s := millrace.Sample{Track: 1, Offset: uint32(len(cluster)), Size: uint32(len(x.data)), Time: x.at}
		if x.key {
			s.Flags = millrace.SampleKey
		}
		f.Samples = append(f.Samples, s)
		cluster = append(append(cluster, x.data...), "block"...)
	}
	f.Cluster = [][]byte{cluster}
	return f
}

func segmentOf(t testing.TB, track *timeline.Track, frames ...frame) *fmp4.Segment {
	t.Helper()
	s, err := packaged(track, frames...)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func packaged(track *timeline.Track, frames ...frame) (*fmp4.Segment, error) {
	f := fragmentOf(frames...)
	r := track.Run(f, timeline.Hint{})
	return fmp4.NewSegment(track, &r, f.Cluster[0])
}

func decoded(t testing.TB, segment []byte) (*mp4.MediaSegment, *mp4.Fragment) {
	t.Helper()
	file, err := mp4.DecodeFile(bytes.NewReader(segment))
	if err != nil {
		t.Fatal(err)
	}
	return file.Segments[0], file.Segments[0].Fragments[0]
}

// samplesOf are the samples with their times and bytes.
func samplesOf(t testing.TB, part *mp4.Fragment) []mp4.FullSample {
	t.Helper()
	samples, err := part.GetFullSamples(nil)
	if err != nil {
		t.Fatal(err)
	}
	return samples
}

var (
	idr   = []byte{0x65, 1, 2, 3}
	slice = []byte{0x41, 4, 5}
)

func avcTrack(t testing.TB) *timeline.Track { return listed(t, "avc-baseline-1080") }

func TestASegmentHasTheseBoxesAndNoOthers(t *testing.T) {
	s := segmentOf(t, avcTrack(t), frame{0, units(idr), true}, frame{40, units(slice), false})
	segment, part := decoded(t, written(s, 42, 1<<32+5))
	if b := segment.Styp; b == nil || b.MajorBrand() != "msdh" || !slices.Equal(b.CompatibleBrands(), []string{"msdh", "msix", "cmfs", "cmf2"}) {
		t.Errorf("styp: %+v", b)
	}
	wantBoxes(t, "segment", part.Children, "moof", "mdat")
	wantBoxes(t, "moof", part.Moof.Children, "mfhd", "traf")
	traf := part.Moof.Traf
	wantBoxes(t, "traf", traf.Children, "tfhd", "tfdt", "trun")
	if part.Moof.Mfhd.SequenceNumber != 42 {
		t.Errorf("sequence number %d", part.Moof.Mfhd.SequenceNumber)
	}
	if *traf.Tfhd != (mp4.TfhdBox{Flags: 0x020000, TrackID: 1}) {
		t.Errorf("tfhd: %+v", traf.Tfhd)
	}
	if traf.Tfdt.Version != 1 || traf.Tfdt.BaseMediaDecodeTime() != 1<<32+5 {
		t.Errorf("tfdt: version %d, %d", traf.Tfdt.Version, traf.Tfdt.BaseMediaDecodeTime())
	}
	if size := int64(len(written(s, 1, 0))); s.Size() != size {
		t.Errorf("size %d, want %d", s.Size(), size)
	}
}

func TestTheTimeOfASegmentIsOfVersionOneWhereverItStands(t *testing.T) {
	_, part := decoded(t, written(segmentOf(t, avcTrack(t), frame{0, units(idr), true}), 1, 0))
	if tfdt := part.Moof.Traf.Tfdt; tfdt.Version != 1 || tfdt.BaseMediaDecodeTime() != 0 {
		t.Errorf("%+v", tfdt)
	}
}

func TestCompositionOffsetsAreThereWhereFramesAreReordered(t *testing.T) {
	track := avcTrack(t)
	for _, row := range []struct {
		name  string
		times [3]int32
		flags uint32
		want  [3]int32
	}{
		{"in order", [3]int32{0, 40, 80}, 0x701, [3]int32{}},
		{"out of order", [3]int32{0, 80, 40}, 0xf01, [3]int32{0, 3600, -3600}},
		{"with pictures that lead the key frame", [3]int32{80, 0, 40}, 0xf01, [3]int32{7200, -3600, -3600}},
	} {
		t.Run(row.name, func(t *testing.T) {
			s := segmentOf(t, track, frame{row.times[0], units(idr), true}, frame{row.times[1], units(slice), false}, frame{row.times[2], units(slice), false})
			_, part := decoded(t, written(s, 1, 900))
			trun := part.Moof.Traf.Trun
			if trun.Version != 1 || trun.Flags != row.flags {
				t.Errorf("trun version %d, flags %#x, want %#x", trun.Version, trun.Flags, row.flags)
			}
			for i, sample := range samplesOf(t, part) {
				if sample.CompositionTimeOffset != row.want[i] || sample.PresentationTime() != 900+90*int64(row.times[i]) {
					t.Errorf("sample %d is shown at %d (offset %d), want %d", i, sample.PresentationTime(), sample.CompositionTimeOffset, 900+90*int64(row.times[i]))
				}
			}
		})
	}
}

func TestSampleFlags(t *testing.T) {
	const sync, other = 0x02000000, 0x01010000
	hevc := func(kind byte) []byte { return units([]byte{kind << 1, 1, 9}) }
	for _, row := range []struct {
		name    string
		track   *timeline.Track
		frames  []frame
		want    []uint32
		suspect bool
	}{
		{"a key frame and others", avcTrack(t), []frame{{0, units(idr), true}, {40, units(slice), false}}, []uint32{sync, other}, false},
		{"a second key frame", avcTrack(t), []frame{{0, units(idr), true}, {40, units(idr), true}}, []uint32{sync, sync}, false},
		{"one that the producer does not mark", avcTrack(t), []frame{{0, units(idr), true}, {40, units(idr), false}}, []uint32{sync, other}, false},
		{"one that is none", avcTrack(t), []frame{{0, units(idr), true}, {40, units(slice), true}}, []uint32{sync, other}, false},
		{"a first one that is none", avcTrack(t), []frame{{0, units(slice), true}, {40, units(slice), false}}, []uint32{sync, other}, true},
		{"a first one that is not marked", avcTrack(t), []frame{{0, units(idr), false}}, []uint32{sync}, false},
		{"h265: a clean random access point", listed(t, "hevc-crop-hrd"), []frame{{0, hevc(19), true}, {40, hevc(21), true}, {80, hevc(16), true}, {120, hevc(1), true}}, []uint32{sync, sync, sync, other}, false},
		{"h265: types that are reserved", listed(t, "hevc-crop-hrd"), []frame{{0, hevc(20), true}, {40, hevc(22), true}}, []uint32{sync, other}, false},
		{"sound, marked or not", trackOf("A_AAC", unhex(t, "1190")), []frame{{0, []byte{1}, true}, {21, []byte{2}, false}}, []uint32{sync, sync}, false},
		{"av1 as the producer says", listed(t, "av1-10"), []frame{{0, []byte{1}, true}, {40, []byte{2}, false}, {80, []byte{2}, true}}, []uint32{sync, other, sync}, false},
	} {
		t.Run(row.name, func(t *testing.T) {
			s := segmentOf(t, row.track, row.frames...)
			_, part := decoded(t, written(s, 1, 0))
			for i, sample := range samplesOf(t, part) {
				if sample.Flags != row.want[i] {
					t.Errorf("sample %d: %#08x, want %#08x", i, sample.Flags, row.want[i])
				}
			}
			if s.Suspect != row.suspect {
				t.Errorf("suspect: %v", s.Suspect)
			}
		})
	}
}

func TestG711IsTimedByItsBytes(t *testing.T) {
	track := g711(t, media.ALaw, 8000, 2)
	s := segmentOf(t, track, frame{0, make([]byte, 320), true}, frame{20, make([]byte, 640), true})
	_, part := decoded(t, written(s, 1, 0))
	samples := samplesOf(t, part)
	if samples[0].Dur != 160 || samples[1].Dur != 320 || samples[1].Size != 640 {
		t.Errorf("%+v", samples)
	}
}

func TestAHeadIsTheCallersOwn(t *testing.T) {
	s := segmentOf(t, avcTrack(t), frame{0, units(idr), true})
	first := s.Head(1, 100)
	clear(first)
	a, b := s.Head(1, 100), s.Head(2, 200)
	if len(a) != len(b) || !bytes.Equal(a[:52], b[:52]) || bytes.Equal(a, b) {
		t.Errorf("heads:\n%x\n%x", a, b)
	}
	if _, part := decoded(t, append(a, units(idr)...)); part.Moof.Traf.Tfdt.BaseMediaDecodeTime() != 100 {
		t.Error("a head was changed by another")
	}
}

func TestSegmentsFollowOneAnotherWithoutAHole(t *testing.T) {
	for _, name := range []string{"h264-bframes", "h264-aac"} {
		t.Run(name, func(t *testing.T) {
			fragments := vector(t, "media/"+name+".mkv")
			track := formatOf(t, fragments[0]).First(media.Video)
			end := int64(-1)
			for i, f := range fragments {
				r := track.Run(f, nextOf(track, fragments, i))
				s, err := fmp4.NewSegment(track, &r, f.Cluster[0])
				if err != nil {
					t.Fatal(err)
				}
				start := startOf(track, f) + r.Start
				_, part := decoded(t, written(s, uint32(i), uint64(start)))
				if end >= 0 && start != end {
					t.Errorf("fragment %d begins at %d, the one before ends at %d", i, start, end)
				}
				end = int64(part.Moof.Traf.Tfdt.BaseMediaDecodeTime()) + int64(part.Moof.Traf.Trun.Duration(0))
			}
		})
	}
}

func TestFramesThatCannotBeWritten(t *testing.T) {
	avc := avcTrack(t)
	good := frame{0, units(idr), true}
	for _, row := range []struct {
		name string
		bad  []byte
		want error
	}{
		{"empty", nil, fmp4.ErrEmpty},
		{"behind start codes", []byte{0, 0, 0, 1, 0x65, 1, 2, 3}, fmp4.ErrAnnexB},
		{"behind short start codes", []byte{0, 0, 1, 0x65, 1, 2, 3}, fmp4.ErrAnnexB},
		{"a length beyond the end", []byte{0, 0, 0, 9, 0x65, 1}, fmp4.ErrFraming},
		{"a length cut short", append(units(slice), 0, 0), fmp4.ErrFraming},
		{"bytes behind the last unit", append(units(slice), 7, 7, 7, 7, 7), fmp4.ErrFraming},
		{"no unit's header", units([]byte{0x80, 1}), fmp4.ErrFraming},
	} {
		t.Run(row.name, func(t *testing.T) {
			_, err := packaged(avc, good, frame{40, row.bad, false})
			var at *fmp4.FrameError
			if !errors.Is(err, row.want) || !errors.As(err, &at) || at.Frame != 1 || at.Track != 1 {
				t.Errorf("%v, want %v", err, row.want)
			}
		})
	}
	if _, err := packaged(avc); !errors.Is(err, fmp4.ErrEmpty) {
		t.Errorf("no frames: %v", err)
	}
	if _, err := packaged(trackOf("V_MJPEG", nil), good); !errors.Is(err, fmp4.ErrCodec) {
		t.Errorf("motion jpeg: %v", err)
	}
	if _, err := packaged(trackOf("V_MPEG4/ISO/AVC", nil), good); !errors.Is(err, media.ErrMissing) {
		t.Errorf("no private data: %v", err)
	}
	r := avc.Run(fragmentOf(good), timeline.Hint{})
	if _, err := fmp4.NewSegment(avc, &r, make([]byte, 11, 64)); !errors.Is(err, fmp4.ErrRange) {
		t.Errorf("outside of the cluster: %v", err)
	}
}

func TestASegmentOfMoreThanAGiBIsRefused(t *testing.T) {
	track := trackOf("A_AAC", unhex(t, "1190"))
	cluster := make([]byte, 1<<20)
	r := timeline.Run{Samples: make([]timeline.Sample, 1024)}
	for i := range r.Samples {
		r.Samples[i] = timeline.Sample{Size: uint32(len(cluster)), Duration: 1024}
	}
	if _, err := fmp4.NewSegment(track, &r, cluster); !errors.Is(err, fmp4.ErrLimit) {
		t.Error(err)
	}
}

// Whatever order the frames come in, readers see them decoded one after the
// other and shown when the producer said, and as many bytes as there are.
func TestAnyOrderOfFrames(t *testing.T) {
	track := avcTrack(t)
	rapid.Check(t, func(t *rapid.T) {
		var frames []frame
		for i, at := range rapid.SliceOfN(rapid.Int32Range(-500, 5000), 1, 120).Draw(t, "times") {
			unit := slices.Concat(slice, make([]byte, rapid.IntRange(0, 40).Draw(t, "bytes")))
			if i == 0 {
				unit = idr
			}
			frames = append(frames, frame{at, units(unit), i == 0})
		}
		f := fragmentOf(frames...)
		r := track.Run(f, timeline.Hint{})
		s, err := fmp4.NewSegment(track, &r, f.Cluster[0])
		if err != nil {
			t.Fatal(err)
		}
		const anchor = 1_000_000
		file, err := mp4.DecodeFile(bytes.NewReader(written(s, 1, uint64(anchor+r.Start))))
		if err != nil {
			t.Fatal(err)
		}
		part := file.Segments[0].Fragments[0]
		samples, err := part.GetFullSamples(nil)
		if err != nil || len(samples) != len(frames) {
			t.Fatalf("%d samples of %d: %v", len(samples), len(frames), err)
		}
		at, last, bytesOf := uint64(anchor+r.Start), uint64(0), uint64(0)
		for i, sample := range samples {
			if sample.DecodeTime != at || sample.DecodeTime <= last {
				t.Fatalf("sample %d is decoded at %d after %d, want %d", i, sample.DecodeTime, last, at)
			}
			if want := anchor + 90*int64(frames[i].at); sample.PresentationTime() != want {
				t.Fatalf("sample %d is shown at %d, want %d", i, sample.PresentationTime(), want)
			}
			if !bytes.Equal(sample.Data, frames[i].data) {
				t.Fatalf("sample %d has other bytes", i)
			}
			last, at, bytesOf = at, at+uint64(sample.Dur), bytesOf+uint64(sample.Size)
		}
		if at != uint64(anchor+r.Start+r.Duration()) {
			t.Fatalf("it ends at %d, want %d", at, anchor+r.Start+r.Duration())
		}
		if bytesOf != part.Mdat.DataLength() {
			t.Fatalf("samples of %d bytes in an mdat of %d", bytesOf, part.Mdat.DataLength())
		}
	})
}

// What refers to a unit of a byte takes more memory than the unit.
func TestPiecesTakeNoMoreMemoryThanTheFragment(t *testing.T) {
	track := avcTrack(t)
	var picture, want []byte
	for range 10_000 {
		picture = append(picture, 0, 0, 0, 2, 0x65, 1, 0, 0, 0, 1, 0x09) // one that stays, and one that does not
		want = append(want, 0, 0, 0, 2, 0x65, 1)
	}
	large := units(bytes.Repeat([]byte{0x41}, 500))
	s := segmentOf(t, track, frame{data: picture, key: true}, frame{data: large, at: 40}, frame{data: units([]byte{0x41, 2}), at: 80})
	want = append(append(want, large...), 0, 0, 0, 2, 0x41, 2)
	if got := bytes.Join(s.Payload(), nil); !bytes.Equal(got, want) {
		t.Errorf("%d bytes, want %d", len(got), len(want))
	}
	if n := len(s.Payload()); n > 1000 {
		t.Errorf("%d pieces of %d bytes", n, len(want))
	}
}
