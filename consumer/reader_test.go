package consumer_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/consumer"
	"github.com/millrace/millrace/media"
	"github.com/millrace/millrace/mkv"
)

// reading runs a test inside a bubble on a client whose server answers so.
func reading(t *testing.T, answers []answer, run func(t *testing.T, s *script, c *consumer.Client)) {
	t.Helper()
	s := &script{answers: answers}
	c := client(t, s)
	synctest.Test(t, func(t *testing.T) { run(t, s, c) })
}

func earliest() millrace.StartSelector { return millrace.StartSelector{Type: millrace.StartEarliest} }

// once is for scripts whose last answer ends the loop.
func once() consumer.Until { return consumer.Until{EndOfData: true} }

// data is what the frames of a loop say.
func data(t *testing.T, frames func(func(consumer.Frame, error) bool)) (all []string) {
	t.Helper()
	for f, err := range frames {
		if err != nil {
			t.Error(err)
			return all
		}
		all = append(all, strings.TrimPrefix(string(f.Data), "frame "))
	}
	return all
}

func TestALoopThatIsLeftGoesOnBehindTheFrameItHad(t *testing.T) {
	doc := func(n int) []byte { return document(n, false, 3) }
	answers := []answer{
		{body: bytes.NewReader(slices.Concat(doc(1), doc(2)))},
		{body: bytes.NewReader(slices.Concat(doc(2), doc(3)))},
	}
	reading(t, answers, func(t *testing.T, s *script, c *consumer.Client) {
		r := c.Live("gate", consumer.LiveOptions{Start: earliest(), Until: once()})
		for f := range r.Frames(t.Context()) {
			if string(f.Data) == "frame 2/1" {
				break
			}
		}
		if p := r.Position(); p.Fragment != number(2) || p.Done != 2 || p.Previous != number(1) {
			t.Errorf("position %v", p)
		}
		if got, want := data(t, r.Frames(t.Context())), []string{"2/2", "3/0", "3/1", "3/2"}; !slices.Equal(got, want) {
			t.Errorf("went on with %q, want %q", got, want)
		}
		if want := []string{"EARLIEST", "FRAGMENT_NUMBER " + number(1).String()}; !slices.Equal(s.asked, want) {
			t.Errorf("asked %q, want %q", s.asked, want)
		}
	})
}

func TestEveryPositionOfALoopIsOneToGoOnFrom(t *testing.T) {
	all := []string{"1/0", "1/1", "1/2", "2/0", "2/1", "2/2", "3/0", "3/1", "3/2"}
	stored := slices.Concat(document(1, false, 3), document(2, true, 3), document(3, false, 3))
	for cut := range len(all) {
		reading(t, []answer{{body: bytes.NewReader(stored)}, {body: bytes.NewReader(stored)}}, func(t *testing.T, _ *script, c *consumer.Client) {
			var text []byte
			r := c.Live("gate", consumer.LiveOptions{Start: earliest(), Until: once()})
			n := 0
			for range r.Frames(t.Context()) {
				text, _ = r.Position().MarshalText()
				if n++; n > cut {
					break
				}
			}
			var at consumer.Position
			if err := at.UnmarshalText(text); err != nil {
				t.Fatal(err)
			}
			r = c.Live("gate", consumer.LiveOptions{At: at, Until: once()})
			if got := data(t, r.Frames(t.Context())); !slices.Equal(got, all[cut+1:]) {
				t.Errorf("behind %s came %q", text, got)
			}
		})
	}
}

func TestAFragmentInHandIsDoneAsFarAsItWasRead(t *testing.T) {
	reading(t, []answer{{body: bytes.NewReader(slices.Concat(document(1, false, 3), document(2, true, 3)))}}, func(t *testing.T, _ *script, c *consumer.Client) {
		var done []int
		r := c.Live("gate", consumer.LiveOptions{Start: earliest(), Until: once()})
		for f, err := range r.Fragments(t.Context()) {
			if err != nil {
				t.Fatal(err)
			}
			done = append(done, r.Position().Done)
			for range f.Frames() {
				break
			}
			done = append(done, r.Position().Done)
			for range f.Frames() {
			}
			done = append(done, r.Position().Done)
			if p := r.Position(); p.Token != f.Token() || p.ServerTime != f.ServerTime || p.Stream != "gate" {
				t.Errorf("position %v", p)
			}
		}
		if want := []int{0, 1, consumer.Whole, 0, 1, consumer.Whole}; !slices.Equal(done, want) {
			t.Errorf("done %v, want %v", done, want)
		}
	})
}

