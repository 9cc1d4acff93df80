package consumer_test

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/consumer"
	"github.com/millrace/millrace/mkv"
)

// liveDocument is fragment n of a stream whose fragments begin every 2 s from
// the bubble's epoch on, with five frames of 400 ms, the first of them a key
// frame.
func liveDocument(n int) []byte {
	at := epoch().Add(time.Duration(n-1) * 2 * time.Second)
	number := liveNumber(n).String()
	b := header("live")
	b = append(b, tags(
		"AWS_KINESISVIDEO_FRAGMENT_NUMBER", number,
		"AWS_KINESISVIDEO_SERVER_TIMESTAMP", seconds(at), "AWS_KINESISVIDEO_PRODUCER_TIMESTAMP", seconds(at),
	)...)
	b = mkv.AppendUnknownSize(mkv.AppendID(b, mkv.IDCluster), 1)
	b = mkv.AppendUint(b, mkv.IDTimecode, uint64(at.UnixMilli()))
	for i := range 5 {
		flags := mkv.BlockFlags(0)
		if i == 0 {
			flags = mkv.FlagKeyframe
		}
		data := fmt.Sprintf("frame %d/%d", n, i)
		b = append(mkv.AppendSimpleBlockHeader(b, 1, int16(i*400), flags, len(data)), data...)
	}
	return append(b, tags("AWS_KINESISVIDEO_MILLIS_BEHIND_NOW", "1", "AWS_KINESISVIDEO_CONTINUATION_TOKEN", number)...)
}

// epoch is when time begins in a bubble.
func epoch() time.Time { return time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC) }

func liveNumber(n int) millrace.FragmentNumber {
	return millrace.NewFragmentNumber(uint64(n), epoch().Add(time.Duration(n-1)*2*time.Second), 7)
}

func liveDocuments(from, to int) []byte {
	var b []byte
	for n := from; n <= to; n++ {
		b = append(b, liveDocument(n)...)
	}
	return b
}

func TestALoopThatIsSlowIsToldHowFarItIsBehind(t *testing.T) {
	reading(t, []answer{{body: bytes.NewReader(liveDocuments(1, 6))}}, func(t *testing.T, _ *script, c *consumer.Client) {
		var events []string
		o := consumer.LiveOptions{Start: earliest(), Until: once(), Lag: consumer.LagPolicy{Max: 3 * time.Second}}
		o.Events.Lag = func(l consumer.Lag) { events = append(events, fmt.Sprint(l.Behind, " ", l.Over)) }
		r := c.Live("gate", o)
		for f := range r.Frames(t.Context()) {
			switch string(f.Data) {
			case "frame 1/0":
				time.Sleep(4 * time.Second)
			}
		}
		if want := []string{"3.6s true", "2.8s false"}; !slices.Equal(events, want) {
			t.Errorf("events %q, want %q", events, want)
		}
		if s := r.Stats(); s.Frames != 30 || s.Fragments != 6 || s.Skipped != 0 || s.Last != liveNumber(6) || s.Connections != 1 {
			t.Errorf("stats %+v", s)
		}
	})
}

func TestALoopThatIsSlowGetsKeyFramesAlone(t *testing.T) {
	reading(t, []answer{{body: bytes.NewReader(liveDocuments(1, 4))}}, func(t *testing.T, _ *script, c *consumer.Client) {
		o := consumer.LiveOptions{Start: earliest(), Until: once(), Lag: consumer.LagPolicy{Mode: consumer.KeyFramesOnly, Max: 3 * time.Second}}
		r := c.Live("gate", o)
		var got []string
		for f := range r.Frames(t.Context()) {
			if got = append(got, strings.TrimPrefix(string(f.Data), "frame ")); len(got) == 1 {
				time.Sleep(7 * time.Second)
			}
		}
		// Behind by 3 s and less from the frame at 4 s on.
		if want := []string{"1/0", "2/0", "3/0", "3/1", "3/2", "3/3", "3/4", "4/0", "4/1", "4/2", "4/3", "4/4"}; !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
		if s := r.Stats(); s.Skipped != 8 {
			t.Errorf("skipped %d", s.Skipped)
		}
	})
}

func TestALoopThatHasCaughtUpGoesOnWithAKeyFrame(t *testing.T) {
	reading(t, []answer{{body: bytes.NewReader(liveDocuments(1, 4))}}, func(t *testing.T, _ *script, c *consumer.Client) {
		o := consumer.LiveOptions{Start: earliest(), Until: once(), Lag: consumer.LagPolicy{Mode: consumer.KeyFramesOnly, Max: 3 * time.Second}}
		var got []string
		for f := range c.Live("gate", o).Frames(t.Context()) {
			if got = append(got, strings.TrimPrefix(string(f.Data), "frame ")); len(got) == 1 {
				time.Sleep(7800 * time.Millisecond)
			}
		}
		// Behind by 3 s and less from the third frame of the third fragment on, which
		// refers to the second.
		if want := []string{"1/0", "2/0", "3/0", "4/0", "4/1", "4/2", "4/3", "4/4"}; !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
	})
}

func TestALoopThatIsSlowGoesOnWithTheNewest(t *testing.T) {
	answers := []answer{
		{body: io.MultiReader(bytes.NewReader(liveDocuments(1, 3)), never{})},
		{body: bytes.NewReader(liveDocuments(7, 8))},
	}
	reading(t, answers, func(t *testing.T, s *script, c *consumer.Client) {
		o := consumer.LiveOptions{Start: earliest(), Until: once(), Lag: consumer.LagPolicy{Mode: consumer.SkipToLive, Max: 3 * time.Second}}
		var gaps []string
		o.Events.Gap = func(g consumer.Gap) { gaps = append(gaps, fmt.Sprint(g.To.Sub(g.From), " by ", g.Cause)) }
		o.Events.Disconnected = func(err error, _ time.Duration) { t.Errorf("disconnected: %v", err) }
		r := c.Live("gate", o)
		var got []string
		for f := range r.Frames(t.Context()) {
			if got = append(got, strings.TrimPrefix(string(f.Data), "frame ")); len(got) == 2 {
				time.Sleep(12 * time.Second)
			}
		}
		if want := []string{"1/0", "1/1", "7/0", "7/1", "7/2", "7/3", "7/4", "8/0", "8/1", "8/2", "8/3", "8/4"}; !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
		if want := []string{"EARLIEST", "NOW"}; !slices.Equal(s.asked, want) {
			t.Errorf("asked %q", s.asked)
		}
		if want := []string{"10.8s by leap"}; !slices.Equal(gaps, want) {
			t.Errorf("gaps %q", gaps)
		}
	})
}

func TestTheNewestIsNotTheOneThatWasLeft(t *testing.T) {
	answers := []answer{
		{body: io.MultiReader(bytes.NewReader(liveDocuments(1, 1)), never{})},
		{body: bytes.NewReader(liveDocuments(1, 3))}, // the newest is still the one that was left
	}
	reading(t, answers, func(t *testing.T, _ *script, c *consumer.Client) {
		o := consumer.LiveOptions{Start: earliest(), Until: once(), Lag: consumer.LagPolicy{Mode: consumer.SkipToLive, Max: 3 * time.Second}}
		var got []string
		for f := range c.Live("gate", o).Frames(t.Context()) {
			if got = append(got, strings.TrimPrefix(string(f.Data), "frame ")); len(got) == 1 {
				time.Sleep(4 * time.Second)
			}
		}
		if want := []string{"1/0", "2/0", "2/1", "2/2", "2/3", "2/4", "3/0", "3/1", "3/2", "3/3", "3/4"}; !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
	})
}
