package media

import (
	"bytes"
	"encoding/binary"
)

// PictureSize reads the size of a picture, in pixels, from a frame of MJPEG, PNG,
// VP8 or VP9, for which no codec private data tell it. Of VP8 and VP9 only key
// frames have it. It is false where the frame does not tell, and for other codecs.
func PictureSize(codec Codec, frame []byte) (width, height int, ok bool) {
	switch codec {
	case MJPEG:
		width, height = jpegSize(frame)
	case PNG:
		width, height = pngSize(frame)
	case VP8:
		width, height = vp8Size(frame)
	case VP9:
		width, height = vp9Size(frame)
	}
	return width, height, width > 0 && height > 0 && width <= maxPictureSide && height <= maxPictureSide
}

// IsPicture reports whether a frame begins as pictures of MJPEG or PNG do. It is
// true of other codecs, whose frames have no such mark.
func IsPicture(codec Codec, frame []byte) bool {
	switch codec {
	case MJPEG:
		return bytes.HasPrefix(frame, []byte{0xff, 0xd8, 0xff})
	case PNG:
		return bytes.HasPrefix(frame, []byte(pngMagic))
	default:
		return true
	}
}

const pngMagic = "\x89PNG\r\n\x1a\n"

// pngSize reads the first chunk, IHDR.
func pngSize(b []byte) (width, height int) {
	const head = len(pngMagic) + 8
	if len(b) < head+8 || !IsPicture(PNG, b) || string(b[head-4:head]) != "IHDR" {
		return 0, 0
	}
	return int(binary.BigEndian.Uint32(b[head:])), int(binary.BigEndian.Uint32(b[head+4:]))
}

// jpegSize hops over the segments to the frame header.
func jpegSize(b []byte) (width, height int) {
	if !IsPicture(MJPEG, b) {
		return 0, 0
	}
	for b = b[2:]; len(b) >= 4 && b[0] == 0xff; {
		kind := b[1]
		if kind == 0xff { // padding in front of a marker
			b = b[1:]
			continue
		}
		n := int(binary.BigEndian.Uint16(b[2:]))
		if jpegFrame(kind) && n >= 8 && len(b) >= 9 {
			return int(binary.BigEndian.Uint16(b[7:])), int(binary.BigEndian.Uint16(b[5:]))
		}
		if n < 2 || len(b) < 2+n || kind == 0xda { // start of scan
			break
		}
		b = b[2+n:]
	}
	return 0, 0
}

// jpegFrame reports whether a marker is one of the frame headers, SOF0 to SOF15
// without the three that mean something else.
func jpegFrame(kind byte) bool {
	return kind >= 0xc0 && kind <= 0xcf && kind != 0xc4 && kind != 0xc8 && kind != 0xcc
}

func vp8Size(b []byte) (width, height int) {
	if len(b) < 10 || b[0]&1 != 0 || !bytes.HasPrefix(b[3:], []byte{0x9d, 0x01, 0x2a}) {
		return 0, 0
	}
	const scaling = 0x3fff // the two bits above are how to show it
	return int(binary.LittleEndian.Uint16(b[6:]) & scaling), int(binary.LittleEndian.Uint16(b[8:]) & scaling)
}

// vp9Size reads the uncompressed header of a key frame.
func vp9Size(b []byte) (width, height int) {
	if !vp9Key(b) {
		return 0, 0
	}
	r := bitReader{data: b, raw: true}
	r.skip(2)
	profile := r.bits(1) | r.bits(1)<<1
	if profile == 3 {
		r.skip(1)
	}
	r.skip(4) // show_existing_frame, frame_type, show_frame, error_resilient_mode
	if r.bits(24) != 0x498342 {
		return 0, 0
	}
	if profile >= 2 {
		r.skip(1) // ten_or_twelve_bit
	}
	const sRGB = 7
	switch r.bits(3) {
	case sRGB:
		if profile&1 == 1 {
			r.skip(1)
		}
	default:
		r.skip(1) // color_range
		if profile&1 == 1 {
			r.skip(3)
		}
	}
	width, height = int(r.bits(16))+1, int(r.bits(16))+1
	if r.short {
		return 0, 0
	}
	return width, height
}
