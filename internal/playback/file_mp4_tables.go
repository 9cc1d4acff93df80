package playback

import (
	"context"
	"fmt"
	"math"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/fmp4"
	"github.com/millrace/millrace/internal/timeline"
	"github.com/millrace/millrace/media"
)

// layOut returns the file's sections. movie has what is known of it beside the
// tracks.
func (f *mp4File) layOut(movie fmp4.Movie, edits [2][]fmp4.Edit) (layout, error) {
	tracks, err := f.describeTracks(&movie, edits)
	if err != nil {
		return layout{}, err
	}
	movie.Media = f.media
	fixed, gaps, size, err := movie.Front()
	if err == nil && size+f.media > math.MaxUint32 {
		movie.Wide, f.wide = true, true
		fixed, gaps, size, err = movie.Front()
	}
	if err != nil {
		return layout{}, tooLarge(err)
	}
	f.front = size
	var l layout
	at := 0
	for _, g := range gaps {
		l.addFixed(fixed[at:g.At])
		l.add(f.table(tracks[g.Track], g))
		at = g.At
	}
	l.addFixed(fixed[at:])
	l.add(section{
		size: f.media, parts: len(f.rows), media: true, fill: f.fillMedia,
		at: func(i int) int64 {
			if i == len(f.rows) {
				return f.media
			}
			return f.rows[i].at
		},
	})
	return l, nil
}

func tooLarge(err error) error {
	return &millrace.Error{Code: millrace.CodeInvalidArgument, Message: "The range has more frames than one file can have.", Err: err}
}

// describeTracks adds the tracks that have samples to the movie, and returns the
// file's track of each.
func (f *mp4File) describeTracks(movie *fmp4.Movie, edits [2][]fmp4.Edit) (tracks []int, err error) {
	for i := range f.tracks {
		r := &f.tracks[i]
		if r.total.samples == 0 {
			continue
		}
		t := fmp4.MovieTrack{
			Type: media.Video, Timescale: r.scale, Duration: uint64(r.end - r.begin), Entries: r.entries, Edits: edits[i],
			Samples: r.total.samples, Times: r.total.times, Keys: r.total.keys, Chunks: r.total.chunks,
		}
		if r.reorders {
			t.Offsets = r.total.offsets
		}
		if i == sound {
			t.Type = media.Audio
		} else if t.Width, t.Height, err = fmp4.DisplaySize(r.track); err != nil {
			return nil, noEntry(r.track, err)
		}
		tracks = append(tracks, i)
		movie.Tracks = append(movie.Tracks, t)
	}
	return tracks, nil
}

// table is the section of a table: a part for each fragment.
func (f *mp4File) table(track int, g fmp4.Gap) section {
	s := section{size: g.Size, parts: len(f.rows)}
	entry := int64(0)
	if n := f.tracks[track].entriesOf(g.Table); n > 0 {
		entry = g.Size / int64(n)
	}
	s.at = func(i int) int64 {
		if i == len(f.rows) {
			return g.Size
		}
		return int64(f.rows[i].tracks[track].entriesBefore(g.Table)) * entry
	}
	s.fill = func(ctx context.Context, i int, dst []byte, _ *scratch) error {
		made, err := f.fillTable(ctx, track, g.Table, &f.rows[i], dst[:0])
		if err != nil {
			return of(f.rows[i].entry, err)
		}
		return whole(made, dst)
	}
	return s
}

// entriesOf is how many entries a table has.
func (r *mp4Track) entriesOf(t fmp4.Table) uint32 {
	switch t {
	case fmp4.TableTimes:
		return r.total.times
	case fmp4.TableOffsets:
		return r.total.offsets
	case fmp4.TableKeys:
		return r.total.keys
	case fmp4.TableSizes:
		return r.total.samples
	default:
		return r.total.chunks
	}
}

// entriesBefore is how many entries a table has of the fragments before.
func (s *mp4Span) entriesBefore(t fmp4.Table) uint32 {
	switch t {
	case fmp4.TableTimes:
		return s.before.times
	case fmp4.TableOffsets:
		return s.before.offsets
	case fmp4.TableKeys:
		return s.before.keys
	case fmp4.TableSizes:
		return s.before.samples
	default:
		return s.before.chunks
	}
}

