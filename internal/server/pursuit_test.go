package server_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"net"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/consumer"
	"github.com/millrace/millrace/producer/producertest"
)

// What a pursuit is made of.
const (
	pursuitFrames  = 3500
	pursuitKills   = 10  // of the server
	pursuitBreaks  = 100 // of the reader's connections, at random bytes
	pursuitPace    = 4 * time.Millisecond
	pursuitBytes   = 64_000 // of a connection of the reader, at most; a fragment has some thousand
	pursuitTimeout = 4 * time.Minute

	roundsPerPursuit = 30 // of MILLRACE_TORTURE

	shortPursuit      = 10 // times shorter in make test
	shortPursuitKills = 2

	// archived is how much slow the server's clock is while what the archive has is
	// written: more than a reader that catches up takes for live, and less than a
	// signature may be old.
	archived = -4 * time.Minute
)

// TestAReaderSeesEachFrameOnceThroughBreaksAndKills has a reader follow a stream
// that a producer writes to, from its beginning, while its connections are reset
// at random bytes and the server is killed at random moments. It hands out each
// frame that is kept exactly once, in order, byte for byte: what a plain response
// has in the end (I4). What it hands out beside that is of fragments that were lost
// with a server before they were durable: it does not call them complete, and marks
// their frames when they come again.
//
// Without MILLRACE_TORTURE it makes one run of each kind that is shorter; with it, one
// full run for every 30 rounds that it asks for. MILLRACE_SEED is the seed of a run
// that failed.
func TestAReaderSeesEachFrameOnceThroughBreaksAndKills(t *testing.T) {
	t.Setenv("HOME", t.TempDir())
	seed := newSeed(t)
	torture := int(setting(t, "MILLRACE_TORTURE", 0))
	for name, run := range map[string]func(*pursuit){
		"live":              (*pursuit).live,
		"archive then live": (*pursuit).archiveThenLive,
		"with killed consumers that keep their positions": (*pursuit).transacting,
	} {
		for i := range uint64(max(torture/roundsPerPursuit, 1)) {
			t.Run(fmt.Sprintf("%s, %s=%d", name, seedVariable, seed+i), func(t *testing.T) {
				if torture == 0 {
					run(newPursuit(t, seed+i, shortPursuit, shortPursuitKills))
				} else {
					run(newPursuit(t, seed+i, 1, pursuitKills))
				}
			})
		}
	}
}

// A pursuit is one run.
type pursuit struct {
	*outage  // the server, its producer and the way between them
	faults   *producertest.Proxy
	breaks   int // that there have to be
	broken   atomic.Int64
	mu       sync.Mutex // guards breaking
	breaking *rand.Rand
	paths    pathCounter
	seen     []sighting
	replays  []bool // of those that were seen, which were called so
	whole    map[millrace.FragmentNumber]bool
}

// A sighting is a frame as it was handed out. Its bytes are known by their sum.
type sighting struct {
	number millrace.FragmentNumber
	index  int
	sum    string
}

func newPursuit(t *testing.T, seed uint64, shorter, kills int) *pursuit {
	t.Helper()
	p := &pursuit{outage: newOutage(t, seed, shorter, 0), breaks: pursuitBreaks / shorter, breaking: newRand(seed + 1), whole: map[millrace.FragmentNumber]bool{}}
	p.film = film{
		Stream: "cam", Spool: p.film.Spool, To: pursuitFrames / shorter, Pace: pursuitPace, Close: true,
		Footage: producertest.Footage{
			Seed: seed, Began: time.Now().Add(-time.Hour).Truncate(time.Second), Every: 40 * time.Millisecond, Keys: 4, Size: 2000,
		},
	}
	p.crashes = nil
	for range kills {
		p.crashes = append(p.crashes, p.rand.IntN(p.film.To))
	}
	slices.Sort(p.crashes)
	p.kills, p.late, p.downAt, p.upAt = nil, 0, math.MaxInt, math.MaxInt // its network is as good as can be
	return p
}

// live reads a stream from its first frame on while it is written.
func (p *pursuit) live() {
	p.begin()
	p.camera = startCamera(p.t, p.film)
	p.follow(consumer.LiveOptions{})
	p.check()
}