func TestOnlyTheTracksThatAreAskedForAreHandedOut(t *testing.T) {
	two := slices.Concat(
		mkv.AppendEBML(nil, mkv.EBML{}), mkv.AppendUnknownSize(mkv.AppendID(nil, mkv.IDSegment), 8), mkv.AppendInfo(nil, mkv.Info{}),
		mkv.AppendTracks(nil, []mkv.Track{{Number: 1, CodecID: "V_A"}, {Number: 2, CodecID: "A_B"}}),
		mkv.AppendUnknownSize(mkv.AppendID(nil, mkv.IDCluster), 1), mkv.AppendUint(nil, mkv.IDTimecode, 5),
		mkv.AppendSimpleBlockHeader(nil, 1, 0, mkv.FlagKeyframe, 1), []byte("p"),
		mkv.AppendSimpleBlockHeader(nil, 2, 0, mkv.FlagKeyframe, 1), []byte("s"),
		mkv.AppendSimpleBlockHeader(nil, 1, 9, 0, 1), []byte("q"),
	)
	var got []string
	for f, err := range consumer.ReadFrom(bytes.NewReader(two), consumer.ReadOptions{Tracks: []media.TrackNumber{1}}).Frames(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, fmt.Sprint(string(f.Data), " ", f.Index, " ", f.Format.CodecID))
	}
	if want := []string{"p 0 V_A", "q 2 V_A"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// identified is document n under another number, of a producer whose segments
// have identifiers.
func identified(n int, as millrace.FragmentNumber, count int) []byte {
	b := mkv.AppendEBML(nil, mkv.EBML{})
	b = mkv.AppendUnknownSize(mkv.AppendID(b, mkv.IDSegment), 8)
	b = mkv.AppendInfo(b, mkv.Info{SegmentUID: bytes.Repeat([]byte{7}, 16)})
	b = mkv.AppendTracks(b, []mkv.Track{{Number: 1, UID: 1, Type: mkv.TrackVideo, CodecID: "V_TEST"}})
	b = append(b, tags(
		"AWS_KINESISVIDEO_FRAGMENT_NUMBER", as.String(),
		"AWS_KINESISVIDEO_SERVER_TIMESTAMP", seconds(serverTime(n)),
		"AWS_KINESISVIDEO_PRODUCER_TIMESTAMP", seconds(producerTime(n)),
	)...)
	b = mkv.AppendUnknownSize(mkv.AppendID(b, mkv.IDCluster), 1)
	b = mkv.AppendUint(b, mkv.IDTimecode, timecode(n))
	b = append(b, frames(n, count)...)
	return append(b, tags("AWS_KINESISVIDEO_MILLIS_BEHIND_NOW", "1", "AWS_KINESISVIDEO_CONTINUATION_TOKEN", as.String())...)
}

func TestWhatAProducerSentAgainIsMarkedOrDropped(t *testing.T) {
	input := slices.Concat(identified(1, number(1), 2), identified(1, number(2), 3), identified(2, number(3), 1))
	for _, policy := range []consumer.ReplayPolicy{consumer.MarkReplays, consumer.DropReplays} {
		var told []consumer.Replay
		o := consumer.ReadOptions{Replays: policy, Events: consumer.Events{Replay: func(r consumer.Replay) { told = append(told, r) }}}
		var got []string
		for f, err := range consumer.ReadFrom(bytes.NewReader(input), o).Frames(t.Context()) {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, fmt.Sprint(strings.TrimPrefix(string(f.Data), "frame "), " ", f.Replay))
		}
		want := []string{"1/0 false", "1/1 false", "1/0 true", "1/1 true", "1/2 false", "2/0 false"}
		if policy == consumer.DropReplays {
			want = slices.Delete(want, 2, 4)
		}
		if !slices.Equal(got, want) {
			t.Errorf("policy %d: %q", policy, got)
		}
		if len(told) != 1 || told[0].Number != number(2) || told[0].First != number(1) {
			t.Errorf("told %+v", told)
		}
	}
}

