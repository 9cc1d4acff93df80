package playback

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/fmp4"
	"github.com/millrace/millrace/internal/store"
	"github.com/millrace/millrace/internal/timeline"
	"github.com/millrace/millrace/media"
)

// An mp4File is a range of a stream as one MP4 file. It keeps some numbers for
// each fragment and nothing for a frame: what the tables say of frames is read
// from the outlines again when it is written.
type mp4File struct {
	fragments *fragmentReader
	rules     Rules
	rows      []mp4Row
	tracks    [2]mp4Track // the picture, the sound
	wide      bool        // chunk offsets have 64 bits
	front     int64       // bytes before the media
	media     int64       // bytes of the media

	firstAt, lastAt time.Duration // where the first fragment and the last start in the file
}

// An mp4Row is one fragment.
type mp4Row struct {
	entry  store.Entry
	at     int64 // of its first sample in the media
	tracks [2]mp4Span
}

// An mp4Span is what a fragment has of one track of the file. The counts are of its own first,
// and of all fragments before it once the file is laid out.
type mp4Span struct {
	trackSpan
	times, offsets, keys uint32 // entries that it has in these tables
	bytes                int64
	lead                 int64  // ticks that a sample is shown before it is decoded, at most
	step                 uint32 // ticks that the first sample lasts
	shift                int32  // and after which it is shown
	moved                bool   // a sample is shown at another time than it is decoded
	entry                uint32 // number of its sample entry, from 1

	before struct{ samples, times, offsets, keys, chunks uint32 }
}

// An mp4Track is a fileTrack with what only MP4 needs to know.
type mp4Track struct {
	fileTrack
	track    *timeline.Track // the first
	entries  [][]byte        // sample entries
	delay    int64           // ticks that every sample is shown later, so that no offset is negative
	reorders bool            // any sample is shown at another time than it is decoded
	total    struct{ samples, times, offsets, keys, chunks uint32 }
}

// picture and sound are the tracks of a file.
const (
	picture = 0
	sound   = 1
)

// newMP4File looks at all fragments and lays the file out.
func newMP4File(ctx context.Context, fragments *fragmentReader, rules Rules, entries []store.Entry, bounds ClipLimits) (*mp4File, error) {
	f := &mp4File{fragments: fragments, rules: rules}
	seen, err := f.look(ctx, entries)
	if err != nil {
		return nil, err
	}
	if err := f.take(seen, bounds); err != nil {
		return nil, err
	}
	if err := f.describe(seen); err != nil {
		return nil, err
	}
	return f, f.arrange()
}

// A seenRow is what a look at one fragment has told.
type seenRow struct {
	row    mp4Row
	format *timeline.Format
	scale  uint32 // by which its sound was measured; 0 if it has none
	fault  error  // why it cannot be in the file
}

// look looks at every fragment. The scale of sound is that of the first fragment
// that has any. They are looked at again if another one was measured by another.
func (f *mp4File) look(ctx context.Context, entries []store.Entry) ([]seenRow, error) {
	f.tracks[picture].scale = 90_000
	seen := make([]seenRow, len(entries))
	for {
		err := f.fragments.each(ctx, entries, func(ctx context.Context, i int, x *millrace.Fragment, format *timeline.Format) (err error) {
			if timeline.Laced(x) {
				if x, err = f.fragments.unlaced(ctx, entries[i], format); err != nil {
					return err
				}
			}
			seen[i] = f.row(entries[i], x, format)
			return nil
		})
		if err != nil {
			return nil, err
		}
		same := true
		for i := range seen {
			if f.tracks[sound].scale == 0 {
				f.tracks[sound].scale = seen[i].scale
			}
			same = same && (seen[i].scale == 0 || seen[i].scale == f.tracks[sound].scale)
		}
		if same {
			return seen, nil
		}
	}
}

// take takes the rows, up to the bounds.
func (f *mp4File) take(seen []seenRow, bounds ClipLimits) error {
	f.rows = make([]mp4Row, 0, len(seen))
	for i := range seen {
		row := seen[i].row
		bytes := row.tracks[picture].bytes + row.tracks[sound].bytes
		if bounds.reached(i, f.media+bytes) {
			return nil
		}
		if seen[i].fault != nil {
			return of(row.entry, seen[i].fault)
		}
		row.at = f.media
		f.media += bytes
		f.rows = append(f.rows, row)
	}
	return nil
}

