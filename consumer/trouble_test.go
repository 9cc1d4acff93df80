package consumer_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/consumer"
	"github.com/millrace/millrace/consumer/consumertest"
)

func faults(faults ...consumertest.Fault) consumertest.Step {
	return consumertest.Step{Faults: faults}
}

// What passes by itself is waited for, and nothing is lost or repeated.
func TestTroubleThatPasses(t *testing.T) {
	for name, steps := range map[string][]consumertest.Step{
		"a document twice":                {faults(consumertest.Fault{At: consumertest.AtEnd, Document: 1, Do: consumertest.Repeat})},
		"every document twice":            {faults(consumertest.Fault{At: consumertest.AtEnd, Do: consumertest.Repeat}, consumertest.Fault{At: consumertest.AtEnd, Document: 2, Do: consumertest.Repeat}, consumertest.Fault{At: consumertest.AtEnd, Document: 4, Do: consumertest.Repeat})},
		"an error document":               {faults(consumertest.Fault{At: consumertest.AtDocument, Document: 1, Do: consumertest.Fail, Code: millrace.CodeInternal})},
		"an error document at once":       {faults(consumertest.Fault{At: consumertest.AtDocument, Do: consumertest.Fail, Code: millrace.CodeInternal})},
		"error documents again":           {faults(consumertest.Fault{At: consumertest.AtDocument, Document: 1, Do: consumertest.Fail, Code: millrace.CodeInternal}), faults(consumertest.Fault{At: consumertest.AtDocument, Do: consumertest.Fail, Code: millrace.CodeInternal})},
		"an error document in a fragment": {faults(consumertest.Fault{At: consumertest.AtBlock, Document: 1, Block: 2, Do: consumertest.Fail, Code: millrace.CodeInternal})},
		"an error document for tags":      {faults(consumertest.Fault{At: consumertest.AtTail, Document: 1, Do: consumertest.Fail, Code: millrace.CodeInternal})},
		"an error where a fragment should go on": {
			faults(consumertest.Fault{At: consumertest.AtBlock, Document: 1, Block: 2, Do: consumertest.Close}),
			faults(consumertest.Fault{At: consumertest.AtDocument, Do: consumertest.Fail, Code: millrace.CodeInternal}),
		},
		"garbage between documents":   {faults(consumertest.Fault{At: consumertest.AtEnd, Document: 1, Do: consumertest.Insert, Bytes: consumertest.Garbage(1, 500)})},
		"garbage at once":             {faults(consumertest.Fault{At: consumertest.AtByte, Do: consumertest.Insert, Bytes: consumertest.Garbage(2, 500)})},
		"a page of HTML for media":    {faults(consumertest.Fault{At: consumertest.AtByte, Do: consumertest.Insert, Bytes: []byte("<html></html>")}, consumertest.Fault{At: consumertest.AtDocument, Do: consumertest.Finish})},
		"one document to a response":  {{Documents: 1}, {Documents: 1}, {Documents: 1}, {Documents: 1}},
		"nothing in a response":       {consumertest.Cut(0, consumertest.Finish), consumertest.Cut(0, consumertest.Finish)},
		"byte by byte":                {{Piece: 1}},
		"byte by byte, slowly":        {{Piece: 7, Pause: time.Second}},
		"a stall inside a frame":      {consumertest.Cut(800, consumertest.Stall)},
		"a stall at once":             {consumertest.Cut(0, consumertest.Stall)},
		"a head that takes its time":  {{Delay: 20 * time.Second}},
		"a hole where tags should be": {faults(consumertest.Fault{At: consumertest.AtTail, Document: 2, Do: consumertest.Reset})},
		"an end where tags should be": {faults(consumertest.Fault{At: consumertest.AtTail, Document: 2, Do: consumertest.Finish})},
		"an end between two blocks":   {faults(consumertest.Fault{At: consumertest.AtBlock, Document: 1, Block: 1, Do: consumertest.Finish})},
		"all of it":                   consumertest.Chaos{Seed: 11, Steps: 60, Bytes: 3000, Pause: time.Second, Stalls: true, Repeats: true, Errors: true, Garbage: true}.Draw(),
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, c := quiet(t, consumertest.Config{})
				s.Stream("gate").Add(consumertest.Footage{}.Fragments(4)...)
				s.Next(consumertest.GetMedia, steps...)
				o := fromStart()
				o.Until.Idle = 5 * time.Minute // longer than any stall
				if err := everything(t, s, c.Live("gate", o)); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

// The server is away, or says no for a while.
func TestRefusalsThatPassAreWaitedFor(t *testing.T) {
	for _, refusal := range consumertest.Passing() {
		synctest.Test(t, func(t *testing.T) {
			s, c := quiet(t, consumertest.Config{})
			s.Stream("gate").Add(consumertest.Footage{}.Fragments(3)...)
			s.Next(consumertest.GetMedia, consumertest.Step{Refuse: refusal}, consumertest.Cut(900, consumertest.Reset), consumertest.Step{Refuse: refusal}, consumertest.Step{Refuse: refusal})
			if err := everything(t, s, c.Live("gate", fromStart())); err != nil {
				t.Errorf("%+v: %v", refusal, err)
			}
		})
	}
}

func TestRefusalsThatLastEndTheLoop(t *testing.T) {
	for _, refusal := range consumertest.Lasting() {
		synctest.Test(t, func(t *testing.T) {
			s, c := quiet(t, consumertest.Config{})
			s.Stream("gate").Add(consumertest.Footage{}.Fragments(3)...)
			s.SetAfter(consumertest.Step{Refuse: refusal})
			s.Next(consumertest.GetMedia, consumertest.Cut(900, consumertest.Reset))
			ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
			defer cancel()
			l, err := readAll(ctx, c.Live("gate", fromStart()))
			if _, ok := errors.AsType[*millrace.Error](err); !ok {
				t.Errorf("%+v: ended with %v", refusal, err)
			}
			if err := l.Compare(s.Stream("gate").All(), consumertest.Comparison{Unfinished: true}); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestTheNetworkIsGoneForAWhile(t *testing.T) {
	for name, network := range map[string]consumertest.Network{"down": consumertest.Down, "silent": consumertest.Silent} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, c := quiet(t, consumertest.Config{})
				stream := s.Stream("gate")
				footage := consumertest.Footage{}
				stream.Add(footage.Fragments(2)...)
				go func() {
					time.Sleep(time.Minute)
					s.SetNetwork(network)
					stream.Add(footage.Fragment(2))
					time.Sleep(5 * time.Minute)
					s.SetNetwork(consumertest.Up)
					stream.Add(footage.Fragment(3))
				}()
				o := fromStart()
				o.Until.Idle = 10 * time.Minute
				if err := everything(t, s, c.Live("gate", o)); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

func TestTheDataEndpointMovesUnderALoop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, c := quiet(t, consumertest.Config{})
		stream := s.Stream("gate")
		footage := consumertest.Footage{}
		stream.Add(footage.Fragment(0))
		go func() {
			for n := range 3 {
				time.Sleep(10 * time.Second)
				if err := s.Move(); err != nil {
					t.Error(err)
				}
				stream.Add(footage.Fragment(n + 1))
			}
		}()
		o := fromStart()
		o.Until.Idle = time.Minute
		if err := everything(t, s, c.Live("gate", o)); err != nil {
			t.Error(err)
		}
		hosts := map[string]bool{}
		for _, call := range s.Calls(consumertest.GetMedia) {
			hosts[call.Host] = true
		}
		if len(hosts) != 4 {
			t.Errorf("called %v", hosts)
		}
	})
}

func TestAWrongEndpointIsAskedForAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, c := quiet(t, consumertest.Config{Answers: map[consumertest.Operation][]consumertest.Answer{
			consumertest.GetDataEndpoint: {{Endpoint: "http://nowhere.test"}, {Endpoint: "no address at all"}, {Refusal: consumertest.Refusal{Status: 503}}},
		}})
		s.Stream("gate").Add(consumertest.Footage{}.Fragments(2)...)
		if err := everything(t, s, c.Live("gate", fromStart())); err != nil {
			t.Error(err)
		}
	})
}

// A producer sends again what it was not told about, under new numbers.
func TestReplays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, c := quiet(t, consumertest.Config{})
		stream := s.Stream("gate")
		footage := consumertest.Footage{}
		stream.Add(footage.Fragments(3)...)
		first := stream.All()
		again := stream.Replay(first[1].Number, first[2].Number)
		stream.Add(footage.Fragment(3))
		isAgain := func(n millrace.FragmentNumber) bool { return n == again[0] || n == again[1] }

		var l consumertest.Ledger
		told := 0
		o := fromStart()
		o.Events.Replay = func(r consumer.Replay) {
			if told++; !isAgain(r.Number) || isAgain(r.First) {
				t.Errorf("told of %+v", r)
			}
		}
		for f, err := range c.Live("gate", o).Frames(t.Context()) {
			if err != nil {
				t.Fatal(err)
			}
			take(&l, f)
			if f.Replay != isAgain(f.Fragment.Number) {
				t.Errorf("frame %d of %s: replay %v", f.Index, f.Fragment.Number, f.Replay)
			}
		}
		if err := l.Compare(stream.All(), consumertest.Comparison{}); err != nil || told != 2 {
			t.Errorf("marked: %v, told %d times", err, told)
		}

		o = fromStart()
		o.Replays = consumer.DropReplays
		dropped, err := readAll(t.Context(), c.Live("gate", o))
		if err == nil {
			err = dropped.Compare(stream.All(), consumertest.Comparison{Missing: isAgain})
		}
		if err != nil || dropped.Len() != 12 {
			t.Errorf("dropped: %d frames, %v", dropped.Len(), err)
		}
	})
}

