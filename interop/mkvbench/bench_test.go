package mkvbench_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"syscall"
	"testing"
	"time"

	"github.com/at-wat/ebml-go"
	"github.com/at-wat/ebml-go/webm"

	"github.com/millrace/millrace/consumer"
	"github.com/millrace/millrace/mkv"
)

const (
	benchBytes = 16 << 20
	readBuffer = 64 << 10
	perCluster = 50
)

// stream is a live stream: Clusters of unknown size with 50 frames of the
// given length each, about 16 MiB.
func stream(b *testing.B, frame int) (body []byte, frames int) {
	var out bytes.Buffer
	w := mkv.NewLiveWriter(&out)
	err := w.WriteHeader(mkv.Header{Tracks: []mkv.Track{{Number: 1, UID: 1, Type: mkv.TrackVideo, CodecID: "V_TEST"}}})
	payload := bytes.Repeat([]byte{0x55}, frame)
	for ; out.Len() < benchBytes && err == nil; frames++ {
		if frames%perCluster == 0 {
			err = w.StartCluster(uint64(frames) * 40)
		}
		err = errors.Join(err, w.WriteBlock(1, int16(frames%perCluster*40), 0, payload))
	}
	if err != nil {
		b.Fatal(err)
	}
	return out.Bytes(), frames
}

// onlyReader and onlyWriter hide what there is besides Read and Write.
type (
	onlyReader struct{ io.Reader }
	onlyWriter struct{ io.Writer }
)

// BenchmarkRead reads the same stream with a loop that copies it through a
// buffer, with package mkv, with the loop over frames of package consumer, and
// with ebml-go in three ways: into fields that are overwritten (nothing kept,
// nothing handed over), into slices, and over channels, which is how it reads a
// live stream.
func BenchmarkRead(b *testing.B) {
	readers := []struct {
		name string
		read func(src io.Reader) (frames int, err error)
	}{
		{"copy", readCopy},
		{"mkv", readMKV},
		{"consumer", readFrames},
		{"ebml-go-fields", readFields},
		{"ebml-go-slices", readSlices},
		{"ebml-go-channels", readChannels},
	}
	for _, frame := range []int{16 << 10, 1 << 10} {
		body, frames := stream(b, frame)
		for _, r := range readers {
			b.Run(fmt.Sprintf("frame=%d/%s", frame, r.name), func(b *testing.B) {
				measure(b, len(body), frames, func() {
					n, err := r.read(onlyReader{bytes.NewReader(body)})
					if err != nil || n != frames && n != unknown {
						b.Fatal(n, err)
					}
				})
			})
		}
	}
}

// unknown is the count of a reader that does not count.
const unknown = -1

func measure(b *testing.B, bytes, frames int, f func()) {
	b.SetBytes(int64(bytes))
	b.ReportAllocs()
	used := processorTime(b)
	for b.Loop() {
		f()
	}
	used = processorTime(b) - used
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(frames), "ns/frame")
	b.ReportMetric(float64(used.Nanoseconds())/float64(b.N)/float64(frames), "cpu-ns/frame")
}

