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

// In whatever a loop is, it ends when its context does, at that moment, with the
// context's error, and leaves neither a connection nor a goroutine behind.
func TestALoopEndsWithItsContext(t *testing.T) {
	type state struct {
		config consumertest.Config
		live   consumer.LiveOptions
		set    func(s *consumertest.Server)
	}
	stall := consumertest.Answer{Do: consumertest.Stall}
	answers := func(op consumertest.Operation, all ...consumertest.Answer) consumertest.Config {
		return consumertest.Config{Answers: map[consumertest.Operation][]consumertest.Answer{op: all}}
	}
	always := func(step consumertest.Step) consumertest.Config { return consumertest.Config{After: step} }
	for name, st := range map[string]state{
		"asking for the endpoint":              {config: answers(consumertest.GetDataEndpoint, stall, stall, stall, stall, stall)},
		"asking for the endpoint again":        {config: answers(consumertest.GetDataEndpoint, consumertest.Answer{Refusal: consumertest.Refusal{Status: 503}}, consumertest.Answer{Refusal: consumertest.Refusal{Status: 503}}, stall, stall, stall)},
		"connecting":                           {set: func(s *consumertest.Server) { s.SetNetwork(consumertest.Silent) }},
		"waiting for another attempt":          {set: func(s *consumertest.Server) { s.SetNetwork(consumertest.Down) }},
		"waiting because it was told to":       {config: always(consumertest.Step{Refuse: consumertest.Refusal{Status: 429, Exception: "ClientLimitExceededException", RetryAfter: time.Hour}})},
		"waiting for the head of a response":   {config: always(consumertest.Step{Delay: 24 * time.Hour})},
		"waiting for the first byte":           {config: always(consumertest.Cut(0, consumertest.Stall))},
		"in the head of a document":            {config: always(consumertest.Cut(100, consumertest.Stall))},
		"in a frame":                           {config: always(consumertest.Cut(750, consumertest.Stall))},
		"between frames":                       {config: always(faults(consumertest.Fault{At: consumertest.AtBlock, Document: 1, Block: 1, Do: consumertest.Stall}))},
		"between fragments":                    {},
		"in bytes that come too slowly":        {config: always(consumertest.Step{Piece: 1, Pause: 30 * time.Second})},
		"in errors that follow each other":     {config: always(faults(consumertest.Fault{At: consumertest.AtDocument, Do: consumertest.Fail, Code: millrace.CodeInternal}))},
		"in responses that are cut at once":    {config: always(consumertest.Cut(0, consumertest.Reset))},
		"in responses that end at once":        {config: always(consumertest.Cut(0, consumertest.Finish))},
		"in garbage without an end":            {config: always(faults(consumertest.Fault{At: consumertest.AtByte, Do: consumertest.Insert, Bytes: consumertest.Garbage(1, 4000)}, consumertest.Fault{At: consumertest.AtDocument, Do: consumertest.Stall}))},
		"making a connection in good time":     {config: consumertest.Config{Steps: map[consumertest.Operation][]consumertest.Step{consumertest.GetMedia: {{}}}, After: consumertest.Step{Delay: 24 * time.Hour}}, live: consumer.LiveOptions{Rotate: time.Minute}},
		"asking whether a position is expired": {config: answers(consumertest.DescribeStream, stall, stall, stall, stall), live: consumer.LiveOptions{At: consumer.Position{Fragment: millrace.NewFragmentNumber(1, time.Unix(900_000_000, 0), 1), Done: consumer.Whole, ServerTime: time.Unix(900_000_000, 0)}}},
	} {
		for _, after := range []time.Duration{0, time.Second, 29 * time.Minute} {
			t.Run(name+"/"+after.String(), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					s, c := quiet(t, st.config)
					s.Stream("gate").Add(consumertest.Footage{}.Fragments(3)...)
					if st.set != nil {
						st.set(s)
					}
					o := st.live
					o.Start = millrace.StartSelector{Type: millrace.StartEarliest}
					ctx, cancel := context.WithTimeout(t.Context(), after)
					defer cancel()
					began := time.Now()
					r := c.Live("gate", o)
					_, err := readAll(ctx, r)
					if !errors.Is(err, context.DeadlineExceeded) {
						t.Errorf("ended with %v", err)
					}
					if took := time.Since(began); took != after {
						t.Errorf("ended after %v, not %v", took, after)
					}
					if err := r.Close(); err != nil {
						t.Error(err)
					}
					synctest.Wait()
					if n := s.Reading(); n != 0 {
						t.Errorf("%d responses go on", n)
					}
					time.Sleep(5 * time.Minute) // what is asked for in the background, for all loops, is given up then
				})
			})
		}
	}
}

// A loop that is left closes its connection, wherever it is.
func TestALoopThatIsLeftAnywhereClosesItsConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, c := quiet(t, consumertest.Config{})
		s.Stream("gate").Add(consumertest.Footage{}.Fragments(3)...)
		for frames := 1; frames <= 9; frames++ {
			n := 0
			for range c.Live("gate", consumer.LiveOptions{Start: millrace.StartSelector{Type: millrace.StartEarliest}}).Frames(t.Context()) {
				if n++; n == frames {
					break
				}
			}
			synctest.Wait()
			if n := s.Reading(); n != 0 {
				t.Fatalf("left with frame %d: %d responses go on", frames, n)
			}
		}
	})
}
