package producer_test

import (
	"context"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/media"
	"github.com/millrace/millrace/producer"
	"github.com/millrace/millrace/producer/producertest"
)

// A yard is a server as it should be, which finds every fault that servers find,
// and a client of it with a spool, inside a bubble.
type yard struct {
	t      *testing.T
	server *producertest.Server
	client *producer.Client
	opened []*told
}

// inYard plays a test against a server of either kind.
func inYard(t *testing.T, play func(t *testing.T, y *yard)) {
	t.Helper()
	t.Setenv("HOME", t.TempDir())
	for name, config := range map[string]producertest.Config{"Millrace": producertest.Millrace(), "AWS": producertest.AWS()} {
		t.Run(name, func(t *testing.T) { yardOf(t, config, t.TempDir(), play) })
	}
}

// yardOf plays a test against one server, with a directory for spools.
func yardOf(t *testing.T, config producertest.Config, spool string, play func(t *testing.T, y *yard)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		config.Pipes = true
		y := &yard{t: t, server: producertest.Start(t, config)}
		y.client = clientOf(y.server, y.server.Dial)
		y.client.Spool = spool
		t.Cleanup(func() {
			for _, s := range y.opened {
				s.Abort()
			}
			time.Sleep(time.Minute) // a search for an endpoint serves all streams, and ends by itself
		})
		play(t, y)
	})
}

// clientOf is a client that reaches a server by dial.
func clientOf(s *producertest.Server, dial func(context.Context, string, string) (net.Conn, error)) *producer.Client {
	return &producer.Client{
		Endpoint:    s.Endpoint(),
		Credentials: millrace.StaticCredentials(millrace.Credentials{AccessKeyID: "AKIDTEST", SecretAccessKey: "secret"}),
		HTTPClient:  &http.Client{Transport: &http.Transport{DialContext: dial, DisableKeepAlives: true}},
		Dial:        dial,
	}
}

// A told stream notes what it is told. It may be looked at once the stream is
// closed.
type told struct {
	*producer.Stream
	notices []error
	dropped []producer.Dropped
	broken  []error // what Disconnected was told
}

// open opens a stream, of pictures and sound unless o says otherwise.
func (y *yard) open(name millrace.StreamName, o producer.StreamConfig) *told {
	y.t.Helper()
	if o.Tracks == nil {
		o.Tracks = []media.Track{
			{Number: 1, Type: media.Video, CodecID: "V_TEST"},
			{Number: 2, Type: media.Audio, CodecID: "A_TEST"},
		}
	}
	s := &told{}
	o.Events.Notice = func(err error) { s.notices = append(s.notices, err) }
	o.Events.Dropped = func(d producer.Dropped) { s.dropped = append(s.dropped, d) }
	o.Events.Disconnected = func(err error, _ time.Duration) { s.broken = append(s.broken, err) }
	var err error
	if s.Stream, err = y.client.Open(y.t.Context(), name, o); err != nil {
		y.t.Fatal(err)
	}
	y.opened = append(y.opened, s)
	return s
}

// close closes the streams, which have an hour for what they still have.
func (y *yard) close(streams ...*told) {
	y.t.Helper()
	ctx, cancel := context.WithTimeout(y.t.Context(), time.Hour)
	defer cancel()
	for _, s := range streams {
		if err := s.Close(ctx); err != nil {
			y.t.Errorf("close %s: %v", s.Name(), err)
		}
		if got := s.Stats(); got.Pending != 0 {
			y.t.Errorf("%s keeps %+v", s.Name(), got)
		}
	}
}

// durable is the frames of a track that are durable, in the order of keeping,
// each once: servers may have fragments twice that do not know identities.
func (y *yard) durable(name millrace.StreamName, track uint64) string {
	var words []string
	for _, f := range y.server.Persisted(name) {
		for _, frame := range f.Frames {
			if word := string(frame.Data); frame.Track == track && !slices.Contains(words, word) {
				words = append(words, word)
			}
		}
	}
	return strings.Join(words, " ")
}

// want compares what is durable of a track.
func (y *yard) want(name millrace.StreamName, track uint64, words string) {
	y.t.Helper()
	if got := y.durable(name, track); got != words {
		y.t.Errorf("of %s, track %d, durable are\n%q, want\n%q", name, track, got, words)
	}
}

// blameless fails if the server has found a fault in anything that it was sent.
func (y *yard) blameless() {
	y.t.Helper()
	for _, e := range y.server.Events() {
		if e.Kind == producertest.AckSent && e.Ack.Type == millrace.AckError {
			y.t.Errorf("the server says %v at %d", e.Ack.Code, e.Timecode)
		}
	}
}

// frameAt is a frame so long after noon.
func frameAt(track media.TrackNumber, at time.Duration, key bool, data string) media.Frame {
	return media.Frame{Track: track, PTS: time.Duration(clock.UnixNano()) + at, Key: key, Data: []byte(data)}
}