// What follows a position has gone, on servers that go on with the oldest and on
// those that say so.
func TestPositionsThatHaveExpired(t *testing.T) {
	for server, config := range map[string]consumertest.Config{"lenient": {}, "strict": {Expired: true}, "exact": {Exact: true}} {
		for name, tc := range map[string]struct {
			policy consumer.ExpiredPolicy
			frames int // of an old fragment, a new one, and one that arrives
			fails  bool
		}{
			"earliest": {consumer.ExpiredEarliest, 9, false},
			"now":      {consumer.ExpiredNow, 3, false},
			"fail":     {consumer.ExpiredFail, 0, true},
		} {
			for place, stop := range map[string]int{"in the first fragment": 1, "in the second": 4, "behind the second": 5} {
				t.Run(server+"/"+name+"/"+place, func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) {
						s, c := quiet(t, config)
						at := expired(t, s, c, stop)
						told, failed := 0, 0
						o := fromStart()
						o.At, o.Expired, o.Until.Idle = at, tc.policy, time.Minute
						o.Events.Expired = func(consumer.Expired) { told++ }
						o.Events.Failed = func(*consumer.FragmentError) { failed++ }
						ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
						defer cancel()
						got, err := readAll(ctx, c.Live("gate", o))
						if errors.Is(err, consumer.ErrExpired) != tc.fails || err != nil && !tc.fails {
							t.Errorf("ended with %v", err)
						}
						if told != 1 || failed > 1 {
							t.Errorf("told %d times, and of %d failures", told, failed)
						}
						if got.Len() != tc.frames {
							t.Errorf("%d frames, want %d", got.Len(), tc.frames)
						}
						if err := got.Compare(s.Stream("gate").All(), consumertest.Comparison{Missing: func(millrace.FragmentNumber) bool { return true }}); err != nil {
							t.Error(err)
						}
						time.Sleep(time.Minute) // what arrives
					})
				})
			}
		}
	}
}

