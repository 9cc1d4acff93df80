package producer_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/media"
	"github.com/millrace/millrace/mkv"
	"github.com/millrace/millrace/producer"
	"github.com/millrace/millrace/producer/producertest"
)

// clock is the time of the frames; inside a bubble, wall time is another.
var clock = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func tracks() []media.Track {
	return []media.Track{{Number: 1, UID: 1, Type: media.Video, CodecID: "V_TEST"}}
}

// write sends frames a second apart; a capital letter is a key frame.
func write(t *testing.T, w *producer.Stream, from int, letters string) {
	t.Helper()
	if err := writeUntil(t, w, from, letters); err != nil {
		t.Fatal(err)
	}
}

// writeUntil is write, up to the first frame that is not taken.
func writeUntil(t *testing.T, w *producer.Stream, from int, letters string) error {
	for i, c := range letters {
		f := media.Frame{
			Track: 1,
			PTS:   time.Duration(clock.UnixNano()) + time.Duration(from+i)*time.Second,
			Key:   c >= 'A' && c <= 'Z',
			Data:  []byte(string(c)),
		}
		if err := w.Write(t.Context(), f); err != nil {
			return err
		}
	}
	return nil
}

// at is the text of the fragment that starts in second n.
func at(n int, frames string) string {
	return fmt.Sprintf("%d:%s", clock.UnixMilli()+int64(n)*1000, strings.Join(strings.Split(frames, ""), ","))
}

// uploading runs one upload to a server inside a bubble: it writes the letters
// and closes. If the upload is over before all are written, that is its error.
func uploading(t *testing.T, config producertest.Config, o producer.StreamConfig, letters string) (s *producertest.Server, stats producer.Stats, err error) {
	t.Helper()
	t.Setenv("HOME", t.TempDir())
	synctest.Test(t, func(t *testing.T) {
		var c *producer.Client
		s, c = served(t, config)
		var up *producer.Stream
		o.Tracks = tracks()
		if up, err = c.Open(t.Context(), "gate", o); err != nil {
			return
		}
		if err = up.Ready(t.Context()); err != nil {
			up.Abort()
			return
		}
		written := writeUntil(t, up, 0, letters)
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		if err = up.Close(ctx); written != nil && err == nil {
			err = fmt.Errorf("closed without an error, but write: %w", written)
		}
		stats = up.Stats()
	})
	return s, stats, err
}