// archiveThenLive reads what is older than two minutes by calls of the archive, and
// goes over to what is written meanwhile.
func (p *pursuit) archiveThenLive() {
	all := p.film.To
	p.film.To = all / 2
	p.t.Setenv(childClock, archived.String())
	p.begin()
	p.camera = startCamera(p.t, p.film)
	for !p.camera.over() {
		time.Sleep(time.Millisecond)
	}
	if _, complaint := p.camera.kill(); complaint != "" {
		p.t.Fatalf("the producer said: %s", complaint)
	}
	p.t.Setenv(childClock, "")
	p.restartServer()
	for i, n := range p.crashes {
		p.crashes[i] = all/2 + n/2
	}
	p.film.From, p.film.To = p.film.To, all
	p.camera = startCamera(p.t, p.film)
	p.follow(consumer.LiveOptions{CatchUp: true})
	p.check()
	if n := p.paths.count("/getMediaForFragmentList"); n == 0 {
		p.t.Error("nothing was read from the archive")
	}
}

// begin starts the server and the ways to it.
func (p *pursuit) begin() {
	p.restartServer()
	p.proxy = producertest.StartProxy(p.t, producertest.ProxyConfig{Through: p.reach, Target: "server"})
	p.faults = producertest.StartProxy(p.t, producertest.ProxyConfig{
		Through: p.reach, Target: "server", Seed: p.rand.Uint64(),
		Periods: []producertest.Period{{Weather: producertest.Resetting, For: time.Hour}},
	})
	p.film.Endpoint = "http://" + p.proxy.Address()
}

// follow reads until the last frame has come, and lets happen what is due.
func (p *pursuit) follow(o consumer.LiveOptions) {
	ctx, cancel := context.WithTimeout(p.t.Context(), pursuitTimeout)
	defer cancel()
	p.waitForStream()
	done := make(chan error, 1)
	go func() { done <- p.read(ctx, o) }()
	for {
		select {
		case err := <-done:
			if err != nil {
				p.t.Fatalf("after %d frames of %d: %v", len(p.seen), p.film.To, err)
			}
			return
		case <-time.After(time.Millisecond):
			p.step()
		}
	}
}

// waitForStream returns when the producer has made its stream.
func (p *pursuit) waitForStream() {
	for deadline := time.Now().Add(pursuitTimeout); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		if status, _ := p.server.call("/describeStream", map[string]any{"StreamName": "cam"}); status == http.StatusOK {
			return
		}
	}
	p.t.Fatal("there is no stream")
}

// read takes down what a reader hands out, until it has the last frame.
func (p *pursuit) read(ctx context.Context, o consumer.LiveOptions) error {
	transport := &http.Transport{DialContext: p.dial}
	defer transport.CloseIdleConnections()
	p.paths.next = transport
	client := &consumer.Client{
		Endpoint: "http://" + p.proxy.Address(), Region: "us-west-2", HTTPClient: &http.Client{Transport: &p.paths},
		Credentials: millrace.StaticCredentials(millrace.Credentials{AccessKeyID: keyID, SecretAccessKey: secret}),
	}
	o.Start = millrace.StartSelector{Type: millrace.StartEarliest}
	o.Events.Failed = func(told *consumer.FragmentError) { p.t.Errorf("it was told that %v", told) }
	o.Events.Disconnected = func(error, time.Duration) { p.broken.Add(1) }
	reader := client.Live("cam", o)
	defer reader.Close()
	for f, err := range reader.Fragments(ctx) {
		if err != nil {
			return err
		}
		last := -1
		for frame, err := range f.Frames() {
			if err != nil {
				return err
			}
			p.seen = append(p.seen, sighting{f.Number, frame.Index, sum(frame.Data)})
			p.replays = append(p.replays, frame.Replay)
			last = int(binary.BigEndian.Uint64(frame.Data))
		}
		p.whole[f.Number] = f.Complete()
		if last == p.film.To-1 && f.Complete() {
			return nil
		}
	}
	return errors.New("the loop ended")
}

// dial makes a connection that breaks after some bytes, which may be any number.
func (p *pursuit) dial(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	left := 1 + p.breaking.IntN(pursuitBytes)
	if int(p.broken.Load()) > p.breaks {
		left = math.MaxInt // enough of that: kills are to meet a reader at the live edge, too
	}
	return &fragile{Conn: conn, left: left}, nil
}

// A fragile connection brings so many bytes, and then breaks.
type fragile struct {
	net.Conn
	left int
}

func (f *fragile) Read(p []byte) (int, error) {
	if f.left == 0 {
		_ = f.Close() // nothing of it is wanted
		return 0, syscall.ECONNRESET
	}
	n, err := f.Conn.Read(p[:min(len(p), f.left)])
	f.left -= n
	return n, err
}

// check holds what was handed out against what is kept.
func (p *pursuit) check() {
	p.t.Helper()
	want := p.kept()
	stored := map[millrace.FragmentNumber]bool{}
	for _, s := range want {
		stored[s.number] = true
	}
	for number, whole := range p.whole {
		if whole != stored[number] {
			p.t.Errorf("fragment %s: it is %v that it was complete, %v that it is kept", number, whole, stored[number])
		}
	}
	got := amongThose(p.seen, stored)
	compareSightings(p.t, got, want)
	p.checkBreaks()
	p.checkReplays()
	p.t.Logf("%d frames in %d fragments over %d breaks and %d kills of the server; %d frames of fragments that were lost",
		len(got), len(stored), p.broken.Load(), p.starts-1, len(p.seen)-len(got))
}