func TestFramesThatOnlyLookAlikeAreNoReplays(t *testing.T) {
	same := func(n int) []byte { // a producer whose times never move
		b := identified(n, number(n), 1)
		return bytes.ReplaceAll(b, mkv.AppendUint(nil, mkv.IDTimecode, timecode(n)), mkv.AppendUint(nil, mkv.IDTimecode, timecode(1)))
	}
	for f, err := range consumer.ReadFrom(bytes.NewReader(slices.Concat(same(1), same(2))), consumer.ReadOptions{}).Frames(t.Context()) {
		if err != nil || f.Replay {
			t.Errorf("%s: replay %v, %v", f.Data, f.Replay, err)
		}
	}
}

func TestGapsAreToldBeforeTheFragmentBehindThem(t *testing.T) {
	o := consumer.ReadOptions{}
	var events []string
	o.Events.Gap = func(g consumer.Gap) {
		events = append(events, fmt.Sprint("gap of ", g.To.Sub(g.From), " by ", g.Cause))
	}
	eofr := tags("AWS_KINESISVIDEO_END_OF_FRAGMENT", "")
	paused := document(9, false, 50)
	paused = slices.Concat(paused[:len(paused)-len(documentTail(9))], eofr, documentTail(9))
	// Fragments begin every 2 s and have 50 frames of 40 ms.
	input := slices.Concat(document(1, false, 50), document(2, false, 50), document(5, false, 50), document(9, false, 50), paused, document(11, false, 50), document(10, false, 50))
	for f, err := range consumer.ReadFrom(bytes.NewReader(input), o).Fragments(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		events = append(events, fmt.Sprint((f.ServerTime.UnixMilli()-serverTime(0).UnixMilli())/2000, " ", f.Flags&consumer.GapBefore != 0))
	}
	want := []string{"1 false", "2 false", "gap of 4s by loss", "5 true", "gap of 6s by loss", "9 true", "9 false", "gap of 2s by pause", "11 true", "10 false"}
	if !slices.Equal(events, want) {
		t.Errorf("events\n%q, want\n%q", events, want)
	}
}

func TestAChangeOfTracksIsToldBeforeItsFragment(t *testing.T) {
	var events []string
	o := consumer.ReadOptions{Events: consumer.Events{TracksChanged: func(from, to *consumer.Header) {
		events = append(events, fmt.Sprint(len(from.Tracks), " to ", len(to.Tracks), " tracks"))
	}}}
	other := bytes.ReplaceAll(document(2, true, 1), []byte("V_TEST"), []byte("V_BEST"))
	for f, err := range consumer.ReadFrom(bytes.NewReader(slices.Concat(document(1, true, 1), documentOf(1, true, 1, "other app"), other)), o).Fragments(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		events = append(events, f.Header.Tracks[0].CodecID)
	}
	if want := []string{"V_TEST", "V_TEST", "1 to 1 tracks", "V_BEST"}; !slices.Equal(events, want) {
		t.Errorf("events %q", events)
	}
}

func TestAConnectionIsReplacedBetweenTwoFragmentsWithoutAPause(t *testing.T) {
	answers := []answer{{body: bytes.NewReader(slices.Concat(document(2, false, 2), document(3, false, 2), document(4, false, 2)))}}
	reading(t, answers, func(t *testing.T, s *script, c *consumer.Client) {
		old, w := io.Pipe()
		defer w.Close()
		s.answers = append([]answer{{body: old}}, s.answers...)
		go func() {
			for n := 1; n <= 3; n++ {
				_, _ = w.Write(document(n, false, 2)) // fails once the other connection is there
				time.Sleep(2 * time.Second)
			}
		}()
		planned := 0
		o := consumer.LiveOptions{Rotate: time.Second, Until: once()}
		o.Events.Connected = func(c consumer.Connection) {
			if c.Planned {
				planned++
			}
		}
		o.Events.Disconnected = func(err error, _ time.Duration) { t.Errorf("disconnected: %v", err) }
		got := data(t, c.Live("gate", o).Frames(t.Context()))
		if want := []string{"1/0", "1/1", "2/0", "2/1", "3/0", "3/1", "4/0", "4/1"}; !slices.Equal(got, want) {
			t.Errorf("got %q", got)
		}
		if planned == 0 || len(s.asked) < 2 || s.asked[1] != "FRAGMENT_NUMBER "+number(2).String() {
			t.Errorf("%d planned, asked %q", planned, s.asked)
		}
		time.Sleep(time.Minute) // the writer
	})
}

