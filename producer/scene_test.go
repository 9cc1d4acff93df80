package producer_test

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/media"
	"github.com/millrace/millrace/producer"
	"github.com/millrace/millrace/producer/producertest"
)

// A scene is a stream before a scripted server, in a bubble. A fragment has gop
// frames of its footage.
type scene struct {
	*testing.T
	server  *producertest.Server
	client  *producer.Client
	up      *producer.Stream
	footage producertest.Footage
	gop     int // frames of a fragment
	next    int // frame
	told    *diary
}

// A setting is what a scene begins with. The zero value is a server of Millrace's
// kind and a stream with defaults.
type setting struct {
	server producertest.Config // Pipes is set
	stream producer.StreamConfig
	client func(*scene)  // changes the client before the stream is opened
	spool  string        // a directory; empty for none
	gop    int           // 0 is 2
	every  time.Duration // between frames; 0 is a second
	size   int           // of the largest frame
}

// play plays a scene to its end. What the stream left running fails the test.
func play(t *testing.T, c setting, do func(s *scene)) {
	t.Helper()
	t.Setenv("HOME", t.TempDir())
	synctest.Test(t, func(t *testing.T) {
		c.server.Pipes = true
		s := &scene{T: t, server: producertest.Start(t, c.server), gop: max(c.gop, 1)}
		if c.gop == 0 {
			s.gop = 2
		}
		s.footage = producertest.Footage{Seed: 1, Began: time.Now().UTC(), Every: cmp.Or(c.every, time.Second), Size: c.size}
		s.client = newClient(s.server)
		s.client.Spool = c.spool
		c.stream.Buffer.Spool = c.spool != ""
		if c.client != nil {
			c.client(s)
		}
		s.open(c.stream)
		do(s)
		s.up.Abort() // does nothing to one that is closed
	})
}

func newClient(s *producertest.Server) *producer.Client {
	return &producer.Client{
		Endpoint:    s.Endpoint(),
		Credentials: millrace.StaticCredentials(millrace.Credentials{AccessKeyID: "AKIDTEST", SecretAccessKey: "secret"}),
		HTTPClient:  s.HTTPClient(),
		Dial:        s.Dial,
		TLS:         s.ClientTLS(),
	}
}

// open opens the stream, with a new diary.
func (s *scene) open(o producer.StreamConfig) {
	s.Helper()
	s.told = &diary{}
	if o.Tracks == nil {
		o.Tracks = tracks()
	}
	o.Events = s.told.events(o.Events)
	up, err := s.client.Open(s.Context(), "gate", o)
	if err != nil {
		s.Fatal(err)
	}
	s.up = up
}

// film writes frames at their pace.
func (s *scene) film(frames int) {
	s.Helper()
	for range frames {
		s.write()
		time.Sleep(s.footage.Every)
	}
}

// burst writes frames at once.
func (s *scene) burst(frames int) {
	s.Helper()
	for range frames {
		s.write()
	}
}

func (s *scene) write() {
	s.Helper()
	f := media.Frame{
		Track: 1, PTS: time.Duration(s.footage.Time(s.next).UnixNano()),
		Key: s.next%s.gop == 0, Data: s.footage.Data(s.next),
	}
	if err := s.up.Write(s.Context(), f); err != nil {
		s.Fatalf("write frame %d: %v", s.next, err)
	}
	s.next++
}

// close closes the stream, and bounds how long that takes.
func (s *scene) close(within time.Duration) {
	s.Helper()
	ctx, cancel := context.WithTimeout(s.Context(), within)
	defer cancel()
	if err := s.up.Close(ctx); err != nil {
		s.Errorf("close: %v", err)
	}
}

// compare holds what the server has against what was written. Once demands each
// frame once, and in order.
func (s *scene) compare(once bool) {
	s.Helper()
	if err := s.footage.Compare(s.kept(), producertest.Comparison{Written: s.next, Once: once, Millis: true}); err != nil {
		s.Error(err)
	}
}

// kept is what is durable, in the order of the producer's times.
func (s *scene) kept() []producertest.Fragment {
	kept := s.server.Persisted("gate")
	slices.SortStableFunc(kept, func(a, b producertest.Fragment) int { return a.Time.Compare(b.Time) })
	return kept
}

// keptAt is when the fragment that begins with a frame became durable; zero if it
// is not.
func (s *scene) keptAt(frame int) time.Time {
	at := uint64(s.footage.Time(frame).UnixMilli())
	for _, e := range s.server.Events() {
		if e.Kind == producertest.FragmentKept && e.Timecode == at {
			return e.At
		}
	}
	return time.Time{}
}

// flawless fails the test if anything went wrong that the stream noticed.
func (s *scene) flawless() {
	s.Helper()
	if broken := s.told.breaks(); len(broken) > 0 {
		s.Errorf("told of %d breaks, the first: %v", len(broken), broken[0])
	}
	if stats := s.up.Stats(); stats.Failures > 0 || stats.Resent > 0 || stats.Dropped > 0 || stats.Rejected > 0 {
		s.Errorf("stats %+v", stats)
	}
}

// A diary is what a stream told.
type diary struct {
	mu      sync.Mutex // guards what follows
	states  []producer.State
	reasons []error // of the states
	broken  []error
	dropped []producer.Dropped
	entries int
}

// events writes into the diary, and then tells those who are told besides.
func (d *diary) events(besides producer.Events) producer.Events {
	e := besides
	e.State = func(s producer.State, err error) {
		d.note(func() { d.states, d.reasons = append(d.states, s), append(d.reasons, err) })
		if besides.State != nil {
			besides.State(s, err)
		}
	}
	e.Disconnected = func(err error, wait time.Duration) {
		d.note(func() { d.broken = append(d.broken, err) })
		if besides.Disconnected != nil {
			besides.Disconnected(err, wait)
		}
	}
	e.Dropped = func(dropped producer.Dropped) { d.note(func() { d.dropped = append(d.dropped, dropped) }) }
	return e
}

func (d *diary) note(entry func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.entries++
	entry()
}

func (d *diary) breaks() []error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.broken)
}

// story is the states that were told, and why.
func (d *diary) story() ([]producer.State, []error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.states), slices.Clone(d.reasons)
}

// count is how many things were told.
func (d *diary) count() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.entries
}
