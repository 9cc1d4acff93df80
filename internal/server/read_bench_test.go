package server_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/consumer"
	"github.com/millrace/millrace/media"
	"github.com/millrace/millrace/producer"
)

// The frames of BenchmarkWriteToReader.
const (
	readInterval = 40 * time.Millisecond
	readGOP      = 125 // frames of a fragment: 5 s
	readSize     = 10_000
)

// BenchmarkWriteToReader measures the time from a producer's Write until the body of
// a consumer's loop has the frame, through a server: 25 frames of 10 kB a second in
// fragments of 5 s, with no other reader and with 50. By turns with it goes the floor,
// the same bytes through a bare relay to as many connections. Run it with
// -benchtime 500x for 50 s; it reports percentiles in milliseconds, of the reader that
// came last.
func BenchmarkWriteToReader(b *testing.B) {
	for _, others := range []int{0, 50} {
		b.Run(fmt.Sprintf("others=%d", others), func(b *testing.B) { writeToReader(b, others) })
	}
}

func writeToReader(b *testing.B, others int) {
	routes := []func(data []byte){throughServer(b, others), throughRelay(b, others)}
	data := make([]byte, readSize)
	next, n := time.Now(), uint64(0)
	tick := func(times []time.Duration, route func([]byte)) []time.Duration {
		binary.BigEndian.PutUint64(data, n)
		next = next.Add(readInterval / time.Duration(len(routes)))
		time.Sleep(time.Until(next))
		began := time.Now()
		route(data)
		return append(times, time.Since(began))
	}
	for ; n < readGOP; n++ { // with the calls that the first ones wait for
		for _, route := range routes {
			tick(nil, route)
		}
	}
	times := make([][]time.Duration, len(routes))
	next = time.Now()
	for ; b.Loop(); n++ {
		times[0] = tick(times[0], routes[0])
		times[1] = tick(times[1], routes[1])
	}
	reportPercentiles(b, "", times[0])
	reportPercentiles(b, "floor-", times[1])
	b.ReportMetric(0, "ns/op")
}

func reportPercentiles(b *testing.B, prefix string, times []time.Duration) {
	slices.Sort(times)
	for _, q := range []struct {
		name string
		at   float64
	}{{"p50-ms", 0.5}, {"p99-ms", 0.99}, {"max-ms", 1}} {
		v := times[int(q.at*float64(len(times)-1))]
		b.ReportMetric(float64(v)/float64(time.Millisecond), prefix+q.name)
	}
}

// throughServer returns what writes a frame and returns when the one reader of
// others and one has it that counts.
func throughServer(b *testing.B, others int) func(data []byte) {
	r := start(b, nil, nil)
	r.create("cam", 24)
	keys := millrace.StaticCredentials(millrace.Credentials{AccessKeyID: r.cfg.AccessKeyID, SecretAccessKey: secret})
	ctx, cancel := context.WithCancel(b.Context())
	var connected, reading sync.WaitGroup
	seen := make(chan uint64, 1)
	client := &consumer.Client{Endpoint: r.url, Region: "us-west-2", Credentials: keys}
	for i := range others + 1 {
		connected.Add(1)
		once := sync.OnceFunc(connected.Done)
		reader := client.Live("cam", consumer.LiveOptions{Events: consumer.Events{Connected: func(consumer.Connection) { once() }}})
		reading.Go(func() {
			for frame, err := range reader.Frames(ctx) {
				if err == nil && i == others { // the last to come
					seen <- binary.BigEndian.Uint64(frame.Data)
				}
			}
		})
	}
	connected.Wait()
	up, err := (&producer.Client{Endpoint: r.url, Region: "us-west-2", Credentials: keys}).Open(ctx, "cam", producer.StreamConfig{Tracks: []media.Track{pictures()}})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		up.Abort()
		cancel()
		reading.Wait()
	})
	return func(data []byte) {
		n := binary.BigEndian.Uint64(data)
		f := media.Frame{Track: 1, PTS: time.Duration(time.Now().UnixNano()), Key: n%readGOP == 0, Data: data}
		if err := up.Write(ctx, f); err != nil {
			b.Fatal(err)
		}
		if got := <-seen; got != n {
			b.Fatalf("frame %d came instead of %d", got, n)
		}
	}
}

