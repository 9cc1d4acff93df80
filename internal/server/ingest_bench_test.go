package server_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
)

// BenchmarkIngest measures durable ingest over HTTP, saturated: writers that
// send fragments of 500 KB in frames of 10 KB and read every acknowledgement.
// The floor in the same run is a handler that drains the body, and beside it a
// file to which the same bytes are written and synced.
func BenchmarkIngest(b *testing.B) {
	for _, writers := range []int{50, 400} {
		b.Run(fmt.Sprint("server/", writers), func(b *testing.B) { ingest(b, writers) })
		b.Run(fmt.Sprint("floor/", writers), func(b *testing.B) { drain(b, writers) })
	}
}

const (
	benchFrame  = 10_000
	benchFrames = 50 // in a fragment
)

// benchFragment is one fragment as it goes over the wire.
func benchFragment(timecode uint64) []byte {
	frames := make([][]byte, benchFrames)
	for i := range frames {
		frames[i] = block(1, int16(i*40), string(make([]byte, benchFrame)))
	}
	return cluster(timecode, frames...)
}

// share runs work for each of b's iterations, spread over the writers.
func share(b *testing.B, writers int, work func(writer int, next func() bool)) {
	b.Helper()
	var left atomic.Int64
	left.Store(int64(b.N))
	var group sync.WaitGroup
	b.SetBytes(benchFrames * benchFrame)
	b.ResetTimer()
	for w := range writers {
		group.Go(func() { work(w, func() bool { return left.Add(-1) >= 0 }) })
	}
	group.Wait()
	b.StopTimer()
}

func ingest(b *testing.B, writers int) {
	r := start(b, nil, nil)
	for w := range writers {
		r.create(fmt.Sprint("cam", w), 24)
	}
	share(b, writers, func(w int, next func() bool) {
		p := r.put(fmt.Sprint("cam", w), nil)
		body := header(1)
		for i := uint64(1); next(); i++ {
			body = append(body, benchFragment(i*2000)...)
			if p.send(body, 64<<10) != nil {
				b.Error("the session broke")
				return
			}
			body = body[:0]
		}
		p.end()
		for _, a := range p.rest() {
			if a.EventType == "ERROR" {
				b.Error(a)
			}
		}
	})
}

func drain(b *testing.B, writers int) {
	file, err := os.Create(b.TempDir() + "/log")
	if err != nil {
		b.Fatal(err)
	}
	defer file.Close()
	log := &bareLog{file: file}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		buf := make([]byte, benchFrames*benchFrame)
		for {
			n, err := io.ReadFull(r.Body, buf)
			log.write(buf[:n])
			if err != nil {
				return
			}
		}
	}))
	defer s.Close()
	r := &rig{t: b, url: s.URL}
	share(b, writers, func(w int, next func() bool) {
		p := r.putPlain()
		for next() {
			if p.send(benchFragment(1), 64<<10) != nil {
				b.Error("the connection broke")
				return
			}
		}
		p.end()
		_, _ = io.Copy(io.Discard, p.conn)
	})
}

// A bareLog is a file that every writer appends to and waits for, with one sync
// for all that wait.
type bareLog struct {
	file  *os.File
	mu    sync.Mutex // guards batch
	batch *logBatch
	lane  sync.Mutex // held while a batch is written
}

type logBatch struct {
	pieces [][]byte
	done   chan struct{}
}

func (l *bareLog) write(p []byte) {
	l.mu.Lock()
	mine := l.batch
	leader := mine == nil
	if leader {
		mine = &logBatch{done: make(chan struct{})}
		l.batch = mine
	}
	mine.pieces = append(mine.pieces, p)
	l.mu.Unlock()
	if !leader {
		<-mine.done
		return
	}
	l.lane.Lock()
	defer l.lane.Unlock()
	l.mu.Lock()
	l.batch = nil
	l.mu.Unlock()
	for _, p := range slices.Clone(mine.pieces) {
		_, _ = l.file.Write(p)
	}
	_ = l.file.Sync()
	close(mine.done)
}
