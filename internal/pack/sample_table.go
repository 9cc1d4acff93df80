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
	return samples, endOf(d.b)
}

func endOf(b []byte) error {
	if len(b) > 0 {
		return corrupt("bytes behind the last value")
	}
	return nil
}

// varints reads values from b until one of them is bad.
type varints struct {
	b   []byte
	bad bool
}

func (d *varints) byte() byte {
	if len(d.b) == 0 {
		d.bad = true
		return 0
	}
	v := d.b[0]
	d.b = d.b[1:]
	return v
}

func (d *varints) unsigned() uint64 {
	if len(d.b) > 0 && d.b[0] < 0x80 { // most are of one byte
		v := uint64(d.b[0])
		d.b = d.b[1:]
		return v
	}
	v, n := binary.Uvarint(d.b)
	return consumed(d, v, n)
}

func (d *varints) signed() int64 {
	if len(d.b) > 0 && d.b[0] < 0x80 {
		v := int64(d.b[0]>>1) ^ -int64(d.b[0]&1)
		d.b = d.b[1:]
		return v
	}
	v, n := binary.Varint(d.b)
	return consumed(d, v, n)
}

func consumed[T int64 | uint64](d *varints, v T, n int) T {
	if n <= 0 {
		d.bad, d.b = true, nil
		return 0
	}
	d.b = d.b[n:]
	return v
}

// bytes fills p.
func (d *varints) bytes(p []byte) {
	if len(d.b) < len(p) {
		d.bad, d.b = true, nil
		return
	}
	copy(p, d.b)
	d.b = d.b[len(p):]
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
