package store_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/store"
	"github.com/millrace/millrace/internal/store/disk"
	"github.com/millrace/millrace/internal/store/storetest"
)

const benchFragment = 500_000

// BenchmarkDurableIngest compares the engine, with 1, 2 and 4 lanes, with a bare
// log that writes and syncs the same bytes in groups, as it is and with the
// engine's way of starting write-back. tools/bench/durable-ingest.sh runs it in
// rounds, beside fio, and sets the results in proportion.
func BenchmarkDurableIngest(b *testing.B) {
	for _, writers := range []int{50, 400} {
		b.Run(fmt.Sprintf("log/%d", writers), func(b *testing.B) { benchLog(b, writers, false) })
		b.Run(fmt.Sprintf("early-log/%d", writers), func(b *testing.B) { benchLog(b, writers, true) })
		for _, lanes := range []int{1, 2, 4} {
			b.Run(fmt.Sprintf("lanes-%d/%d", lanes, writers), func(b *testing.B) { benchEngine(b, writers, lanes) })
		}
	}
}

func benchLog(b *testing.B, writers int, early bool) {
	l := newBareLog(b, early)
	benchWriters(b, writers, func(f *millrace.Fragment) error { return l.append(f.Cluster) })
	l.close()
}

func benchEngine(b *testing.B, writers, lanes int) {
	e, err := store.Open(b.Context(), store.Config{FS: benchDir(b), Epoch: 1, Lanes: lanes, QueueBytes: 256 << 20})
	if err != nil {
		b.Fatal(err)
	}
	benchWriters(b, writers, func(f *millrace.Fragment) error {
		done := make(chan error, 1)
		if err := e.Submit(context.Background(), f, func(err error) { done <- err }); err != nil {
			return err
		}
		return <-done
	})
	if err := e.Close(); err != nil {
		b.Fatal(err)
	}
}

// benchDir is a directory on the disk that MILLRACE_BENCH_DIR names, else on
// that of temporary files.
func benchDir(b *testing.B) *disk.FS {
	b.Helper()
	dir, err := os.MkdirTemp(os.Getenv("MILLRACE_BENCH_DIR"), "millrace-bench-")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = os.RemoveAll(dir) })
	d, err := disk.Open(filepath.Join(dir, "packs"))
	if err != nil {
		b.Fatal(err)
	}
	return d
}

// benchWriters has writers put b.N fragments, each one after the other.
func benchWriters(b *testing.B, writers int, put func(*millrace.Fragment) error) {
	body := storetest.NewFragments(1).Make(millrace.StreamKey{}, benchFragment).Cluster
	header := millrace.NewHeader(make([]byte, 600))
	samples := make([]millrace.Sample, 60)
	var next atomic.Int64
	var all sync.WaitGroup
	b.SetBytes(benchFragment)
	b.ReportAllocs()
	b.ResetTimer()
	for id := range uint64(writers) {
		all.Go(func() {
			for sequence := uint64(1); next.Add(1) <= int64(b.N); sequence++ {
				f := &millrace.Fragment{
					Stream: millrace.StreamKey{ID: id}, Number: storetest.Number(1<<32|sequence, time.Duration(sequence)),
					Header: header, Cluster: body, Samples: samples,
				}
				if err := put(f); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
	b.StopTimer()
}

// A bareLog is a group commit and nothing else: one file, one loop.
type bareLog struct {
	early   bool // in small steps, of which each starts its write-back
	end     int64
	file    store.File
	mu      sync.Mutex
	queue   []bareEntry
	wake    chan struct{}
	running sync.WaitGroup
}

type bareEntry struct {
	bufs [][]byte
	done chan error
}

func newBareLog(b *testing.B, early bool) *bareLog {
	f, err := benchDir(b).Create("log")
	if err != nil {
		b.Fatal(err)
	}
	l := &bareLog{early: early, file: f, wake: make(chan struct{}, 1)}
	l.running.Go(l.run)
	return l
}

func (l *bareLog) append(bufs [][]byte) error {
	e := bareEntry{bufs, make(chan error, 1)}
	l.mu.Lock()
	l.queue = append(l.queue, e)
	l.mu.Unlock()
	select {
	case l.wake <- struct{}{}:
	default:
	}
	return <-e.done
}

func (l *bareLog) run() {
	var bufs [][]byte
	for range l.wake {
		l.mu.Lock()
		batch := l.queue
		l.queue = nil
		l.mu.Unlock()
		if len(batch) == 0 {
			continue
		}
		bufs = bufs[:0]
		for _, e := range batch {
			bufs = append(bufs, e.bufs...)
		}
		err := l.write(bufs)
		if err == nil {
			err = l.file.Sync()
		}
		for _, e := range batch {
			e.done <- err
		}
	}
}

// write hands everything to the system at once, or, early, a megabyte after the
// other.
func (l *bareLog) write(bufs [][]byte) error {
	for len(bufs) > 0 {
		n, size := 0, 0
		for n < len(bufs) && (size < 1<<20 || !l.early) {
			size += len(bufs[n])
			n++
		}
		if _, err := l.file.WriteV(bufs[:n]); err != nil {
			return err
		}
		if l.early {
			_ = l.file.StartWriteback(l.end, int64(size))
		}
		l.end += int64(size)
		bufs = bufs[n:]
	}
	return nil
}

func (l *bareLog) close() {
	close(l.wake)
	l.running.Wait()
	_ = l.file.Close()
}
