package server_test

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"testing"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/consumer"
)

// BenchmarkArchive measures what comes out of an archive of 96 fragments of a
// megabyte, in frames of 16 KiB, over loopback from a server in this process:
//
//	bare      a net/http server that writes as many bytes from memory, and a client
//	          that copies them to nowhere
//	body      the bytes of one GetMediaForFragmentList response, copied to nowhere
//	frames    every frame, by Client.Archive
//
// frames also reports allocations for each fragment, of both sides together; that
// the library makes none for a frame is tested beside it.
func BenchmarkArchive(b *testing.B) {
	const fragments, frames, size = 96, 64, 16 << 10
	r := start(b, nil, nil)
	r.create("cam", 24)
	p := r.put("cam", nil)
	p.mustSend(header(1))
	var numbers []millrace.FragmentNumber
	payload := string(make([]byte, size))
	for i := range uint64(fragments) {
		var blocks [][]byte
		for f := range frames {
			blocks = append(blocks, block(1, int16(f*30), payload))
		}
		p.mustSend(slices.Concat(cluster(i*2000, blocks...), endOfFragment()))
		n, err := millrace.ParseFragmentNumber(p.next().FragmentNumber)
		if err != nil {
			b.Fatal(err)
		}
		numbers = append(numbers, n)
		p.next()
		p.next()
	}
	p.end()
	p.rest()

	total := int64(fragments * frames * size)
	discard := func(b *testing.B, body io.ReadCloser) {
		defer body.Close()
		n, err := io.CopyBuffer(struct{ io.Writer }{io.Discard}, body, make([]byte, 64<<10))
		if err != nil || n < total {
			b.Fatal(n, err)
		}
	}
	b.Run("bare", func(b *testing.B) {
		media := make([]byte, size)
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			for range total / size {
				_, _ = w.Write(media)
			}
		}))
		defer s.Close()
		b.SetBytes(total)
		for b.Loop() {
			resp, err := http.Post(s.URL, "application/json", bytes.NewReader([]byte("{}")))
			if err != nil {
				b.Fatal(err)
			}
			discard(b, resp.Body)
		}
	})
	b.Run("body", func(b *testing.B) {
		var asked []string
		for _, n := range numbers {
			asked = append(asked, n.String())
		}
		b.SetBytes(total)
		for b.Loop() {
			discard(b, r.post(b.Context(), "/getMediaForFragmentList", map[string]any{"StreamName": "cam", "Fragments": asked}).Body)
		}
	})
	b.Run("frames", func(b *testing.B) {
		c := r.reading()
		for _, err := range c.Ranges(b.Context(), "cam", consumer.Range{}) { // has the client made
			if err != nil {
				b.Fatal(err)
			}
		}
		b.SetBytes(total)
		var before, behind runtime.MemStats
		runtime.ReadMemStats(&before)
		count, n := 0, int64(0)
		for b.Loop() {
			for f, err := range c.Archive("cam", consumer.Range{}, consumer.ArchiveOptions{}).Frames(b.Context()) {
				if err != nil {
					b.Fatal(err)
				}
				count++
				n += int64(len(f.Data))
			}
		}
		runtime.ReadMemStats(&behind)
		if n != total*int64(b.N) {
			b.Fatalf("%d bytes", n)
		}
		b.ReportMetric(float64(behind.Mallocs-before.Mallocs)/float64(count/frames), "allocs/fragment")
	})
}
