package media

import "slices"

// ADTSHeader is the header that AAC frames have in streams without a container:
//
//	fff(12) version(1) 00(2) noCRC(1) | profile(2) rateIndex(4) private(1) channels(3) 0000(4)
//	frameLength(13) fullness(11) blocks-1(2) | [crc(16)]
type ADTSHeader struct {
	// ObjectType is that of the core: 1 Main, 2 LC, 3 SSR, 4 LTP.
	ObjectType uint8
	// SampleRate is that of the core, in samples a second.
	SampleRate int
	// ChannelConfig is 1 to 7, or 0 where the frame lists its channels.
	ChannelConfig uint8
	// HeaderSize is 7, or 9 with a checksum; FrameSize is that of header and frame.
	HeaderSize, FrameSize int
	// Blocks is the number of raw frames behind the header, 1 to 4.
	Blocks int
}

const (
	adtsHead     = 7 // bytes
	adtsChecksum = 2 // bytes
)

// HasADTS reports whether an AAC frame begins with the sync word of an ADTS
// header. Raw frames do not: theirs would be the mark of their end.
func HasADTS(frame []byte) bool {
	return len(frame) >= 2 && frame[0] == 0xff && frame[1]&0xf6 == 0xf0
}

// ParseADTS reads a header.
func ParseADTS(b []byte) (ADTSHeader, error) {
	switch {
	case !HasADTS(b):
		return ADTSHeader{}, syntax(AAC, "adts sync word", ErrMissing)
	case len(b) < adtsHead:
		return ADTSHeader{}, syntax(AAC, "adts header", ErrTruncated)
	}
	h := ADTSHeader{
		ObjectType: b[2]>>6 + 1, ChannelConfig: b[2]&1<<2 | b[3]>>6, HeaderSize: adtsHead,
		FrameSize: int(b[3]&3)<<11 | int(b[4])<<3 | int(b[5]>>5), Blocks: int(b[6]&3) + 1,
	}
	if b[1]&1 == 0 {
		h.HeaderSize += adtsChecksum
	}
	rates, index := aacRates(), int(b[2]>>2&0xf)
	switch {
	case index >= len(rates):
		return ADTSHeader{}, syntax(AAC, "adts sample rate", ErrInvalid)
	case h.FrameSize <= h.HeaderSize:
		return ADTSHeader{}, syntax(AAC, "adts frame length", ErrInvalid)
	}
	h.SampleRate = rates[index]
	return h, nil
}

// Config returns the configuration that the header stands for. Channels are 0
// where the frame lists them.
func (h ADTSHeader) Config() AACConfig {
	return AACConfig{
		ObjectType: h.ObjectType, SampleRate: h.SampleRate,
		ChannelConfig: h.ChannelConfig, Channels: aacChannels(h.ChannelConfig),
	}
}

// maxADTSFrame is the longest frame that a header can tell, in bytes, with it.
const maxADTSFrame = 1<<13 - 1

// Append appends a header of 7 bytes for a frame of so many bytes, of MPEG-4 and
// without a checksum. SampleRate has to be one of the 13 usual ones and
// ChannelConfig 1 to 7; HeaderSize, FrameSize and Blocks are not looked at. On
// error, [ErrUnsupported] or, for a frame that is too long, [ErrLimit], it returns
// dst as it was.
func (h ADTSHeader) Append(dst []byte, frame int) ([]byte, error) {
	rates := aacRates()
	index := slices.Index(rates[:], h.SampleRate)
	size := adtsHead + frame
	switch {
	case h.ObjectType < aacMain || h.ObjectType > aacLTP:
		return dst, syntax(AAC, "adts object type", ErrUnsupported)
	case index < 0:
		return dst, syntax(AAC, "adts sample rate", ErrUnsupported)
	case h.ChannelConfig < 1 || h.ChannelConfig > 7:
		return dst, syntax(AAC, "adts channels", ErrUnsupported)
	case size > maxADTSFrame:
		return dst, syntax(AAC, "adts frame length", ErrLimit)
	}
	return append(dst, 0xff, 0xf1,
		(h.ObjectType-1)<<6|byte(index)<<2|h.ChannelConfig>>2,
		h.ChannelConfig&3<<6|byte(size>>11), byte(size>>3), byte(size<<5)|0x1f, 0xfc), nil
}
