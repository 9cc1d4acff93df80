package campaign_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/millrace/millrace/producer/producertest"
)

const (
	scheduleSeeds  = 30
	scheduleFrames = 600 // ten minutes
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
	s, p := stage(t, seed)
	c := &camera{
		endpoint: s.Endpoint(), dial: p.Dial, frames: scheduleFrames,
		footage: producertest.Footage{Seed: seed, Began: filmed(), Every: time.Second},
	}
	found := c.shoot(t)
	found.Once = seed%2 == 0
	if err := c.footage.Compare(s.Persisted("gate"), found); err != nil {
		t.Error(err)
	}
}

// stage makes a server and a network that fail by a seed. The server is that of
// Millrace for even seeds, and AWS for others.
func stage(t *testing.T, seed uint64) (*producertest.Server, *producertest.Proxy) {
	t.Helper()
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
	return s, producertest.StartProxy(t, producertest.ProxyConfig{
		Pipes: true, Through: s.Dial, Seed: seed,
		Latency: time.Duration(rnd.IntN(200)) * time.Millisecond, Jitter: 50 * time.Millisecond,
		Periods: producertest.Climate{Seed: seed, Periods: rnd.IntN(6), Foul: time.Minute, Fair: 2 * time.Minute}.Draw(),
	})
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
