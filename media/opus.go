package media

import (
	"bytes"
	"encoding/binary"
)

// OpusHead is the identification header of an Opus track (RFC 7845), little endian:
//
//	"OpusHead" version(8) channels(8) preSkip(16) inputRate(32) gain(16) family(8)
//	family not 0: streams(8) coupled(8) mapping(channels bytes)
type OpusHead struct {
	// Channels is the number of output channels, 1 to 255.
	Channels uint8
	// PreSkip is the number of samples at 48 kHz to drop at the start.
	PreSkip uint16
	// InputRate is the sample rate of the original, in samples a second; Opus
	// always decodes to 48 kHz.
	InputRate uint32
	// Gain is added on output, in 1/256 dB.
	Gain int16
	// Family is the channel mapping family; 0 is mono or stereo.
	Family uint8
	// Streams, Coupled and Mapping are set where Family is not 0.
	Streams, Coupled uint8
	Mapping          []byte
}

const (
	opusMagic  = "OpusHead"
	opusLength = 19    // bytes for family 0
	opusRate   = 48000 // of the decoder, in samples a second
)

// ParseOpusHead reads the header.
func ParseOpusHead(b []byte) (OpusHead, error) {
	switch {
	case len(b) == 0:
		return OpusHead{}, syntax(Opus, "head", ErrMissing)
	case !bytes.HasPrefix(b, []byte(opusMagic)):
		return OpusHead{}, syntax(Opus, "head magic", ErrInvalid)
	case len(b) < opusLength:
		return OpusHead{}, syntax(Opus, "head", ErrTruncated)
	case b[8]>>4 != 0:
		return OpusHead{}, syntax(Opus, "head version", ErrUnsupported)
	}
	le := binary.LittleEndian
	h := OpusHead{
		Channels: b[9], PreSkip: le.Uint16(b[10:]), InputRate: le.Uint32(b[12:]),
		Gain: int16(le.Uint16(b[16:])), Family: b[18],
	}
	if h.Family != 0 {
		table := b[opusLength:]
		if len(table) < 2+int(h.Channels) {
			return OpusHead{}, syntax(Opus, "head mapping", ErrTruncated)
		}
		h.Streams, h.Coupled, h.Mapping = table[0], table[1], table[2:2+int(h.Channels)]
	}
	return h, h.check()
}

func (h OpusHead) check() error {
	switch {
	case h.Channels == 0, h.Family == 0 && h.Channels > 2:
		return syntax(Opus, "head channels", ErrInvalid)
	case h.Family != 0 && (len(h.Mapping) != int(h.Channels) || h.Streams == 0 || h.Coupled > h.Streams):
		return syntax(Opus, "head mapping", ErrInvalid)
	}
	return nil
}

// Append appends the header to dst. On error it returns dst as it was.
func (h OpusHead) Append(dst []byte) ([]byte, error) {
	if err := h.check(); err != nil {
		return dst, err
	}
	le := binary.LittleEndian
	dst = append(dst, opusMagic...)
	dst = append(dst, 1, h.Channels)
	dst = le.AppendUint16(dst, h.PreSkip)
	dst = le.AppendUint32(dst, h.InputRate)
	dst = le.AppendUint16(dst, uint16(h.Gain))
	dst = append(dst, h.Family)
	if h.Family != 0 {
		dst = append(dst, h.Streams, h.Coupled)
		dst = append(dst, h.Mapping...)
	}
	return dst, nil
}

func opusParameters(private []byte) (Parameters, error) {
	h, err := ParseOpusHead(private)
	if err != nil {
		return Parameters{}, err
	}
	return Parameters{SampleRate: opusRate, Channels: int(h.Channels), CodecString: plainCodecString(Opus)}, nil
}
