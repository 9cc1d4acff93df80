package fmp4

import (
	"encoding/binary"
	"fmt"
	"math"
	"time"

	"github.com/millrace/millrace/media"
)

// A Movie describes a progressive MP4 file: one whose tables say where every
// sample is. Its Front is what stands before the media. The tables grow with the
// samples, so that Front leaves them out, and says where they belong; their
// contents are the caller's, entry by entry in the forms that AppendTimes and its
// likes write.
type Movie struct {
	Created   time.Time
	Timescale uint32 // of Duration and of the edits' durations
	Duration  uint64 // of the longest track, as edited
	Tracks    []MovieTrack
	Wide      bool  // chunk offsets have 64 bits
	Media     int64 // bytes of payload, that follow the front
}

// A MovieTrack is one track of a Movie.
type MovieTrack struct {
	Type          media.TrackType
	Timescale     uint32
	Duration      uint64   // of the samples, in the track's ticks
	Width, Height uint32   // as DisplaySize returns them; 0 for sound
	Entries       [][]byte // sample entries, as AppendSampleEntry writes them
	Edits         []Edit

	// How many entries its tables have.
	Samples uint32
	Times   uint32
	Offsets uint32 // 0: every sample is shown when it is decoded
	Keys    uint32 // Samples: every sample is one
	Chunks  uint32
}

// An Edit says what is shown of a track for how long.
type Edit struct {
	Duration uint64 // in ticks of the Movie
	Media    int64  // where it begins, in the track's ticks; -1 for nothing
}

// A Table is one of the tables that Front leaves out.
type Table uint8

// The tables, and what an entry of each is.
const (
	TableTimes   Table = iota // AppendTimes: how long so many samples last
	TableOffsets              // AppendTimes: how long after decoding so many samples are shown
	TableKeys                 // AppendWord: number of a key sample, from 1
	TableChunks               // AppendChunk: how many samples a chunk has
	TableSizes                // AppendWord: bytes of a sample
	TablePlaces               // AppendPlace: where a chunk is in the file
)

// A Gap is a table's place in a front.
type Gap struct {
	At    int // bytes of the front that come before the table
	Track int // of the Movie
	Table Table
	Size  int64 // bytes of the table
}

// AppendTimes appends an entry of TableTimes or TableOffsets.
func AppendTimes(b []byte, count, ticks uint32) []byte {
	return binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(b, count), ticks)
}

// AppendWord appends an entry of TableKeys or TableSizes.
func AppendWord(b []byte, v uint32) []byte { return binary.BigEndian.AppendUint32(b, v) }

// AppendChunk appends an entry of TableChunks. Chunks and sample entries are
// counted from 1.
func AppendChunk(b []byte, chunk, samples, entry uint32) []byte {
	return AppendWord(AppendTimes(b, chunk, samples), entry)
}

// AppendPlace appends an entry of TablePlaces.
func AppendPlace(b []byte, at int64, wide bool) []byte {
	if wide {
		return binary.BigEndian.AppendUint64(b, uint64(at))
	}
	return AppendWord(b, uint32(at))
}

// entrySize is how many bytes an entry of a table has.
func (m *Movie) entrySize(t Table) int64 {
	switch {
	case t == TableChunks:
		return 12
	case t == TableTimes, t == TableOffsets, t == TablePlaces && m.Wide:
		return 8
	}
	return 4
}

// Front returns the boxes before the payload without the contents of tables, the
// gaps where these belong, in order, and how long it all is with them. A box too
// large for its size is ErrLimit.
func (m *Movie) Front() (fixed []byte, gaps []Gap, size int64, err error) {
	w := &movieWriter{movie: m}
	w.fileType()
	w.index()
	if m.Media+8 > math.MaxUint32 {
		w.word(1).text("mdat").long(uint64(m.Media + 16))
	} else {
		w.word(uint32(m.Media + 8)).text("mdat")
	}
	return w.result()
}

// Index is the part of Front that has the tables (moov), for files in which it
// stands elsewhere. The file's own beginning is then AppendFileType's.
func (m *Movie) Index() (fixed []byte, gaps []Gap, size int64, err error) {
	w := &movieWriter{movie: m}
	w.index()
	return w.result()
}

// AppendFileType appends the first box of the file (ftyp). Of the movie nothing
// has to be known but the sample entries of its tracks.
func (m *Movie) AppendFileType(b []byte) []byte {
	w := &movieWriter{movie: m}
	w.fileType()
	return append(b, w.b...)
}

func (w *movieWriter) fileType() {
	w.open("ftyp")
	w.text("isom").word(0x200).text("isomiso2")
	if name := w.movie.brand(); name != "" {
		w.text(name)
	}
	w.text("mp41").close()
}

func (w *movieWriter) index() {
	w.open("moov")
	w.header()
	for i := range w.movie.Tracks {
		w.track(i)
	}
	w.close()
}

func (w *movieWriter) result() (fixed []byte, gaps []Gap, size int64, err error) {
	if w.tooLarge {
		return nil, nil, 0, fmt.Errorf("tables of %d bytes: %w", w.left, ErrLimit)
	}
	return w.b, w.gaps, int64(len(w.b)) + w.left, nil
}

// brand is that of the first picture, which some players look for.
func (m *Movie) brand() string {
	for _, t := range m.Tracks {
		if t.Type == media.Video && len(t.Entries[0]) >= 8 {
			switch name := string(t.Entries[0][4:8]); name {
			case "avc1", "av01", "hvc1":
				return name
			}
		}
	}
	return ""
}