func TestASuccessorThatNobodyTakesIsClosed(t *testing.T) {
	taken := &closing{Reader: never{}}
	reading(t, []answer{{body: taken}}, func(t *testing.T, s *script, c *consumer.Client) {
		old, w := io.Pipe()
		defer w.Close()
		s.answers = append([]answer{{body: old}}, s.answers...)
		go func() {
			_, _ = w.Write(document(1, false, 1))
			time.Sleep(2 * time.Second)
			_, _ = w.Write(document(2, false, 1))
			time.Sleep(2 * time.Second)
			_, _ = w.Write(document(3, false, 1))
		}()
		n := 0
		for range c.Live("gate", consumer.LiveOptions{Rotate: time.Second}).Fragments(t.Context()) {
			if n++; n == 3 {
				break
			}
		}
		time.Sleep(time.Minute)
	})
	if n := len(taken.Closed()); n != 1 {
		t.Errorf("closed %d times", n)
	}
}

func TestAResponseThatBringsNothingIsGivenUp(t *testing.T) {
	reading(t, []answer{{body: io.MultiReader(bytes.NewReader(document(1, false, 1)), never{})}, {body: bytes.NewReader(document(2, false, 1))}}, func(t *testing.T, _ *script, c *consumer.Client) {
		began := time.Now()
		var lost error
		o := consumer.LiveOptions{Start: earliest(), Silence: 7 * time.Second, Until: once()}
		o.Events.Disconnected = func(err error, _ time.Duration) { lost = err }
		if got := data(t, c.Live("gate", o).Frames(t.Context())); !slices.Equal(got, []string{"1/0", "2/0"}) {
			t.Errorf("got %q", got)
		}
		if d := time.Since(began); lost == nil || d < 7*time.Second || d > 8*time.Second {
			t.Errorf("after %v: %v", d, lost)
		}
		time.Sleep(2 * time.Minute) // the read of never
	})
}

func TestALoopThatIsSlowIsNoSilentServer(t *testing.T) {
	reading(t, []answer{{body: bytes.NewReader(slices.Concat(document(1, false, 1), document(2, false, 1)))}}, func(t *testing.T, s *script, c *consumer.Client) {
		o := consumer.LiveOptions{Start: earliest(), Silence: 7 * time.Second, Until: once()}
		for range c.Live("gate", o).Fragments(t.Context()) {
			time.Sleep(time.Minute)
		}
		if len(s.asked) != 1 {
			t.Errorf("asked %q", s.asked)
		}
	})
}

func TestALoopThatIsLeftClosesItsConnection(t *testing.T) {
	body := &closing{Reader: io.MultiReader(bytes.NewReader(document(1, false, 2)), never{})}
	reading(t, []answer{{body: body}}, func(t *testing.T, _ *script, c *consumer.Client) {
		for range c.Live("gate", consumer.LiveOptions{}).Frames(t.Context()) {
			break
		}
		if len(body.Closed()) != 1 {
			t.Error("the connection is open")
		}
	})
}

func TestAnErrorIsTheLastStep(t *testing.T) {
	reading(t, []answer{{status: 404, body: strings.NewReader("{}")}}, func(t *testing.T, _ *script, c *consumer.Client) {
		steps := 0
		for _, err := range c.Live("gate", consumer.LiveOptions{}).Frames(t.Context()) {
			steps++
			if millrace.CodeOf(err) != millrace.CodeNotFound {
				t.Error(err)
			}
		}
		if steps != 1 {
			t.Errorf("%d steps", steps)
		}
	})
	r := consumer.ReadFrom(bytes.NewReader(document(1, true, 1)), consumer.ReadOptions{})
	for range r.Frames(t.Context()) {
	}
	for _, err := range r.Frames(t.Context()) {
		if !errors.Is(err, consumer.ErrWalked) {
			t.Error(err)
		}
	}
}

