package fmp4_test

import (
	"bytes"
	"slices"
	"testing"

	"github.com/millrace/millrace/internal/fmp4"
	"github.com/millrace/millrace/internal/timeline"
	"github.com/millrace/millrace/media"
)

// A setup is codec private data and the sets in them.
type setup struct {
	id      string
	private []byte
	sets    [][]byte // VPS, SPS, PPS
}

func setupOf(t testing.TB, name string) setup {
	t.Helper()
	s := setup{}
	s.id, s.private = privateOf(t, name)
	if media.DetectCodec(s.id, s.private) == media.AVC {
		c, err := media.ParseAVCConfig(s.private)
		if err != nil {
			t.Fatal(err)
		}
		s.sets = slices.Concat(c.SPS, c.PPS)
		return s
	}
	c, err := media.ParseHEVCConfig(s.private)
	if err != nil {
		t.Fatal(err)
	}
	s.sets = slices.Concat(c.VPS, c.SPS, c.PPS)
	return s
}

func (s setup) track() *timeline.Track { return trackOf(s.id, s.private) }

// key is a frame that begins with units.
func key(list ...[]byte) frame { return frame{0, units(list...), true} }

// firstOf is what is left of the first frame.
func firstOf(t testing.TB, s *fmp4.Segment) []byte {
	t.Helper()
	_, part := decoded(t, written(s, 1, 0))
	return samplesOf(t, part)[0].Data
}

func TestUnitsThatAreLeftOut(t *testing.T) {
	avc, hevc := setupOf(t, "avc-baseline-1080"), setupOf(t, "hevc-crop-hrd")
	h := func(kind byte) []byte { return []byte{kind << 1, 1, 0x55} }
	sei, hidr := []byte{6, 1, 0x80}, h(19)
	for _, row := range []struct {
		name  string
		setup setup
		in    [][]byte
		want  [][]byte
	}{
		{"h264: sets that the private data have", avc, [][]byte{avc.sets[0], avc.sets[1], idr}, [][]byte{idr}},
		{"h264: a set with zeros behind it", avc, [][]byte{append(slices.Clone(avc.sets[0]), 0, 0), idr}, [][]byte{idr}},
		{"h264: a delimiter", avc, [][]byte{{9, 0xf0}, idr}, [][]byte{idr}},
		{"h264: filler", avc, [][]byte{idr, {12, 0xff, 0xff, 0x80}}, [][]byte{idr}},
		{"h264: ends of sequence and stream", avc, [][]byte{idr, {10}, {11}}, [][]byte{idr}},
		{"h264: all about a slice", avc, [][]byte{{9, 0xf0}, avc.sets[0], avc.sets[1], sei, idr, {12, 0x80}, idr, {10}}, [][]byte{sei, idr, idr}},
		{"h264: sei stays", avc, [][]byte{sei, idr}, [][]byte{sei, idr}},
		{"h264: an empty unit", avc, [][]byte{{}, idr, {}}, [][]byte{idr}},
		{"h264: unless nothing else is there", avc, [][]byte{{9, 0xf0}, avc.sets[0]}, [][]byte{{9, 0xf0}, avc.sets[0]}},
		{"h265: sets that the private data have", hevc, [][]byte{hevc.sets[0], hevc.sets[1], hevc.sets[2], hidr}, [][]byte{hidr}},
		{"h265: a delimiter, filler, ends of sequence and bitstream", hevc, [][]byte{h(35), hidr, h(38), h(36), h(37)}, [][]byte{hidr}},
		{"h265: sei stays", hevc, [][]byte{h(39), hidr, h(40)}, [][]byte{h(39), hidr, h(40)}},
	} {
		t.Run(row.name, func(t *testing.T) {
			s := segmentOf(t, row.setup.track(), key(row.in...))
			if got := firstOf(t, s); !bytes.Equal(got, units(row.want...)) {
				t.Errorf("%x is left, want %x", got, units(row.want...))
			}
			if s.Private != nil {
				t.Errorf("private data %x", s.Private)
			}
		})
	}
}

func TestLengthsOfTwoBytes(t *testing.T) {
	avc := setupOf(t, "avc-baseline-1080")
	private := slices.Clone(avc.private)
	private[4] = private[4]&^3 | 1
	frames := frame{0, []byte{0, 2, 9, 0xf0, 0, 4, 0x65, 1, 2, 3}, true}
	if got, want := firstOf(t, segmentOf(t, trackOf(avc.id, private), frames)), frames.data[4:]; !bytes.Equal(got, want) {
		t.Errorf("%x, want %x", got, want)
	}
}