// processorTime is what the process has used, on whichever processors: less
// sensitive to a busy machine than the time that passes.
func processorTime(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func readCopy(src io.Reader) (int, error) {
	_, err := io.CopyBuffer(onlyWriter{io.Discard}, src, make([]byte, readBuffer))
	return unknown, err
}

func readMKV(src io.Reader) (frames int, err error) {
	r := mkv.NewReader(src, mkv.ReaderOptions{})
	for {
		e, err := r.Next()
		if errors.Is(err, io.EOF) {
			return frames, nil
		}
		if err != nil {
			return frames, err
		}
		if e.ID != mkv.IDSimpleBlock {
			continue
		}
		if _, err := mkv.ParseBlock(e.Data()); err != nil {
			return frames, err
		}
		frames++
	}
}

func readFrames(src io.Reader) (frames int, err error) {
	for _, err := range consumer.ReadFrom(src, consumer.ReadOptions{}).Frames(context.Background()) {
		if err != nil {
			return frames, err
		}
		frames++
	}
	return frames, nil
}

func readFields(src io.Reader) (int, error) {
	var f struct {
		Segment struct {
			Cluster struct {
				Timecode    uint64     `ebml:"Timecode"`
				SimpleBlock ebml.Block `ebml:"SimpleBlock"`
			} `ebml:"Cluster,size=unknown"`
		} `ebml:"Segment,size=unknown"`
	}
	return unknown, ebml.Unmarshal(bufio.NewReaderSize(src, readBuffer), &f)
}

func readSlices(src io.Reader) (frames int, err error) {
	var f struct {
		Segment struct {
			Cluster []ebmlCluster `ebml:"Cluster,size=unknown"`
		} `ebml:"Segment,size=unknown"`
	}
	err = ebml.Unmarshal(bufio.NewReaderSize(src, readBuffer), &f)
	for _, c := range f.Segment.Cluster {
		frames += len(c.SimpleBlock)
	}
	return frames, err
}

func readChannels(src io.Reader) (frames int, err error) {
	var f struct {
		Segment struct {
			Cluster struct {
				Timecode    uint64          `ebml:"Timecode"`
				SimpleBlock chan ebml.Block `ebml:"SimpleBlock"`
			} `ebml:"Cluster,size=unknown"`
		} `ebml:"Segment,size=unknown"`
	}
	f.Segment.Cluster.SimpleBlock = make(chan ebml.Block, perCluster)
	done := make(chan error, 1)
	go func() {
		done <- ebml.Unmarshal(bufio.NewReaderSize(src, readBuffer), &f)
		close(f.Segment.Cluster.SimpleBlock)
	}()
	for range f.Segment.Cluster.SimpleBlock {
		frames++
	}
	return frames, <-done
}

// memory is a writer that copies what it gets into one place over and over.
type memory []byte

func (m memory) Write(p []byte) (int, error) { return copy(m, p), nil }
func (m memory) Close() error                { return nil }

// BenchmarkWrite writes 16 MiB of frames: as bare payloads, with package mkv,
// and with ebml-go's block writer.
func BenchmarkWrite(b *testing.B) {
	for _, frame := range []int{16 << 10, 1 << 10} {
		payload := bytes.Repeat([]byte{0x55}, frame)
		frames := benchBytes / frame
		writers := []struct {
			name  string
			write func(out memory, payload []byte, frames int) error
		}{
			{"copy", writeCopy},
			{"mkv", writeMKV},
			{"ebml-go", writeTheirs},
		}
		for _, w := range writers {
			b.Run(fmt.Sprintf("frame=%d/%s", frame, w.name), func(b *testing.B) {
				out := make(memory, frame)
				measure(b, frames*frame, frames, func() {
					if err := w.write(out, payload, frames); err != nil {
						b.Fatal(err)
					}
				})
			})
		}
	}
}

func writeCopy(out memory, payload []byte, frames int) error {
	var w io.Writer = out
	for range frames {
		if _, err := w.Write(payload); err != nil {
			return err
		}
	}
	return nil
}

func writeMKV(out memory, payload []byte, frames int) error {
	w := mkv.NewLiveWriter(out)
	err := w.WriteHeader(mkv.Header{Tracks: []mkv.Track{{Number: 1, UID: 1, Type: mkv.TrackVideo, CodecID: "V_TEST"}}})
	for i := 0; i < frames && err == nil; i++ {
		if i%perCluster == 0 {
			err = w.StartCluster(uint64(i) * 40)
		}
		if err == nil {
			err = w.WriteBlock(1, int16(i%perCluster*40), 0, payload)
		}
	}
	return err
}

func writeTheirs(out memory, payload []byte, frames int) error {
	ws, err := webm.NewSimpleBlockWriter(out, []webm.TrackEntry{{TrackNumber: 1, TrackUID: 1, TrackType: 1, CodecID: "V_TEST"}})
	for i := 0; i < frames && err == nil; i++ {
		_, err = ws[0].Write(i%perCluster == 0, int64(i)*40, payload)
	}
	if err != nil {
		return err
	}
	return ws[0].Close()
}