// row measures one fragment.
func (f *mp4File) row(e store.Entry, x *millrace.Fragment, format *timeline.Format) seenRow {
	seen := seenRow{row: mp4Row{entry: e}, format: format}
	var p Program
	if p, seen.fault = f.rules.Admit(UseClip, format); seen.fault != nil {
		return seen
	}
	for i, t := range [...]*timeline.Track{p.Video, p.Audio} {
		if t == nil {
			continue
		}
		if seen.fault = checkFrames(t, x); seen.fault != nil {
			return seen
		}
		run := f.run(i, t, x)
		seen.row.tracks[i] = mp4SpanOf(i, &run)
		if i == sound {
			seen.scale = f.scaleOf(i, t)
		}
	}
	return seen
}

// scaleOf is the scale of a track of the file, as far as it is known.
func (f *mp4File) scaleOf(track int, t *timeline.Track) uint32 {
	if f.tracks[track].scale != 0 {
		return f.tracks[track].scale
	}
	return t.Timescale
}

// run times a fragment in the ticks of the file's track. Nothing of its neighbours is
// known: how long the last sample lasts is the row's business.
func (f *mp4File) run(track int, t *timeline.Track, x *millrace.Fragment) timeline.Run {
	run := t.Run(x, timeline.Hint{})
	rescaleRun(&run, t.Timescale, f.scaleOf(track, t))
	return run
}

// checkFrames says whether the frames of a track are as MP4 has them: not empty,
// and of H.264 and H.265 NAL units behind their lengths.
func checkFrames(t *timeline.Track, x *millrace.Fragment) error {
	if t.Media.Type != media.Video {
		return nil
	}
	units := t.Media.Codec == media.AVC || t.Media.Codec == media.HEVC
	for i := range x.Samples {
		s := &x.Samples[i]
		if s.Track != uint64(t.Media.Number) {
			continue
		}
		if s.Size == 0 || units && s.Flags&millrace.SampleCleanNAL == 0 {
			return millrace.Errorf(millrace.CodeInvalidFrame, "A frame of track %d cannot be parsed as %s.", t.Media.Number, t.Media.CodecID)
		}
	}
	return nil
}

// mp4SpanOf counts what a run takes in the tables. Its last sample has an entry of its
// own, whose duration is not known yet.
func mp4SpanOf(track int, run *timeline.Run) mp4Span {
	var s mp4Span
	n := len(run.Samples)
	if n == 0 {
		return s
	}
	s.samples, s.start, s.usual, s.times = uint32(n), run.Start, run.Usual, 1
	s.last, s.own = run.Start, int64(run.Samples[n-1].Duration)
	s.step, s.shift = run.Samples[0].Duration, run.Samples[0].Composition
	for i := range run.Samples {
		x := &run.Samples[i]
		if i < n-1 {
			s.last += int64(x.Duration)
			if i == 0 || x.Duration != run.Samples[i-1].Duration {
				s.times++
			}
		}
		if i == 0 || x.Composition != run.Samples[i-1].Composition {
			s.offsets++
		}
		if isKey(track, i, x) {
			s.keys++
		}
		s.bytes += int64(x.Size)
		s.lead = max(s.lead, -int64(x.Composition))
		s.moved = s.moved || x.Composition != 0
	}
	return s
}

// isKey reports whether a sample can be decoded by itself: all of sound, and the
// first of a fragment, with which decoding starts.
func isKey(track, i int, s *timeline.Sample) bool {
	return track == sound || i == 0 || s.Flags&millrace.SampleKey != 0
}

