package fmp4

import (
	"fmt"

	"github.com/Eyevinn/mp4ff/bits"
	"github.com/Eyevinn/mp4ff/mp4"

	"github.com/millrace/millrace/internal/timeline"
	"github.com/millrace/millrace/media"
)

// trackID is the number of the only track of a segment.
const trackID = 1

// AppendInit appends the init segment of a track to dst. On error it returns
// dst as it was: ErrCodec for a codec without a sample entry, or an error of
// package media for codec private data that make none. Private data that are
// parameter sets behind start codes make one; NewSegment converts the frames.
func AppendInit(dst []byte, t *timeline.Track) ([]byte, error) {
	entry, err := initEntry(t)
	if err != nil {
		return dst, fmt.Errorf("init segment of track %d: %w", t.Media.Number, err)
	}
	ftyp := mp4.NewFtyp("iso6", 0, []string{"iso6", "cmfc", "cmf2", "mp41"})
	moov := newMoov([]*mp4.TrakBox{newTrak(t, entry, trackID)})
	if dst, err = appendBox(dst, ftyp); err == nil {
		dst, err = appendBox(dst, moov)
	}
	return dst, err
}

// AppendMovieInit appends an init segment for several tracks, at least one, whose
// segments stand one behind the other in one file: those of tracks[i] have the
// number i+1 there, see Segment.HeadOf. Errors are those of AppendInit.
func AppendMovieInit(dst []byte, tracks []*timeline.Track) ([]byte, error) {
	var list []*mp4.TrakBox
	for i, t := range tracks {
		entry, err := initEntry(t)
		if err != nil {
			return dst, fmt.Errorf("init segment of track %d: %w", t.Media.Number, err)
		}
		list = append(list, newTrak(t, entry, uint32(i)+1))
	}
	with, err := appendBox(dst, mp4.NewFtyp("iso6", 0, []string{"iso6", "mp41"}))
	if err == nil {
		with, err = appendBox(with, newMoov(list))
	}
	if err != nil {
		return dst, err
	}
	return with, nil
}

func initEntry(t *timeline.Track) (entry, error) {
	t, err := inLengths(t)
	if err != nil {
		return entry{}, err
	}
	return newEntry(t)
}

// appendBox appends a whole box.
func appendBox(dst []byte, b mp4.Box) ([]byte, error) {
	w := bits.NewFixedSliceWriter(int(b.Size()))
	if err := b.EncodeSW(w); err != nil {
		return dst, fmt.Errorf("write %s: %w", b.Type(), err)
	}
	return append(dst, w.Bytes()...), nil
}

func newMoov(tracks []*mp4.TrakBox) *mp4.MoovBox {
	moov := mp4.NewMoovBox()
	mvhd := mp4.CreateMvhd()
	mvhd.Timescale = 1000
	mvhd.NextTrackID = uint32(len(tracks)) + 1
	moov.AddChild(mvhd)
	mvex := mp4.NewMvexBox()
	for _, trak := range tracks {
		moov.AddChild(trak)
		mvex.AddChild(mp4.CreateTrex(trak.Tkhd.TrackID))
	}
	moov.AddChild(mvex)
	return moov
}

func newTrak(t *timeline.Track, e entry, id uint32) *mp4.TrakBox {
	trak := mp4.NewTrakBox()
	tkhd := mp4.CreateTkhd()
	tkhd.TrackID = id
	tkhd.Width, tkhd.Height = e.width, e.height
	handler, header := &mp4.HdlrBox{HandlerType: "vide", Name: "video"}, mp4.Box(mp4.CreateVmhd())
	if t.Media.Type == media.Audio {
		tkhd.Volume = 0x0100
		handler, header = &mp4.HdlrBox{HandlerType: "soun", Name: "sound"}, mp4.CreateSmhd()
	}
	trak.AddChild(tkhd)

	mdia := mp4.NewMdiaBox()
	mdhd := &mp4.MdhdBox{Timescale: t.Timescale}
	mdhd.SetLanguage("und")
	mdia.AddChild(mdhd)
	mdia.AddChild(handler)
	minf := mp4.NewMinfBox()
	minf.AddChild(header)
	dinf := &mp4.DinfBox{}
	dinf.AddChild(mp4.CreateDref())
	minf.AddChild(dinf)
	minf.AddChild(newEmptyTable(e.box))
	mdia.AddChild(minf)
	trak.AddChild(mdia)
	return trak
}

// newEmptyTable is a sample table without samples. The boxes are mandatory
// all the same.
func newEmptyTable(entry mp4.Box) *mp4.StblBox {
	stbl := mp4.NewStblBox()
	stsd := mp4.NewStsdBox()
	stsd.AddChild(entry)
	stbl.AddChild(stsd)
	stbl.AddChild(&mp4.SttsBox{})
	stbl.AddChild(&mp4.StscBox{})
	stbl.AddChild(&mp4.StszBox{})
	stbl.AddChild(&mp4.StcoBox{})
	return stbl
}
