package campaign_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/media"
	"github.com/millrace/millrace/producer"
	"github.com/millrace/millrace/producer/producertest"
)

const (
	scheduleSeeds  = 60
	scheduleFrames = 600 // ten minutes
	patience       = 12 * time.Hour
)

// For any schedule of faults of server and network, what is kept is what was
// written, less what was reported as dropped, byte for byte, in order; and where
// the server understands who sends, each once. MILLRACE_SEED runs one schedule
// again.
func TestWhatIsKeptIsWhatWasWritten(t *testing.T) {
	t.Setenv("HOME", t.TempDir())
	for _, seed := range seeds(t, scheduleSeeds) {
		t.Run(fmt.Sprintf("MILLRACE_SEED=%d", seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { playSchedule(t, seed) })
		})
	}
}

func playSchedule(t *testing.T, seed uint64) {
	rnd := rand.New(rand.NewPCG(seed, 1))
	config := producertest.Millrace()
	if seed%2 == 1 {
		config = producertest.AWS()
		config.MaxAge = 3 * time.Minute
	}
	config.Pipes = true
	config.Steps = producertest.Chaos{
		Seed: seed, Steps: rnd.IntN(25), Pause: 20 * time.Second, Stalls: true, Skips: seed%3 == 2,
		Refusals: []producertest.Refusal{{Status: 500, Exception: "InternalFailure"}, {Status: 503, Exception: "ServiceUnavailable"}},
	}.Draw()
	config.Answers = controlFaults(rnd)
	s := producertest.Start(t, config)
	p := producertest.StartProxy(t, producertest.ProxyConfig{
		Pipes: true, Through: s.Dial, Seed: seed,
		Latency: time.Duration(rnd.IntN(200)) * time.Millisecond, Jitter: 50 * time.Millisecond,
		Periods: producertest.Climate{Seed: seed, Periods: rnd.IntN(6), Foul: time.Minute, Fair: 2 * time.Minute}.Draw(),
	})
	footage := producertest.Footage{Seed: seed, Began: time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC), Every: time.Second}
	c := upload(t, s, p, footage)
	c.Once = config.Identity && s.Calls()[0].Producer != (millrace.ProducerID{})
	if err := footage.Compare(s.Persisted("gate"), c); err != nil {
		t.Error(err)
	}
}

// controlFaults are some answers that are none.
func controlFaults(rnd *rand.Rand) map[producertest.Operation][]producertest.Answer {
	all := []producertest.Answer{
		{Refusal: producertest.Refusal{Status: 500, Exception: "InternalFailure"}},
		{Refusal: producertest.Refusal{Status: 400, Exception: "ClientLimitExceededException"}},
		{Refusal: producertest.Refusal{Status: 429, Exception: "ClientLimitExceededException", RetryAfter: 2 * time.Second}},
		{Refusal: producertest.Refusal{Status: 403, Exception: "ExpiredTokenException"}},
		{Delay: 3 * time.Second, Do: producertest.Reset},
		{Delay: 3 * time.Second, Do: producertest.Close, Late: true},
		{Do: producertest.Stall},
	}
	faults := map[producertest.Operation][]producertest.Answer{}
	for _, op := range []producertest.Operation{producertest.DescribeStream, producertest.GetDataEndpoint} {
		for range rnd.IntN(4) {
			faults[op] = append(faults[op], all[rnd.IntN(len(all))])
		}
	}
	return faults
}

// upload writes the frames at their pace, and waits until all is confirmed. It
// returns what is to be found of it.
func upload(t *testing.T, s *producertest.Server, p *producertest.Proxy, footage producertest.Footage) producertest.Comparison {
	t.Helper()
	client := &producer.Client{
		Endpoint:    s.Endpoint(),
		Credentials: millrace.StaticCredentials(millrace.Credentials{AccessKeyID: "AKIDTEST", SecretAccessKey: "secret"}),
		HTTPClient:  &http.Client{Transport: &http.Transport{DialContext: p.Dial, DisableKeepAlives: true}},
		Dial:        p.Dial,
	}
	var dropped []producer.Dropped
	up, err := client.Open(t.Context(), "gate", producer.StreamConfig{
		Tracks: []media.Track{{Number: 1, UID: 1, Type: media.Video, CodecID: "V_TEST"}},
		Buffer: producer.BufferRules{OnFull: producer.FullWait},
		Events: producer.Events{Dropped: func(d producer.Dropped) { dropped = append(dropped, d) }},
	})
	if err != nil {
		t.Fatal(err)
	}
	c := producertest.Comparison{Millis: true, Missing: func(n int) bool {
		return slices.ContainsFunc(dropped, func(d producer.Dropped) bool {
			at := footage.Time(n)
			return !at.Before(d.From) && !at.After(d.To)
		})
	}}
	for n := range scheduleFrames {
		f := media.Frame{Track: 1, PTS: time.Duration(footage.Time(n).UnixNano()), Key: footage.Key(n), Data: footage.Data(n)}
		if err := up.Write(t.Context(), f); err != nil {
			t.Errorf("write frame %d: %v", n, err)
			break
		}
		c.Written++
		time.Sleep(footage.Every)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := up.Close(ctx); err != nil {
		t.Errorf("close: %v", err)
	}
	if stats := up.Stats(); stats.Pending > 0 {
		t.Errorf("kept after the end: %+v", stats)
	}
	return c
}
