package media

import "encoding/binary"

// Format tags of [WaveFormat].
const (
	waveTagPCM        = 0x0001
	waveTagFloat      = 0x0003
	waveTagALaw       = 0x0006
	waveTagMuLaw      = 0x0007
	waveTagAAC        = 0x00ff
	waveTagExtensible = 0xfffe
)

// WaveFormat is the WAVEFORMATEX structure that tracks with the identifier
// A_MS/ACM carry, little endian:
//
//	tag(16) channels(16) rate(32) bytesPerSecond(32) blockAlign(16) bits(16) [extraSize(16) extra]
type WaveFormat struct {
	// Tag says which codec it is: 1 PCM, 3 float PCM, 6 A-law, 7 mu-law, and many more.
	Tag uint16
	// Channels is the number of channels.
	Channels uint16
	// SampleRate is in samples a second.
	SampleRate uint32
	// BytesPerSecond and BlockAlign describe the encoded data. Clients disagree
	// about them, so nothing here depends on them.
	BytesPerSecond uint32
	BlockAlign     uint16
	// BitsPerSample is zero from some clients where the tag makes it obvious.
	BitsPerSample uint16
	// Extra is what follows the structure: the codec's own configuration.
	Extra []byte
}

const waveHead = 16 // bytes before the size of the extra data

// ParseWaveFormat reads the structure from at least 16 bytes. A size of extra
// data that is above what is there is cut down to it.
func ParseWaveFormat(b []byte) (WaveFormat, error) {
	switch {
	case len(b) == 0:
		return WaveFormat{}, syntax(Unknown, "waveformatex", ErrMissing)
	case len(b) < waveHead:
		return WaveFormat{}, syntax(Unknown, "waveformatex", ErrTruncated)
	}
	le := binary.LittleEndian
	w := WaveFormat{
		Tag: le.Uint16(b), Channels: le.Uint16(b[2:]), SampleRate: le.Uint32(b[4:]),
		BytesPerSecond: le.Uint32(b[8:]), BlockAlign: le.Uint16(b[12:]), BitsPerSample: le.Uint16(b[14:]),
	}
	if rest := b[waveHead:]; len(rest) > 2 {
		n := min(int(le.Uint16(rest)), len(rest)-2)
		w.Extra = rest[2 : 2+n : 2+n]
	}
	return w, nil
}

// NewG711 returns the format of A-law or mu-law sound. Codec must be ALaw or
// MuLaw; channels is at least 1.
func NewG711(codec Codec, sampleRate uint32, channels uint16) (WaveFormat, error) {
	tag := uint16(waveTagALaw)
	switch codec {
	case ALaw:
	case MuLaw:
		tag = waveTagMuLaw
	default:
		return WaveFormat{}, syntax(codec, "waveformatex", ErrUnsupported)
	}
	if sampleRate == 0 || channels == 0 {
		return WaveFormat{}, syntax(codec, "waveformatex", ErrInvalid)
	}
	return WaveFormat{
		Tag: tag, Channels: channels, SampleRate: sampleRate,
		BytesPerSecond: sampleRate * uint32(channels), BlockAlign: channels, BitsPerSample: 8,
	}, nil
}

// Append appends the structure, 18 bytes and the extra data, to dst. Extra data
// above 65,535 bytes are an error, on which dst is returned as it was.
func (w WaveFormat) Append(dst []byte) ([]byte, error) {
	if len(w.Extra) > 1<<16-1 {
		return dst, syntax(w.Codec(), "waveformatex", ErrLimit)
	}
	le := binary.LittleEndian
	dst = le.AppendUint16(dst, w.Tag)
	dst = le.AppendUint16(dst, w.Channels)
	dst = le.AppendUint32(dst, w.SampleRate)
	dst = le.AppendUint32(dst, w.BytesPerSecond)
	dst = le.AppendUint16(dst, w.BlockAlign)
	dst = le.AppendUint16(dst, w.BitsPerSample)
	dst = le.AppendUint16(dst, uint16(len(w.Extra)))
	return append(dst, w.Extra...), nil
}

// Codec returns the codec that the tag names, Unknown for most of them. The
// extensible tag carries the real one in the extra data.
func (w WaveFormat) Codec() Codec {
	tag := w.Tag
	if tag == waveTagExtensible && len(w.Extra) >= 8 {
		tag = binary.LittleEndian.Uint16(w.Extra[6:])
	}
	switch tag {
	case waveTagPCM:
		return PCMLittle
	case waveTagFloat:
		return PCMFloat
	case waveTagALaw:
		return ALaw
	case waveTagMuLaw:
		return MuLaw
	case waveTagAAC:
		return AAC
	default:
		return Unknown
	}
}

func detectWave(private []byte) Codec {
	w, err := ParseWaveFormat(private)
	if err != nil {
		return Unknown
	}
	return w.Codec()
}

func waveParameters(private []byte) (Parameters, error) {
	w, err := ParseWaveFormat(private)
	if err != nil {
		return Parameters{}, err
	}
	codec := w.Codec()
	if codec == AAC {
		return aacParameters(w.Extra)
	}
	p := Parameters{SampleRate: int(w.SampleRate), Channels: int(w.Channels), BitDepth: int(w.BitsPerSample)}
	p.CodecString = plainCodecString(codec)
	if codec == ALaw || codec == MuLaw {
		if w.BitsPerSample != 0 && w.BitsPerSample != 8 || w.Channels == 0 || w.SampleRate == 0 {
			return Parameters{}, syntax(codec, "waveformatex", ErrInvalid)
		}
		p.BitDepth = 8
	}
	return p, nil
}