// checkReplays: what the producer sent again, because a server was lost with it, is
// called a replay, and nothing else is.
func (p *pursuit) checkReplays() {
	p.t.Helper()
	before := map[string]bool{}
	for i, s := range p.seen {
		if p.replays[i] != before[s.sum] {
			p.t.Fatalf("frame %d of %s: it is %v that it came before, and %v that it is called a replay", s.index, s.number, before[s.sum], p.replays[i])
		}
		before[s.sum] = true
	}
}

func (p *pursuit) checkBreaks() {
	p.t.Helper()
	if n := int(p.broken.Load()); n < p.breaks {
		p.t.Errorf("connections broke %d times, want %d", n, p.breaks)
	}
}

// kept is every frame that the server has, by a plain response from the earliest
// on.
func (p *pursuit) kept() (all []sighting) {
	p.t.Helper()
	fragments, err := p.server.archive("cam")
	if err != nil {
		p.t.Fatal(err)
	}
	for _, f := range fragments {
		for i, frame := range f.Frames {
			all = append(all, sighting{f.Number, i, sum(frame.Data)})
		}
	}
	return all
}

// amongThose is what was seen of fragments that are stored.
func amongThose(seen []sighting, stored map[millrace.FragmentNumber]bool) []sighting {
	return slices.DeleteFunc(slices.Clone(seen), func(s sighting) bool { return !stored[s.number] })
}

// compareSightings reports the first difference.
func compareSightings(t *testing.T, got, want []sighting) {
	t.Helper()
	for i := range max(len(got), len(want)) {
		switch {
		case i >= len(got):
			t.Fatalf("frame %d of %s was not handed out, and %d behind it", want[i].index, want[i].number, len(want)-i-1)
		case i >= len(want):
			t.Fatalf("frame %d of %s was handed out once more than it is kept", got[i].index, got[i].number)
		case got[i].number != want[i].number || got[i].index != want[i].index:
			t.Fatalf("frame %d of %s was handed out, want %d of %s", got[i].index, got[i].number, want[i].index, want[i].number)
		case got[i].sum != want[i].sum:
			t.Fatalf("frame %d of %s has other bytes than were kept", want[i].index, want[i].number)
		}
	}
}

// A pathCounter counts requests by what they ask for.
type pathCounter struct {
	next http.RoundTripper

	mu    sync.Mutex // guards calls
	calls []string
}

func (c *pathCounter) RoundTrip(r *http.Request) (*http.Response, error) {
	c.mu.Lock()
	c.calls = append(c.calls, r.URL.Path)
	c.mu.Unlock()
	return c.next.RoundTrip(r)
}

func (c *pathCounter) count(path string) (n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, call := range c.calls {
		if strings.EqualFold(call, path) {
			n++
		}
	}
	return n
}

// transacting has a consumer keep its results and its position in one place, and
// kills it again and again. What it has in the end is each frame once.
func (p *pursuit) transacting() {
	p.begin()
	p.camera = startCamera(p.t, p.film)
	p.waitForStream()
	w := work{Endpoint: "http://" + p.faults.Address(), Stream: "cam", Results: filepath.Join(p.t.TempDir(), "results")}
	deadline := time.Now().Add(pursuitTimeout)
	kills := 0
	for last := ""; last != sum(p.film.Footage.Data(p.film.To-1)); {
		worker := startConsumer(p.t, w)
		for until := time.Now().Add(time.Duration(100+p.rand.IntN(500)) * time.Millisecond); time.Now().Before(until); time.Sleep(time.Millisecond) {
			p.step()
		}
		if complaint := worker.kill(); complaint != "" {
			p.t.Fatalf("the consumer said: %s", complaint)
		}
		kills++
		if p.seen = resultsIn(p.t, w.Results); len(p.seen) > 0 {
			last = p.seen[len(p.seen)-1].sum
		}
		if time.Now().After(deadline) {
			p.t.Fatalf("after %d frames of %d there was no more time", len(p.seen), p.film.To)
		}
	}
	want := p.kept()
	stored := map[millrace.FragmentNumber]bool{}
	for _, s := range want {
		stored[s.number] = true
	}
	compareSightings(p.t, amongThose(p.seen, stored), want)
	p.t.Logf("%d frames over %d kills of the consumer and %d of the server", len(want), kills, p.starts-1)
}
