package fmp4

import (
	"encoding/binary"
	"math"
	"time"

	"github.com/millrace/millrace/media"
)

// A movieWriter writes a front. Sizes of boxes count the tables that are left
// out.
type movieWriter struct {
	movie    *Movie
	b        []byte
	gaps     []Gap
	left     int64 // bytes left out so far
	boxes    []openBox
	tooLarge bool
}

// An openBox is one whose size is not known yet.
type openBox struct {
	at   int
	left int64
}

func (w *movieWriter) word(v uint32) *movieWriter {
	w.b = binary.BigEndian.AppendUint32(w.b, v)
	return w
}

func (w *movieWriter) long(v uint64) *movieWriter {
	w.b = binary.BigEndian.AppendUint64(w.b, v)
	return w
}

func (w *movieWriter) half(v uint16) *movieWriter {
	w.b = binary.BigEndian.AppendUint16(w.b, v)
	return w
}

func (w *movieWriter) text(s string) *movieWriter {
	w.b = append(w.b, s...)
	return w
}

func (w *movieWriter) zeros(n int) *movieWriter {
	w.b = append(w.b, make([]byte, n)...)
	return w
}

// open begins a box, and full one with version and flags.
func (w *movieWriter) open(name string) *movieWriter {
	w.boxes = append(w.boxes, openBox{len(w.b), w.left})
	return w.word(0).text(name)
}

func (w *movieWriter) full(name string, version uint8, flags uint32) *movieWriter {
	return w.open(name).word(uint32(version)<<24 | flags)
}

// close ends the box that was opened last.
func (w *movieWriter) close() {
	box := w.boxes[len(w.boxes)-1]
	w.boxes = w.boxes[:len(w.boxes)-1]
	size := int64(len(w.b)-box.at) + w.left - box.left
	w.tooLarge = w.tooLarge || size > math.MaxUint32
	binary.BigEndian.PutUint32(w.b[box.at:], uint32(size))
}

// gap leaves a table out.
func (w *movieWriter) gap(track int, table Table, entries uint32) {
	size := int64(entries) * w.movie.entrySize(table)
	w.gaps = append(w.gaps, Gap{len(w.b), track, table, size})
	w.left += size
}

// movieTime is a time as boxes count it: seconds from 1904.
func movieTime(t time.Time) uint64 {
	const from1904 = 2_082_844_800
	return uint64(max(t.Unix()+from1904, 0))
}

// versionFor is 1 for boxes whose times need 64 bits.
func versionFor(values ...uint64) uint8 {
	for _, v := range values {
		if v > math.MaxUint32 {
			return 1
		}
	}
	return 0
}

// times writes values in the width of a version.
func (w *movieWriter) time(version uint8, v uint64) *movieWriter {
	if version == 1 {
		return w.long(v)
	}
	return w.word(uint32(v))
}

// matrix is the one that changes nothing.
func (w *movieWriter) matrix() *movieWriter {
	return w.word(1 << 16).zeros(12).word(1 << 16).zeros(12).word(1 << 30)
}

func (w *movieWriter) header() {
	m := w.movie
	created := movieTime(m.Created)
	v := versionFor(created, m.Duration)
	w.full("mvhd", v, 0).time(v, created).time(v, created).word(m.Timescale).time(v, m.Duration)
	w.word(1 << 16).half(1 << 8).zeros(10) // rate and volume
	w.matrix().zeros(24).word(uint32(len(m.Tracks)) + 1).close()
}

func (w *movieWriter) track(i int) {
	t := &w.movie.Tracks[i]
	w.open("trak")
	created := movieTime(w.movie.Created)
	v := versionFor(created, w.movie.Duration)
	w.full("tkhd", v, 3).time(v, created).time(v, created).word(uint32(i)+1).word(0).time(v, t.shown())
	w.zeros(8).half(0).half(0) // layer, alternate group
	if t.Type == media.Audio {
		w.half(1 << 8)
	} else {
		w.half(0)
	}
	w.half(0).matrix().word(t.Width).word(t.Height).close()
	w.edits(t)
	w.media(i, t)
	w.close()
}

// shown is how long a track is shown, in ticks of the movie.
func (t *MovieTrack) shown() (sum uint64) {
	for _, e := range t.Edits {
		sum += e.Duration
	}
	return sum
}

func (w *movieWriter) edits(t *MovieTrack) {
	v := versionFor(t.shown())
	for _, e := range t.Edits {
		if e.Media > math.MaxInt32 {
			v = 1
		}
	}
	w.open("edts").full("elst", v, 0).word(uint32(len(t.Edits)))
	for _, e := range t.Edits {
		w.time(v, e.Duration).time(v, uint64(e.Media)).word(1 << 16)
	}
	w.close()
	w.close()
}

func (w *movieWriter) media(i int, t *MovieTrack) {
	w.open("mdia")
	created := movieTime(w.movie.Created)
	v := versionFor(created, t.Duration)
	w.full("mdhd", v, 0).time(v, created).time(v, created).word(t.Timescale).time(v, t.Duration)
	w.half(0x55c4).half(0).close() // "und"
	kind, name := "vide", "Video"
	if t.Type == media.Audio {
		kind, name = "soun", "Sound"
	}
	w.full("hdlr", 0, 0).word(0).text(kind).zeros(12).text(name).zeros(1).close()
	w.open("minf")
	if t.Type == media.Audio {
		w.full("smhd", 0, 0).word(0).close()
	} else {
		w.full("vmhd", 0, 1).zeros(8).close()
	}
	w.open("dinf").full("dref", 0, 0).word(1).full("url ", 0, 1).close()
	w.close()
	w.close()
	w.tables(i, t)
	w.close()
	w.close()
}

func (w *movieWriter) tables(i int, t *MovieTrack) {
	w.open("stbl")
	w.full("stsd", 0, 0).word(uint32(len(t.Entries)))
	for _, e := range t.Entries {
		w.b = append(w.b, e...)
	}
	w.close()
	w.table("stts", i, TableTimes, t.Times)
	if t.Offsets > 0 {
		w.table("ctts", i, TableOffsets, t.Offsets)
	}
	if t.Keys < t.Samples {
		w.table("stss", i, TableKeys, t.Keys)
	}
	w.table("stsc", i, TableChunks, t.Chunks)
	w.full("stsz", 0, 0).word(0).word(t.Samples).gap(i, TableSizes, t.Samples)
	w.close()
	name := "stco"
	if w.movie.Wide {
		name = "co64"
	}
	w.table(name, i, TablePlaces, t.Chunks)
	w.close()
}

// table writes a box that is a number of entries and then these.
func (w *movieWriter) table(name string, i int, table Table, entries uint32) {
	w.full(name, 0, 0).word(entries).gap(i, table, entries)
	w.close()
}