func TestUploads(t *testing.T) {
	for name, tc := range map[string]struct {
		server    producertest.Config
		letters   string
		persisted []string
		stats     producer.Stats
		err       error
	}{
		"fragments begin with key frames": {
			letters:   "AbcDeF",
			persisted: []string{at(0, "Abc"), at(3, "De"), at(5, "F")},
			stats:     producer.Stats{Begun: 3, Persisted: 3, Connections: 1},
		},
		"a stream without retention is done with what was received": {
			server:  producertest.Config{Retention: -1},
			letters: "AbC",
			stats:   producer.Stats{Begun: 2, Persisted: 2, Connections: 1},
		},
		"what is not durable is sent again after a break": {
			server: producertest.Config{Identity: true, Steps: []producertest.Step{{
				Acks: producertest.Acks{OmitEvery: 2},
				Faults: []producertest.Fault{
					{At: producertest.AtTimecode, Fragment: 1, Delay: time.Second}, // until the first is durable
					{At: producertest.AtTimecode, Fragment: 2, Do: producertest.Close},
				},
			}}},
			letters:   "AbCdEf",
			persisted: []string{at(0, "Ab"), at(2, "Cd"), at(4, "Ef")},
			stats:     producer.Stats{Begun: 3, Persisted: 3, Connections: 2, Resent: 2},
		},
		"a call that ends without acknowledgements is made again": {
			server:    producertest.Config{Steps: []producertest.Step{silent()}},
			letters:   "AbC",
			persisted: []string{at(0, "Ab"), at(2, "C")},
			stats:     producer.Stats{Begun: 2, Persisted: 2, Connections: 2, Resent: 2},
		},
		"a fault of the server has everything sent again": {
			server:    producertest.Config{Steps: []producertest.Step{failing(producertest.AtFragmentEnd, 0, millrace.CodeArchival)}},
			letters:   "AbC",
			persisted: []string{at(0, "Ab"), at(2, "C")},
			stats:     producer.Stats{Begun: 2, Persisted: 2, Connections: 2, Resent: -1},
		},
		"an error that names no fragment has everything sent again": {
			server:    producertest.Config{Steps: []producertest.Step{nameless(0, millrace.CodeConnectionAge)}},
			letters:   "AbC",
			persisted: []string{at(0, "Ab"), at(2, "C")},
			stats:     producer.Stats{Begun: 2, Persisted: 2, Connections: 2, Resent: -1},
		},
		"a fault of the fragment has it given up": {
			server:    producertest.Config{Steps: []producertest.Step{failing(producertest.AtFragmentEnd, 1, millrace.CodeFragmentDuration)}},
			letters:   "AbCdE",
			persisted: []string{at(0, "Ab"), at(4, "E")},
			stats:     producer.Stats{Begun: 3, Persisted: 2, Rejected: 1, Connections: 2, Resent: -1},
		},
		"a stream that was deleted is looked for again": {
			server:    producertest.Config{Steps: []producertest.Step{failing(producertest.AtTimecode, 0, millrace.CodeStreamDeleted)}},
			letters:   "AbC",
			persisted: []string{at(0, "Ab"), at(2, "C")},
			stats:     producer.Stats{Begun: 2, Persisted: 2, Connections: 2, Resent: -1},
		},
		"however many fragments are refused, the next one is sent": {
			server:    producertest.Config{Steps: slices.Repeat([]producertest.Step{failing(producertest.AtTimecode, 0, millrace.CodeTooManyTracks)}, 13)},
			letters:   "ABCDEFGHIJKLMN",
			persisted: []string{at(13, "N")},
			stats:     producer.Stats{Begun: 14, Persisted: 1, Rejected: 13, Connections: 14, Resent: -1},
		},
		"what could not be read is sent again": {
			server:    producertest.Config{Steps: slices.Repeat([]producertest.Step{failing(producertest.AtTimecode, 0, millrace.CodeInvalidMKV)}, 3)},
			letters:   "AbC",
			persisted: []string{at(0, "Ab"), at(2, "C")},
			stats:     producer.Stats{Begun: 2, Persisted: 2, Connections: 4, Resent: -1},
		},
		"what can never be read is given up": {
			server:    producertest.Config{Steps: slices.Repeat([]producertest.Step{failing(producertest.AtTimecode, 0, millrace.CodeInvalidMKV)}, 4)},
			letters:   "AbC",
			persisted: []string{at(2, "C")},
			stats:     producer.Stats{Begun: 2, Persisted: 1, Rejected: 1, Connections: 5, Resent: -1},
		},
		"a time that is refused behind others is sent over a call of its own": {
			server:    producertest.Config{Steps: []producertest.Step{failing(producertest.AtTimecode, 1, millrace.CodeTimecodeOrder)}},
			letters:   "AbCdE",
			persisted: []string{at(0, "Ab"), at(2, "Cd"), at(4, "E")},
			stats:     producer.Stats{Begun: 3, Persisted: 3, Connections: -1, Resent: -1},
		},
		"a fault that names nobody costs the guilty alone": {
			server: producertest.Config{Steps: []producertest.Step{
				{
					Acks:   producertest.Acks{Never: true},
					Faults: nameless(2, millrace.CodeFragmentDuration).Faults,
				},
				{},
				nameless(0, millrace.CodeFragmentDuration),
			}},
			letters:   "AbCdEf",
			persisted: []string{at(0, "Ab"), at(4, "Ef")},
			stats:     producer.Stats{Begun: 3, Persisted: 2, Rejected: 1, Connections: -1, Resent: -1},
		},
	} {
		t.Run(name, func(t *testing.T) {
			s, stats, err := uploading(t, tc.server, producer.StreamConfig{}, tc.letters)
			if millrace.CodeOf(err) != millrace.CodeOf(tc.err) || (err == nil) != (tc.err == nil) {
				t.Errorf("error %v, want %v", err, tc.err)
			}
			if got := durables(s, "gate"); !slices.Equal(got, tc.persisted) {
				t.Errorf("durable are\n%q, want\n%q", got, tc.persisted)
			}
			if tc.stats.Resent < 0 {
				stats.Resent = -1
			}
			if tc.err != nil { // it may have ended before all was written
				stats.Begun = max(stats.Begun, tc.stats.Begun)
			}
			if tc.err == nil && (stats.Pending != 0 || stats.Buffered != 0) {
				t.Errorf("kept after the end: %+v", stats)
			}
			if tc.stats.Connections < 0 {
				stats.Connections = -1
			}
			if stats.State != producer.Over {
				t.Errorf("state %v after the end", stats.State)
			}
			stats.Frames, stats.Sent, stats.Pending, stats.Buffered, stats.Backlog = 0, 0, 0, 0, 0
			stats.State, stats.Failures, stats.Latency = 0, 0, producer.Latencies{}
			if stats != tc.stats {
				t.Errorf("stats %+v, want %+v", stats, tc.stats)
			}
		})
	}
}

