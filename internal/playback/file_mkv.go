package playback

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/store"
	"github.com/millrace/millrace/internal/timeline"
	"github.com/millrace/millrace/media"
	"github.com/millrace/millrace/mkv"
)

// An mkvFile is a range of a stream as one Matroska file, with all tracks and every
// codec. Blocks are what was sent; their times are the file's, and what stood
// beside them in a group is left out.
type mkvFile struct {
	fragments *fragmentReader
	format    *timeline.Format // of the first fragment; that of all is the same
	tracks    []byte           // its Tracks element
	scale     int64            // nanoseconds of a tick
	rows      []mkvRow
	size      int64 // bytes of all Clusters
	cues      int
	first     int64 // bytes from the Segment's payload to the first Cluster
	length    time.Duration
}

// An mkvRow is one fragment.
type mkvRow struct {
	entry  store.Entry
	at     int64         // bytes of Clusters before its own
	bytes  int64         // of its own Clusters
	time   time.Duration // where it starts in the file
	cue    int64         // ticks from there to the frame that can be sought
	track  uint64        // of which track that is; 0: it has none
	before int           // cues of the fragments before
}

// newMKVFile looks at all fragments and lays the file out.
func newMKVFile(ctx context.Context, fragments *fragmentReader, entries []store.Entry) (*mkvFile, error) {
	first, format, err := fragments.outline(ctx, entries[0])
	if err != nil {
		return nil, of(entries[0], err)
	}
	f := &mkvFile{fragments: fragments, format: format, scale: int64(first.TimecodeScale), rows: make([]mkvRow, len(entries))}
	if f.scale <= 0 || f.scale > int64(time.Second) {
		f.scale = mkv.DefaultTimecodeScale
	}
	tracks, err := timeline.TracksElement(first.Header)
	if err != nil {
		return nil, of(entries[0], err)
	}
	f.tracks = bytes.Clone(tracks.Raw) // a few bytes of a large buffer
	spans := make([][2]trackSpan, len(entries))
	p := f.placer()
	err = fragments.each(ctx, entries, func(ctx context.Context, i int, x *millrace.Fragment, format *timeline.Format) (err error) {
		if f.rows[i], err = f.row(entries[i], x, format); err == nil && timeline.Laced(x) {
			x, err = fragments.unlaced(ctx, entries[i], format)
		}
		if err != nil {
			return err
		}
		for r, t := range f.placed(format) {
			spans[i][r] = spanOf(t, x, p.tracks[r].scale)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	for i := range f.rows {
		row := &f.rows[i]
		row.at, row.before = f.size, f.cues
		f.size += row.bytes
		if row.track != 0 {
			f.cues++
		}
		row.time = p.place(row.entry.ProducerTime, []*trackSpan{&spans[i][picture], &spans[i][sound]})
	}
	f.length = p.end()
	return f, nil
}

// placed are the tracks by which fragments are laid behind one another: the first
// picture and the first sound, or else whatever there is. Both may be nil.
func (f *mkvFile) placed(format *timeline.Format) [2]*timeline.Track {
	list := [2]*timeline.Track{format.First(media.Video), format.First(media.Audio)}
	if list == [2]*timeline.Track{} && len(format.Tracks) > 0 {
		list[picture] = &format.Tracks[0]
	}
	return list
}

func (f *mkvFile) placer() *placer {
	p := &placer{}
	for _, t := range f.placed(f.format) {
		r := &fileTrack{scale: 90_000}
		if t != nil {
			r.scale = t.Timescale
		}
		p.tracks = append(p.tracks, r)
	}
	return p
}

// spanOf measures a track of a fragment, by the scale of the file's.
func spanOf(t *timeline.Track, x *millrace.Fragment, scale uint32) trackSpan {
	if t == nil {
		return trackSpan{}
	}
	s := t.Span(x, timeline.Hint{})
	to := func(ticks int64) int64 { return timeline.Rescale(ticks, int64(t.Timescale), int64(scale)) }
	return trackSpan{
		samples: uint32(s.Samples), start: to(s.Start), last: to(s.Last), own: max(to(s.Start+s.Duration-s.Last), 1), usual: to(s.Usual),
	}
}

// row measures the Clusters that a fragment becomes.
func (f *mkvFile) row(e store.Entry, blocks *millrace.Fragment, format *timeline.Format) (mkvRow, error) {
	row := mkvRow{entry: e}
	if err := f.mayFollow(format, e); err != nil {
		return row, err
	}
	cue := f.placed(format)[picture]
	if cue == nil && len(format.Tracks) > 0 {
		cue = &format.Tracks[0]
	}
	w := clusterWalk{scale: f.scale, fragment: blocks}
	var head [32]byte
	for i := range blocks.Samples {
		s := &blocks.Samples[i]
		begins := w.next(s)
		if begins {
			row.bytes += clusterHead
		}
		row.bytes += int64(len(appendBlockHead(head[:0], s, w.rel, 0))) + int64(s.Size)
		if row.track == 0 && w.clusters == 1 && cue != nil && s.Track == uint64(cue.Media.Number) && s.Flags&millrace.SampleKey != 0 {
			row.track, row.cue = s.Track, w.at
		}
	}
	return row, nil
}

// mayFollow says whether a fragment can be in the same file as the first one.
func (f *mkvFile) mayFollow(format *timeline.Format, e store.Entry) error {
	same := len(format.Tracks) == len(f.format.Tracks)
	for i := 0; same && i < len(format.Tracks); i++ {
		a, b := &format.Tracks[i], &f.format.Tracks[i]
		same = a.Media.Number == b.Media.Number && a.SameMedia(b)
	}
	if same {
		return nil
	}
	return millrace.Errorf(millrace.CodeUnsupportedMedia,
		"The tracks change within the range, which a Matroska file cannot follow. Ask for a range that ends, or begins, at %s, or for MP4.",
		e.ProducerTime.Format("2006-01-02T15:04:05.000Z07:00"))
}

// clusterHead is how long the head of a Cluster is: id, size, and the time of its
// first block.
const clusterHead = 4 + 8 + 10

func appendClusterHead(b []byte, size, timecode int64) []byte {
	b = mkv.AppendSize(mkv.AppendID(b, mkv.IDCluster), size-12, 8)
	return mkv.AppendInt(b, mkv.IDTimecode, timecode)
}

// A clusterWalk goes along the blocks of a fragment. A Cluster begins with the
// first, and wherever the time of a block is too far from that of its Cluster.
type clusterWalk struct {
	scale    int64
	fragment *millrace.Fragment
	clusters int
	base     int64 // ticks from the fragment's start to the Cluster's first block
	at       int64 // ticks from the fragment's start to the block
	rel      int16 // ticks from the Cluster's first block to the block
}

// next goes to a block, and reports whether a Cluster begins with it.
func (w *clusterWalk) next(s *millrace.Sample) (begins bool) {
	w.at = int64(s.Time)
	if from := int64(w.fragment.TimecodeScale); from != w.scale {
		w.at = timeline.Rescale(w.at, w.scale, from)
	}
	if d := w.at - w.base; w.clusters == 0 || d < math.MinInt16 || d > math.MaxInt16 {
		w.clusters++
		w.base, begins = w.at, true
	}
	w.rel = int16(w.at - w.base)
	return begins
}

// appendBlockHead appends what stands before the payload of a block. flags are the
// block's own, as it was sent.
func appendBlockHead(b []byte, s *millrace.Sample, rel int16, flags mkv.BlockFlags) []byte {
	flags &^= mkv.FlagKeyframe
	if s.Flags&millrace.SampleKey != 0 {
		flags |= mkv.FlagKeyframe
	}
	return mkv.AppendSimpleBlockHeader(b, s.Track, rel, flags, int(s.Size))
}

// ticks is a time of the file in ticks.
func (f *mkvFile) ticks(d time.Duration) int64 {
	return max((int64(d)+f.scale/2)/f.scale, 0)
}

// layOut returns the file's sections.
func (f *mkvFile) layOut() layout {
	var l layout
	front := mkv.AppendEBML(nil, mkv.EBML{})
	info := mkv.AppendInfo(nil, mkv.Info{
		TimecodeScale: uint64(f.scale), Duration: float64(f.length) / float64(f.scale), DateUTC: f.rows[0].entry.ProducerTime,
		MuxingApp: "millrace", WritingApp: "millrace",
	})
	cues := int64(f.cues) * int64(len(appendCue(nil, 0, 0, 0)))
	cueHead := mkv.AppendSize(mkv.AppendID(nil, mkv.IDCues), cues, 8)
	seeks := len(appendSeeks(nil, 0, 0, 0))
	at := int64(seeks)
	seek := appendSeeks(nil, at, at+int64(len(info)), at+int64(len(info)+len(f.tracks)))
	f.first = at + int64(len(info)+len(f.tracks)+len(cueHead)) + cues
	front = mkv.AppendSize(mkv.AppendID(front, mkv.IDSegment), f.first+f.size, 8)
	l.addFixed(bytes.Join([][]byte{front, seek, info, f.tracks, cueHead}, nil))
	l.add(section{size: cues, parts: len(f.rows), fill: f.fillCue, at: func(i int) int64 {
		if i == len(f.rows) {
			return cues
		}
		return int64(f.rows[i].before) * int64(len(appendCue(nil, 0, 0, 0)))
	}})
	l.add(section{size: f.size, parts: len(f.rows), media: true, fill: f.fillClusters, at: func(i int) int64 {
		if i == len(f.rows) {
			return f.size
		}
		return f.rows[i].at
	}})
	return l
}

// appendSeeks appends a SeekHead that leads to Info, Tracks and Cues, whose places
// count from the Segment's payload. It is as long whatever they are.
func appendSeeks(b []byte, info, tracks, cues int64) []byte {
	var p []byte
	for _, s := range []struct {
		id mkv.ElementID
		at int64
	}{{mkv.IDInfo, info}, {mkv.IDTracks, tracks}, {mkv.IDCues, cues}} {
		e := mkv.AppendBytes(nil, mkv.IDSeekID, mkv.AppendID(nil, s.id))
		p = mkv.AppendBytes(p, mkv.IDSeek, mkv.AppendInt(e, mkv.IDSeekPosition, s.at))
	}
	return mkv.AppendBytes(b, mkv.IDSeekHead, p)
}

// appendCue appends a CuePoint. It is as long whatever it says.
func appendCue(b []byte, time int64, track uint64, cluster int64) []byte {
	where := mkv.AppendInt(nil, mkv.IDCueTrack, int64(track))
	where = mkv.AppendInt(where, mkv.IDCueClusterPosition, cluster)
	point := mkv.AppendInt(nil, mkv.IDCueTime, time)
	return mkv.AppendBytes(b, mkv.IDCuePoint, mkv.AppendBytes(point, mkv.IDCueTrackPositions, where))
}

func (f *mkvFile) fillCue(_ context.Context, i int, dst []byte, _ *scratch) error {
	row := &f.rows[i]
	if row.track == 0 {
		return whole(nil, dst)
	}
	return whole(appendCue(dst[:0], max(f.ticks(row.time)+row.cue, 0), row.track, f.first+row.at), dst)
}

// fillClusters makes the Clusters of a fragment.
func (f *mkvFile) fillClusters(ctx context.Context, i int, dst []byte, room *scratch) error {
	row := &f.rows[i]
	x, err := f.fragments.read(ctx, row.entry, room)
	if err != nil {
		return of(row.entry, err)
	}
	made, err := f.appendClusters(dst[:0], row, x, len(dst))
	if err != nil {
		return of(row.entry, err)
	}
	return whole(made, dst)
}

func (f *mkvFile) appendClusters(b []byte, row *mkvRow, x *millrace.Fragment, most int) ([]byte, error) {
	cluster := timeline.Cluster(x)
	start := f.ticks(row.time)
	w := clusterWalk{scale: f.scale, fragment: x}
	head, timecode := -1, int64(0)
	end := func() {
		if head >= 0 {
			appendClusterHead(b[head:head], int64(len(b)-head), timecode)
		}
	}
	for i := range x.Samples {
		s := &x.Samples[i]
		stop := int64(s.Offset) + int64(s.Size)
		if s.Offset == 0 || stop > int64(len(cluster)) || len(b)+int(s.Size) > most {
			return nil, fmt.Errorf("sample outside of its cluster: %w", millrace.ErrCorrupt)
		}
		if w.next(s) {
			end()
			head, timecode = len(b), max(start+w.base, 0)
			b = append(b, make([]byte, clusterHead)...)
		}
		b = appendBlockHead(b, s, w.rel, mkv.BlockFlags(cluster[s.Offset-1]))
		b = append(b, cluster[s.Offset:stop]...)
	}
	end()
	return b, nil
}
