package fmp4

import "github.com/millrace/millrace/media"

// A role is what a NAL unit is for, as far as a segment is concerned.
type role uint8

const (
	rolePicture role = iota // it is part of a frame, and so is whatever is not known
	roleSync                // a slice of a picture with which decoding may start
	roleSet                 // a parameter set
	roleNothing             // it means nothing in MP4
)

// roleOf tells by the first byte of a unit's header.
func roleOf(codec media.Codec, first byte) role {
	if codec == media.AVC {
		return avcRole(first & 0x1f)
	}
	return hevcRole(first >> 1 & 0x3f)
}

func avcRole(kind byte) role {
	switch kind {
	case 5: // IDR
		return roleSync
	case 7, 8, 13: // SPS, PPS, SPS extension
		return roleSet
	case 9, 10, 11, 12: // access unit delimiter, end of sequence, end of stream, filler
		return roleNothing
	default:
		return rolePicture
	}
}

func hevcRole(kind byte) role {
	switch kind {
	case 16, 17, 18, 19, 20, 21: // BLA, IDR, CRA
		return roleSync
	case 32, 33, 34: // VPS, SPS, PPS
		return roleSet
	case 35, 36, 37, 38: // access unit delimiter, end of sequence, end of bitstream, filler
		return roleNothing
	default:
		return rolePicture
	}
}

// cutUnit cuts the first unit off a frame. It reports false if the frame ends
// inside of it, or if it does not begin like one; unit may be empty.
func cutUnit(frame []byte, lengthSize int) (unit, rest []byte, ok bool) {
	if len(frame) < lengthSize {
		return nil, nil, false
	}
	n := uint64(0)
	for _, b := range frame[:lengthSize] {
		n = n<<8 | uint64(b)
	}
	frame = frame[lengthSize:]
	if n > uint64(len(frame)) || n > 0 && frame[0]&0x80 != 0 {
		return nil, nil, false
	}
	return frame[:n:n], frame[n:], true
}
