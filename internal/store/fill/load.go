package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/store"
)

// A load says what is made.
type load struct {
	Fragments int
	PerStream int
	Frames    int   // samples of each; 0 is one
	Body      int   // bytes
	PackSize  int64 // bytes

	dir  string
	kill time.Duration
	out  io.Writer // for results
}

// interval is the time from one fragment of a stream to the next.
const interval = 2 * time.Second

// begin is the server time of the first fragment.
func begin() time.Time { return time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC) }

func (l *load) streams() int { return (l.Fragments + l.PerStream - 1) / l.PerStream }

func (l *load) stream(i int) millrace.StreamKey {
	return millrace.StreamKey{ID: uint64(i + 1), Generation: 1}
}

// policies are those of streams that keep a week.
func (l *load) policies() map[millrace.StreamKey]store.Policy {
	p := make(map[millrace.StreamKey]store.Policy)
	for i := range l.streams() {
		p[l.stream(i)] = store.Policy{Retention: 7 * 24 * time.Hour}
	}
	return p
}

// A maker makes the fragments in the order of their server times.
type maker struct {
	load    *load
	rand    *rand.Rand
	header  *millrace.Header
	cluster [][]byte
	samples []millrace.Sample
	elapsed atomic.Int64 // of the made up time
}

// make fills the directory.
func (l *load) make(ctx context.Context) error {
	m := &maker{
		load: l, rand: rand.New(rand.NewPCG(1, 1)), header: millrace.NewHeader(make([]byte, 600)),
		cluster: [][]byte{make([]byte, l.Body)}, samples: l.samples(),
	}
	if err := os.Mkdir(l.dir, 0o700); err != nil {
		return err
	}
	if err := l.remember(); err != nil {
		return err
	}
	e, err := l.open(ctx, store.Config{
		Epoch:   1,
		Now:     func() time.Time { return begin().Add(time.Duration(m.elapsed.Load())) },
		Elapsed: func() time.Duration { return time.Duration(m.elapsed.Load()) },
	})
	if err != nil {
		return err
	}
	start := time.Now()
	if err := m.submit(ctx, e); err != nil {
		return err
	}
	if l.kill > 0 {
		time.Sleep(l.kill)
		return nil
	}
	if err := e.Close(); err != nil {
		return err
	}
	fmt.Fprintf(l.out, "made %d fragments of %d streams in %v\n", l.Fragments, l.streams(), time.Since(start).Round(time.Second))
	return nil
}

// samples are those of each fragment: one that is its body, or a picture group of
// 2 Mbit/s, of which the body holds nothing.
func (l *load) samples() []millrace.Sample {
	if l.Frames <= 1 {
		return []millrace.Sample{{Track: 1, Size: uint32(l.Body)}}
	}
	r := rand.New(rand.NewPCG(2, 2))
	list := make([]millrace.Sample, l.Frames)
	at := uint32(12)
	for i := range list {
		s := &list[i]
		*s = millrace.Sample{
			Track: 1, Offset: at, Size: uint32(4000 + r.IntN(6000)), Flags: millrace.SampleCleanNAL,
			Time: int32(i * int(interval/time.Millisecond) / l.Frames),
		}
		if i == 0 {
			s.Size, s.Flags = 60_000, s.Flags|millrace.SampleKey|millrace.SampleParams
		}
		at += s.Size + 10
	}
	return list
}

// submit hands all fragments over and waits until they are durable.
func (m *maker) submit(ctx context.Context, e *store.Engine) error {
	var settled sync.WaitGroup
	var failed atomic.Pointer[error]
	for n := range m.load.Fragments {
		settled.Add(1)
		err := submitOne(ctx, e, m.fragment(n), func(err error) {
			if err != nil {
				failed.CompareAndSwap(nil, &err)
			}
			settled.Done()
		})
		if err != nil {
			return err
		}
		if n%1_000_000 == 0 {
			fmt.Fprintf(os.Stderr, "%d of %d\n", n, m.load.Fragments)
		}
		if err := failed.Load(); err != nil {
			return *err
		}
	}
	settled.Wait()
	if err := failed.Load(); err != nil {
		return *err
	}
	return nil
}

// submitOne hands one fragment over. Commits of so small ones are faster than
// the feeding of the index behind them, so that the engine refuses some for a
// while; a producer would send them again.
func submitOne(ctx context.Context, e *store.Engine, f *millrace.Fragment, done func(error)) error {
	for {
		err := e.Submit(ctx, f, done)
		if !errors.Is(err, store.ErrUnavailable) {
			return err
		}
		select {
		case <-time.After(10 * time.Millisecond):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// fragment is the n-th one. Clocks jitter as those of cameras do.
func (m *maker) fragment(n int) *millrace.Fragment {
	streams := m.load.streams()
	place, stream := n/streams, n%streams
	since := time.Duration(place)*interval + time.Duration(stream)*interval/time.Duration(streams)
	m.elapsed.Store(int64(since))
	jitter := time.Duration(m.rand.IntN(10)) * time.Millisecond // less than what keeps the order of a stream
	number := millrace.NewFragmentNumber(1<<32+uint64(place), begin().Add(since+jitter), m.rand.Uint32())
	return &millrace.Fragment{
		Stream: m.load.stream(stream), Number: number, ProducerTime: begin().Add(since - 300*time.Millisecond),
		TimecodeScale: 1_000_000, Duration: interval, Sequence: uint64(place),
		Header: m.header, Cluster: m.cluster, Samples: m.samples,
	}
}
