package export

import (
	"math"
	"slices"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/consumer"
	"github.com/millrace/millrace/internal/fmp4"
	"github.com/millrace/millrace/internal/timeline"
	"github.com/millrace/millrace/media"
)

// An mp4Track is what the tables of an MP4 file say of one track. For each frame
// it keeps 4 bytes, and up to 32 more where frames are not evenly apart or not
// shown in the order in which they are decoded.
type mp4Track struct {
	*track
	framer *fmp4.Framer

	sizes   []uint32
	keys    []uint32 // numbers of frames, from 1; of pictures only
	times   []ticksRun
	offsets []ticksRun // not yet moved so that none is below 0
	chunks  []mp4Chunk

	begun   bool
	begin   int64 // of the first frame, in ticks of the output's time
	last    int64 // when the latest frame is decoded
	own     int64 // how long that lasts by itself
	padding int64 // and how much of that is not heard
	usual   int64 // distance of frames in the last fragment
	lead    int64 // ticks that a frame is shown before it is decoded, at most
	reorder bool  // any frame is shown at another time than it is decoded
}

// A ticksRun is a number of frames that last equally long, or are shown equally
// long after they are decoded.
type ticksRun struct {
	count uint32
	ticks int64
}

// An mp4Chunk is frames that stand one behind the other.
type mp4Chunk struct {
	at      int64 // bytes of payload before it
	samples uint32
}

func newMP4Track(t *track) (*mp4Track, error) {
	framer, err := fmp4.NewFramer(&t.Track)
	if err != nil {
		return nil, err
	}
	return &mp4Track{track: t, framer: framer}, nil
}

// mp4Carries says whether MP4 has a form for a track.
func mp4Carries(t *track) error {
	if t.encoded() {
		return errEncoded
	}
	framer, err := fmp4.NewFramer(&t.Track)
	if err != nil {
		return err
	}
	_, err = framer.AppendSampleEntry(nil)
	return err
}

// sample takes notice of a frame of which size bytes were written at a place.
func (t *mp4Track) sample(at int64, size uint32, key, follows bool) {
	if n := len(t.chunks); follows && n > 0 {
		t.chunks[n-1].samples++
	} else {
		t.chunks = append(t.chunks, mp4Chunk{at, 1})
	}
	t.sizes = append(t.sizes, size)
	if key && t.Media.Type != media.Audio {
		t.keys = append(t.keys, uint32(len(t.sizes)))
	}
}

// add lays the frames of a fragment, which starts at a time of the output, behind
// what there is. A small difference goes into the last frame there.
func (t *mp4Track) add(f *millrace.Fragment, at time.Duration) {
	run := t.Run(f, timeline.Hint{Usual: t.usual})
	n := len(run.Samples)
	if n == 0 {
		return
	}
	begin := t.Ticks(at) + run.Start
	if !t.begun {
		t.begun, t.begin, t.last = true, begin, begin
	} else {
		hold := min(max(begin-t.last, 1), math.MaxInt32)
		t.times = appendRun(t.times, hold)
		t.last += hold
	}
	for i := range run.Samples {
		s := &run.Samples[i]
		if i < n-1 {
			t.times = appendRun(t.times, int64(s.Duration))
			t.last += int64(s.Duration)
		}
		t.offsets = appendRun(t.offsets, int64(s.Composition))
		t.lead = max(t.lead, -int64(s.Composition))
		t.reorder = t.reorder || s.Composition != 0
	}
	t.own, t.usual = int64(run.Samples[n-1].Duration), run.Usual
}

// appendRun adds one frame to runs.
func appendRun(runs []ticksRun, ticks int64) []ticksRun {
	if n := len(runs); n > 0 && runs[n-1].ticks == ticks && runs[n-1].count < math.MaxUint32 {
		runs[n-1].count++
		return runs
	}
	return append(runs, ticksRun{1, ticks})
}

