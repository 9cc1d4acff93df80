package producer

import (
	"testing"
	"time"
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
	if c.frames%50 == 0 {
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
