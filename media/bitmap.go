package media

import (
	"encoding/binary"
	"strings"
)

// BitmapInfo is the BITMAPINFOHEADER structure that tracks with the identifier
// V_MS/VFW/FOURCC carry, little endian:
//
//	size(32) width(32) height(32) planes(16) bits(16) compression(4 bytes)
//	imageSize(32) xPixelsPerMetre(32) yPixelsPerMetre(32) colorsUsed(32) colorsImportant(32)
type BitmapInfo struct {
	// Width and Height are in pixels, both positive here; see TopDown.
	Width, Height int32
	// TopDown says that the height was negative: rows run from the top.
	TopDown bool
	// BitsPerPixel is that of the decoded picture.
	BitsPerPixel uint16
	// FourCC names the codec, such as "MJPG".
	FourCC string
	// ImageSize is the size of a decoded picture in bytes, or zero.
	ImageSize uint32
	// Extra is what follows the structure: the codec's own configuration.
	Extra []byte
}

const bitmapHead = 40 // bytes of the structure

// ParseBitmapInfo reads the structure from at least 40 bytes.
func ParseBitmapInfo(b []byte) (BitmapInfo, error) {
	switch {
	case len(b) == 0:
		return BitmapInfo{}, syntax(Unknown, "bitmapinfoheader", ErrMissing)
	case len(b) < bitmapHead:
		return BitmapInfo{}, syntax(Unknown, "bitmapinfoheader", ErrTruncated)
	}
	le := binary.LittleEndian
	m := BitmapInfo{
		Width: int32(le.Uint32(b[4:])), Height: int32(le.Uint32(b[8:])), BitsPerPixel: le.Uint16(b[14:]),
		FourCC: string(b[16:20]), ImageSize: le.Uint32(b[20:]), Extra: b[bitmapHead:],
	}
	if m.Height < 0 {
		m.Height, m.TopDown = -m.Height, true
	}
	switch {
	case m.Width < 1, m.Height < 1:
		return BitmapInfo{}, syntax(Unknown, "bitmapinfoheader size", ErrInvalid)
	case m.Width > maxPictureSide, m.Height > maxPictureSide:
		return BitmapInfo{}, syntax(Unknown, "bitmapinfoheader size", ErrLimit)
	}
	return m, nil
}

// NewMJPEG returns the structure for a sequence of JPEG pictures.
func NewMJPEG(width, height int32) BitmapInfo {
	return BitmapInfo{Width: width, Height: height, BitsPerPixel: 24, FourCC: "MJPG"}
}

// NewPNG returns the structure for a sequence of PNG pictures.
func NewPNG(width, height int32) BitmapInfo {
	return BitmapInfo{Width: width, Height: height, BitsPerPixel: 32, FourCC: "MPNG"}
}

// Append appends the structure and the extra data to dst. A FourCC that is not
// four bytes long is an error, on which dst is returned as it was.
func (m BitmapInfo) Append(dst []byte) ([]byte, error) {
	if len(m.FourCC) != 4 || m.Width < 1 || m.Height < 1 {
		return dst, syntax(m.Codec(), "bitmapinfoheader", ErrInvalid)
	}
	height := m.Height
	if m.TopDown {
		height = -height
	}
	le := binary.LittleEndian
	dst = le.AppendUint32(dst, bitmapHead)
	dst = le.AppendUint32(dst, uint32(m.Width))
	dst = le.AppendUint32(dst, uint32(height))
	dst = le.AppendUint16(dst, 1)
	dst = le.AppendUint16(dst, m.BitsPerPixel)
	dst = append(dst, m.FourCC...)
	dst = le.AppendUint32(dst, m.ImageSize)
	dst = append(dst, make([]byte, 16)...)
	return append(dst, m.Extra...), nil
}

// Codec returns the codec that the FourCC names, Unknown for most of them.
func (m BitmapInfo) Codec() Codec {
	switch strings.ToUpper(m.FourCC) {
	case "MJPG", "JPEG":
		return MJPEG
	case "H264", "X264", "AVC1", "DAVC":
		return AVC
	case "H265", "HEVC", "HVC1", "HEV1", "X265":
		return HEVC
	case "AV01":
		return AV1
	case "VP80":
		return VP8
	case "VP90":
		return VP9
	case "MPNG", "PNG ":
		return PNG
	default:
		return Unknown
	}
}

func detectBitmap(private []byte) Codec {
	m, err := ParseBitmapInfo(private)
	if err != nil {
		return Unknown
	}
	return m.Codec()
}

// bitmapParameters reads the size from the structure. Where a configuration of
// H.264 or H.265 follows it, that one says more, and how units are framed.
func bitmapParameters(private []byte) (Parameters, error) {
	m, err := ParseBitmapInfo(private)
	if err != nil {
		return Parameters{}, err
	}
	p := Parameters{}
	switch {
	case len(m.Extra) == 0:
	case m.Codec() == AVC:
		p, err = avcParameters(m.Extra)
	case m.Codec() == HEVC:
		p, err = hevcParameters(m.Extra)
	}
	if err != nil {
		return Parameters{}, err
	}
	p.Width, p.Height = int(m.Width), int(m.Height)
	return p, nil
}