// end is when the last frame ends.
func (t *mp4Track) end() int64 { return t.last + t.own }

// movie describes the track, whose time begins at zero of the output's.
func (t *mp4Track) movie(zero time.Duration) (fmp4.MovieTrack, error) {
	entry, err := t.framer.AppendSampleEntry(nil)
	if err != nil {
		return fmp4.MovieTrack{}, err
	}
	m := fmp4.MovieTrack{
		Type: media.Video, Timescale: t.Timescale, Duration: uint64(t.end() - t.begin), Entries: [][]byte{entry},
		Samples: uint32(len(t.sizes)), Times: uint32(len(t.times)) + 1, Keys: uint32(len(t.keys)), Chunks: uint32(len(t.chunks)),
	}
	if t.Media.Type == media.Audio {
		m.Type, m.Keys = media.Audio, m.Samples
	} else if m.Width, m.Height, err = t.framer.DisplaySize(); err != nil {
		return m, err
	}
	if t.reorder {
		m.Offsets = uint32(len(t.offsets))
	}
	if wait := t.Time(t.begin) - zero; wait > 0 {
		m.Edits = append(m.Edits, fmp4.Edit{Duration: movieTicks(wait), Media: -1})
	}
	length := movieTicks(t.Time(t.end()-t.padding) - t.Time(t.begin))
	m.Edits = append(m.Edits, fmp4.Edit{Duration: max(length, 1), Media: t.lead})
	return m, nil
}

// movieScale is the ticks a second of a file's edits: whole ticks of the pictures.
const movieScale = 90_000

func movieTicks(d time.Duration) uint64 {
	return uint64(timeline.Rescale(int64(d), int64(time.Second), movieScale))
}

// table returns the contents of one of the track's tables. front is where the
// payload begins in the file.
func (t *mp4Track) table(kind fmp4.Table, front int64, wide bool) []byte {
	var b []byte
	switch kind {
	case fmp4.TableTimes:
		for _, r := range t.times {
			b = fmp4.AppendTimes(b, r.count, uint32(r.ticks))
		}
		b = fmp4.AppendTimes(b, 1, uint32(min(t.own, math.MaxInt32)))
	case fmp4.TableOffsets:
		for _, r := range t.offsets {
			b = fmp4.AppendTimes(b, r.count, uint32(r.ticks+t.lead))
		}
	case fmp4.TableKeys:
		b = appendWords(b, t.keys)
	case fmp4.TableSizes:
		b = appendWords(b, t.sizes)
	case fmp4.TableChunks:
		for i, c := range t.chunks {
			b = fmp4.AppendChunk(b, uint32(i)+1, c.samples, 1)
		}
	case fmp4.TablePlaces:
		for _, c := range t.chunks {
			b = fmp4.AppendPlace(b, front+c.at, wide)
		}
	}
	return b
}

func appendWords(b []byte, words []uint32) []byte {
	b = slices.Grow(b, 4*len(words))
	for _, v := range words {
		b = fmp4.AppendWord(b, v)
	}
	return b
}

// isKey reports whether decoding may start with a frame. The units of H.264 and
// H.265 know; that of H.264 which is a key frame and no IDR picture is one if it
// needs no other picture.
func (t *mp4Track) isKey(f *consumer.Frame, sync bool) bool {
	switch t.Media.Codec {
	case media.HEVC:
		return sync
	case media.AVC:
		return sync || f.Key && intra(f.Data, t.Parameters.LengthSize)
	}
	return f.Key
}

// intra reports whether the first slice of a frame of H.264 needs no other picture.
func intra(frame []byte, lengthSize int) bool {
	units := media.LengthPrefixedUnits(frame, lengthSize)
	if lengthSize == 0 {
		units = media.AnnexBUnits(frame)
	}
	for unit := range units {
		if info, ok := media.InspectUnit(media.AVC, unit); ok && info.Kind == media.UnitSlice {
			return media.AVCIntra(unit)
		}
	}
	return false
}