// throughRelay does the same with connections and nothing else: one writes, a
// goroutine reads a frame and writes it to all others, each of which is read.
func throughRelay(b *testing.B, others int) func(data []byte) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	var running sync.WaitGroup
	var ends []net.Conn
	pair := func() (near, far net.Conn) {
		if near, err = net.Dial("tcp", l.Addr().String()); err != nil {
			b.Fatal(err)
		}
		if far, err = l.Accept(); err != nil {
			b.Fatal(err)
		}
		ends = append(ends, near, far)
		return near, far
	}
	source, in := pair()
	seen := make(chan struct{}, 1)
	outs := make([]net.Conn, others+1)
	for i := range outs {
		reader, out := pair()
		outs[i] = out
		running.Go(func() {
			for p := make([]byte, readSize); ; {
				if _, err := io.ReadFull(reader, p); err != nil {
					return
				}
				if i == others {
					seen <- struct{}{}
				}
			}
		})
	}
	running.Go(func() {
		for p := make([]byte, readSize); ; {
			if _, err := io.ReadFull(in, p); err != nil {
				return
			}
			for _, out := range outs {
				_, _ = out.Write(p)
			}
		}
	})
	b.Cleanup(func() {
		_ = l.Close()
		for _, c := range ends {
			_ = c.Close()
		}
		running.Wait()
	})
	return func(data []byte) {
		if _, err := source.Write(data); err != nil {
			b.Fatal(err)
		}
		<-seen
	}
}

// What BenchmarkReadStored reads.
const (
	storedFragments = 64
	storedFrames    = 64 // of a fragment
	storedSize      = 16 << 10
)

// BenchmarkReadStored reads 64 MiB that a server has in its store, frame by frame:
// by GetMedia and by the calls of the archive. By turns with it goes the floor, the
// same number of bytes from net/http to a client that throws them away. It reports
// how fast that is of the floor, by time and by the processors' time of both ends.
func BenchmarkReadStored(b *testing.B) {
	r := start(b, nil, nil)
	r.create("cam", 24)
	p := r.put("cam", nil)
	p.mustSend(header(1))
	for i := range storedFragments {
		p.mustSend(cluster(uint64(1_700_000_000_000 + i*storedFrames*40)))
		payload := string(make([]byte, storedSize))
		for j := range storedFrames {
			p.mustSend(block(1, int16(j*40), payload))
		}
	}
	p.mustSend(endOfFragment())
	p.end()
	p.rest()
	client := &consumer.Client{
		Endpoint: r.url, Region: "us-west-2",
		Credentials: millrace.StaticCredentials(millrace.Credentials{AccessKeyID: r.cfg.AccessKeyID, SecretAccessKey: secret}),
	}
	floor := floorServer(b)
	for name, read := range map[string]func() *consumer.Reader{
		"GetMedia": func() *consumer.Reader {
			return client.Live("cam", consumer.LiveOptions{Start: millrace.StartSelector{Type: millrace.StartEarliest}})
		},
		"archive": func() *consumer.Reader {
			return client.Archive("cam", consumer.Range{}, consumer.ArchiveOptions{})
		},
	} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(storedFragments * storedFrames * storedSize)
			var ours, bare, oursUsed, bareUsed time.Duration
			for b.Loop() {
				began, used := time.Now(), cpu(b)
				readStored(b, read())
				ours, oursUsed = ours+time.Since(began), oursUsed+cpu(b)-used
				began, used = time.Now(), cpu(b)
				floor()
				bare, bareUsed = bare+time.Since(began), bareUsed+cpu(b)-used
			}
			megabytes := float64(b.N*storedFragments*storedFrames*storedSize) / 1e6
			b.ReportMetric(megabytes/ours.Seconds(), "MB/s-read")
			b.ReportMetric(megabytes/bare.Seconds(), "MB/s-floor")
			b.ReportMetric(100*bare.Seconds()/ours.Seconds(), "%-of-floor")
			b.ReportMetric(100*bareUsed.Seconds()/oursUsed.Seconds(), "%-of-floor-cpu")
		})
	}
}

// readStored reads every frame that is stored.
func readStored(b *testing.B, reader *consumer.Reader) {
	frames, size := 0, 0
	for frame, err := range reader.Frames(b.Context()) {
		if err != nil {
			b.Fatal(err)
		}
		frames++
		if size += len(frame.Data); frames == storedFragments*storedFrames {
			break
		}
	}
	if size != storedFragments*storedFrames*storedSize {
		b.Fatalf("%d bytes in %d frames", size, frames)
	}
}

// floorServer returns what has net/http send as many bytes, and throws them away.
func floorServer(b *testing.B) func() {
	body := make([]byte, storedFragments*storedFrames*storedSize)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(body) }))
	b.Cleanup(s.Close)
	return func() {
		resp, err := http.Get(s.URL)
		if err != nil {
			b.Fatal(err)
		}
		defer resp.Body.Close()
		if n, err := io.Copy(io.Discard, resp.Body); err != nil || n != int64(len(body)) {
			b.Fatal(n, err)
		}
	}
}
