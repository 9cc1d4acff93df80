package producer_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/media"
	"github.com/millrace/millrace/producer"
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

// uploading runs one upload against s inside a bubble: it writes the letters
// and closes. If the upload is over before all are written, that is its error.
func uploading(t *testing.T, s *server, o producer.StreamConfig, letters string) (stats producer.Stats, err error) {
	t.Helper()
	t.Setenv("HOME", t.TempDir())
	synctest.Test(t, func(t *testing.T) {
		c, stop := s.start()
		defer stop()
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
	return stats, err
}

func TestUploads(t *testing.T) {
	for name, tc := range map[string]struct {
		calls     []func(*call)
		retention int // -1 is none
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
			retention: -1,
			calls:     []func(*call){receive},
			letters:   "AbC",
			stats:     producer.Stats{Begun: 2, Persisted: 2, Connections: 1},
		},
		"what is not durable is sent again after a break": {
			calls: []func(*call){func(c *call) {
				c.ack(millrace.AckPersisted, c.fragment())
				c.fragment()
				c.begin()
				c.hangUp()
			}},
			letters:   "AbCdEf",
			persisted: []string{at(0, "Ab"), at(2, "Cd"), at(4, "Ef")},
			stats:     producer.Stats{Begun: 3, Persisted: 3, Connections: 2, Resent: 2},
		},
		"a call that ends without acknowledgements is made again": {
			calls:     []func(*call){receive},
			letters:   "AbC",
			persisted: []string{at(0, "Ab"), at(2, "C")},
			stats:     producer.Stats{Begun: 2, Persisted: 2, Connections: 2, Resent: 2},
		},
		"a fault of the server has everything sent again": {
			calls: []func(*call){func(c *call) {
				k := c.fragment()
				c.send(millrace.Ack{Type: millrace.AckError, HasTimecode: true, Timecode: k.timecode, Code: millrace.CodeArchival})
			}},
			letters:   "AbC",
			persisted: []string{at(0, "Ab"), at(2, "C")},
			stats:     producer.Stats{Begun: 2, Persisted: 2, Connections: 2, Resent: -1},
		},
		"an error that names no fragment has everything sent again": {
			calls: []func(*call){func(c *call) {
				c.begin()
				c.send(millrace.Ack{Type: millrace.AckError, Code: millrace.CodeConnectionAge})
			}},
			letters:   "AbC",
			persisted: []string{at(0, "Ab"), at(2, "C")},
			stats:     producer.Stats{Begun: 2, Persisted: 2, Connections: 2, Resent: -1},
		},
		"a fault of the fragment has it given up": {
			calls: []func(*call){func(c *call) {
				c.ack(millrace.AckPersisted, c.fragment())
				k := c.fragment()
				c.send(millrace.Ack{Type: millrace.AckError, HasTimecode: true, Timecode: k.timecode, Code: millrace.CodeFragmentDuration})
			}},
			letters:   "AbCdE",
			persisted: []string{at(0, "Ab"), at(4, "E")},
			stats:     producer.Stats{Begun: 3, Persisted: 2, Rejected: 1, Connections: 2, Resent: -1},
		},
		"a stream that was deleted is looked for again": {
			calls: []func(*call){func(c *call) {
				k := c.begin()
				c.send(millrace.Ack{Type: millrace.AckError, HasTimecode: true, Timecode: k.timecode, Code: millrace.CodeStreamDeleted})
			}},
			letters:   "AbC",
			persisted: []string{at(0, "Ab"), at(2, "C")},
			stats:     producer.Stats{Begun: 2, Persisted: 2, Connections: 2, Resent: -1},
		},
		"however many fragments are refused, the next one is sent": {
			calls:     slices.Repeat([]func(*call){refuseFirst}, 13),
			letters:   "ABCDEFGHIJKLMN",
			persisted: []string{at(13, "N")},
			stats:     producer.Stats{Begun: 14, Persisted: 1, Rejected: 13, Connections: 14, Resent: -1},
		},
		"what could not be read is sent again": {
			calls:     slices.Repeat([]func(*call){refuseAs(millrace.CodeInvalidMKV)}, 3),
			letters:   "AbC",
			persisted: []string{at(0, "Ab"), at(2, "C")},
			stats:     producer.Stats{Begun: 2, Persisted: 2, Connections: 4, Resent: -1},
		},
		"what can never be read is given up": {
			calls:     slices.Repeat([]func(*call){refuseAs(millrace.CodeInvalidMKV)}, 4),
			letters:   "AbC",
			persisted: []string{at(2, "C")},
			stats:     producer.Stats{Begun: 2, Persisted: 1, Rejected: 1, Connections: 5, Resent: -1},
		},
		"a time that is refused behind others is sent over a call of its own": {
			calls: []func(*call){func(c *call) {
				c.ack(millrace.AckPersisted, c.fragment())
				refuseAs(millrace.CodeTimecodeOrder)(c)
			}},
			letters:   "AbCdE",
			persisted: []string{at(0, "Ab"), at(2, "Cd"), at(4, "E")},
			stats:     producer.Stats{Begun: 3, Persisted: 3, Connections: -1, Resent: -1},
		},
		"a fault that names nobody costs the guilty alone": {
			calls: append([]func(*call){func(c *call) {
				c.fragment()
				c.fragment()
				c.begin()
				c.send(millrace.Ack{Type: millrace.AckError, Code: millrace.CodeFragmentDuration})
			}}, persist, func(c *call) {
				c.begin()
				c.send(millrace.Ack{Type: millrace.AckError, Code: millrace.CodeFragmentDuration})
			}),
			letters:   "AbCdEf",
			persisted: []string{at(0, "Ab"), at(4, "Ef")},
			stats:     producer.Stats{Begun: 3, Persisted: 2, Rejected: 1, Connections: -1, Resent: -1},
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newServer(t, tc.calls...)
			if tc.retention < 0 {
				s.retention = 0
			}
			stats, err := uploading(t, s, producer.StreamConfig{}, tc.letters)
			if millrace.CodeOf(err) != millrace.CodeOf(tc.err) || (err == nil) != (tc.err == nil) {
				t.Errorf("error %v, want %v", err, tc.err)
			}
			if !slices.Equal(s.persisted, tc.persisted) {
				t.Errorf("durable are\n%q, want\n%q", s.persisted, tc.persisted)
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

func refuseFirst(c *call) { refuseAs(millrace.CodeTooManyTracks)(c) }

// refuseAs refuses the first fragment that comes.
func refuseAs(code millrace.Code) func(*call) {
	return func(c *call) {
		if k := c.begin(); k != nil {
			c.send(millrace.Ack{Type: millrace.AckError, HasTimecode: true, Timecode: k.timecode, Code: code})
		}
	}
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
		s := newServer(t)
		if _, err := uploading(t, s, tc.o, "A"); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for k, want := range tc.want {
			if got := s.heads[0].Get(k); got != want {
				t.Errorf("%s: %s is %q, want %q", name, k, got, want)
			}
		}
		if got := s.heads[0].Get("Authorization"); !strings.HasPrefix(got, "AWS4-HMAC-SHA256 Credential=AKIDTEST/") {
			t.Errorf("%s: authorization %q", name, got)
		}
	}
}

func TestAMissingStreamIsMadeIfThatIsAskedFor(t *testing.T) {
	s := newServer(t)
	s.missing = true
	if _, err := uploading(t, s, producer.StreamConfig{}, "A"); millrace.CodeOf(err) != millrace.CodeNotFound {
		t.Errorf("without a spec: %v", err)
	}
	s = newServer(t)
	s.missing = true
	spec := &producer.Spec{Retention: 24 * time.Hour, MediaType: "video/h264"}
	var created []millrace.Stream
	events := producer.Events{Created: func(s millrace.Stream) { created = append(created, s) }}
	if _, err := uploading(t, s, producer.StreamConfig{Create: spec, Events: events}, "A"); err != nil {
		t.Errorf("with a spec: %v", err)
	}
	if len(created) != 1 || created[0].Retention != 24*time.Hour {
		t.Errorf("told of %v", created)
	}
	if s.created["StreamName"] != "gate" || s.created["DataRetentionInHours"] != 24.0 || s.created["MediaType"] != "video/h264" {
		t.Errorf("made %v", s.created)
	}
	if _, err := uploading(t, newServer(t), producer.StreamConfig{Create: spec, Events: events}, "A"); err != nil || len(created) != 1 {
		t.Errorf("with a stream that is there: %v, told of %v", err, created)
	}
}

func TestRefusals(t *testing.T) {
	for name, tc := range map[string]struct {
		refuse func(n int) (int, string)
		code   millrace.Code // of the error, if there is one
		err    bool
		calls  int
	}{
		"the first calls are refused": {
			func(n int) (int, string) {
				if n < 4 {
					return 403, "AccessDeniedException"
				}
				return 0, ""
			}, 0, false, 5,
		},
		"the server is overloaded for a while": {
			func(n int) (int, string) {
				if n < 4 {
					return 503, "ServiceUnavailable"
				}
				return 0, ""
			}, 0, false, 4,
		},
		"a key that was good is refused for a while": {
			func(n int) (int, string) {
				if n == 2 || n == 3 {
					return 403, "InvalidSignatureException"
				}
				return 0, ""
			}, 0, false, 4,
		},
		"the stream is gone after a while": {
			func(n int) (int, string) {
				if n == 2 || n == 3 {
					return 404, "ResourceNotFoundException"
				}
				return 0, ""
			}, 0, false, 4,
		},
	} {
		s := newServer(t, func(c *call) { c.hangUp() })
		s.refuse = tc.refuse
		_, err := uploading(t, s, producer.StreamConfig{}, "AB")
		if (err != nil) != tc.err || tc.err && millrace.CodeOf(err) != tc.code {
			t.Errorf("%s: %v", name, err)
		}
		if name == "the server is overloaded for a while" {
			tc.calls++ // the call that is hung up
		}
		if s.count != tc.calls {
			t.Errorf("%s: %d calls, want %d", name, s.count, tc.calls)
		}
	}
}

func TestEventsTellTheStory(t *testing.T) {
	var story []string
	s := newServer(t, func(c *call) {
		c.fragment()
		c.hangUp()
	})
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
	if _, err := uploading(t, s, o, "AbC"); err != nil {
		t.Fatal(err)
	}
	want := []string{
		"connected http://media.test 0", "BUFFERING", "RECEIVED", "disconnected", "connected http://media.test 2",
		"BUFFERING", "RECEIVED", "PERSISTED", "BUFFERING", "RECEIVED", "PERSISTED",
	}
	if !slices.Equal(story, want) {
		t.Errorf("story %q", story)
	}
}

func TestReconnectsAreSpaced(t *testing.T) {
	var waits []time.Duration
	s := newServer(t)
	s.refuse = func(n int) (int, string) {
		if n < 15 {
			return 503, ""
		}
		return 0, ""
	}
	o := producer.StreamConfig{Tracks: tracks(), Events: producer.Events{Disconnected: func(_ error, wait time.Duration) { waits = append(waits, wait) }}}
	if _, err := uploading(t, s, o, "A"); err != nil {
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
	s := newServer(t, func(c *call) {
		for range 2 {
			k := c.fragment()
			time.Sleep(700 * time.Millisecond)
			c.ack(millrace.AckPersisted, k)
		}
	})
	o := producer.StreamConfig{Tracks: tracks(), Events: producer.Events{Ack: func(a producer.Ack) {
		if a.Type == millrace.AckPersisted {
			after = append(after, a.AfterEnd)
		}
	}}}
	if _, err := uploading(t, s, o, "AbC"); err != nil {
		t.Fatal(err)
	}
	if want := []time.Duration{700 * time.Millisecond, 1400 * time.Millisecond}; !slices.Equal(after, want) {
		t.Errorf("after the end: %v", after)
	}
}

func TestAFullBufferMakesWritersWait(t *testing.T) {
	t.Setenv("HOME", t.TempDir())
	s := newServer(t, func(c *call) {
		k := c.fragment()
		time.Sleep(10 * time.Second)
		c.ack(millrace.AckPersisted, k)
		persist(c)
	})
	synctest.Test(t, func(t *testing.T) {
		c, stop := s.start()
		defer stop()
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
	s := newServer(t, slices.Repeat([]func(*call){receive}, 20)...)
	synctest.Test(t, func(t *testing.T) {
		c, stop := s.start()
		defer stop()
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
	s := newServer(t, slices.Repeat([]func(*call){receive}, 20)...)
	synctest.Test(t, func(t *testing.T) {
		c, stop := s.start()
		defer stop()
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
	s := newServer(t, func(c *call) { c.ack(millrace.AckPersisted, c.fragment()) })
	synctest.Test(t, func(t *testing.T) {
		c, stop := s.start()
		defer stop()
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
		if want := []string{at(0, "A"), at(60, "B")}; !slices.Equal(s.persisted, want) || s.count != 2 {
			t.Errorf("durable are %q after %d calls", s.persisted, s.count)
		}
	})
}

func TestTagsStandBehindTheFragmentThatTheyBelongTo(t *testing.T) {
	t.Setenv("HOME", t.TempDir())
	s := newServer(t)
	synctest.Test(t, func(t *testing.T) {
		c, stop := s.start()
		defer stop()
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
		if want := []string{"early", "first", "second", "AWS_KINESISVIDEO_END_OF_FRAGMENT"}; !slices.Equal(s.tags, want) {
			t.Errorf("tags %q", s.tags)
		}
	})
}

func TestAnotherHeaderGoesOverAnotherConnection(t *testing.T) {
	t.Setenv("HOME", t.TempDir())
	s := newServer(t)
	synctest.Test(t, func(t *testing.T) {
		c, stop := s.start()
		defer stop()
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
		if want := []string{at(0, "Ab"), at(2, "Cd")}; !slices.Equal(s.persisted, want) || s.count != 2 {
			t.Errorf("durable are %q after %d calls", s.persisted, s.count)
		}
	})
}
