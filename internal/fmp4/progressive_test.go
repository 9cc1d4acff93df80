package fmp4_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"testing"
	"time"

	"github.com/Eyevinn/mp4ff/mp4"

	"github.com/millrace/millrace/internal/fmp4"
	"github.com/millrace/millrace/internal/timeline"
	"github.com/millrace/millrace/media"
)

// soundOf is a movie of AAC, with as many samples as chunks.
func soundOf(t *testing.T, samples uint32, ticks uint64, payload int64, wide bool) fmp4.Movie {
	t.Helper()
	m, err := media.NewTrack(1, "A_AAC", []byte{0x11, 0x90})
	if err != nil {
		t.Fatal(err)
	}
	track := timeline.NewTrack(m)
	entry, err := fmp4.AppendSampleEntry(nil, &track)
	if err != nil {
		t.Fatal(err)
	}
	return fmp4.Movie{
		Created: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), Timescale: 90000, Duration: ticks, Wide: wide, Media: payload,
		Tracks: []fmp4.MovieTrack{{
			Type: media.Audio, Timescale: 48000, Duration: ticks, Entries: [][]byte{entry}, Edits: []fmp4.Edit{{Duration: 5, Media: -1}, {Duration: ticks}},
			Samples: samples, Times: 1, Keys: samples, Chunks: samples,
		}},
	}
}

// filled is a front with its tables filled with ones.
func filled(t *testing.T, m *fmp4.Movie) []byte {
	t.Helper()
	fixed, gaps, size, err := m.Front()
	if err != nil {
		t.Fatal(err)
	}
	var b []byte
	at := 0
	for _, g := range gaps {
		b = append(append(b, fixed[at:g.At]...), bytes.Repeat([]byte{0, 0, 0, 1}, int(g.Size/4))...)
		at = g.At
	}
	b = append(b, fixed[at:]...)
	if int64(len(b)) != size {
		t.Fatalf("%d bytes, want %d", len(b), size)
	}
	return b
}

func TestTheFrontOfALargeFileHas64Bits(t *testing.T) {
	const ticks, payload = 1 << 33, 5_000_000_000
	m := soundOf(t, 3, ticks, payload, true)
	b := filled(t, &m)
	head := b[len(b)-16:]
	if binary.BigEndian.Uint32(head) != 1 || string(head[4:8]) != "mdat" || binary.BigEndian.Uint64(head[8:]) != payload+16 {
		t.Errorf("the head of the media is % x", head)
	}
	file, err := mp4.DecodeFile(bytes.NewReader(b[:len(b)-16]))
	if err != nil {
		t.Fatal(err)
	}
	trak := file.Moov.Trak
	if file.Moov.Mvhd.Duration != ticks || trak.Mdia.Mdhd.Duration != ticks || trak.Tkhd.Duration != ticks+5 {
		t.Errorf("durations %d, %d and %d", file.Moov.Mvhd.Duration, trak.Mdia.Mdhd.Duration, trak.Tkhd.Duration)
	}
	if e := trak.Edts.Elst[0].Entries; len(e) != 2 || e[0].MediaTime != -1 || e[1].SegmentDuration != ticks || e[1].MediaTime != 0 {
		t.Errorf("edits %+v", e)
	}
	if trak.Mdia.Minf.Stbl.Co64 == nil || trak.Mdia.Minf.Stbl.Stss != nil || len(trak.Mdia.Minf.Stbl.Co64.ChunkOffset) != 3 {
		t.Error("no offsets of 64 bits, or a table of key samples though all are")
	}
}

func TestTheFrontOfASmallFileHas32Bits(t *testing.T) {
	m := soundOf(t, 3, 4000, 1000, false)
	b := filled(t, &m)
	if head := b[len(b)-8:]; binary.BigEndian.Uint32(head) != 1008 || string(head[4:]) != "mdat" {
		t.Errorf("the head of the media is % x", head)
	}
	file, err := mp4.DecodeFile(bytes.NewReader(b[:len(b)-8]))
	if err != nil {
		t.Fatal(err)
	}
	if trak := file.Moov.Trak; trak.Mdia.Minf.Stbl.Stco == nil || trak.Mdia.Mdhd.Version != 0 || file.Moov.Mvhd.Version != 0 {
		t.Error("boxes of 64 bits")
	}
}

func TestTablesLargerThanABox(t *testing.T) {
	m := soundOf(t, 1<<31, 4000, 1000, true)
	if _, _, _, err := m.Front(); !errors.Is(err, fmp4.ErrLimit) {
		t.Errorf("%v", err)
	}
}
