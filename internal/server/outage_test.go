package server_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"net/url"
	"path/filepath"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/millrace/millrace/producer/producertest"
)

// What an outage is made of. Media run a thousand times faster than the clock.
const (
	outageBefore  = 600  // frames, a second each, before the network goes
	outageFrames  = 7200 // while it is gone: two hours
	outageAfter   = 600  // when it is back
	outageKills   = 10   // of the producer, and as many of the server
	outageTimeout = 5 * time.Minute

	roundsPerOutage = 15 // of MILLRACE_TORTURE

	shortOutage      = 8 // times shorter in make test
	shortOutageKills = 3
)

// TestOutageAndKills has a network go for two hours of media time, and kills the
// producer and the server at random moments before, meanwhile and afterwards. The
// archive holds each frame that Write took exactly once, in order. The one frame
// that is being written when a producer is killed may be there or not.
//
// Without MILLRACE_TORTURE it makes one run that is shorter; with it, one full run
// for every 15 rounds that it asks for. The twenty of a release are
//
//	MILLRACE_TORTURE=300 go test -count=1 -timeout=0 -v -run TestOutageAndKills ./internal/server
//
// MILLRACE_SEED is the seed of a run that failed.
func TestOutageAndKills(t *testing.T) {
	seed := newSeed(t)
	runs := int(setting(t, "MILLRACE_TORTURE", 0))
	if runs == 0 {
		newOutage(t, seed, shortOutage, shortOutageKills).run()
		return
	}
	for range max(runs/roundsPerOutage, 1) {
		t.Run(fmt.Sprintf("%s=%d", seedVariable, seed), func(t *testing.T) {
			newOutage(t, seed, 1, outageKills).run()
		})
		seed++
	}
}

// An outage is one run.
type outage struct {
	t       *testing.T
	rand    *rand.Rand
	data    string
	film    film
	proxy   *producertest.Proxy
	weather producertest.Weather
	server  *child
	address atomic.Value // string: of the server
	starts  int          // of the server
	takes   int          // of the producer
	camera  *cameraChild
	unsure  map[int]bool // frames that were being written in a kill
	downAt  int          // frame at which the network goes
	upAt    int          // and comes back
	kills   []int        // frames at which the producer is killed, rising
	crashes []int        // and the server
	late    int          // how many of each come when all is written
}

func newOutage(t *testing.T, seed uint64, shorter, kills int) *outage {
	t.Helper()
	o := &outage{t: t, rand: newRand(seed), data: t.TempDir(), unsure: map[int]bool{}}
	o.downAt = outageBefore / shorter
	o.upAt = o.downAt + outageFrames/shorter
	all := o.upAt + outageAfter/shorter
	o.late = 1 + kills/4
	for range kills - o.late {
		o.kills = append(o.kills, o.rand.IntN(all))
		o.crashes = append(o.crashes, o.rand.IntN(all))
	}
	slices.Sort(o.kills)
	slices.Sort(o.crashes)
	o.film = film{
		Stream: "cam", Spool: filepath.Join(t.TempDir(), "spool"), To: all, Pace: time.Millisecond, Close: true,
		Footage: producertest.Footage{
			Seed: seed, Began: time.Now().Add(-3 * time.Hour).Truncate(time.Second), Every: time.Second, Size: 2000,
		},
	}
	return o
}

func (o *outage) run() {
	o.restartServer()
	o.proxy = producertest.StartProxy(o.t, producertest.ProxyConfig{Through: o.reach, Target: "server"})
	o.film.Endpoint = "http://" + o.proxy.Address()
	o.camera = startCamera(o.t, o.film)
	deadline := time.Now().Add(outageTimeout)
	for !o.step() {
		if time.Now().After(deadline) {
			o.t.Fatalf("after %v frame %d of %d was the last", outageTimeout, o.camera.last.Load(), o.film.To)
		}
		time.Sleep(time.Millisecond)
	}
	o.check()
}

// reach connects to the server, wherever it is now.
func (o *outage) reach(ctx context.Context, _, _ string) (net.Conn, error) {
	return (&net.Dialer{}).DialContext(ctx, "tcp", o.address.Load().(string))
}

// step lets happen what is due, and reports whether all is over.
func (o *outage) step() bool {
	n := int(o.camera.last.Load())
	switch {
	case n >= o.upAt:
		o.setWeather(producertest.Fair)
	case n >= o.downAt:
		o.setWeather(producertest.Refusing)
	}
	if len(o.crashes) > 0 && n >= o.crashes[0] {
		o.crashes = o.crashes[1:]
		o.restartServer()
	}
	if len(o.kills) > 0 && n >= o.kills[0] {
		o.kills = o.kills[1:]
		o.restartCamera()
	}
	over := o.camera.over()
	if n == o.film.To-1 && o.late > 0 && (over || o.rand.IntN(200) == 0) {
		o.late--
		o.restartServer()
		o.restartCamera()
		return false
	}
	return over
}

func (o *outage) setWeather(w producertest.Weather) {
	if o.weather != w {
		o.weather = w
		o.proxy.SetWeather(w)
	}
}

// restartServer kills the server, if there is one, and starts it on the same data.
func (o *outage) restartServer() {
	if o.server != nil {
		if stderr := o.server.kill(); stderr != "" {
			o.t.Fatalf("the server said: %s", stderr)
		}
	}
	o.server = startChild(o.t, o.data, func(*child) {})
	o.starts++
	u, err := url.Parse(o.server.url)
	if err != nil || u.Host == "" {
		o.t.Fatalf("the server does not start: %s", o.server.wait())
	}
	o.address.Store(u.Host)
}

// restartCamera kills the producer and starts it again with the frame behind the
// one that it may have been writing.
func (o *outage) restartCamera() {
	last, complaint := o.camera.kill()
	if complaint != "" {
		o.t.Fatalf("the producer said: %s", complaint)
	}
	o.film.From = last + 1
	if o.film.From < o.film.To {
		o.unsure[o.film.From] = true
		o.film.From++
	}
	o.takes++
	o.camera = startCamera(o.t, o.film)
}

// check holds the archive against what was written.
func (o *outage) check() {
	if _, complaint := o.camera.kill(); complaint != "" || !o.camera.closed.Load() {
		o.t.Fatalf("the producer said %q, closed is %v", complaint, o.camera.closed.Load())
	}
	kept, err := o.server.archive("cam")
	if err != nil {
		o.t.Fatal(err)
	}
	slices.SortStableFunc(kept, func(a, b producertest.Fragment) int { return int(int64(a.Timecode) - int64(b.Timecode)) })
	err = o.film.Footage.Compare(kept, producertest.Comparison{
		Written: o.film.To, Once: true, Millis: true,
		Missing: func(n int) bool { return o.unsure[n] },
	})
	if err != nil {
		o.t.Error(err)
	}
	o.t.Logf("%d frames in %d fragments, after %d kills of the producer and %d of the server", o.film.To, len(kept), o.takes, o.starts-1)
}