// nameless is a call that ends at the timecode of its fragment n with an ERROR
// that names none.
func nameless(n int, code millrace.Code) producertest.Step {
	step := failing(producertest.AtTimecode, n, code)
	step.Faults[0].Bare = true
	return step
}

func TestRequestHeaders(t *testing.T) {
	start := time.Date(2026, 1, 2, 3, 4, 5, 678e6, time.UTC)
	for name, tc := range map[string]struct {
		o    producer.StreamConfig
		want map[string]string
	}{
		"absolute": {producer.StreamConfig{}, map[string]string{
			"X-Amzn-Stream-Name": "gate", "X-Amzn-Fragment-Timecode-Type": "ABSOLUTE", "X-Amzn-Fragment-Acknowledgment-Required": "1",
		}},
		"relative": {producer.StreamConfig{Time: producer.TimeRules{Relative: true, Start: start}}, map[string]string{
			"X-Amzn-Fragment-Timecode-Type": "RELATIVE", "X-Amzn-Producer-Start-Timestamp": "1767323045.678",
		}},
	} {
		s, _, err := uploading(t, producertest.Config{}, tc.o, "A")
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		head := http.Header(s.Calls()[0].Header)
		for k, want := range tc.want {
			if got := head.Get(k); got != want {
				t.Errorf("%s: %s is %q, want %q", name, k, got, want)
			}
		}
		if got := head.Get("Authorization"); !strings.HasPrefix(got, "AWS4-HMAC-SHA256 Credential=AKIDTEST/") {
			t.Errorf("%s: authorization %q", name, got)
		}
	}
}

func TestAMissingStreamIsMadeIfThatIsAskedFor(t *testing.T) {
	elsewhere := producertest.Config{Streams: []producertest.Stream{{Name: "door"}}}
	if _, _, err := uploading(t, elsewhere, producer.StreamConfig{}, "A"); millrace.CodeOf(err) != millrace.CodeNotFound {
		t.Errorf("without a spec: %v", err)
	}
	spec := &producer.Spec{Retention: 24 * time.Hour, MediaType: "video/h264"}
	var created []millrace.Stream
	events := producer.Events{Created: func(s millrace.Stream) { created = append(created, s) }}
	s, _, err := uploading(t, elsewhere, producer.StreamConfig{Create: spec, Events: events}, "A")
	if err != nil {
		t.Errorf("with a spec: %v", err)
	}
	if len(created) != 1 || created[0].Retention != 24*time.Hour {
		t.Errorf("told of %v", created)
	}
	if made, ok := s.Stream("gate"); !ok || made.Retention != 24*time.Hour || made.MediaType != "video/h264" {
		t.Errorf("made %v", made)
	}
	if _, _, err := uploading(t, producertest.Config{}, producer.StreamConfig{Create: spec, Events: events}, "A"); err != nil || len(created) != 1 {
		t.Errorf("with a stream that is there: %v, told of %v", err, created)
	}
}

func TestRefusalsAreOutlived(t *testing.T) {
	denied, broken := refusing(403, "AccessDeniedException"), faulty(producertest.AtHeader, 0, producertest.Close)
	overloaded := refusing(503, "ServiceUnavailable")
	for name, steps := range map[string][]producertest.Step{
		"the first calls are refused":                {denied, denied, denied, broken},
		"the server is overloaded for a while":       {overloaded, overloaded, overloaded, broken},
		"a key that was good is refused for a while": {broken, refusing(403, "InvalidSignatureException"), refusing(403, "InvalidSignatureException")},
		"the stream is gone after a while":           {broken, refusing(404, "ResourceNotFoundException"), refusing(404, "ResourceNotFoundException")},
	} {
		s, _, err := uploading(t, producertest.Config{Steps: steps}, producer.StreamConfig{}, "AB")
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if got, want := len(s.Calls()), len(steps)+1; got != want {
			t.Errorf("%s: %d calls, want %d", name, got, want)
		}
	}
}