func TestTemporalDelimitersOfAV1AreLeftOut(t *testing.T) {
	track := listed(t, "av1-10")
	if got := firstOf(t, segmentOf(t, track, frame{0, []byte{0x12, 0, 0x32, 1, 9}, true})); !bytes.Equal(got, []byte{0x32, 1, 9}) {
		t.Errorf("%x", got)
	}
	if got := firstOf(t, segmentOf(t, track, frame{0, []byte{0x12, 0}, true})); !bytes.Equal(got, []byte{0x12, 0}) {
		t.Errorf("alone: %x", got)
	}
}

// Sets that differ stay where they are until the track has them; then they are
// left out.
func TestSetsThatThePrivateDataDoNotHave(t *testing.T) {
	for _, row := range []struct {
		name, stale, real string
		sets              []int // of the real ones, in band
	}{
		{"h264", "avc-main-crop", "avc-baseline-1080", []int{0, 1}},
		{"h264, another profile", "avc-baseline-1080", "avc-422-10", []int{0, 1}},
		{"h264, the picture set alone", "avc-hrd-cqm", "avc-gray", []int{1}},
		{"h265", "hevc-crop-hrd", "hevc-main10-scaling", []int{0, 1, 2}},
		{"h265, another profile", "hevc-main10-scaling", "hevc-422-temporal", []int{0, 1, 2}},
	} {
		t.Run(row.name, func(t *testing.T) {
			stale, real := setupOf(t, row.stale), setupOf(t, row.real)
			slice := idr
			if media.DetectCodec(stale.id, stale.private) == media.HEVC {
				slice = []byte{19 << 1, 1, 7}
			}
			in := [][]byte{}
			for _, i := range row.sets {
				in = append(in, real.sets[i])
			}
			in = append(in, slice)
			s := segmentOf(t, stale.track(), key(in...))
			if got := firstOf(t, s); !bytes.Equal(got, units(in...)) {
				t.Errorf("the sets do not stay: %x", got)
			}
			if s.Private == nil {
				t.Fatal("no private data are proposed")
			}
			for _, i := range row.sets {
				if bytes.Contains(s.Private, stale.sets[i]) && !bytes.Equal(stale.sets[i], real.sets[i]) {
					t.Errorf("the set that was replaced is still there: %x in %x", stale.sets[i], s.Private)
				}
			}
			renewed := trackOf(stale.id, s.Private)
			if renewed.Fault != nil || len(row.sets) > 1 && renewed.Parameters != real.track().Parameters {
				t.Errorf("%v: %+v, want %+v", renewed.Fault, renewed.Parameters, real.track().Parameters)
			}
			if _, err := fmp4.AppendInit(nil, renewed); err != nil {
				t.Error(err)
			}
			again := segmentOf(t, renewed, key(in...))
			if got := firstOf(t, again); !bytes.Equal(got, units(slice)) || again.Private != nil {
				t.Errorf("with the new private data %x is left, and %x proposed", got, again.Private)
			}
		})
	}
}

func TestRenewedPrivateDataKeepTheLengthsOfUnits(t *testing.T) {
	stale, real := setupOf(t, "avc-main-crop"), setupOf(t, "avc-baseline-1080")
	private := slices.Clone(stale.private)
	private[4] = private[4]&^3 | 1
	var data []byte
	for _, u := range append(slices.Clone(real.sets), idr) {
		data = append(append(data, byte(len(u)>>8), byte(len(u))), u...)
	}
	s := segmentOf(t, trackOf(stale.id, private), frame{0, data, true})
	if s.Private == nil || s.Private[4]&3 != 1 {
		t.Errorf("%x", s.Private)
	}
}

// Once a set has come that says something else, those that are known are needed
// where they stand.
func TestSetsBehindOthersStay(t *testing.T) {
	old, other := setupOf(t, "avc-main-crop"), setupOf(t, "avc-baseline-1080")
	frames := []frame{
		key(old.sets[0], old.sets[1], idr),
		{40, units(other.sets[0], other.sets[1], idr), true},
		{80, units(old.sets[0], old.sets[1], idr), true},
	}
	s := segmentOf(t, old.track(), frames...)
	_, part := decoded(t, written(s, 1, 0))
	samples := samplesOf(t, part)
	if !bytes.Equal(samples[0].Data, units(idr)) {
		t.Errorf("before: %x", samples[0].Data)
	}
	for i := 1; i <= 2; i++ {
		if !bytes.Equal(samples[i].Data, frames[i].data) {
			t.Errorf("frame %d: %x", i, samples[i].Data)
		}
	}
	if s.Private != nil {
		t.Error("sets of a later frame would be wrong for the first")
	}
}