// expired is a position in one of five old fragments of which one is left. A new
// one is there, and another arrives soon.
func expired(t *testing.T, s *consumertest.Server, c *consumer.Client, stop int) consumer.Position {
	t.Helper()
	stream := s.Stream("gate")
	stream.Add(consumertest.Footage{Began: time.Now().Add(-48 * time.Hour)}.Fragments(5)...)
	var l consumertest.Ledger
	at := leaveBehind(t, c.Live("gate", fromStart()), &l, stop)
	if stop%3 == 2 {
		at.Done = consumer.Whole
	}
	stream.Forget(stream.All()[2].Number)
	stream.Add(consumertest.Footage{Seed: 1, Began: time.Now()}.Fragment(0))
	stream.Lose(stream.All()[1].Number)
	go func() {
		time.Sleep(10 * time.Second)
		stream.Begin(consumertest.Footage{Seed: 2, Began: time.Now()}.Fragment(0)).End()
	}()
	return at
}

// The number of a fragment that its producer gave up is one that a server may not
// know. A position behind it is good all the same.
func TestAPositionBehindAFragmentThatFailedHasNotExpired(t *testing.T) {
	for _, policy := range []consumer.ExpiredPolicy{consumer.ExpiredEarliest, consumer.ExpiredNow, consumer.ExpiredFail} {
		synctest.Test(t, func(t *testing.T) {
			s, c := quiet(t, consumertest.Config{Exact: true})
			stream, footage := s.Stream("gate"), consumertest.Footage{Frames: 4, Began: time.Now()}
			stream.Add(footage.Fragments(2)...)
			go func() {
				a := stream.Begin(footage.Fragment(2))
				a.Step()
				a.Step()
				time.Sleep(100 * time.Millisecond)
				a.Fail()
				stream.Add(footage.Fragment(3), footage.Fragment(4))
			}()
			o := fromStart()
			o.Expired = policy
			o.Events.Expired = func(e consumer.Expired) { t.Errorf("policy %d: told of %+v", policy, e) }
			var l consumertest.Ledger
			o.At = leaveBehind(t, c.Live("gate", o), &l, 11)
			rest, err := readAll(t.Context(), c.Live("gate", o))
			if err != nil || l.Len() != 12 || rest.Len() != 6 {
				t.Errorf("policy %d: %d frames, and %d behind %s, ended with %v", policy, l.Len(), rest.Len(), o.At, err)
			}
		})
	}
}

