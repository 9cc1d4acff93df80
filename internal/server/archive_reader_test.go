package server_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/consumer"
	"github.com/millrace/millrace/internal/server"
)

// reading returns a client that reads from the rig's server.
func (r *rig) reading() *consumer.Client {
	return &consumer.Client{
		Endpoint: r.url, Region: "us-west-2", HTTPClient: r.client,
		Credentials: millrace.StaticCredentials(millrace.Credentials{AccessKeyID: r.cfg.AccessKeyID, SecretAccessKey: secret}),
	}
}

// brittle is a transport whose connections break when so many bytes have come as
// limit says.
func brittle(t *testing.T, limit func() int64) *http.Client {
	dial := func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := (&net.Dialer{}).DialContext(ctx, network, address)
		if err != nil {
			return nil, err
		}
		b := &brittleConn{Conn: conn}
		b.left.Store(limit())
		return b, nil
	}
	tr := &http.Transport{DialContext: dial, DisableCompression: true}
	t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr}
}

type brittleConn struct {
	net.Conn
	left atomic.Int64
}

func (c *brittleConn) Read(p []byte) (int, error) {
	left := c.left.Load()
	if left <= 0 {
		c.Conn.Close()
		return 0, errors.New("the cable was pulled")
	}
	n, err := c.Conn.Read(p[:min(int64(len(p)), left)])
	c.left.Add(-int64(n))
	return n, err
}

// upload sends fragments of some frames whose payloads say what they are, at such
// seconds of the producer's clock.
func (r *rig) upload(name string, frames, size int, seconds ...uint64) {
	r.t.Helper()
	p := r.put(name, nil)
	p.mustSend(header(1))
	for _, s := range seconds {
		var blocks [][]byte
		for i := range frames {
			blocks = append(blocks, block(1, int16(i*20), fmt.Sprintf("%d/%d ", s, i)+strings.Repeat("x", size)))
		}
		p.mustSend(slices.Concat(cluster(s*1000, blocks...), endOfFragment()))
		p.want(fmt.Sprint("BUFFERING ", s*1000), fmt.Sprint("RECEIVED ", s*1000), fmt.Sprint("PERSISTED ", s*1000))
	}
	p.end()
	p.rest()
}

// marks are what upload wrote into the frames of such seconds.
func marks(frames int, seconds ...uint64) (list []string) {
	for _, s := range seconds {
		for i := range frames {
			list = append(list, fmt.Sprintf("%d/%d", s, i))
		}
	}
	return list
}

// frameMark is the mark of a frame.
func frameMark(f consumer.Frame) string {
	mark, _, _ := strings.Cut(string(f.Data[:min(len(f.Data), 20)]), " ")
	return mark
}

func until(from, to uint64) (list []uint64) {
	for s := from; s < to; s++ {
		list = append(list, s)
	}
	return list
}

// An archive comes out as it went in, whatever happens to connections, in the order
// of arrival and in that of the producer's clock, to which some came late.
func TestAnArchiveIsReadOverConnectionsThatBreak(t *testing.T) {
	const frames = 6
	r := start(t, nil, nil)
	r.create("cam", 24)
	first, late, last := until(100, 130), until(60, 75), until(130, 150)
	r.upload("cam", frames, 3000, first...)
	r.upload("cam", frames, 3000, late...)
	r.upload("cam", frames, 3000, last...)
	seed := newSeed(t)
	for _, tc := range []struct {
		order consumer.Order
		span  consumer.Range
		want  []uint64
	}{
		{consumer.ByArrival, consumer.Range{}, slices.Concat(first, late, last)},
		{consumer.ByProducerTime, consumer.Range{Clock: consumer.ProducerClock}, slices.Concat(late, first, last)},
		{consumer.ByArrival, consumer.Range{From: time.Unix(70, 0), To: time.Unix(110, 0), Clock: consumer.ProducerClock}, slices.Concat(until(100, 110), until(70, 75))},
	} {
		var mu sync.Mutex // guards random
		random := rand.New(rand.NewPCG(seed, uint64(len(tc.want))))
		c := r.reading()
		c.HTTPClient = brittle(t, func() int64 {
			mu.Lock()
			defer mu.Unlock()
			return 20_000 + random.Int64N(100_000)
		})
		reader := c.Archive("cam", tc.span, consumer.ArchiveOptions{Order: tc.order, Batch: 20})
		var got []string
		for f, err := range reader.Frames(t.Context()) {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, frameMark(f))
		}
		if want := marks(frames, tc.want...); !slices.Equal(got, want) {
			t.Errorf("by %s, %s=%d: read\n%v, want\n%v", tc.order, seedVariable, seed, got, want)
		}
		if s := reader.Stats(); s.Disconnections == 0 || s.Failed > 0 {
			t.Errorf("by %s: %+v", tc.order, s)
		}
	}
}