func TestEventsTellTheStory(t *testing.T) {
	var story []string
	cut := faulty(producertest.AtCluster, 1, producertest.Close)
	cut.Acks.Omit = []millrace.AckType{millrace.AckPersisted}
	o := producer.StreamConfig{Tracks: tracks(), Events: producer.Events{
		Ack: func(a producer.Ack) { story = append(story, a.Type.String()) },
		Connected: func(endpoint string, again int) {
			story = append(story, fmt.Sprintf("connected %s %d", endpoint, again))
		},
		Disconnected: func(err error, wait time.Duration) {
			if err == nil || wait <= 0 {
				t.Errorf("disconnected %v, wait %v", err, wait)
			}
			story = append(story, "disconnected")
		},
	}}
	s, _, err := uploading(t, producertest.Config{Steps: []producertest.Step{cut}}, o, "AbC")
	if err != nil {
		t.Fatal(err)
	}
	connected := "connected " + s.DataEndpoint()
	want := []string{connected + " 0", "BUFFERING", "RECEIVED", "disconnected", connected + " 2"}
	acks := []string{"BUFFERING", "BUFFERING", "PERSISTED", "PERSISTED", "RECEIVED", "RECEIVED"}
	slices.Sort(story[min(len(want), len(story)):]) // what is durable is told at any time
	if !slices.Equal(story, append(want, acks...)) {
		t.Errorf("story %q", story)
	}
}

func TestReconnectsAreSpaced(t *testing.T) {
	var waits []time.Duration
	steps := slices.Repeat([]producertest.Step{refusing(503, "")}, 14)
	o := producer.StreamConfig{Tracks: tracks(), Events: producer.Events{Disconnected: func(_ error, wait time.Duration) { waits = append(waits, wait) }}}
	if _, _, err := uploading(t, producertest.Config{Steps: steps}, o, "A"); err != nil {
		t.Fatal(err)
	}
	if len(waits) != 14 {
		t.Errorf("%d waits", len(waits))
	}
	for i, w := range waits {
		if w < 100*time.Millisecond || w > 31*time.Second || i == 0 && w > time.Second {
			t.Errorf("wait %d is %v", i, w)
		}
	}
}

func TestLatencyCountsFromTheEndOfTheFragment(t *testing.T) {
	var after []time.Duration
	slow := producertest.Step{Acks: producertest.Acks{Delay: 700 * time.Millisecond}}
	o := producer.StreamConfig{Tracks: tracks(), Events: producer.Events{Ack: func(a producer.Ack) {
		if a.Type == millrace.AckPersisted {
			after = append(after, a.AfterEnd)
		}
	}}}
	if _, _, err := uploading(t, producertest.Config{After: slow}, o, "AbC"); err != nil {
		t.Fatal(err)
	}
	if want := []time.Duration{700 * time.Millisecond, 700 * time.Millisecond}; !slices.Equal(after, want) {
		t.Errorf("after the end: %v", after)
	}
}

func TestAFullBufferMakesWritersWait(t *testing.T) {
	t.Setenv("HOME", t.TempDir())
	synctest.Test(t, func(t *testing.T) {
		_, c := served(t, producertest.Config{After: producertest.Step{Acks: producertest.Acks{Delay: 10 * time.Second}}})
		up, err := c.Open(t.Context(), "gate", producer.StreamConfig{Tracks: tracks(), Buffer: producer.BufferRules{MaxBytes: 1000, OnFull: producer.FullWait}})
		if err != nil {
			t.Fatal(err)
		}
		w := up
		began := time.Now()
		for i := range 4 {
			f := media.Frame{Track: 1, PTS: time.Duration(clock.UnixNano()) + time.Duration(i)*time.Second, Key: true, Data: make([]byte, 600)}
			if err := w.Write(t.Context(), f); err != nil {
				t.Fatal(err)
			}
			if b := up.Stats().Buffered; b > 1310 {
				t.Errorf("%d bytes are kept", b)
			}
		}
		if d := time.Since(began); d < 10*time.Second {
			t.Errorf("writing took %v", d)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := up.Close(ctx); err != nil && !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	})
}

func TestAWaitingWriterObeysItsContext(t *testing.T) {
	t.Setenv("HOME", t.TempDir())
	synctest.Test(t, func(t *testing.T) {
		_, c := served(t, producertest.Config{After: silent()})
		up, err := c.Open(t.Context(), "gate", producer.StreamConfig{Tracks: tracks(), Buffer: producer.BufferRules{MaxBytes: 10, OnFull: producer.FullWait}})
		if err != nil {
			t.Fatal(err)
		}
		defer up.Abort()
		w := up
		write(t, w, 0, "A")
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		err = w.Write(ctx, media.Frame{Track: 1, PTS: time.Duration(clock.UnixNano() + 1e9), Key: true, Data: []byte("B")})
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("error %v", err)
		}
	})
}

