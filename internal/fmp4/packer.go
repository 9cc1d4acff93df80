package fmp4

import (
	"fmt"

	"github.com/millrace/millrace/internal/timeline"
	"github.com/millrace/millrace/media"
)

// smallPiece is below how many bytes a piece is copied rather than referred to,
// which takes more memory than what it refers to: a frame may be units of a byte.
const smallPiece = 64

// A packer collects the payload of a segment, frame by frame, by reference.
type packer struct {
	codec      media.Codec
	lengthSize int  // bytes before each NAL unit, 0 for codecs without
	startCodes bool // frames may have start codes instead
	sets       sets
	payload    [][]byte
	copies     []byte // small pieces one behind the other
	open       int    // where in copies the last piece of payload begins; -1 if it is no copy
	size       int64  // bytes of payload
}

func newPacker(t *timeline.Track, frames int) (*packer, error) {
	p := &packer{codec: t.Media.Codec, payload: make([][]byte, 0, frames), open: -1}
	switch p.codec {
	case media.AVC, media.HEVC:
		if t.Fault != nil {
			return nil, t.Fault
		}
		record, startCodes, err := recordOf(t)
		if err != nil {
			return nil, err
		}
		p.lengthSize, p.startCodes = t.Parameters.LengthSize, startCodes
		if startCodes {
			p.lengthSize = usualLength
		}
		p.sets = sets{codec: p.codec, private: record, startCodes: startCodes}
	case media.AV1, media.AAC, media.Opus, media.ALaw, media.MuLaw:
	default:
		return nil, fmt.Errorf("%w %v (%s)", ErrCodec, t.Media.Codec, t.Media.CodecID)
	}
	return p, nil
}

// frame adds a frame. It returns how many bytes are left of it, and whether it
// is one with which decoding may start, if its units tell.
func (p *packer) frame(frame []byte) (size uint32, sync bool, err error) {
	before := p.size
	switch {
	case len(frame) == 0:
		return 0, false, ErrEmpty
	case p.startCodes && media.IsAnnexB(frame):
		sync, err = p.convert(frame)
	case p.lengthSize > 0:
		sync, err = p.units(frame)
	case p.codec == media.AV1 && len(frame) > 2 && frame[0] == 0x12 && frame[1] == 0:
		p.keep(frame[2:]) // a temporal delimiter means nothing in MP4
		sync = true
	default:
		p.keep(frame)
		sync = true
	}
	return uint32(p.size - before), sync, err
}

// units adds a frame of NAL units but for those that have no place in it.
func (p *packer) units(frame []byte) (sync bool, err error) {
	before, pieces := p.size, len(p.payload)
	kept := frame // what is not yet added, from its first byte
	for rest := frame; len(rest) > 0; {
		at := rest
		unit, next, ok := cutUnit(rest, p.lengthSize)
		if !ok {
			return false, brokenFraming(frame)
		}
		rest = next
		if len(unit) > 0 {
			r := roleOf(p.codec, unit[0])
			sync = sync || r == roleSync
			if r != roleNothing && (r != roleSet || !p.sets.repeats(unit)) {
				continue
			}
		}
		p.keep(kept[:len(kept)-len(at)])
		kept = rest
	}
	p.keep(kept)
	if p.size == before { // nothing but units to leave out: rather those than no frame
		p.payload = p.payload[:pieces]
		p.keep(frame)
	}
	return sync, nil
}

// keep adds a piece of a frame.
func (p *packer) keep(piece []byte) {
	n := len(piece)
	p.size += int64(n)
	switch {
	case n == 0:
		return
	case n >= smallPiece:
		p.open = -1
		p.payload = append(p.payload, piece)
		return
	case cap(p.copies)-len(p.copies) < n: // a new run of copies: payload refers to the old one
		p.copies, p.open = make([]byte, 0, min(max(1<<10, 2*cap(p.copies)), 1<<20)), -1
	}
	if p.open < 0 {
		p.open = len(p.copies)
		p.payload = append(p.payload, nil)
	}
	p.copies = append(p.copies, piece...)
	p.payload[len(p.payload)-1] = p.copies[p.open:len(p.copies):len(p.copies)]
}

// brokenFraming tells the two ways apart in which a frame is not what the codec
// private data announce.
func brokenFraming(frame []byte) error {
	if media.HasStartCode(frame) {
		return ErrAnnexB
	}
	return ErrFraming
}
