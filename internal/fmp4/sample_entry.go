package fmp4

import (
	"fmt"
	"math"

	"github.com/Eyevinn/mp4ff/mp4"

	"github.com/millrace/millrace/internal/timeline"
	"github.com/millrace/millrace/media"
)

// An entry is a sample entry, and how large the track header says its pictures
// are shown: in pixels, 16 bits and 16 bits of fraction, 0 for sound.
type entry struct {
	box           mp4.Box
	width, height mp4.Fixed32
}

// AppendSampleEntry appends the sample entry of a track (avc1, hvc1, av01, mp4a,
// Opus, alaw, ulaw) to dst, as the SampleDescriptionBox holds it, for frames that
// are written as they are. Errors are those of AppendInit, and ErrAnnexB where the
// parameter sets of the codec private data stand behind start codes; dst is then
// returned as it was.
func AppendSampleEntry(dst []byte, t *timeline.Track) ([]byte, error) {
	e, err := newEntry(t)
	if err != nil {
		return dst, fmt.Errorf("sample entry of track %d: %w", t.Media.Number, err)
	}
	return appendBox(dst, e.box)
}

// DisplaySize returns how large the pictures of a track are shown, in pixels with
// 16 bits of fraction, as a track header has it; 0 for sound. Errors are those of
// AppendSampleEntry.
func DisplaySize(t *timeline.Track) (width, height uint32, err error) {
	e, err := newEntry(t)
	if err != nil {
		return 0, 0, fmt.Errorf("display size of track %d: %w", t.Media.Number, err)
	}
	return uint32(e.width), uint32(e.height), nil
}

func newEntry(t *timeline.Track) (entry, error) {
	switch t.Media.Codec {
	case media.AVC:
		return avcEntry(t)
	case media.HEVC:
		return hevcEntry(t)
	case media.AV1:
		return av1Entry(t)
	case media.AAC:
		return aacEntry(t)
	case media.Opus:
		return opusEntry(t)
	case media.ALaw, media.MuLaw:
		return g711Entry(t)
	default:
		return entry{}, fmt.Errorf("%w %v (%s)", ErrCodec, t.Media.Codec, t.Media.CodecID)
	}
}

// A picture is what an entry says about the pictures.
type picture struct {
	name          string // of the entry
	config        mp4.Box
	width, height int // pixels, after cropping
	aspect        media.Ratio
	color         media.Color
}

// entry makes the sample entry.
func (p picture) entry() (entry, error) {
	if p.width < 1 || p.width > math.MaxUint16 || p.height < 1 || p.height > math.MaxUint16 {
		return entry{}, fmt.Errorf("pictures of %d by %d pixels: %w", p.width, p.height, media.ErrLimit)
	}
	box := mp4.NewVisualSampleEntryBox(p.name)
	box.DataReferenceIndex = 1
	box.Width, box.Height = uint16(p.width), uint16(p.height)
	box.Horizresolution, box.Vertresolution = 72<<16, 72<<16
	box.FrameCount = 1
	box.AddChild(p.config)
	e := entry{box: box, width: mp4.Fixed32(p.width << 16), height: mp4.Fixed32(p.height << 16)}
	if a := p.aspect; a.Width != 0 && a.Height != 0 && a.Width != a.Height {
		box.AddChild(&mp4.PaspBox{HSpacing: uint32(a.Width), VSpacing: uint32(a.Height)})
		e.width = stretched(p.width, a)
	}
	if c := p.color; c != (media.Color{}) {
		box.AddChild(&mp4.ColrBox{
			ColorType: mp4.ColorTypeOnScreenColors, ColorPrimaries: uint16(c.Primaries),
			TransferCharacteristics: uint16(c.Transfer), MatrixCoefficients: uint16(c.Matrix), FullRangeFlag: c.FullRange,
		})
	}
	return e, nil
}

// stretched is a width in samples as one in square pixels.
func stretched(width int, a media.Ratio) mp4.Fixed32 {
	w := uint64(width) << 16 * uint64(a.Width) / uint64(a.Height)
	return mp4.Fixed32(min(w, math.MaxUint32))
}

// private is a box of bytes that are passed on.
func private(name string, payload []byte) mp4.Box {
	const head = 8
	return mp4.CreateUnknownBox(name, uint64(head+len(payload)), payload)
}