// What expires while an archive is read is told, and the rest is read.
func TestAnArchiveIsReadWhileItExpires(t *testing.T) {
	m := newTimetableAt(t, time.Now().Add(5*time.Second-time.Hour), 1, nil)
	m.ahead.Store(3_595_000) // which is now
	var failed []string
	o := consumer.ArchiveOptions{Batch: 1, Events: consumer.Events{Failed: func(e *consumer.FragmentError) {
		if e.Code() != millrace.CodeNotFound {
			t.Error(e)
		}
		failed = append(failed, e.Number.String())
	}}}
	var got []string
	for f, err := range m.reading().Archive("cam", consumer.Range{}, o).Fragments(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		if len(got) == 0 {
			m.ahead.Store(3_600_000 + 35_000) // all but the last expire
		}
		got = append(got, f.Number.String())
	}
	all := slices.Concat(got, failed)
	slices.Sort(all)
	if !slices.Equal(all, m.numbers) || got[len(got)-1] != m.numbers[4] || len(failed) < 2 {
		t.Errorf("read %v, told of %v, want %v", got, failed, m.numbers)
	}
}

// Ranges of what is stored are those of the server's own account.
func TestRangesAreThoseThatTheServerHas(t *testing.T) {
	r := start(t, nil, nil)
	r.create("cam", 24)
	r.upload("cam", 51, 10, until(100, 130)...) // a second each
	r.upload("cam", 51, 10, until(60, 75)...)
	var got []string
	for v, err := range r.reading().Ranges(t.Context(), "cam", consumer.Range{Clock: consumer.ProducerClock}) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, fmt.Sprint(v.From.Unix(), "-", v.To.Unix(), " ", v.Fragments))
	}
	if want := []string{"60-75 15", "100-130 30"}; !slices.Equal(got, want) {
		t.Errorf("found %q, want %q", got, want)
	}
}

// A live reader that begins with a history goes from the archive to the live edge
// without a gap or a repeat.
func TestALiveReaderCatchesUp(t *testing.T) {
	const frames = 3
	var ahead atomic.Int64
	began := time.Now().Add(-3 * time.Minute).Truncate(time.Second)
	boot := func() time.Duration { return time.Duration(ahead.Load()) }
	r := startWith(t, server.Options{Now: func() time.Time { return began.Add(boot()) }, Boot: boot}, nil)
	r.create("cam", 24)
	r.upload("cam", frames, 1000, until(0, 40)...)
	ahead.Store(int64(time.Since(began)))
	r.upload("cam", frames, 1000, until(40, 60)...)
	calls := 0
	o := consumer.LiveOptions{
		Start: millrace.StartSelector{Type: millrace.StartEarliest}, CatchUp: true,
		Events: consumer.Events{Connected: func(consumer.Connection) { calls++ }},
	}
	want := marks(frames, until(0, 70)...)
	var got []string
	for f, err := range r.reading().Live("cam", o).Frames(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		if got = append(got, frameMark(f)); len(got) == 60*frames {
			r.upload("cam", frames, 1000, until(60, 70)...)
		}
		if len(got) == len(want) {
			break
		}
	}
	if !slices.Equal(got, want) || calls != 2 {
		t.Errorf("over %d connections: read\n%v, want\n%v", calls, got, want)
	}
}
