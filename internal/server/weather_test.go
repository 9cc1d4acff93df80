package server_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/config"
	"github.com/millrace/millrace/internal/server"
	"github.com/millrace/millrace/media"
	"github.com/millrace/millrace/mkv"
	"github.com/millrace/millrace/producer"
	"github.com/millrace/millrace/producer/producertest"
)

const (
	weatherSeeds    = 8 // in make test; the campaign has 30 and more
	weatherStreams  = 3
	weatherPatience = 12 * time.Hour
	weatherMemory   = 4 << 20 // bytes that all streams may keep together

	loopbackSeeds    = 2
	loopbackPatience = 2 * time.Minute
)

// A client with several streams behind a bad network loses nothing, keeps within
// its memory, does not storm the server, and each frame is kept once.
//
// It all happens in a bubble: hours of bad weather take moments.
func TestNothingIsLostInAnyWeather(t *testing.T) {
	t.Setenv("HOME", t.TempDir())
	n := int(setting(t, "MILLRACE_TORTURE", weatherSeeds))
	for seed := range uint64(n) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			data := t.TempDir()
			synctest.Test(t, func(t *testing.T) {
				w := newWeather(t, seed, 1200, time.Second)
				w.patience = weatherPatience
				l := producertest.NewListener("127.0.0.1:80")
				o := server.Options{Now: time.Now, Boot: bootClock()}
				server.ListenOn(&o, l)
				w.rig = startWith(t, o, func(c *config.Server) { c.Data, c.ReaderIdleTimeout = data, time.Second })
				w.rig.client = &http.Client{Transport: &http.Transport{DialContext: l.Dial, DisableKeepAlives: true}}
				w.run(producertest.ProxyConfig{Pipes: true, Through: l.Dial})
			})
		})
	}
}

// The same with the time and the connections of the machine.
func TestNothingIsLostInBadWeatherOnLoopback(t *testing.T) {
	t.Setenv("HOME", t.TempDir())
	for seed := range uint64(loopbackSeeds) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			w := newWeather(t, seed, 200, 20*time.Millisecond)
			w.patience = loopbackPatience
			w.rig = start(t, nil, func(c *config.Server) { c.ReaderIdleTimeout = readerIdle })
			w.run(producertest.ProxyConfig{Target: w.rig.address()})
		})
	}
}

// A weather is one run of these tests.
type weather struct {
	t        *testing.T
	seed     uint64
	frames   int
	every    time.Duration
	began    time.Time
	patience time.Duration
	rig      *rig
	proxy    *producertest.Proxy
	media    *producertest.Watch // over the connections that media go over
}

func newWeather(t *testing.T, seed uint64, frames int, every time.Duration) *weather {
	return &weather{t: t, seed: seed, frames: frames, every: every, began: time.Now().Truncate(time.Second)}
}

// bootClock counts from now.
func bootClock() func() time.Duration {
	began := time.Now()
	return func() time.Duration { return time.Since(began) }
}

func (w *weather) run(c producertest.ProxyConfig) {
	rnd := rand.New(rand.NewPCG(w.seed, 1))
	whole := time.Duration(w.frames) * w.every
	c.Seed = w.seed
	c.Latency, c.Jitter = time.Duration(rnd.Int64N(int64(w.every/3))), w.every/10
	c.Rate = []int{0, 20_000, 200_000}[rnd.IntN(3)] * int(time.Second/w.every)
	c.Periods = producertest.Climate{Seed: w.seed, Periods: 8, Foul: whole / 10, Fair: whole / 7}.Draw()
	w.proxy = producertest.StartProxy(w.t, c)
	w.media = producertest.NewWatch(w.proxy.Dial, 0)
	client := &producer.Client{
		Endpoint:    w.rig.url,
		Region:      "us-west-2",
		Credentials: millrace.StaticCredentials(millrace.Credentials{AccessKeyID: keyID, SecretAccessKey: secret}),
		HTTPClient:  &http.Client{Transport: &http.Transport{DialContext: w.proxy.Dial, DisableKeepAlives: true}},
		Dial:        w.media.Dial,
		Memory:      weatherMemory,
	}
	done := make(chan error, weatherStreams)
	for i := range weatherStreams {
		name := millrace.StreamName(fmt.Sprint("cam-", i))
		go func() { done <- w.film(client, name, w.footage(i)) }()
	}
	for range weatherStreams {
		if err := <-done; err != nil {
			w.t.Error(err)
		}
	}
	w.checkAttempts()
	if err := w.media.Err(); err != nil && c.Pipes { // a busy machine is too slow for so close a look
		w.t.Error(err)
	}
	for i := range weatherStreams {
		f := w.footage(i)
		kept, err := w.rig.archive(fmt.Sprint("cam-", i))
		if err == nil {
			err = f.Compare(kept, producertest.Comparison{Written: w.frames, Once: true, Millis: true})
		}
		if err != nil {
			w.t.Errorf("cam-%d: %v", i, err)
		}
	}
}

