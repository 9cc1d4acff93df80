package ts

import (
	"bytes"
	"fmt"
	"iter"
	"slices"

	"github.com/asticode/go-astits"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/timeline"
	"github.com/millrace/millrace/media"
)

// NAL unit types of H.264 that are looked at.
const (
	unitIDR         = 5
	unitSPS         = 7
	unitPPS         = 8
	unitDelimiter   = 9
	unitEndSequence = 10
	unitEndStream   = 11
	unitFiller      = 12
)

// pictures is the lane of H.264: one PES packet for each access unit.
type pictures struct {
	config     media.AVCConfig
	lengthSize int // 0 for units behind start codes
	samples    []timeline.Sample
	cluster    []byte
	dts, pts   []int64
	at         int
	unit       []byte // the access unit, of which room is kept
}

func newPictures(t *timeline.Track, r *timeline.Run, cluster []byte, delay int64) (*pictures, error) {
	config, err := avcConfig(t)
	if err != nil {
		return nil, err
	}
	p := &pictures{config: config, lengthSize: t.Parameters.LengthSize, samples: r.Samples, cluster: cluster}
	p.dts, p.pts = decodeTimes(r, int64(t.Timescale), delay)
	return p, nil
}

// avcConfig reads the codec private data of a track of H.264, which may be bare
// parameter sets behind start codes.
func avcConfig(t *timeline.Track) (media.AVCConfig, error) {
	if media.IsAnnexB(t.Media.Private) {
		return media.AVCConfigFromAnnexB(t.Media.Private)
	}
	return media.ParseAVCConfig(t.Media.Private)
}

// decodeTimes are the times of a run on the clock. A decode time is taken back
// as far as those behind it need it, so that none is after its presentation and
// they still ascend.
func decodeTimes(r *timeline.Run, scale, delay int64) (dts, pts []int64) {
	dts, pts = make([]int64, len(r.Samples)), make([]int64, len(r.Samples))
	at := r.Start
	for i, s := range r.Samples {
		dts[i] = headStart + timeline.Rescale(at, scale, second)
		pts[i] = headStart + delay + timeline.Rescale(at+int64(s.Composition), scale, second)
		at += int64(s.Duration)
	}
	for i := len(dts) - 1; i >= 0; i-- {
		dts[i] = min(dts[i], pts[i])
		if i+1 < len(dts) {
			dts[i] = min(dts[i], dts[i+1]-1)
		}
	}
	return dts, pts
}

func (p *pictures) stream() elementary {
	return elementary{pid: picturePID, kind: astits.StreamTypeH264Video}
}

func (p *pictures) next() (int64, bool) {
	if p.at == len(p.dts) {
		return 0, false
	}
	return p.dts[p.at], true
}

func (p *pictures) fill(to *packet) (bool, error) {
	s := &p.samples[p.at]
	payload := p.cluster[s.Offset : int64(s.Offset)+int64(s.Size)]
	to.pts = p.pts[p.at]
	first := p.at == 0
	p.at++
	units, err := p.units(payload)
	if err != nil {
		return false, fmt.Errorf("frame at %d: %w", s.Offset, err)
	}
	idr := false
	for unit := range units {
		idr = idr || unit[0]&0x1f == unitIDR
	}
	to.key = idr || first || s.Flags&millrace.SampleKey != 0
	p.unit = append(p.unit[:0], 0, 0, 0, 1, unitDelimiter, 0xf0)
	if to.key {
		p.unit = p.config.AppendAnnexB(p.unit)
	}
	bare := len(p.unit)
	for unit := range units {
		if !p.drops(unit, to.key) {
			p.unit = append(append(p.unit, 0, 0, 0, 1), unit...)
		}
	}
	to.data = p.unit
	return len(p.unit) > bare, nil
}

// units yields the NAL units of a frame.
func (p *pictures) units(payload []byte) (iter.Seq[[]byte], error) {
	if p.lengthSize == 0 && media.IsAnnexB(payload) {
		return media.AnnexBUnits(payload), nil
	}
	size := p.lengthSize
	if size == 0 {
		size = 4
	}
	if !media.CleanLengthPrefixed(payload, size) {
		return nil, fmt.Errorf("nal units: %w", media.ErrInvalid)
	}
	return media.LengthPrefixedUnits(payload, size), nil
}

// drops reports whether a unit stays behind: delimiters, of which the access
// unit has one, what ends and fills a stream, and of a key frame the parameter
// sets that are the track's own. Others stand behind those and so replace them.
func (p *pictures) drops(unit []byte, key bool) bool {
	same := func(set []byte) bool { return bytes.Equal(set, unit) }
	switch unit[0] & 0x1f {
	case unitDelimiter, unitEndSequence, unitEndStream, unitFiller:
		return true
	case unitSPS:
		return key && slices.ContainsFunc(p.config.SPS, same)
	case unitPPS:
		return key && slices.ContainsFunc(p.config.PPS, same)
	default:
		return false
	}
}
