package fmp4_test

import (
	"encoding/binary"
	"encoding/hex"
	"io"
	"testing"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/fmp4"
	"github.com/millrace/millrace/internal/timeline"
	"github.com/millrace/millrace/media"
)

// fifty is a fragment of 50 frames of H.264 of 20 kB, each an SEI unit and a slice.
func fifty(t testing.TB) (*timeline.Track, *millrace.Fragment) {
	t.Helper()
	private, err := hex.DecodeString("0142c028ffe100196742c028da01e0089f970110000003001000000303c0f1832a01000468ce0fc8")
	if err != nil {
		t.Fatal(err)
	}
	m, err := media.NewTrack(1, "V_MPEG4/ISO/AVC", private)
	if err != nil {
		t.Fatal(err)
	}
	track := timeline.NewTrack(m)
	f := &millrace.Fragment{TimecodeScale: 1_000_000}
	var cluster []byte
	for i := range 50 {
		frame := make([]byte, 20_000)
		binary.BigEndian.PutUint32(frame, 100)
		frame[4] = 0x06
		binary.BigEndian.PutUint32(frame[104:], uint32(len(frame)-108))
		flags := millrace.SampleCleanNAL
		frame[108] = 0x41
		if i == 0 {
			frame[108], flags = 0x65, flags|millrace.SampleKey
		}
		f.Samples = append(f.Samples, millrace.Sample{Track: 1, Offset: uint32(len(cluster)), Size: uint32(len(frame)), Time: int32(40 * i), Flags: flags})
		cluster = append(cluster, frame...)
	}
	f.Cluster = [][]byte{cluster}
	return &track, f
}

func BenchmarkNewSegment(b *testing.B) {
	track, f := fifty(b)
	r := track.Run(f, timeline.Hint{})
	b.ReportAllocs()
	b.SetBytes(int64(len(f.Cluster[0])))
	for b.Loop() {
		if _, err := fmp4.NewSegment(track, &r, f.Cluster[0]); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkRun(b *testing.B) {
	track, f := fifty(b)
	b.ReportAllocs()
	for b.Loop() {
		track.Run(f, timeline.Hint{})
	}
}

func BenchmarkWriteSegment(b *testing.B) {
	track, f := fifty(b)
	r := track.Run(f, timeline.Hint{})
	s, err := fmp4.NewSegment(track, &r, f.Cluster[0])
	if err != nil {
		b.Fatal(err)
	}
	buffer := make([]byte, 0, 2<<20)
	b.ReportAllocs()
	b.SetBytes(s.Size())
	for b.Loop() {
		buffer = append(buffer[:0], s.Head(1, 0)...)
		for _, p := range s.Payload() {
			buffer = append(buffer, p...)
		}
	}
}

// BenchmarkCopy is what there is to compare with: the payload alone, copied.
func BenchmarkCopy(b *testing.B) {
	_, f := fifty(b)
	buffer := make([]byte, 0, 2<<20)
	b.SetBytes(int64(len(f.Cluster[0])))
	for b.Loop() {
		buffer = append(buffer[:0], f.Cluster[0]...)
	}
	_, _ = io.Discard.Write(buffer)
}

func BenchmarkAppendInit(b *testing.B) {
	track, _ := fifty(b)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := fmp4.AppendInit(nil, track); err != nil {
			b.Fatal(err)
		}
	}
}
