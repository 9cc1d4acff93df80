package server_test

import (
	"encoding/binary"
	"slices"
	"testing"
	"time"

	"github.com/millrace/millrace/mkv"
)

// BenchmarkFrameToReader measures the time from the write of a frame to a
// PutMedia socket to its arrival at a GetMedia reader, at 25 frames a second in
// fragments of 5 s, of which every fragment's commit is part. Run it with
// -benchtime 500x for 20 s; it reports percentiles in milliseconds.
func BenchmarkFrameToReader(b *testing.B) {
	const (
		interval = 40 * time.Millisecond
		gop      = 125
		size     = 10_000
	)
	r := start(b, nil, nil)
	r.create("cam", 24)
	g := r.get("cam", map[string]any{"StartSelectorType": "NOW"})
	p := r.put("cam", nil)
	p.mustSend(header(1))

	seen := make(chan time.Time, 1)
	go func() {
		for {
			e, err := g.reader.Next()
			if err != nil {
				return
			}
			if e.ID == mkv.IDSimpleBlock {
				seen <- time.Now()
			}
		}
	}()
	payload := make([]byte, size)
	latency := make([]time.Duration, 0, b.N)
	next := time.Now()
	for i := 0; b.Loop(); i++ {
		binary.BigEndian.PutUint64(payload, uint64(i))
		frame := block(1, int16(i%gop*40), string(payload))
		if i%gop == 0 {
			frame = cluster(uint64(i*40), frame)
		}
		next = next.Add(interval)
		time.Sleep(time.Until(next))
		sent := time.Now()
		p.mustSend(frame)
		latency = append(latency, (<-seen).Sub(sent))
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
