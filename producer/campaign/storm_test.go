package campaign_test

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
	"testing"
	"testing/synctest"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/media"
	"github.com/millrace/millrace/producer"
	"github.com/millrace/millrace/producer/producertest"
)

const (
	stormSeeds   = 6
	stormStreams = 30

	crowdStreams = 200
	crowdOutage  = 10 * time.Minute
	leastRelease = 10 * time.Millisecond // between two streams that come back
)

// A crowd is streams of one client, that all write at their pace.
type crowd struct {
	client  *producer.Client
	streams int
	frames  int
	every   time.Duration
	seed    uint64
}

// newCrowd makes a client that connects by dial. A transport does not end what it
// dials when nobody waits for that any more, so it has a time-out of its own.
func newCrowd(s *producertest.Server, dial dialFunc, streams int) *crowd {
	soon := func(ctx context.Context, network, address string) (net.Conn, error) {
		ctx, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
		defer cancel()
		return dial(ctx, network, address)
	}
	return &crowd{streams: streams, client: &producer.Client{
		Endpoint:    s.Endpoint(),
		Credentials: millrace.StaticCredentials(millrace.Credentials{AccessKeyID: "AKIDTEST", SecretAccessKey: "secret"}),
		HTTPClient:  &http.Client{Transport: &http.Transport{DialContext: soon, DisableKeepAlives: true}},
		Dial:        dial,
	}}
}

func (c *crowd) name(i int) millrace.StreamName { return millrace.StreamName(fmt.Sprint("gate-", i)) }

func (c *crowd) footage(i int) producertest.Footage {
	return producertest.Footage{Seed: c.seed<<16 + uint64(i), Began: filmed(), Every: c.every, Size: 200}
}

// film writes everything and waits until it is confirmed.
func (c *crowd) film(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var all sync.WaitGroup
	for i := range c.streams {
		up, err := c.client.Open(ctx, c.name(i), producer.StreamConfig{
			Tracks: []media.Track{{Number: 1, UID: 1, Type: media.Video, CodecID: "V_TEST"}},
			Buffer: producer.BufferRules{OnFull: producer.FullWait},
		})
		if err != nil {
			t.Fatal(err)
		}
		all.Go(func() {
			if err := c.write(ctx, up, c.footage(i)); err != nil {
				t.Errorf("%s: %v", c.name(i), err)
			}
		})
	}
	all.Wait()
	if err := c.client.Close(ctx); err != nil {
		t.Error(err)
	}
}

func (c *crowd) write(ctx context.Context, up *producer.Stream, f producertest.Footage) error {
	for n := range c.frames {
		frame := media.Frame{Track: 1, PTS: time.Duration(f.Time(n).UnixNano()), Key: f.Key(n), Data: f.Data(n)}
		err := up.Write(ctx, frame)
		if errors.Is(err, producer.ErrNeedKeyFrame) {
			frame.Key = true
			err = up.Write(ctx, frame)
		}
		if err != nil {
			return err
		}
		time.Sleep(f.Every)
	}
	return up.Close(ctx)
}

// compare holds what is kept against what was written.
func (c *crowd) compare(t *testing.T, s *producertest.Server) {
	for i := range c.streams {
		found := producertest.Comparison{Millis: true, Written: c.frames, Once: true}
		if err := c.footage(i).Compare(s.Persisted(c.name(i)), found); err != nil {
			t.Errorf("%s: %v", c.name(i), err)
		}
	}
}

// However a network fails, there is no more than one attempt at a time while a
// host is away, and a pause behind each, whatever the number of streams. Nothing is
// lost.
func TestNoHostThatIsAwayIsStormed(t *testing.T) {
	t.Setenv("HOME", t.TempDir())
	for _, seed := range seeds(t, stormSeeds) {
		t.Run(fmt.Sprintf("MILLRACE_SEED=%d", seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { playStorm(t, seed) })
		})
	}
}

func playStorm(t *testing.T, seed uint64) {
	rnd := rand.New(rand.NewPCG(seed, 3))
	config := producertest.Millrace()
	config.Pipes = true
	s := producertest.Start(t, config)
	p := producertest.StartProxy(t, producertest.ProxyConfig{
		Pipes: true, Through: s.Dial, Seed: seed,
		Latency: time.Duration(rnd.IntN(200)) * time.Millisecond, Jitter: 50 * time.Millisecond,
		Periods: producertest.Climate{Seed: seed, Periods: 5, Foul: 5 * time.Minute, Fair: 2 * time.Minute}.Draw(),
	})
	w := producertest.NewWatch(p.Dial, 0)
	c := newCrowd(s, w.Dial, stormStreams)
	c.frames, c.every, c.seed = 240, 5*time.Second, seed
	c.film(t)
	c.compare(t, s)
	if err := w.Err(); err != nil {
		t.Error(err)
	}
	t.Logf("%+v", w.Stats())
}

// The connections of two hundred streams break at one moment, and the server is
// away for ten minutes. It is tried a few times, and the streams come back one
// after the other.
func TestACrowdComesBackOneByOne(t *testing.T) {
	t.Setenv("HOME", t.TempDir())
	for name, weather := range map[string]producertest.Weather{
		"refused": producertest.Refusing, "unanswered": producertest.NoAnswers,
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { playReturn(t, weather) })
		})
	}
}

func playReturn(t *testing.T, weather producertest.Weather) {
	config := producertest.Millrace()
	config.Pipes = true
	s := producertest.Start(t, config)
	p := producertest.StartProxy(t, producertest.ProxyConfig{
		Pipes: true, Through: s.Dial, Latency: 10 * time.Millisecond,
		Periods: []producertest.Period{{Weather: producertest.Fair, For: time.Minute}, {Weather: weather, For: crowdOutage}},
	})
	gone, back := time.Now().Add(time.Minute), time.Now().Add(time.Minute+crowdOutage)
	w := producertest.NewWatch(p.Dial, 0)
	c := newCrowd(s, w.Dial, crowdStreams)
	c.frames, c.every = 150, 5*time.Second
	c.film(t)
	c.compare(t, s)
	if err := w.Err(); err != nil {
		t.Error(err)
	}
	var away, after []time.Time
	for _, a := range p.Attempts() {
		switch {
		case !strings.HasPrefix(a.Address, "data"):
		case a.At.After(back):
			after = append(after, a.At)
		case a.At.After(gone):
			away = append(away, a.At)
		}
	}
	slices.SortFunc(after, time.Time.Compare)
	for i := range after {
		if i > 0 && after[i].Before(back.Add(time.Minute)) && after[i].Sub(after[i-1]) < leastRelease {
			t.Fatalf("stream %d came %v behind another, %v after the return", i, after[i].Sub(after[i-1]), after[i].Sub(back))
		}
	}
	t.Logf("%d attempts meanwhile, %d afterwards; %+v", len(away), len(after), w.Stats())
}