// fillTable appends what a table has of a fragment. Where chunks are, and how many
// samples they have, the row tells; the rest is read from the outline.
func (f *mp4File) fillTable(ctx context.Context, track int, table fmp4.Table, row *mp4Row, b []byte) ([]byte, error) {
	s := &row.tracks[track]
	switch {
	case s.samples == 0:
		return b, nil
	case table == fmp4.TableChunks:
		return fmp4.AppendChunk(b, s.before.chunks+1, s.samples, s.entry), nil
	case table == fmp4.TablePlaces:
		at := f.front + row.at
		if track == sound {
			at += row.tracks[picture].bytes
		}
		return fmp4.AppendPlace(b, at, f.wide), nil
	case table == fmp4.TableTimes && s.times <= 2:
		if s.samples > 1 {
			b = fmp4.AppendTimes(b, s.samples-1, s.step)
		}
		return fmp4.AppendTimes(b, 1, s.hold), nil
	case table == fmp4.TableOffsets && s.offsets == 1:
		return fmp4.AppendTimes(b, s.samples, uint32(int64(s.shift)+f.tracks[track].delay)), nil
	case table == fmp4.TableKeys && s.keys == 1:
		return fmp4.AppendWord(b, s.before.samples+1), nil
	}
	return f.fillFromOutline(ctx, track, table, row, b)
}

// fillFromOutline is fillTable for what the row does not tell.
func (f *mp4File) fillFromOutline(ctx context.Context, track int, table fmp4.Table, row *mp4Row, b []byte) ([]byte, error) {
	x, format, err := f.fragments.outline(ctx, row.entry)
	if err != nil {
		return nil, err
	}
	t, err := f.trackOf(track, format)
	if err != nil {
		return nil, err
	}
	if table == fmp4.TableSizes {
		for i := range x.Samples {
			if x.Samples[i].Track == uint64(t.Media.Number) {
				b = fmp4.AppendWord(b, x.Samples[i].Size)
			}
		}
		return b, nil
	}
	s, r, run := &row.tracks[track], &f.tracks[track], f.run(track, t, x)
	switch table {
	case fmp4.TableTimes:
		b = appendTimes(b, &run, s.hold)
	case fmp4.TableOffsets:
		b = appendOffsets(b, &run, r.delay)
	case fmp4.TableKeys:
		for i := range run.Samples {
			if isKey(track, i, &run.Samples[i]) {
				b = fmp4.AppendWord(b, s.before.samples+uint32(i)+1)
			}
		}
	}
	return b, nil
}

// trackOf is what becomes a track of the file in a format.
func (f *mp4File) trackOf(track int, format *timeline.Format) (*timeline.Track, error) {
	p, err := f.rules.Admit(UseClip, format)
	if err != nil {
		return nil, err
	}
	t := p.Video
	if track == sound {
		t = p.Audio
	}
	if t == nil {
		return nil, fmt.Errorf("no track of the kind that was there: %w", millrace.ErrCorrupt)
	}
	return t, nil
}

// appendTimes appends how long the samples of a run last, with the last one on its
// own.
func appendTimes(b []byte, run *timeline.Run, hold uint32) []byte {
	n := len(run.Samples)
	count := uint32(0)
	for i := range n - 1 {
		count++
		if i+1 == n-1 || run.Samples[i+1].Duration != run.Samples[i].Duration {
			b, count = fmp4.AppendTimes(b, count, run.Samples[i].Duration), 0
		}
	}
	return fmp4.AppendTimes(b, 1, hold)
}

// appendOffsets appends how much later than decoded the samples are shown.
func appendOffsets(b []byte, run *timeline.Run, delay int64) []byte {
	count := uint32(0)
	for i := range run.Samples {
		count++
		if i+1 == len(run.Samples) || run.Samples[i+1].Composition != run.Samples[i].Composition {
			b, count = fmp4.AppendTimes(b, count, uint32(int64(run.Samples[i].Composition)+delay)), 0
		}
	}
	return b
}

// fillMedia makes the media of a fragment: the payload of the picture's samples and
// then that of the sound's, as they are.
func (f *mp4File) fillMedia(ctx context.Context, i int, dst []byte, s *scratch) error {
	row := &f.rows[i]
	x, err := f.fragments.read(ctx, row.entry, s)
	if err != nil {
		return of(row.entry, err)
	}
	format, err := f.fragments.format(x.Header)
	if err == nil {
		err = timeline.Unlace(x, format)
	}
	if err != nil {
		return of(row.entry, err)
	}
	p, err := f.rules.Admit(UseClip, format)
	if err != nil {
		return of(row.entry, err)
	}
	made := dst[:0]
	for _, t := range p.Tracks() {
		if made, err = appendPayload(made, uint64(t.Media.Number), x, len(dst)); err != nil {
			return of(row.entry, err)
		}
	}
	return whole(made, dst)
}

// appendPayload appends the payload of a track's samples, until there are more than
// most bytes.
func appendPayload(b []byte, track uint64, x *millrace.Fragment, most int) ([]byte, error) {
	cluster := timeline.Cluster(x)
	for i := range x.Samples {
		s := &x.Samples[i]
		if s.Track != track {
			continue
		}
		end := int64(s.Offset) + int64(s.Size)
		if end > int64(len(cluster)) || len(b)+int(s.Size) > most {
			return nil, fmt.Errorf("sample outside of its cluster: %w", millrace.ErrCorrupt)
		}
		b = append(b, cluster[s.Offset:end]...)
	}
	return b, nil
}