func TestTheContextEndsALoopWhereverItIs(t *testing.T) {
	reading(t, []answer{{body: io.MultiReader(bytes.NewReader(document(1, true, 2)), never{})}}, func(t *testing.T, _ *script, c *consumer.Client) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		var last error
		for _, err := range c.Live("gate", consumer.LiveOptions{}).Frames(ctx) {
			last = err
		}
		if !errors.Is(last, context.DeadlineExceeded) {
			t.Error(last)
		}
		time.Sleep(2 * time.Minute)
	})
}

func TestAFragmentThatCameInPartGoesOnWhereItWasCut(t *testing.T) {
	doc := func(n int) []byte { return document(n, true, 3) }
	head, frame := documentSizes(2, true)
	// The response ends in good order in the middle of a fragment, and the loop with
	// it; another one begins at the position.
	answers := []answer{
		{body: bytes.NewReader(slices.Concat(doc(1), doc(2)[:head+2*frame]))},
		{body: bytes.NewReader(nil)},
		{body: bytes.NewReader(slices.Concat(doc(2), doc(3)))},
	}
	reading(t, answers, func(t *testing.T, s *script, c *consumer.Client) {
		r := c.Live("gate", consumer.LiveOptions{Start: earliest(), Until: once()})
		if got := data(t, r.Frames(t.Context())); !slices.Equal(got, []string{"1/0", "1/1", "1/2", "2/0", "2/1"}) {
			t.Errorf("got %q", got)
		}
		at := r.Position()
		if at.Fragment != number(2) || at.Done != 2 || at.Previous != number(1) {
			t.Errorf("position %v", at)
		}
		r = c.Live("gate", consumer.LiveOptions{At: at, Until: once()})
		if got := data(t, r.Frames(t.Context())); !slices.Equal(got, []string{"2/2", "3/0", "3/1", "3/2"}) {
			t.Errorf("went on with %q", got)
		}
		if want := "FRAGMENT_NUMBER " + number(1).String(); s.asked[len(s.asked)-1] != want {
			t.Errorf("asked %q", s.asked)
		}
	})
}

func TestAFragmentThatComesShorterTakesNoPositionBack(t *testing.T) {
	doc := document(2, true, 3)
	head, frame := documentSizes(2, true)
	reading(t, []answer{{body: bytes.NewReader(doc[:head+frame])}, {body: bytes.NewReader(nil)}}, func(t *testing.T, _ *script, c *consumer.Client) {
		at := consumer.Position{Stream: "gate", Fragment: number(2), Done: 2, Previous: number(1), ServerTime: serverTime(2)}
		r := c.Live("gate", consumer.LiveOptions{At: at, Until: once()})
		if got := data(t, r.Frames(t.Context())); got != nil || r.Position().Done != 2 {
			t.Errorf("got %q, and the position %v", got, r.Position())
		}
	})
}

func TestThePreviousFragmentIsOneThatWasWhole(t *testing.T) {
	head, frame := documentSizes(2, true)
	answers := []answer{
		{body: broken(slices.Concat(document(1, true, 3), document(2, true, 3)), len(document(1, true, 3))+head+frame)},
		{body: bytes.NewReader(document(3, true, 3))}, // its producer never came to the end of the second
	}
	reading(t, answers, func(t *testing.T, _ *script, c *consumer.Client) {
		r := c.Live("gate", consumer.LiveOptions{Start: earliest(), Until: once()})
		for f := range r.Frames(t.Context()) {
			if string(f.Data) == "frame 3/1" {
				break
			}
		}
		if p := r.Position(); p.Fragment != number(3) || p.Done != 2 || p.Previous != number(1) {
			t.Errorf("position %v", p)
		}
	})
}

