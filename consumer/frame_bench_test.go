package consumer_test

import (
	"bytes"
	"testing"

	"github.com/millrace/millrace/consumer"
)

// What a frame of 16 KiB costs beyond the reading: nothing, a copy that the
// collector gets, or a copy in memory that is used again.
func BenchmarkKeepingFrames(b *testing.B) {
	const count, size = 1000, 16 << 10
	document := bulk(count, size)
	for _, bm := range []struct {
		name string
		keep func(consumer.Frame)
	}{
		{"read", func(consumer.Frame) {}},
		{"clone", func(f consumer.Frame) { f.Clone() }},
		{"retain", func(f consumer.Frame) {
			_, release := f.Retain()
			release()
		}},
	} {
		b.Run(bm.name, func(b *testing.B) {
			b.SetBytes(size)
			b.ReportAllocs()
			for left := b.N; left > 0; left -= count {
				n := 0
				for f, err := range consumer.ReadFrom(bytes.NewReader(document), consumer.ReadOptions{}).Frames(b.Context()) {
					if err != nil {
						b.Fatal(err)
					}
					if bm.keep(f); n == left-1 {
						break
					}
					n++
				}
			}
		})
	}
}
