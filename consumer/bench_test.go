package consumer_test

import (
	"bytes"
	"fmt"
	"io"
	"testing"

	"github.com/millrace/millrace/consumer"
	"github.com/millrace/millrace/mkv"
)

// film is one response with fragments of 100 frames of so many bytes.
func film(fragments, size int) []byte {
	payload := bytes.Repeat([]byte{0x5a}, size)
	var b []byte
	for n := 1; n <= fragments; n++ {
		b = append(b, documentHead(n, true, nil, "test")...)
		for i := range 100 {
			b = append(mkv.AppendSimpleBlockHeader(b, 1, int16(i*20), mkv.BlockFlags(0), size), payload...)
		}
		b = append(b, documentTail(n)...)
	}
	return b
}

// BenchmarkFrames walks frames from memory, beside a copy of the same bytes in
// pieces of 64 KiB.
func BenchmarkFrames(b *testing.B) {
	for _, size := range []int{200, 1 << 10, 16 << 10} {
		input := film(max(1, (16<<20)/(size*100)), size)
		b.Run(fmt.Sprint("size=", size), func(b *testing.B) {
			b.SetBytes(int64(len(input)))
			b.ReportAllocs()
			frames := 0
			for b.Loop() {
				for _, err := range consumer.ReadFrom(bytes.NewReader(input), consumer.ReadOptions{}).Frames(b.Context()) {
					if err != nil {
						b.Fatal(err)
					}
					frames++
				}
			}
			b.ReportMetric(float64(frames)/b.Elapsed().Seconds()/1e6, "Mframes/s")
		})
		b.Run(fmt.Sprint("copy/size=", size), func(b *testing.B) {
			b.SetBytes(int64(len(input)))
			buf := make([]byte, 64<<10)
			for b.Loop() {
				if _, err := io.CopyBuffer(onlyWriter{}, onlyReader{bytes.NewReader(input)}, buf); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

type onlyReader struct{ io.Reader }

type onlyWriter struct{}

func (onlyWriter) Write(p []byte) (int, error) { return len(p), nil }

func TestAFrameIsHandedOutWithoutAnAllocation(t *testing.T) {
	few, many := film(1, 200), film(1, 200)
	tail := documentTail(1)
	block := append(mkv.AppendSimpleBlockHeader(nil, 1, 0, 0, 200), make([]byte, 200)...)
	many = append(many[:len(many)-len(tail)], append(bytes.Repeat(block, 5000), tail...)...)
	allocs := func(input []byte) float64 {
		return testing.AllocsPerRun(5, func() {
			for _, err := range consumer.ReadFrom(bytes.NewReader(input), consumer.ReadOptions{}).Frames(t.Context()) {
				if err != nil {
					t.Fatal(err)
				}
			}
		})
	}
	if more := allocs(many) - allocs(few); more > 5 {
		t.Errorf("5000 frames more take %v allocations more", more)
	}
}
