package export

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"time"

	"github.com/millrace/millrace/consumer"
	"github.com/millrace/millrace/media"
)

// wav is the muxer of PCM and G.711.
//
//	RIFF size WAVE  JUNK(28)  fmt  [fact]  data size  samples …
//
// In a file the sizes are written by finish; JUNK makes room for the sizes of 64
// bits that one of more than 4 GiB needs, which is an RF64 file then. A pipe has no
// JUNK, and sizes as large as they can be.
type wav struct {
	w      io.Writer
	file   io.WriteSeeker // w if it can be sought in
	base   int64
	format media.WaveFormat
	swap   int   // bytes of a sample whose most significant byte comes first; 0 if it does not
	front  int64 // bytes before the samples
	n      int64 // bytes of samples
	buf    []byte
}

const (
	wavRoom    = 28             // bytes of ds64
	wavEndless = math.MaxUint32 // size
	riffHead   = 8              // bytes of a chunk's name and size
)

func (x *wav) carries(t *track, beside []*track) error {
	switch {
	case t.encoded():
		return errEncoded
	case len(beside) > 0:
		return errSecond
	}
	_, _, err := wavFormat(t)
	return err
}

// wavFormat describes the samples of a track. Where the most significant byte
// comes first, which WAV does not know, swap is the bytes of a sample.
func wavFormat(t *track) (f media.WaveFormat, swap int, err error) {
	const pcm, float = 1, 3
	rate := cmp.Or(t.Parameters.SampleRate, int(t.entry.Audio.SamplingFrequency))
	channels := cmp.Or(t.Parameters.Channels, int(min(t.entry.Audio.Channels, math.MaxUint16)))
	bits := cmp.Or(t.Parameters.BitDepth, int(min(t.entry.Audio.BitDepth, math.MaxUint16)))
	f.Tag = pcm
	switch t.Media.Codec {
	case media.ALaw, media.MuLaw:
		if rate <= 0 || rate > 1<<24 || channels <= 0 || channels > 255 {
			return f, 0, fmt.Errorf("%d channels at %d Hz: %w", channels, rate, media.ErrInvalid)
		}
		f, err = media.NewG711(t.Media.Codec, uint32(rate), uint16(channels))
		return f, 0, err
	case media.PCMFloat:
		f.Tag = float
	case media.PCMBig:
		swap = bits / 8
	case media.PCMLittle:
	default:
		return f, 0, errKind
	}
	if rate <= 0 || rate > 1<<24 || channels <= 0 || channels > 255 || bits <= 0 || bits > 64 || bits%8 != 0 {
		return f, 0, fmt.Errorf("%d channels of %d bits at %d Hz: %w", channels, bits, rate, media.ErrInvalid)
	}
	block := channels * bits / 8
	f.Channels, f.SampleRate, f.BitsPerSample = uint16(channels), uint32(rate), uint16(bits)
	f.BlockAlign, f.BytesPerSecond = uint16(block), uint32(block*rate)
	return f, swap, nil
}

func (x *wav) begin(h heading) (err error) {
	if x.format, x.swap, err = wavFormat(h.tracks[0]); err != nil {
		return err
	}
	if x.file != nil {
		if x.base, err = x.file.Seek(0, io.SeekCurrent); err != nil {
			return err
		}
	}
	head, err := x.head(wavEndless, wavEndless)
	if err != nil {
		return err
	}
	x.front = int64(len(head))
	_, err = x.w.Write(head)
	return err
}

// head is what stands before so many bytes of samples, in a file of so many bytes.
func (x *wav) head(size, samples int64) ([]byte, error) {
	le := binary.LittleEndian
	wide := x.file != nil && size != wavEndless && size > math.MaxUint32
	b := append([]byte(nil), "RIFF"...)
	if wide {
		b = append(b[:0], "RF64"...)
	}
	b = append(le.AppendUint32(b, cut(size-riffHead)), "WAVE"...)
	frames := samples / int64(max(x.format.BlockAlign, 1))
	switch {
	case wide:
		b = le.AppendUint32(append(b, "ds64"...), wavRoom)
		b = le.AppendUint64(b, uint64(size-riffHead))
		b = le.AppendUint64(b, uint64(samples))
		b = le.AppendUint64(b, uint64(frames))
		b = le.AppendUint32(b, 0)
	case x.file != nil:
		b = le.AppendUint32(append(b, "JUNK"...), wavRoom)
		b = append(b, make([]byte, wavRoom)...)
	}
	format, err := x.format.Append(nil)
	if err != nil {
		return nil, err
	}
	b = append(le.AppendUint32(append(b, "fmt "...), uint32(len(format))), format...)
	if x.format.Tag != 1 {
		b = le.AppendUint32(le.AppendUint32(append(b, "fact"...), 4), cut(frames))
	}
	return le.AppendUint32(append(b, "data"...), cut(samples)), nil
}

// cut is a size as 32 bits can say it.
func cut(size int64) uint32 { return uint32(min(size, wavEndless)) }

func (*wav) start(*consumer.Fragment, time.Duration) error { return nil }

func (x *wav) frame(f *consumer.Frame, _ *track, _ time.Duration) error {
	data := f.Data
	if x.swap > 1 {
		x.buf = append(x.buf[:0], data...)
		swapBytes(x.buf, x.swap)
		data = x.buf
	}
	n, err := x.w.Write(data)
	x.n += int64(n)
	return err
}

// swapBytes turns the bytes of each sample round.
func swapBytes(b []byte, size int) {
	for ; len(b) >= size; b = b[size:] {
		for i, j := 0, size-1; i < j; i, j = i+1, j-1 {
			b[i], b[j] = b[j], b[i]
		}
	}
}

func (*wav) end() error { return nil }

// finish writes the sizes.
func (x *wav) finish() error {
	if x.n%2 == 1 {
		if _, err := x.w.Write([]byte{0}); err != nil { // chunks have an even length
			return err
		}
	}
	if x.file == nil {
		return nil
	}
	end := x.front + x.n + x.n%2
	head, err := x.head(end, x.n)
	if err != nil {
		return err
	}
	if _, err := x.file.Seek(x.base, io.SeekStart); err != nil {
		return err
	}
	if _, err := x.file.Write(head); err != nil {
		return err
	}
	_, err = x.file.Seek(x.base+end, io.SeekStart)
	return err
}

func (*wav) hasNoTimes() {}
