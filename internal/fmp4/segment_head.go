package fmp4

import (
	"encoding/binary"
	"fmt"
	"math"

	"github.com/Eyevinn/mp4ff/bits"
	"github.com/Eyevinn/mp4ff/mp4"
)

// Lengths and places in the head of a segment, in bytes.
const (
	stypSize    = 8 + 4 + 4 + 4*4
	mfhdNumber  = stypSize + 8 + 12            // of moof and mfhd
	tfhdTrack   = mfhdNumber + 4 + 8 + 12      // of traf and tfhd
	tfdtTime    = mfhdNumber + 4 + 8 + 16 + 12 // of traf, tfhd and tfdt
	firstSize   = tfdtTime + 8 + 20 + 4        // of tfdt, trun and the first duration
	firstFlags  = firstSize + 4                // of the first size
	mdatHead    = 8
	maxPayload  = math.MaxInt32 / 2 // bytes; keeps all that 32 bits hold in range
	maxSamples  = 1 << 24           // likewise
	defaultBase = 0x020000          // data offsets count from the moof
)

// newHead writes the head of a segment with room for what place fills in.
func newHead(samples []mp4.Sample, payload int64) ([]byte, error) {
	if payload > maxPayload || len(samples) > maxSamples {
		return nil, fmt.Errorf("%d frames of %d bytes: %w", len(samples), payload, ErrLimit)
	}
	moof := newMoof(samples)
	moof.Traf.Trun.DataOffset = int32(moof.Size()) + mdatHead
	styp := mp4.NewStyp("msdh", 0, []string{"msdh", "msix", "cmfs", "cmf2"})

	w := bits.NewFixedSliceWriter(stypSize + int(moof.Size()) + mdatHead)
	if err := styp.EncodeSW(w); err != nil {
		return nil, fmt.Errorf("write styp: %w", err)
	}
	if err := moof.EncodeSW(w); err != nil {
		return nil, fmt.Errorf("write moof: %w", err)
	}
	w.WriteUint32(uint32(mdatHead + payload))
	w.WriteString("mdat", false)
	return w.Bytes(), nil
}

// newMoof has the composition offsets only where one is not zero.
func newMoof(samples []mp4.Sample) *mp4.MoofBox {
	trun := mp4.CreateTrun(0)
	trun.Flags &^= mp4.TrunSampleCompositionTimeOffsetPresentFlag
	for i := range samples {
		if samples[i].CompositionTimeOffset != 0 {
			trun.Flags |= mp4.TrunSampleCompositionTimeOffsetPresentFlag
			break
		}
	}
	trun.Samples = samples
	tfhd := &mp4.TfhdBox{Flags: defaultBase, TrackID: trackID}
	traf := &mp4.TrafBox{Tfhd: tfhd, Trun: trun, Children: []mp4.Box{tfhd, &mp4.TfdtBox{Version: 1}, trun}}
	mfhd := &mp4.MfhdBox{}
	return &mp4.MoofBox{Mfhd: mfhd, Traf: traf, Children: []mp4.Box{mfhd, traf}}
}

// place fills in where a segment stands in a presentation.
func place(head []byte, sequence uint32, start uint64) []byte {
	binary.BigEndian.PutUint32(head[mfhdNumber:], sequence)
	binary.BigEndian.PutUint64(head[tfdtTime:], start)
	return head
}
