package fmp4_test

import (
	"bytes"
	"encoding/binary"
	"testing"

	"github.com/Eyevinn/mp4ff/mp4"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/fmp4"
	"github.com/millrace/millrace/internal/timeline"
)

// FuzzNewSegment takes any cluster and any sample table. What is made of them
// can be read, is as long as it says, and has its payload from the cluster.
func FuzzNewSegment(f *testing.F) {
	tracks := []*timeline.Track{
		listed(f, "avc-baseline-1080"), listed(f, "hevc-crop-hrd"), listed(f, "av1-10"), listed(f, "aac-51"),
	}
	avc, hevc := setupOf(f, "avc-main-crop"), setupOf(f, "hevc-main10-scaling")
	tracks = append(tracks, trackOf(avc.id, codes(avc.sets...)), trackOf(hevc.id, codes(hevc.sets...)))
	table := func(values ...uint16) (b []byte) {
		for _, v := range values {
			b = binary.BigEndian.AppendUint16(b, v)
		}
		return b
	}
	for i := range tracks {
		f.Add(uint8(i), units(idr, slice), table(0, 8, 0, 1, 8, 7, 40, 0))
	}
	first := units(append(avc.sets, idr)...)
	f.Add(uint8(0), append(first, units([]byte{9, 0xf0}, slice, []byte{12, 0x80})...), table(0, uint16(len(first)), 0, 1, uint16(len(first)), 18, 40, 0))
	first = units(append(hevc.sets, []byte{38, 1, 5})...)
	f.Add(uint8(1), first, table(0, uint16(len(first)), 0, 1))
	first = codes(append(avc.sets, idr)...)
	f.Add(uint8(4), append(first, codes([]byte{9, 0xf0}, slice)...), table(0, uint16(len(first)), 0, 1, uint16(len(first)), 13, 40, 0))
	f.Add(uint8(0), []byte{0, 0, 0, 1, 0x65}, table(0, 5, 0, 1, 0, 6, 0, 0))

	const maxTable = 100 * 8 // bytes: that many samples may all be the whole cluster
	f.Fuzz(func(t *testing.T, kind uint8, cluster, table []byte) {
		table = table[:min(len(table), maxTable)]
		track := tracks[int(kind)%len(tracks)]
		fragment := &millrace.Fragment{TimecodeScale: 1_000_000}
		for ; len(table) >= 8; table = table[8:] {
			v := func(i int) uint16 { return binary.BigEndian.Uint16(table[2*i:]) }
			fragment.Samples = append(fragment.Samples, millrace.Sample{
				Track: 1, Offset: uint32(v(0)), Size: uint32(v(1)), Time: int32(int16(v(2))), Flags: millrace.SampleFlags(v(3)),
			})
		}
		r := track.Run(fragment, timeline.Hint{})
		s, err := fmp4.NewSegment(track, &r, cluster)
		if err != nil {
			return
		}
		checkSegment(t, track, s, &r)
	})
}

func checkSegment(t *testing.T, track *timeline.Track, s *fmp4.Segment, r *timeline.Run) {
	t.Helper()
	whole := written(s, 1, 1)
	if int64(len(whole)) != s.Size() {
		t.Fatalf("%d bytes, said to be %d", len(whole), s.Size())
	}
	file, err := mp4.DecodeFile(bytes.NewReader(whole))
	if err != nil {
		t.Fatal(err)
	}
	part := file.Segments[0].Fragments[0]
	samples, err := part.GetFullSamples(nil)
	if err != nil || len(samples) != len(r.Samples) {
		t.Fatalf("%d samples, want %d: %v", len(samples), len(r.Samples), err)
	}
	total := uint64(0)
	for i, sample := range samples {
		if most := 2 * r.Samples[i].Size; sample.Size == 0 || sample.Size > most { // a start code is shorter than a length
			t.Fatalf("sample %d has %d bytes of %d", i, sample.Size, r.Samples[i].Size)
		}
		total += uint64(sample.Size)
	}
	if total != part.Mdat.DataLength() {
		t.Fatalf("samples of %d bytes in an mdat of %d", total, part.Mdat.DataLength())
	}
	if s.Private != nil {
		renewed := trackOf(track.Media.CodecID, s.Private)
		if _, err := fmp4.AppendInit(nil, renewed); err != nil {
			t.Fatalf("private data that were proposed: %v", err)
		}
	}
}
