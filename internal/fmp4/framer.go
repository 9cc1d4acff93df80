package fmp4

import (
	"fmt"

	"github.com/millrace/millrace/internal/timeline"
)

// A Framer brings the frames of one track into the form in which MP4 has them,
// one at a time: NAL units behind lengths, without those that mean nothing there
// and without parameter sets that only repeat the sample entry's. It is for one
// goroutine.
type Framer struct {
	track  *timeline.Track // with a configuration record
	packer *packer
}

// NewFramer returns the Framer of a track. Errors are those of AppendInit.
func NewFramer(t *timeline.Track) (*Framer, error) {
	converted, err := inLengths(t)
	if err != nil {
		return nil, fmt.Errorf("frames of track %d: %w", t.Media.Number, err)
	}
	p, err := newPacker(t, 1)
	if err != nil {
		return nil, fmt.Errorf("frames of track %d: %w", t.Media.Number, err)
	}
	return &Framer{converted, p}, nil
}

// AppendSampleEntry appends the sample entry for the frames, as the function of
// that name does.
func (f *Framer) AppendSampleEntry(dst []byte) ([]byte, error) {
	return AppendSampleEntry(dst, f.track)
}

// DisplaySize is how large the pictures are shown, as the function of that name
// says.
func (f *Framer) DisplaySize() (width, height uint32, err error) { return DisplaySize(f.track) }

// Frame returns a frame in pieces, which refer to it and are valid until the next
// call, and whether its units say that decoding may start with it. A frame that
// cannot be written is ErrAnnexB, ErrFraming or ErrEmpty.
func (f *Framer) Frame(frame []byte) (pieces [][]byte, sync bool, err error) {
	p := f.packer
	p.payload, p.copies, p.open, p.size = p.payload[:0], p.copies[:0], -1, 0
	_, sync, err = p.frame(frame)
	if err != nil {
		return nil, false, err
	}
	p.sets.closed = true
	return p.payload, sync, nil
}
