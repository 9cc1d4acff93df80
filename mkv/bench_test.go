package mkv_test

import (
	"bytes"
	"fmt"
	"io"
	"testing"

	"github.com/millrace/millrace/mkv"
)

const benchBytes = 16 << 20

// liveBody is a live stream of about 16 MiB: Clusters of unknown size with 50
// frames of the given length each.
func liveBody(frame int) (body []byte, frames int) {
	var out bytes.Buffer
	w := mkv.NewLiveWriter(&out)
	if err := w.WriteHeader(header()); err != nil {
		panic(err)
	}
	payload := bytes.Repeat([]byte{0x55}, frame)
	for out.Len() < benchBytes {
		if frames%50 == 0 {
			if err := w.StartCluster(uint64(frames) * 40); err != nil {
				panic(err)
			}
		}
		if err := w.WriteBlock(1, int16(frames%50*40), 0, payload); err != nil {
			panic(err)
		}
		frames++
	}
	return out.Bytes(), frames
}

// onlyReader hides what a source can do besides Read.
type onlyReader struct{ io.Reader }

// BenchmarkRead compares the Reader with a loop that copies the same bytes
// through a buffer of the size the Reader uses.
func BenchmarkRead(b *testing.B) {
	for _, frame := range []int{16 << 10, 1 << 10} {
		body, frames := liveBody(frame)
		src := bytes.NewReader(body)
		b.Run(fmt.Sprintf("frame=%d/copy", frame), func(b *testing.B) {
			buf := make([]byte, 64<<10)
			measure(b, len(body), frames, func() {
				src.Reset(body)
				if _, err := io.CopyBuffer(onlyWriter{io.Discard}, onlyReader{src}, buf); err != nil {
					b.Fatal(err)
				}
			})
		})
		b.Run(fmt.Sprintf("frame=%d/mkv", frame), func(b *testing.B) {
			r := mkv.NewReader(src, mkv.ReaderOptions{})
			measure(b, len(body), frames, func() {
				src.Reset(body)
				r.Reset(onlyReader{src})
				if n := countFrames(b, r); n != frames {
					b.Fatalf("%d frames of %d", n, frames)
				}
			})
		})
	}
}

type onlyWriter struct{ io.Writer }

// measure runs f and reports speed, time per frame and allocations.
func measure(b *testing.B, bytes, frames int, f func()) {
	b.SetBytes(int64(bytes))
	b.ReportAllocs()
	for b.Loop() {
		f()
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(frames), "ns/frame")
}

// countFrames reads all and looks into each block.
func countFrames(b *testing.B, r *mkv.Reader) (n int) {
	for {
		e, err := r.Next()
		if err == io.EOF {
			return n
		}
		if err != nil {
			b.Fatal(err)
		}
		if e.ID != mkv.IDSimpleBlock {
			continue
		}
		if _, err := mkv.ParseBlock(e.Data()); err != nil {
			b.Fatal(err)
		}
		n++
	}
}

// memory is a writer that copies what it gets into one place over and over.
type memory []byte

func (m memory) Write(p []byte) (int, error) { return copy(m, p), nil }

// BenchmarkWrite compares the LiveWriter with writing the bare payloads.
func BenchmarkWrite(b *testing.B) {
	for _, frame := range []int{16 << 10, 1 << 10} {
		payload := bytes.Repeat([]byte{0x55}, frame)
		out := make(memory, frame)
		frames := benchBytes / frame
		b.Run(fmt.Sprintf("frame=%d/copy", frame), func(b *testing.B) {
			var w io.Writer = out
			measure(b, frames*frame, frames, func() {
				for range frames {
					if _, err := w.Write(payload); err != nil {
						b.Fatal(err)
					}
				}
			})
		})
		b.Run(fmt.Sprintf("frame=%d/mkv", frame), func(b *testing.B) {
			w := mkv.NewLiveWriter(out)
			if err := w.WriteHeader(header()); err != nil {
				b.Fatal(err)
			}
			measure(b, frames*frame, frames, func() {
				if err := w.StartCluster(0); err != nil {
					b.Fatal(err)
				}
				for range frames {
					if err := w.WriteBlock(1, 0, 0, payload); err != nil {
						b.Fatal(err)
					}
				}
			})
		})
	}
}