// Nothing was lost of a stream that was quiet for longer than it keeps anything.
func TestAQuietStreamDoesNotExpire(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, c := quiet(t, consumertest.Config{Idle: 20 * time.Minute})
		stream := s.Stream("gate")
		stream.Add(consumertest.Footage{Began: time.Now()}.Fragment(0))
		go func() {
			time.Sleep(72 * time.Hour)
			stream.Forget(stream.All()[0].Number)
			stream.Add(consumertest.Footage{Seed: 1, Began: time.Now()}.Fragment(1))
		}()
		o := fromStart()
		o.Expired, o.Until.Idle, o.Silence = consumer.ExpiredFail, 100*time.Hour, time.Hour
		o.Events.Expired = func(e consumer.Expired) { t.Errorf("told of %+v", e) }
		l, err := readAll(t.Context(), c.Live("gate", o))
		if err != nil || l.Len() != 6 {
			t.Errorf("%d frames, ended with %v", l.Len(), err)
		}
		time.Sleep(100 * time.Hour) // what arrives
	})
}

func TestTracksThatChangeAndTimeThatGoesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, c := quiet(t, consumertest.Config{})
		stream := s.Stream("gate")
		footage := consumertest.Footage{}
		fragments := footage.Fragments(4)
		two := consumertest.Footage{Tracks: 2}
		fragments[1] = two.Fragment(1)
		fragments[2].ProducerTime = fragments[2].ServerTime.Add(-24 * time.Hour)
		stream.Add(fragments...)
		changes := 0
		o := fromStart()
		o.Events.TracksChanged = func(from, to *consumer.Header) {
			if changes++; len(from.Tracks) == len(to.Tracks) {
				t.Errorf("from %d tracks to %d", len(from.Tracks), len(to.Tracks))
			}
		}
		if err := everything(t, s, c.Live("gate", o)); err != nil {
			t.Error(err)
		}
		if changes != 2 {
			t.Errorf("%d changes", changes)
		}
	})
}

// The stream is deleted while it is read, and its token means nothing any more.
func TestAStreamThatIsDeletedEndsTheLoop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, c := quiet(t, consumertest.Config{})
		stream := s.Stream("gate")
		stream.Add(consumertest.Footage{}.Fragments(2)...)
		go func() {
			time.Sleep(time.Minute)
			stream.Delete()
		}()
		o := fromStart()
		o.Until.Idle = 0
		_, err := readAll(t.Context(), c.Live("gate", o))
		if millrace.CodeOf(err) != millrace.CodeNotFound {
			t.Errorf("ended with %v", err)
		}
	})
}