func TestSetsOfALaterFrameWouldBeWrongForTheFirst(t *testing.T) {
	old, other := setupOf(t, "avc-main-crop"), setupOf(t, "avc-baseline-1080")
	s := segmentOf(t, old.track(), key(idr), frame{40, units(other.sets[0], other.sets[1], idr), true})
	if s.Private != nil {
		t.Errorf("private data %x", s.Private)
	}
}

func TestSetsThatCannotBeReadAreNotTakenOver(t *testing.T) {
	avc := setupOf(t, "avc-main-crop")
	avc.private = append(avc.private, 0) // which would be dropped from anew written ones
	for _, set := range [][]byte{{0x67}, {0x67, 0xff}, {0x68}, {0x68, 0}, {0x68, 0, 0x40, 0x10, 0x80}, {0x6d, 1}} {
		s := segmentOf(t, avc.track(), key(set, idr))
		if got := firstOf(t, s); !bytes.Equal(got, units(set, idr)) {
			t.Errorf("%x: %x is left", set, got)
		}
		if s.Private != nil {
			t.Errorf("%x: %x is proposed", set, s.Private)
		}
	}
	if s := segmentOf(t, avc.track(), key([]byte{0x68, 0, 0xff, 0x80}, idr)); s.Private == nil {
		t.Error("a picture parameter set of the highest number is not proposed")
	}
}

func TestExtensionsOfSetsAreSetsThemselves(t *testing.T) {
	avc := setupOf(t, "avc-444-cqm")
	c, err := media.ParseAVCConfig(avc.private)
	if err != nil {
		t.Fatal(err)
	}
	extension := []byte{0x6d, 0xa0}
	c.Format.SPSExt = [][]byte{extension}
	private, err := c.Append(nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := firstOf(t, segmentOf(t, trackOf(avc.id, private), key(extension, idr))); !bytes.Equal(got, units(idr)) {
		t.Errorf("%x is left", got)
	}
}

func TestASegmentWithItsSets(t *testing.T) {
	hevcIDR := []byte{19 << 1, 1, 7}
	for _, row := range []struct {
		private string
		idr     []byte
		codes   bool
	}{
		{"avc-baseline-1080", idr, false}, {"hevc-crop-hrd", hevcIDR, false}, {"avc-main-crop", idr, true},
	} {
		t.Run(row.private, func(t *testing.T) {
			setup := setupOf(t, row.private)
			track := setup.track()
			if row.codes {
				track = trackOf(setup.id, codes(setup.sets...))
			}
			frames := []frame{key(row.idr), {80, units(row.idr), true}, {40, units(row.idr), true}}
			plain := segmentOf(t, track, frames...)
			with := plain.WithSets(track)
			whole := written(with, 3, 90)
			if int64(len(whole)) != with.Size() || with.Size() <= plain.Size() {
				t.Errorf("%d bytes, said to be %d, %d without", len(whole), with.Size(), plain.Size())
			}
			_, part := decoded(t, whole)
			samples := samplesOf(t, part)
			if want := units(append(slices.Clone(setup.sets), row.idr)...); !bytes.Equal(samples[0].Data, want) {
				t.Errorf("the first frame is %x, want %x", samples[0].Data, want)
			}
			if !bytes.Equal(samples[2].Data, frames[2].data) || samples[1].Dur != 3600 || part.Moof.Traf.Tfdt.BaseMediaDecodeTime() != 90 {
				t.Errorf("the rest is not as it was: %+v", samples[2])
			}
			if got := firstOf(t, plain); !bytes.Equal(got, units(row.idr)) {
				t.Errorf("the segment itself has changed: %x", got)
			}
		})
	}
	sound := trackOf("A_AAC", unhex(t, "1190"))
	if s := segmentOf(t, sound, frame{0, []byte{1}, true}); s.WithSets(sound) != s {
		t.Error("sound has parameter sets")
	}
}

func TestSetsThatNoLengthCanSayAreNotPutInFront(t *testing.T) {
	avc := setupOf(t, "avc-baseline-1080")
	c, err := media.ParseAVCConfig(avc.private)
	if err != nil {
		t.Fatal(err)
	}
	c.LengthSize = 1
	c.PPS = append(c.PPS, append([]byte{0x68, 0x40}, make([]byte, 300)...))
	c.PPS[1][301] = 0x80
	private, err := c.Append(nil)
	if err != nil {
		t.Fatal(err)
	}
	track := trackOf(avc.id, private)
	if s := segmentOf(t, track, frame{0, []byte{4, 0x65, 1, 2, 3}, true}); s.WithSets(track) != s {
		t.Error("they are")
	}
}
