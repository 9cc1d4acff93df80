package producer_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/millrace/millrace/media"
	"github.com/millrace/millrace/producer"
	"github.com/millrace/millrace/producer/producertest"
	"github.com/millrace/millrace/producer/spool"
)

// stuck are servers that do not answer, in every state that a stream can be in.
func stuck() map[string]producertest.Config {
	all := map[string]producertest.Config{
		"nothing is confirmed":        {After: producertest.Step{Acks: producertest.Acks{Never: true}}},
		"the stream is not described": {Answers: stalled(producertest.DescribeStream)},
		"the endpoint is not told":    {Answers: stalled(producertest.GetDataEndpoint)},
		"calls are refused":           {After: producertest.Step{Refuse: producertest.Refusal{Status: 503}}},
		"keys are refused":            {After: producertest.Step{Refuse: producertest.Refusal{Status: 403, Exception: "AccessDeniedException"}}},
	}
	for at := producertest.AtConnect; at <= producertest.AtTerminalChunk; at++ {
		for _, do := range []producertest.Action{producertest.Stall, producertest.Deafen} {
			f := producertest.Fault{At: at, Do: do}
			all[fmt.Sprintf("%v at %v", do, at)] = producertest.Config{After: producertest.Step{Faults: []producertest.Fault{f}}}
		}
	}
	return all
}

func stalled(op producertest.Operation) map[producertest.Operation][]producertest.Answer {
	answers := make([]producertest.Answer, 100)
	for i := range answers {
		answers[i].Do = producertest.Stall
	}
	return map[producertest.Operation][]producertest.Answer{op: answers}
}

// In no state does anything that waits outlast its context, nor Abort wait at
// all. That no goroutine is left is for the bubble to say.
func TestNothingHangsInAnyState(t *testing.T) {
	t.Setenv("HOME", t.TempDir())
	for name, config := range stuck() {
		for _, spooled := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, spool %v", name, spooled), func(t *testing.T) {
				yardOf(t, config, t.TempDir(), func(t *testing.T, y *yard) { hang(t, y, spooled) })
			})
		}
	}
	for name, network := range map[string]producertest.Network{"refused": producertest.Down, "silent": producertest.Silent} {
		t.Run("the network is "+name, func(t *testing.T) {
			yardOf(t, producertest.Config{}, t.TempDir(), func(t *testing.T, y *yard) {
				y.server.SetNetwork(network)
				hang(t, y, true)
			})
		})
	}
}

// hang has goroutines wait for a server in every way that there is.
func hang(t *testing.T, y *yard, spooled bool) {
	o := producer.StreamConfig{Tracks: tracks(), Buffer: producer.BufferRules{
		MaxBytes: 100 << 10, OnFull: producer.FullWait, Spool: spooled, SpoolBytes: 256 << 10,
	}}
	gate, lane := y.open("gate", o), y.open("lane", o)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	var waiting sync.WaitGroup
	began := time.Now()
	for _, s := range []*told{gate, lane} {
		waiting.Go(func() {
			var err error
			for i := 0; err == nil; i++ {
				err = s.Write(ctx, frameAt(1, time.Duration(i)*time.Second, true, string(make([]byte, 20_000))))
				time.Sleep(300 * time.Millisecond)
			}
			if !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("write: %v", err)
			}
		})
		waiting.Go(func() { _ = s.Ready(ctx) })
		waiting.Go(func() {
			time.Sleep(time.Second)
			_ = s.Flush(ctx)
		})
		waiting.Go(func() {
			time.Sleep(time.Second)
			_ = s.EndFragment(ctx)
		})
	}
	waiting.Wait()
	if took := time.Since(began); took > 31*time.Second {
		t.Errorf("they waited for %v", took)
	}
	began = time.Now()
	lane.Abort()
	if took := time.Since(began); took > 0 {
		t.Errorf("abort took %v", took)
	}
	short, done := context.WithTimeout(t.Context(), 10*time.Second)
	defer done()
	if err := gate.Close(short); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("close: %v", err)
	}
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("close took %v", took)
	}
	if got := gate.Receipt(); got.Unsent == 0 || got.Spooled != spooled {
		t.Errorf("receipt %+v", got)
	}
	for _, s := range []*told{gate, lane} {
		if err := s.Write(t.Context(), frameAt(1, time.Hour, true, "x")); !errors.Is(err, producer.ErrClosed) {
			t.Errorf("write to a stream that is closed: %v", err)
		}
	}
}

// A stream that cannot be opened leaves nothing behind: no goroutine, no lock of a
// spool, no share of the memory.
func TestAStreamThatCannotBeOpenedLeavesNothingBehind(t *testing.T) {
	inYard(t, func(t *testing.T, y *yard) {
		spooled := producer.BufferRules{Spool: true}
		gate := y.open("gate", producer.StreamConfig{Tracks: tracks(), Buffer: spooled})
		must(t, gate.Ready(t.Context()))
		synctest.Wait()
		before := runtime.NumGoroutine()
		for name, tc := range map[string]struct {
			o    producer.StreamConfig
			want error
		}{
			"the spool is in use":    {producer.StreamConfig{Tracks: tracks(), Buffer: spooled}, spool.ErrLocked},
			"a rule cannot be kept":  {producer.StreamConfig{Fragment: producer.FragmentRules{MaxDuration: time.Hour}, Buffer: spooled}, producer.ErrBadRules},
			"a track cannot be sent": {producer.StreamConfig{Tracks: []media.Track{{Number: 1}}, Buffer: spooled}, producer.ErrBadTrack},
		} {
			for range 50 {
				if _, err := y.client.Open(t.Context(), "gate", tc.o); !errors.Is(err, tc.want) {
					t.Fatalf("%s: %v", name, err)
				}
			}
			synctest.Wait()
			if now := runtime.NumGoroutine(); now > before {
				t.Errorf("%s: %d goroutines, before %d", name, now, before)
			}
		}
		write(t, gate.Stream, 0, "AbC")
		y.close(gate)
		y.want("gate", 1, "A b C")
		again := y.open("gate", producer.StreamConfig{Tracks: tracks(), Buffer: spooled}) // the spool is free
		write(t, again.Stream, 3, "D")
		y.close(again)
		y.want("gate", 1, "A b C D")
	})
}