func (w *weather) footage(i int) producertest.Footage {
	return producertest.Footage{
		Seed: w.seed<<8 + uint64(i), Began: w.began, Every: w.every, Size: 4000,
	}
}

// film writes a stream's frames at their pace and waits until they are durable.
func (w *weather) film(client *producer.Client, name millrace.StreamName, f producertest.Footage) error {
	up, err := client.Open(w.t.Context(), name, producer.StreamConfig{
		Create: &producer.Spec{Retention: 24 * time.Hour},
		Tracks: []media.Track{{Number: 1, UID: 1, Type: media.Video, CodecID: "V_TEST"}},
		Buffer: producer.BufferRules{OnFull: producer.FullWait},
	})
	if err != nil {
		return err
	}
	for n := range w.frames {
		frame := media.Frame{Track: 1, PTS: time.Duration(f.Time(n).UnixNano()), Key: f.Key(n), Data: f.Data(n)}
		err := up.Write(w.t.Context(), frame)
		if errors.Is(err, producer.ErrNeedKeyFrame) { // after a pause; an encoder would be asked for one
			frame.Key = true
			err = up.Write(w.t.Context(), frame)
		}
		if err != nil {
			return fmt.Errorf("%s: write frame %d: %w", name, n, err)
		}
		if kept := up.Stats().Buffered; kept > weatherMemory {
			return fmt.Errorf("%s keeps %d bytes", name, kept)
		}
		time.Sleep(f.Every)
	}
	ctx, cancel := context.WithTimeout(w.t.Context(), w.patience)
	defer cancel()
	if err := up.Close(ctx); err != nil {
		return fmt.Errorf("%s: close: %w", name, err)
	}
	return nil
}

// checkAttempts looks for storms: while the server could not be reached, no more
// than one probe may have been under way, however many streams there are.
func (w *weather) checkAttempts() {
	perPeriod := map[int]int{}
	for _, a := range w.proxy.Attempts() {
		if a.Weather == producertest.Refusing {
			perPeriod[a.Period]++
		}
	}
	for period, n := range perPeriod {
		// Full jitter up to 30 s: the first ones come quickly.
		if most := 12 + int(2*time.Minute/(5*time.Second)); n > most {
			w.t.Errorf("%d attempts in period %d", n, period)
		}
	}
}

// archive is what is kept of a stream, in the order of its numbers.
func (r *rig) archive(name string) (kept []producertest.Fragment, err error) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	resp, err := r.tryPost(ctx, "/getMedia", map[string]any{"StreamName": name, "StartSelector": earliest()})
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	g := &get{t: r.t, body: resp.Body, cancel: cancel, reader: mkv.NewReader(resp.Body, mkv.ReaderOptions{})}
	for {
		d, err := g.next()
		if errors.Is(err, io.EOF) && len(d.raw) == 0 {
			return kept, nil
		}
		if err != nil {
			return nil, err
		}
		f, err := fragmentOf(d)
		if err != nil {
			return nil, err
		}
		kept = append(kept, f)
	}
}

// fragmentOf takes a document apart.
func fragmentOf(d document) (f producertest.Fragment, err error) {
	if f.Number, err = millrace.ParseFragmentNumber(d.number()); err != nil {
		return f, err
	}
	for r := mkv.NewReader(bytes.NewReader(d.cluster), mkv.ReaderOptions{}); ; {
		e, err := r.Next()
		if errors.Is(err, io.EOF) {
			return f, nil
		}
		var b mkv.Block
		switch {
		case err != nil:
		case e.ID == mkv.IDTimecode:
			f.Timecode, err = mkv.ParseUint(e.Data())
		case e.ID == mkv.IDSimpleBlock:
			b, err = mkv.ParseBlock(e.Data())
			f.Frames = append(f.Frames, producertest.Frame{
				Track: b.Track, Time: int64(f.Timecode) + int64(b.RelTime), Data: bytes.Clone(b.Payload),
			})
		}
		if err != nil {
			return f, err
		}
	}
}