// describe makes the sample entries: one for each track that needs a decoder of its
// own.
func (f *mp4File) describe(seen []seenRow) error {
	var known [2][]*timeline.Track
	var first Program
	for i := range f.rows {
		row := &f.rows[i]
		p, err := f.rules.Admit(UseClip, seen[i].format)
		if err != nil {
			return of(row.entry, err)
		}
		if i == 0 {
			first = p
		}
		if f.rules.Strict && ((p.Video == nil) != (first.Video == nil) || (p.Audio == nil) != (first.Audio == nil)) {
			return of(row.entry, millrace.Errorf(millrace.CodeUnsupportedMedia, "A track comes or goes within the range."))
		}
		for r, t := range [...]*timeline.Track{p.Video, p.Audio} {
			if row.tracks[r].samples == 0 {
				continue
			}
			n := slices.IndexFunc(known[r], func(k *timeline.Track) bool { return k == t || k.SameMedia(t) })
			if n < 0 {
				if err := f.mayChange(known[r], t); err != nil {
					return of(row.entry, err)
				}
				entry, err := fmp4.AppendSampleEntry(nil, t)
				if err != nil {
					return of(row.entry, noEntry(t, err))
				}
				n, known[r] = len(known[r]), append(known[r], t)
				f.tracks[r].entries = append(f.tracks[r].entries, entry)
			}
			row.tracks[r].entry = uint32(n) + 1
		}
	}
	for r := range f.tracks {
		if len(known[r]) > 0 {
			f.tracks[r].track = known[r][0]
		}
	}
	if f.tracks[picture].track == nil && f.tracks[sound].track == nil {
		return errNoFragments()
	}
	return nil
}

// mayChange says whether a track may go on as t. The service has no place for that.
func (f *mp4File) mayChange(known []*timeline.Track, t *timeline.Track) error {
	if !f.rules.Strict || len(known) == 0 {
		return nil
	}
	if known[0].Media.Codec != t.Media.Codec {
		return millrace.Errorf(millrace.CodeUnsupportedMedia, "The codec of track %d changes within the range.", t.Media.Number)
	}
	return millrace.Errorf(millrace.CodeInvalidPrivateData, "The codec private data of track %d change within the range.", t.Media.Number)
}

func noEntry(t *timeline.Track, err error) error {
	code, text := millrace.CodeInvalidPrivateData, "Invalid codec private data in fragment for track %d."
	if errors.Is(err, fmp4.ErrCodec) {
		code, text = millrace.CodeUnsupportedMedia, "The type of the media of track %d is not supported in MP4."
	}
	return &millrace.Error{Code: code, Message: fmt.Sprintf(text, t.Media.Number), Err: err}
}

// arrange lays the rows behind one another, and counts.
func (f *mp4File) arrange() error {
	p := placer{tracks: []*fileTrack{&f.tracks[picture].fileTrack, &f.tracks[sound].fileTrack}}
	for i := range f.rows {
		row := &f.rows[i]
		if v, usual := &row.tracks[picture], f.tracks[picture].usual; v.samples == 1 && usual > 0 {
			v.own, v.usual = usual, usual
		}
		at := p.place(row.entry.ProducerTime, []*trackSpan{&row.tracks[picture].trackSpan, &row.tracks[sound].trackSpan})
		if i == 0 {
			f.firstAt = at
		}
		f.lastAt = at
		for r := range f.tracks {
			if err := f.tracks[r].count(&row.tracks[r]); err != nil {
				return err
			}
		}
	}
	return nil
}

// count gives a span its place in the tables.
func (r *mp4Track) count(s *mp4Span) error {
	t := &r.total
	s.before.samples, s.before.times, s.before.offsets, s.before.keys, s.before.chunks = t.samples, t.times, t.offsets, t.keys, t.chunks
	if s.samples == 0 {
		return nil
	}
	if uint64(t.samples)+uint64(s.samples) > math.MaxUint32 {
		return millrace.Errorf(millrace.CodeInvalidArgument, "The range has more frames than one file can have.")
	}
	r.delay, r.reorders = max(r.delay, s.lead), r.reorders || s.moved
	t.samples += s.samples
	t.times += s.times
	t.offsets += s.offsets
	t.keys += s.keys
	t.chunks++
	return nil
}

// length is how long the file plays when nothing is cut.
func (f *mp4File) length() (d time.Duration) {
	for r := range f.tracks {
		if x := &f.tracks[r]; x.seen {
			d = max(d, x.time(x.end))
		}
	}
	return d
}
