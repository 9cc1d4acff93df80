package export_test

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/millrace/millrace/consumer"
	"github.com/millrace/millrace/consumer/export"
	"github.com/millrace/millrace/mkv"
)

// recording is fragments of 50 frames of 16 KiB, each a NAL unit.
func recording(fragments uint64) []byte {
	const size = 16 << 10
	frame := make([]byte, size)
	frame[2], frame[3], frame[4] = (size-4)>>8, (size-4)&0xff, 0x65
	var b []byte
	for i := range fragments {
		var blocks []block
		for j := range int16(50) {
			blocks = append(blocks, block{1, 40 * j, frame})
		}
		b = append(b, film([]mkv.Track{avc(1)}, i*2000, blocks...)...)
	}
	return b
}

// BenchmarkExport writes to nowhere, so that it is not the disk that is measured.
func BenchmarkExport(b *testing.B) {
	in := recording(20)
	for _, c := range export.Containers() {
		for _, live := range []bool{false, true} {
			name := string(c)
			if live {
				name += "-live"
			}
			b.Run(name, func(b *testing.B) {
				b.SetBytes(int64(len(in)))
				b.ReportAllocs()
				for b.Loop() {
					w, err := export.New(&nowhere{}, export.Options{Container: c, Live: live})
					if err != nil {
						b.Fatal(err)
					}
					if err := export.Copy(b.Context(), consumer.ReadFrom(bytes.NewReader(in), consumer.ReadOptions{}), w); err != nil {
						b.Skip(err)
					}
				}
			})
		}
	}
}

// BenchmarkExportToAFile writes files, and a copy of the input beside them for
// comparison.
func BenchmarkExportToAFile(b *testing.B) {
	in := recording(20)
	for _, c := range []export.Container{"copy", export.ContainerMKV, export.ContainerMP4} {
		b.Run(string(c), func(b *testing.B) {
			b.SetBytes(int64(len(in)))
			path := filepath.Join(b.TempDir(), "out")
			for b.Loop() {
				file, err := os.Create(path)
				if err != nil {
					b.Fatal(err)
				}
				if c == "copy" {
					_, err = file.Write(in)
				} else {
					var w export.Writer
					if w, err = export.New(file, export.Options{Container: c}); err == nil {
						err = export.Copy(b.Context(), consumer.ReadFrom(bytes.NewReader(in), consumer.ReadOptions{}), w)
					}
				}
				if err != nil {
					b.Fatal(err)
				}
				_ = file.Close()
			}
		})
	}
}

// nowhere is a file that forgets.
type nowhere struct{ at int64 }

func (n *nowhere) Write(p []byte) (int, error) {
	n.at += int64(len(p))
	return len(p), nil
}

func (n *nowhere) Seek(offset int64, whence int) (int64, error) {
	if whence == io.SeekStart {
		n.at = 0
	}
	n.at += offset
	return n.at, nil
}
