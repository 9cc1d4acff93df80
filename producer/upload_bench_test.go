package producer_test

import (
	"bufio"
	"bytes"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/wire"
	"github.com/millrace/millrace/media"
	"github.com/millrace/millrace/producer"
)

// A drain takes one call and makes no garbage while it does: it looks for where
// Clusters begin, and acknowledges the one before as durable.
type drain struct {
	listener net.Listener
	step     uint64        // between timecodes
	due      atomic.Int64  // bytes that somebody waits for
	came     chan struct{} // when they are there
}

// clusterStart is the id of a Cluster, the frames of which must not contain it.
const clusterStart = "\x1f\x43\xb6\x75"

func (d *drain) serve(first uint64) error {
	conn, err := d.listener.Accept()
	if err != nil {
		return err
	}
	defer conn.Close()
	in := bufio.NewReaderSize(conn, 64<<10)
	r, err := http.ReadRequest(in)
	if err != nil {
		return err
	}
	const head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n%s: %s\r\n\r\n" // of a server that wants identities
	if _, err := fmt.Fprintf(conn, head, wire.HeaderProducer, r.Header.Get(wire.HeaderProducer)); err != nil {
		return err
	}
	text, chunk := make([]byte, 0, 256), make([]byte, 0, 256)
	begun := uint64(0)
	for {
		b, err := in.Peek(max(in.Buffered(), len(clusterStart)))
		if err != nil {
			return err
		}
		n := len(b) - len(clusterStart) + 1
		if i := bytes.Index(b, []byte(clusterStart)); i >= 0 {
			n = i + len(clusterStart)
			if begun++; begun > 1 {
				text = append(text[:0], `{"EventType":"PERSISTED","FragmentTimecode":`...)
				text = strconv.AppendUint(text, first+(begun-2)*d.step, 10)
				text = append(text, `,"FragmentNumber":"91343852333181432397633822764885441725874549018"}`+"\n"...)
				chunk = append(strconv.AppendInt(chunk[:0], int64(len(text)), 16), "\r\n"...)
				chunk = append(append(chunk, text...), "\r\n"...)
				if _, err := conn.Write(chunk); err != nil {
					return err
				}
			}
		}
		_, _ = in.Discard(n) // it is there
		if left := d.due.Add(-int64(n)); left <= 0 && left > -int64(n) {
			d.came <- struct{}{}
		}
	}
}

// uploaded opens a stream to a drain, and returns what writes the next frame of
// 10 kB and waits until it is there.
func uploaded(tb testing.TB, gop int, spool bool) (next func()) {
	tb.Helper()
	const interval = 40 * time.Millisecond
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	d := &drain{listener: l, step: uint64(gop) * uint64(interval/time.Millisecond), came: make(chan struct{}, 8)}
	over := make(chan struct{})
	go func() {
		defer close(over)
		_ = d.serve(uint64(clock.UnixMilli())) // ends with the connection
	}()
	control := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, `{"StreamInfo":{"StreamName":"gate","StreamARN":"arn:aws:kinesisvideo:us-east-1:000000000000:stream/gate/1700000000000","Status":"ACTIVE","DataRetentionInHours":1},"DataEndpoint":"http://%s"}`, l.Addr())
	}))
	client := &producer.Client{
		Endpoint: control.URL, Spool: tb.TempDir(), HTTPClient: control.Client(),
		Credentials: millrace.StaticCredentials(millrace.Credentials{AccessKeyID: "AKIDTEST", SecretAccessKey: "secret"}),
	}
	s, err := client.Open(tb.Context(), "gate", producer.StreamConfig{Tracks: tracks(), Buffer: producer.BufferRules{Spool: spool}})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		s.Abort()
		l.Close()
		<-over
		control.Close()
	})
	data := make([]byte, 10_000)
	n := 0
	return func() {
		f := media.Frame{Track: 1, PTS: time.Duration(clock.UnixNano()) + time.Duration(n)*interval, Key: n%gop == 0, Data: data}
		d.due.Store(int64(len(data)))
		if err := s.Write(tb.Context(), f); err != nil {
			tb.Fatal(err)
		}
		n++
		<-d.came
	}
}

// BenchmarkWriteToSocket measures a frame of 10 kB from Write to the other end of
// a connection on loopback, where nothing is done with it, and what the producer
// allocates for it: all that happens between is its own.
func BenchmarkWriteToSocket(b *testing.B) {
	for _, bench := range []struct {
		name  string
		spool bool
	}{{"memory", false}, {"spool", true}} {
		b.Run(bench.name, func(b *testing.B) {
			next := uploaded(b, 50, bench.spool)
			for range 200 {
				next()
			}
			b.SetBytes(10_000)
			b.ReportAllocs()
			for b.Loop() {
				next()
			}
		})
	}
}

// TestAFrameOnItsWayTakesNoMemory counts what is allocated between Write and the
// other end of the connection, within a fragment: what one takes to begin and to
// be acknowledged is not a frame's.
func TestAFrameOnItsWayTakesNoMemory(t *testing.T) {
	t.Setenv("HOME", t.TempDir())
	const gop, measured = 300, 200
	for name, spool := range map[string]bool{"memory": false, "spool": true} {
		next := uploaded(t, gop, spool)
		for range gop + 50 { // the second fragment has begun, and the first is acknowledged
			next()
		}
		if got := testing.AllocsPerRun(measured, next); got != 0 {
			t.Errorf("%s: %v allocations for a frame", name, got)
		}
	}
}

// TestWhatWasSentFromMemoryIsNotReadFromTheDisk: reading takes memory by the
// tens of kilobytes.
func TestWhatWasSentFromMemoryIsNotReadFromTheDisk(t *testing.T) {
	t.Setenv("HOME", t.TempDir())
	const gop, fragments = 50, 6
	next := uploaded(t, gop, true)
	frames := func(n int) {
		for range n * gop {
			next()
		}
	}
	frames(3)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	frames(fragments)
	runtime.ReadMemStats(&after)
	if n := (after.TotalAlloc - before.TotalAlloc) / fragments; n > 32<<10 {
		t.Errorf("a fragment takes %d bytes", n)
	}
}
