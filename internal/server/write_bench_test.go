package server_test

import (
	"encoding/binary"
	"slices"
	"testing"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/media"
	"github.com/millrace/millrace/mkv"
	"github.com/millrace/millrace/producer"
)

// BenchmarkWriteToServer measures the time from Stream.Write until the server has
// parsed the frame and handed it to a GetMedia reader, which is a little more
// than until it has parsed it: 25 frames of 10 kB a second in fragments of 2 s,
// with the spool and without. Run it with -benchtime 500x for 40 s; it reports
// percentiles in milliseconds.
func BenchmarkWriteToServer(b *testing.B) {
	for _, bench := range []struct {
		name  string
		spool bool
	}{{"memory", false}, {"spool", true}} {
		b.Run(bench.name, func(b *testing.B) { writeToServer(b, bench.spool) })
	}
}

func writeToServer(b *testing.B, spool bool) {
	const (
		interval = 40 * time.Millisecond
		gop      = 50
		size     = 10_000
	)
	r := start(b, nil, nil)
	r.create("cam", 24)
	g := r.get("cam", map[string]any{"StartSelectorType": "NOW"})
	client := &producer.Client{
		Endpoint: r.url, Region: "us-west-2", Spool: b.TempDir(),
		Credentials: millrace.StaticCredentials(millrace.Credentials{AccessKeyID: r.cfg.AccessKeyID, SecretAccessKey: secret}),
	}
	s, err := client.Open(b.Context(), "cam", producer.StreamConfig{
		Tracks: []media.Track{pictures()}, Buffer: producer.BufferRules{Spool: spool},
	})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Abort()

	seen := make(chan uint64, 1)
	go readBlocks(g, seen)
	data := make([]byte, size)
	next := time.Now()
	n := uint64(0)
	write := func() time.Duration {
		binary.BigEndian.PutUint64(data, n)
		next = next.Add(interval)
		time.Sleep(time.Until(next))
		began := time.Now()
		f := media.Frame{Track: 1, PTS: time.Duration(began.UnixNano()), Key: n%gop == 0, Data: data}
		if err := s.Write(b.Context(), f); err != nil {
			b.Fatal(err)
		}
		if got := <-seen; got != n {
			b.Fatalf("frame %d came instead of %d", got, n)
		}
		n++
		return time.Since(began)
	}
	for range 2 * gop { // with the call that the first one waits for
		write()
	}
	latency := make([]time.Duration, 0, b.N)
	for b.Loop() {
		latency = append(latency, write())
	}
	slices.Sort(latency)
	at := func(q float64) float64 {
		return float64(latency[int(q*float64(len(latency)-1))]) / float64(time.Millisecond)
	}
	b.ReportMetric(at(0.5), "p50-ms")
	b.ReportMetric(at(0.99), "p99-ms")
	b.ReportMetric(at(1), "max-ms")
	b.ReportMetric(0, "ns/op")
}

// readBlocks tells the numbers in the frames that come, until the response ends.
func readBlocks(g *get, seen chan<- uint64) {
	for {
		e, err := g.reader.Next()
		if err != nil {
			return
		}
		if e.ID != mkv.IDSimpleBlock {
			continue
		}
		if b, err := mkv.ParseBlock(e.Data()); err == nil && len(b.Payload) >= 8 {
			seen <- binary.BigEndian.Uint64(b.Payload)
		}
	}
}
