package server_test

import (
	"net/http"
	"testing"
)

// BenchmarkRepeats measures what an identity costs the server: fragments of 50 KB
// in frames of 10 KB from one producer, without identities, with them, and with
// those of fragments that are kept already, of which the index is in memory or,
// after a restart, on the disk. The client, which is in the same
// process, has made them all before.
func BenchmarkRepeats(b *testing.B) {
	for name, how := range map[string]struct {
		header   http.Header
		again    bool
		restarts bool
	}{
		"without":                {},
		"with":                   {header: announced()},
		"again":                  {header: announced(), again: true},
		"again, after a restart": {header: announced(), again: true, restarts: true},
	} {
		b.Run(name, func(b *testing.B) {
			r := start(b, nil, nil)
			r.create("cam", 24)
			list := make([][]byte, b.N)
			for i := range list {
				frames := make([]byte, 0, 51_000)
				for j := range 5 {
					frames = append(frames, block(1, int16(j*40), string(make([]byte, benchFrame)))...)
				}
				list[i] = identified(uint64(i)*2000, 1, uint64(i), frames)
			}
			if how.again {
				r.sendBench(b, how.header, list)
			}
			if how.restarts {
				r.restart()
			}
			b.SetBytes(5 * benchFrame)
			before := cpuUsed(b)
			b.ResetTimer()
			r.sendBench(b, how.header, list)
			b.StopTimer()
			b.ReportMetric(float64((cpuUsed(b)-before).Microseconds())/float64(b.N), "cpu-µs/op")
		})
	}
}

func (r *rig) sendBench(b *testing.B, header http.Header, list [][]byte) {
	p := r.put("cam", header)
	body := testHeader()
	for _, fragment := range list {
		if err := p.send(append(body, fragment...), 0); err != nil {
			b.Fatal(err)
		}
		body = nil
	}
	p.end()
	count := 0
	for _, a := range p.rest() {
		if a.EventType == "PERSISTED" {
			count++
		}
	}
	if count != len(list) {
		b.Fatalf("%d fragments are PERSISTED, want %d", count, len(list))
	}
}
