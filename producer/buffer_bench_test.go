package producer

import (
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/millrace/millrace"
)

// drain has a connection take and the server confirm all that is ended.
func (b *bench) drain() {
	b.s.mu.Lock()
	defer b.s.mu.Unlock()
	for f := b.s.queue.first; f != nil && !f.open(); f = b.s.queue.first {
		b.s.sentTo(f, cursor{at: f.size}, f.size, time.Now())
		b.s.settle(f, persisted, 0)
	}
}

// camera writes frames of 16 KiB, of which each fiftieth begins a fragment, with
// a consumer that keeps up.
type camera struct {
	*bench
	head, data []byte
	cluster    []byte
	frames     int
}

func newCamera(t testing.TB, o StreamConfig) *camera {
	c := &Client{Memory: 64 << 20, Spool: t.TempDir()}
	return &camera{bench: newBench(t, c, o), head: make([]byte, 8), data: make([]byte, 16<<10), cluster: spoolHead(0)}
}

func (c *camera) write() {
	c.now += 40 * time.Millisecond
	if c.frames%50 == 0 || c.s.open == nil {
		c.must(c.s.begin(c.t.Context(), fragmentHead{timecode: uint64(c.now.Milliseconds()), first: c.now, cluster: c.cluster}))
		c.drain()
	}
	c.frames++
	c.must(c.s.appendFrame(c.t.Context(), frameInfo{c.now, c.frames%50 == 1}, c.head, c.data))
}

func TestAFrameTakesNoMemoryOfItsOwn(t *testing.T) {
	for name, rules := range map[string]BufferRules{"in memory": {}, "with a spool": {Spool: true}} {
		t.Run(name, func(t *testing.T) {
			c := newCamera(t, StreamConfig{Buffer: rules})
			for range 500 {
				c.write()
			}
			for c.frames%50 != 2 {
				c.write()
			}
			if n := testing.AllocsPerRun(40, c.write); n != 0 {
				t.Errorf("%v allocations for a frame", n)
			}
			c.close()
		})
	}
}

func BenchmarkBuffer(b *testing.B) {
	for name, rules := range map[string]BufferRules{"memory": {}, "spool": {Spool: true, SpoolBytes: 256 << 20}} {
		b.Run(name, func(b *testing.B) {
			c := newCamera(b, StreamConfig{Buffer: rules})
			b.SetBytes(int64(len(c.data)))
			b.ReportAllocs()
			for b.Loop() {
				c.write()
			}
			c.close()
		})
	}
}

func BenchmarkStreamsWithASpool(b *testing.B) {
	const streams, frames = 200, 150 // six seconds of 2 Mbit/s
	for b.Loop() {
		c := &Client{Spool: b.TempDir()}
		c.pool = newPool(DefaultMemory)
		var all []*camera
		for i := range streams {
			cam := &camera{bench: newBench(b, c, StreamConfig{Buffer: BufferRules{Spool: true, SpoolBytes: 8 << 20}}, millrace.StreamName(fmt.Sprint("gate", i))), head: make([]byte, 8), data: make([]byte, 10_000), cluster: spoolHead(0)}
			cam.frames = i % 50 // not all begin their fragments at once
			all = append(all, cam)
		}
		for range frames {
			for _, cam := range all {
				cam.write()
			}
		}
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		b.ReportMetric(float64(m.HeapInuse+m.StackInuse)/streams, "heap-B/stream")
		b.ReportMetric(float64(m.Sys)/streams, "sys-B/stream")
		b.ReportMetric(float64(c.pool.held)/streams, "slab-B/stream")
		for _, cam := range all {
			cam.close()
		}
	}
}
