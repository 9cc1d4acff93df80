package decode

import (
	"encoding/binary"
	"fmt"
	"math"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/consumer"
	"github.com/millrace/millrace/media"
)

// Sound is a decoded frame of sound.
type Sound struct {
	// Samples are from -1 to 1, of all channels in turn.
	Samples []float32
	// Rate is in samples of each channel a second, Channels at least 1.
	Rate     float64
	Channels int
	// Time, ServerTime, PTS, Fragment and Index are the frame's, as in Picture.
	Time, ServerTime time.Time
	PTS              time.Duration
	Fragment         millrace.FragmentNumber
	Index            int
}

// Instant is as that of Picture.
func (s Sound) Instant() time.Duration {
	return Picture{Time: s.Time, PTS: s.PTS}.Instant()
}

// Clone returns a copy with samples of its own.
func (s Sound) Clone() Sound {
	s.Samples = append([]float32(nil), s.Samples...)
	return s
}

// DecodeSound decodes a frame of PCM or G.711. The samples are appended to dst[:0],
// so that one slice may serve all frames; nil is a new one. For other codecs the
// error is ErrUnsupported. Bytes at the end that make no whole sample are left out.
func DecodeSound(dst []float32, f consumer.Frame) (Sound, error) {
	if f.Format == nil {
		return Sound{}, ErrNotConfigured
	}
	read, size, err := sampleReader(f.Format)
	if err != nil {
		return Sound{}, err
	}
	dst = dst[:0]
	for data := f.Data; len(data) >= size; data = data[size:] {
		dst = append(dst, read(data))
	}
	p := pictureOf(f)
	return Sound{
		Samples: dst, Rate: f.Format.SampleRate, Channels: max(f.Format.Channels, 1),
		Time: p.Time, ServerTime: p.ServerTime, PTS: p.PTS, Fragment: p.Fragment, Index: p.Index,
	}, nil
}

// sampleReader returns what reads one sample, and its bytes.
func sampleReader(t *media.Track) (read func([]byte) float32, size int, err error) {
	switch t.Codec {
	case media.ALaw:
		return aLaw, 1, nil
	case media.MuLaw:
		return muLaw, 1, nil
	case media.PCMLittle, media.PCMBig:
		read, size = integers(t.Codec == media.PCMBig, t.BitDepth)
	case media.PCMFloat:
		read, size = floats(t.BitDepth)
	}
	if read == nil {
		return nil, 0, fmt.Errorf("track %d of %s with %d bits: %w", t.Number, t.CodecID, t.BitDepth, ErrUnsupported)
	}
	return read, size, nil
}

// integers reads samples of 8, 16, 24 or 32 bits; those of 8 have no sign, as in
// WAV files. 16 are meant where nothing is said.
func integers(big bool, bits int) (read func([]byte) float32, size int) {
	switch {
	case bits == 8:
		return func(b []byte) float32 { return float32(int(b[0])-128) / 128 }, 1
	case bits == 24 && big:
		return func(b []byte) float32 { return signed(uint32(b[0])<<24 | uint32(b[1])<<16 | uint32(b[2])<<8) }, 3
	case bits == 24:
		return func(b []byte) float32 { return signed(uint32(b[2])<<24 | uint32(b[1])<<16 | uint32(b[0])<<8) }, 3
	case bits == 32 && big:
		return func(b []byte) float32 { return signed(binary.BigEndian.Uint32(b)) }, 4
	case bits == 32:
		return func(b []byte) float32 { return signed(binary.LittleEndian.Uint32(b)) }, 4
	case bits != 16 && bits != 0:
		return nil, 0
	case big:
		return func(b []byte) float32 { return signed(uint32(binary.BigEndian.Uint16(b)) << 16) }, 2
	}
	return func(b []byte) float32 { return signed(uint32(binary.LittleEndian.Uint16(b)) << 16) }, 2
}

// signed scales a sample whose highest bit is that of v.
func signed(v uint32) float32 { return float32(float64(int32(v)) / (1 << 31)) }

func floats(bits int) (read func([]byte) float32, size int) {
	switch bits {
	case 0, 32:
		return func(b []byte) float32 { return math.Float32frombits(binary.LittleEndian.Uint32(b)) }, 4
	case 64:
		return func(b []byte) float32 { return float32(math.Float64frombits(binary.LittleEndian.Uint64(b))) }, 8
	}
	return nil, 0
}

// aLaw expands a byte of G.711: sign, exponent and mantissa, every other bit
// inverted.
func aLaw(b []byte) float32 {
	v := int(b[0] ^ 0x55)
	mantissa, exponent := v&0x0f<<4+8, v>>4&7
	if exponent > 0 {
		mantissa = (mantissa + 0x100) << (exponent - 1)
	}
	if v&0x80 == 0 {
		mantissa = -mantissa
	}
	return float32(mantissa) / (1 << 15)
}

// muLaw expands a byte of G.711: sign, exponent and mantissa, all bits inverted,
// around a bias.
func muLaw(b []byte) float32 {
	const bias = 0x84
	v := int(^b[0])
	sample := (v&0x0f<<3+bias)<<(v>>4&7) - bias
	if v&0x80 != 0 {
		sample = -sample
	}
	return float32(sample) / (1 << 15)
}
