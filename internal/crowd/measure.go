package main

import (
	"context"
	"fmt"
	"runtime"
	"runtime/debug"
	"sync"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/producer"
)

// closing bounds the wait for what is not durable at the end.
const closing = 30 * time.Second

// A reading is what the process has used at a moment.
type reading struct {
	at         time.Time
	cpu        time.Duration
	rss        int64 // bytes; 0 where the system does not tell
	heap       uint64
	stacks     uint64
	sys        uint64
	goroutines int
	mallocs    uint64
}

func read() reading {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return reading{
		at: time.Now(), cpu: cpuTime(), rss: residentBytes(), heap: m.HeapInuse, stacks: m.StackInuse, sys: m.Sys,
		goroutines: runtime.NumGoroutine(), mallocs: m.Mallocs,
	}
}

// measure runs the cameras and prints what they cost.
func (c crowd) measure(ctx context.Context, server *far) error {
	client := &producer.Client{Endpoint: server.url, Region: "us-east-1", Spool: c.dir}
	if c.server == "" {
		client.Credentials = millrace.StaticCredentials(millrace.Credentials{AccessKeyID: "AKIDCROWD", SecretAccessKey: "secret"})
	}
	debug.FreeOSMemory()
	empty := read()
	var cameras []*camera
	for n := range c.streams {
		cam, err := c.open(ctx, client, n)
		if err != nil {
			return err
		}
		defer cam.stream.Abort()
		cameras = append(cameras, cam)
	}
	filming, stop := context.WithCancel(ctx)
	defer stop()
	var group sync.WaitGroup
	failed := make(chan error, len(cameras))
	for _, cam := range cameras {
		group.Go(func() {
			if err := cam.run(filming); err != nil {
				failed <- err
				stop()
			}
		})
	}
	before, after, sunk, err := c.window(filming, server)
	stop()
	group.Wait()
	if len(failed) > 0 {
		return <-failed
	}
	if err != nil {
		return err
	}
	c.print(empty, before, after, sunk)
	return c.report(ctx, cameras)
}

// window takes readings at the beginning and at the end of what is measured, of
// this process and of the sink's processor time.
func (c crowd) window(ctx context.Context, server *far) (before, after reading, sunk time.Duration, err error) {
	if err := sleep(ctx, c.warm); err != nil {
		return before, after, 0, err
	}
	first, err := server.cpu()
	if err != nil {
		return before, after, 0, err
	}
	before = read()
	if err := sleep(ctx, c.time); err != nil {
		return before, after, 0, err
	}
	after = read()
	last, err := server.cpu()
	return before, after, last - first, err
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (c crowd) print(empty, before, after reading, sunk time.Duration) {
	took := after.at.Sub(before.at).Seconds()
	each := func(n int64) float64 { return float64(n) / float64(c.streams) }
	fmt.Fprintf(c.out, "%d streams of %d bit/s for %.1f s\n", c.streams, c.rate, took)
	fmt.Fprintf(c.out, "processor: %.3f s a second; the sink: %.3f\n", (after.cpu-before.cpu).Seconds()/took, sunk.Seconds()/took)
	fmt.Fprintf(c.out, "resident: %.1f MB, %.3f MB a stream; %.1f MB before the streams, %.1f MB when measuring began\n",
		megabytes(after.rss), each(after.rss-empty.rss)/1e6, megabytes(empty.rss), megabytes(before.rss))
	fmt.Fprintf(c.out, "heap: %.1f MB in use, %.3f MB a stream; stacks: %.1f MB; from the system: %.1f MB\n",
		float64(after.heap)/1e6, float64(after.heap)/1e6/float64(c.streams), float64(after.stacks)/1e6, float64(after.sys)/1e6)
	fmt.Fprintf(c.out, "goroutines: %.2f a stream, beside the one that writes\n", each(int64(after.goroutines-empty.goroutines))-1)
	fmt.Fprintf(c.out, "allocations: %.2f a frame\n", float64(after.mallocs-before.mallocs)/(took*frameRate*float64(c.streams)))
}

func megabytes(n int64) float64 { return float64(n) / 1e6 }

// report closes the streams and prints what became of what was written.
func (c crowd) report(ctx context.Context, cameras []*camera) error {
	ctx, cancel := context.WithTimeout(ctx, closing)
	defer cancel()
	var sum producer.Stats
	var slowest, late time.Duration
	written := 0
	for _, cam := range cameras {
		if err := cam.stream.Close(ctx); err != nil {
			return fmt.Errorf("close %s: %w", cam.stream.Name(), err)
		}
		s := cam.stream.Stats()
		sum.Begun += s.Begun
		sum.Persisted += s.Persisted
		sum.Dropped += s.Dropped + s.Rejected
		sum.Connections += s.Connections
		slowest, late, written = max(slowest, cam.slowest), max(late, cam.late), written+cam.written
	}
	fmt.Fprintf(c.out, "%d frames in %d fragments over %d calls; durable: %d, dropped: %d\n",
		written, sum.Begun, sum.Connections, sum.Persisted, sum.Dropped)
	fmt.Fprintf(c.out, "the slowest Write took %v; the latest began %v late\n", slowest, late)
	return nil
}