func TestCloseGivesUpWhenItsContextEnds(t *testing.T) {
	t.Setenv("HOME", t.TempDir())
	synctest.Test(t, func(t *testing.T) {
		_, c := served(t, producertest.Config{After: silent()})
		up, err := c.Open(t.Context(), "gate", producer.StreamConfig{Tracks: tracks()})
		if err != nil {
			t.Fatal(err)
		}
		write(t, up, 0, "AB")
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		if err := up.Close(ctx); !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "2 fragments") {
			t.Errorf("error %v", err)
		}
		want := producer.Receipt{Unsent: 2, From: clock, To: clock.Add(time.Second)}
		if got := up.Receipt(); got != want {
			t.Errorf("receipt %+v, want %+v", got, want)
		}
		if err := up.Close(t.Context()); !errors.Is(err, producer.ErrClosed) {
			t.Errorf("second close: %v", err)
		}
		if err := writeUntil(t, up, 9, "C"); !errors.Is(err, producer.ErrClosed) {
			t.Errorf("begin after close: %v", err)
		}
	})
}

func TestAnIdleConnectionIsMadeAgainWhenThereIsSomethingToSend(t *testing.T) {
	t.Setenv("HOME", t.TempDir())
	synctest.Test(t, func(t *testing.T) {
		s, c := served(t, producertest.Config{Steps: []producertest.Step{faulty(producertest.AtAcknowledged, 0, producertest.Finish)}})
		up, err := c.Open(t.Context(), "gate", producer.StreamConfig{Tracks: tracks(), Events: producer.Events{
			Disconnected: func(err error, _ time.Duration) { t.Errorf("disconnected: %v", err) },
		}})
		if err != nil {
			t.Fatal(err)
		}
		w := up
		write(t, w, 0, "A")
		if err := w.SetTag("place", "gate", producer.OpenFragment); err != nil {
			t.Fatal(err)
		}
		if err := w.EndFragment(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := up.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		write(t, w, 60, "B")
		if err := up.Close(t.Context()); err != nil {
			t.Error(err)
		}
		want := []string{at(0, "A"), at(60, "B")}
		if got := durables(s, "gate"); !slices.Equal(got, want) || len(s.Calls()) != 2 {
			t.Errorf("durable are %q after %d calls", got, len(s.Calls()))
		}
	})
}

func TestTagsStandBehindTheFragmentThatTheyBelongTo(t *testing.T) {
	t.Setenv("HOME", t.TempDir())
	synctest.Test(t, func(t *testing.T) {
		_, c := served(t, producertest.Config{})
		dial, wrote := c.Dial, &bytes.Buffer{}
		c.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
			conn, err := dial(ctx, network, address)
			return tap{conn, wrote}, err // there is one call
		}
		up, err := c.Open(t.Context(), "gate", producer.StreamConfig{Tracks: tracks()})
		if err != nil {
			t.Fatal(err)
		}
		w := up
		if err := w.SetTag("early", "x", producer.OpenFragment); err != nil {
			t.Fatal(err)
		}
		write(t, w, 0, "Ab")
		if err := w.SetTag("first", "x", producer.OpenFragment); err != nil {
			t.Fatal(err)
		}
		write(t, w, 2, "Cd")
		if err := w.SetTag("second", "x", producer.OpenFragment); err != nil {
			t.Fatal(err)
		}
		if err := w.EndFragment(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := up.Close(t.Context()); err != nil {
			t.Error(err)
		}
		var names []string
		for _, n := range elements(t, bodyOf(t, wrote.Bytes()))[1].children {
			switch n.id {
			case mkv.IDCluster:
				names = append(names, "Cluster")
			case mkv.IDTags:
				for _, tag := range n.simpleTags() {
					names = append(names, tag.Name)
				}
			}
		}
		if want := []string{"Cluster", "early", "first", "Cluster", "second", "AWS_KINESISVIDEO_END_OF_FRAGMENT"}; !slices.Equal(names, want) {
			t.Errorf("tags %q", names)
		}
	})
}

func TestAnotherHeaderGoesOverAnotherConnection(t *testing.T) {
	t.Setenv("HOME", t.TempDir())
	synctest.Test(t, func(t *testing.T) {
		s, c := served(t, producertest.Config{})
		up, err := c.Open(t.Context(), "gate", producer.StreamConfig{Tracks: tracks()})
		if err != nil {
			t.Fatal(err)
		}
		write(t, up, 0, "Ab")
		other := tracks()
		other[0].CodecID = "V_OTHER"
		if err := up.SetTracks(t.Context(), other); err != nil {
			t.Fatal(err)
		}
		write(t, up, 2, "Cd")
		if err := up.Close(t.Context()); err != nil {
			t.Error(err)
		}
		want := []string{at(0, "Ab"), at(2, "Cd")}
		if got := durables(s, "gate"); !slices.Equal(got, want) || len(s.Calls()) != 2 {
			t.Errorf("durable are %q after %d calls", got, len(s.Calls()))
		}
	})
}
