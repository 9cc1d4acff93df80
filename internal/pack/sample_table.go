package pack

import (
	"encoding/binary"
	"math"

	"github.com/millrace/millrace"
)

// minSample is the shortest encoding of a sample.
const minSample = 5

// appendSamples appends the sample table of samples to b.
func appendSamples(b []byte, samples []millrace.Sample) []byte {
	var end int64
	var at int64
	for i := range samples {
		s := &samples[i]
		b = append(b, byte(s.Flags))
		b = binary.AppendUvarint(b, s.Track)
		b = binary.AppendVarint(b, int64(s.Offset)-end)
		b = binary.AppendUvarint(b, uint64(s.Size))
		b = binary.AppendVarint(b, int64(s.Time)-at)
		end, at = int64(s.Offset)+int64(s.Size), int64(s.Time)
	}
	return b
}

// parseSamples decodes a table of count samples, which must fill b.
func parseSamples(b []byte, count uint32) ([]millrace.Sample, error) {
	if uint64(count)*minSample > uint64(len(b)) {
		return nil, corrupt("sample table")
	}
	if count == 0 {
		return nil, endOf(b)
	}
	samples := make([]millrace.Sample, count)
	d := varints{b: b}
	var end, at int64
	for i := range samples {
		s := &samples[i]
		s.Flags = millrace.SampleFlags(d.byte())
		s.Track = d.unsigned()
		s.Offset = d.uint32(end + d.signed())
		s.Size = d.uint32(int64(d.unsigned()))
		s.Time = d.int32(at + d.signed())
		end, at = int64(s.Offset)+int64(s.Size), int64(s.Time)
	}
	if d.bad {
		return nil, corrupt("sample table")
	}
	return samples, endOf(d.rest())
}

func endOf(b []byte) error {
	if len(b) > 0 {
		return corrupt("bytes behind the last value")
	}
	return nil
}

// varints reads values from b until one of them is bad. It counts where it is
// rather than cut b down, which would cost a write of a pointer for each value.
type varints struct {
	b   []byte
	at  int
	bad bool
}

// rest is what has not been read.
func (d *varints) rest() []byte { return d.b[d.at:] }

// fail reads no further.
func (d *varints) fail() { d.at, d.bad = len(d.b), true }

func (d *varints) byte() byte {
	if d.at == len(d.b) {
		d.bad = true
		return 0
	}
	d.at++
	return d.b[d.at-1]
}

func (d *varints) unsigned() uint64 {
	if d.at < len(d.b) && d.b[d.at] < 0x80 { // most are of one byte
		d.at++
		return uint64(d.b[d.at-1])
	}
	v, n := binary.Uvarint(d.rest())
	return consumed(d, v, n)
}

func (d *varints) signed() int64 {
	if d.at < len(d.b) && d.b[d.at] < 0x80 {
		v := d.b[d.at]
		d.at++
		return int64(v>>1) ^ -int64(v&1)
	}
	v, n := binary.Varint(d.rest())
	return consumed(d, v, n)
}

func consumed[T int64 | uint64](d *varints, v T, n int) T {
	if n <= 0 {
		d.fail()
		return 0
	}
	d.at += n
	return v
}

// bytes fills p.
func (d *varints) bytes(p []byte) {
	if len(d.rest()) < len(p) {
		d.fail()
		return
	}
	d.at += copy(p, d.rest())
}

func (d *varints) uint32(v int64) uint32 {
	if v < 0 || v > math.MaxUint32 {
		d.bad = true
	}
	return uint32(v)
}

func (d *varints) int32(v int64) int32 {
	if v < math.MinInt32 || v > math.MaxInt32 {
		d.bad = true
	}
	return int32(v)
}