func TestALoopThatIsLeftAmongLacedFramesCountsThemAll(t *testing.T) {
	lace := append([]byte{2}, "aabbcc"...) // three frames of two bytes
	input := slices.Concat(
		mkv.AppendEBML(nil, mkv.EBML{}), mkv.AppendUnknownSize(mkv.AppendID(nil, mkv.IDSegment), 8), mkv.AppendInfo(nil, mkv.Info{}),
		mkv.AppendTracks(nil, []mkv.Track{{Number: 1, CodecID: "A_B", DefaultDuration: 20e6}}),
		mkv.AppendUnknownSize(mkv.AppendID(nil, mkv.IDCluster), 1), mkv.AppendUint(nil, mkv.IDTimecode, 5),
		mkv.AppendSimpleBlockHeader(nil, 1, 0, mkv.FlagKeyframe|4, len(lace)), lace,
		mkv.AppendSimpleBlockHeader(nil, 1, 60, mkv.FlagKeyframe, 1), []byte("d"),
	)
	var got []string
	for f, err := range consumer.ReadFrom(bytes.NewReader(input), consumer.ReadOptions{}).Fragments(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			for frame := range f.Frames() {
				got = append(got, fmt.Sprint(string(frame.Data), " ", frame.Index, " ", frame.PTS))
				break
			}
		}
	}
	if want := []string{"aa 0 5ms", "d 3 65ms"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestASuccessorTakesOverWhenTheConnectionBreaksMeanwhile(t *testing.T) {
	reading(t, []answer{{body: bytes.NewReader(slices.Concat(document(3, false, 1), document(4, false, 1)))}}, func(t *testing.T, s *script, c *consumer.Client) {
		old, w := io.Pipe()
		s.answers = append([]answer{{body: old}}, s.answers...)
		go func() {
			_, _ = w.Write(document(1, false, 1))
			time.Sleep(2 * time.Second)
			_, _ = w.Write(document(2, false, 1))
			_ = w.CloseWithError(errNetwork)
		}()
		var planned []bool
		o := consumer.LiveOptions{Rotate: time.Second}
		o.Events.Connected = func(c consumer.Connection) { planned = append(planned, c.Planned) }
		r := c.Live("gate", o)
		var got []string
		for f := range r.Frames(t.Context()) {
			if got = append(got, strings.TrimPrefix(string(f.Data), "frame ")); len(got) == 4 {
				break
			}
		}
		if want := []string{"1/0", "2/0", "3/0", "4/0"}; !slices.Equal(got, want) {
			t.Errorf("got %q", got)
		}
		if len(planned) != 2 || !planned[1] || r.Stats().Disconnections != 0 {
			t.Errorf("connections %v, %+v", planned, r.Stats())
		}
	})
}

// TestWhatAProducerSentAgainIsKnownByItsIdentity: a server was lost with the fragment
// before it was durable, and the producer has sent it to the next one.
func TestWhatAProducerSentAgainIsKnownByItsIdentity(t *testing.T) {
	sent := func(sequence uint64, as, count int, at uint64) []byte {
		named := mkv.AppendBytes(nil, mkv.IDVoid, millrace.AppendIdentity(nil, millrace.Identity{Session: millrace.SessionID{1}, Sequence: sequence}))
		head := documentHead(as, true, nil, "test")
		timed := bytes.ReplaceAll(head, mkv.AppendUint(nil, mkv.IDTimecode, timecode(as)), mkv.AppendUint(nil, mkv.IDTimecode, at))
		return slices.Concat(timed, named, frames(int(sequence), count), documentTail(as))
	}
	input := slices.Concat(sent(1, 1, 2, 5000), sent(1, 2, 3, 5000), sent(2, 3, 1, 6000), sent(1, 4, 4, 5000))
	for _, policy := range []consumer.ReplayPolicy{consumer.MarkReplays, consumer.DropReplays} {
		var told []string
		o := consumer.ReadOptions{Replays: policy, Events: consumer.Events{Replay: func(r consumer.Replay) {
			told = append(told, fmt.Sprint(r.Number == number(2), r.Number == number(4), r.First == number(1)))
		}}}
		var got []string
		for f, err := range consumer.ReadFrom(bytes.NewReader(input), o).Frames(t.Context()) {
			if err != nil {
				t.Fatal(err)
			}
			if policy == consumer.MarkReplays || f.Replay {
				got = append(got, fmt.Sprint(strings.TrimPrefix(string(f.Data), "frame "), " ", f.Replay))
			} else {
				got = append(got, strings.TrimPrefix(string(f.Data), "frame "))
			}
		}
		want := []string{"1/0 false", "1/1 false", "1/0 true", "1/1 true", "1/2 false", "2/0 false", "1/0 true", "1/1 true", "1/2 true", "1/3 false"}
		if policy == consumer.DropReplays {
			want = []string{"1/0", "1/1", "1/2", "2/0", "1/3"}
		}
		if !slices.Equal(got, want) {
			t.Errorf("policy %d: %q", policy, got)
		}
		if !slices.Equal(told, []string{"true false true", "false true true"}) {
			t.Errorf("told %q", told)
		}
	}
}
