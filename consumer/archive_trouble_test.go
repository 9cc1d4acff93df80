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

// all is a reader of everything that a stream keeps.
func all(c *consumer.Client, s *consumertest.Stream, o consumer.ArchiveOptions) *consumer.Reader {
	kept := s.All()
	return c.Archive("gate", consumer.Range{From: kept[0].ServerTime, To: kept[len(kept)-1].ServerTime.Add(time.Millisecond)}, o)
}

// What passes is waited for by those who read archives as well.
func TestTroubleOfAnArchiveThatPasses(t *testing.T) {
	passing := consumertest.Passing()
	var refused []consumertest.Step
	var unlisted []consumertest.Answer
	for _, r := range passing {
		refused = append(refused, consumertest.Step{Refuse: r})
		unlisted = append(unlisted, consumertest.Answer{Refusal: r})
	}
	for name, tc := range map[string]struct {
		steps []consumertest.Step
		lists []consumertest.Answer
	}{
		"nothing":                       {},
		"a document twice":              {steps: []consumertest.Step{faults(consumertest.Fault{At: consumertest.AtEnd, Document: 1, Do: consumertest.Repeat})}},
		"one document to a response":    {steps: []consumertest.Step{{Documents: 1}, {Documents: 1}, {Documents: 1}, {Documents: 1}}},
		"nothing in a response":         {steps: []consumertest.Step{consumertest.Cut(0, consumertest.Finish), consumertest.Cut(0, consumertest.Finish)}},
		"garbage between documents":     {steps: []consumertest.Step{faults(consumertest.Fault{At: consumertest.AtEnd, Document: 1, Do: consumertest.Insert, Bytes: consumertest.Garbage(1, 500)})}},
		"a page of HTML for media":      {steps: []consumertest.Step{faults(consumertest.Fault{At: consumertest.AtByte, Do: consumertest.Insert, Bytes: []byte("<html></html>")}, consumertest.Fault{At: consumertest.AtDocument, Do: consumertest.Finish})}},
		"byte by byte":                  {steps: []consumertest.Step{{Piece: 1}}},
		"a stall inside a frame":        {steps: []consumertest.Step{consumertest.Cut(800, consumertest.Stall)}},
		"a reset between documents":     {steps: []consumertest.Step{faults(consumertest.Fault{At: consumertest.AtEnd, Document: 1, Do: consumertest.Reset})}},
		"refusals of media":             {steps: refused},
		"refusals of lists":             {lists: unlisted},
		"lists that are cut off":        {lists: []consumertest.Answer{{Do: consumertest.Reset}, {Do: consumertest.Close}}},
		"a page that leads to itself":   {lists: []consumertest.Answer{{}, {Twice: true}}},
		"a document whose tags are cut": {steps: []consumertest.Step{faults(consumertest.Fault{At: consumertest.AtTail, Document: 2, Do: consumertest.Close})}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, c := quiet(t, consumertest.Config{Page: 2})
				stream := s.Stream("gate")
				stream.Add(consumertest.Footage{Shape: consumertest.Fragment{Known: true}}.Fragments(5)...)
				s.Next(consumertest.GetMediaForFragmentList, tc.steps...)
				s.Answer(consumertest.ListFragments, tc.lists...)
				if err := everything(t, s, all(c, stream, consumer.ArchiveOptions{})); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

// What is listed and is not there is told, and costs nothing else.
func TestAFragmentThatIsGoneIsToldAndPassedOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, c := quiet(t, consumertest.Config{})
		stream := s.Stream("gate")
		numbers := stream.Add(consumertest.Footage{Began: time.Now().Add(-time.Hour)}.Fragments(6)...)
		kept := stream.All()
		s.Next(consumertest.GetMediaForFragmentList, consumertest.Step{Delay: time.Second})
		go func() {
			time.Sleep(500 * time.Millisecond) // between the list and its media
			stream.Lose(numbers[2], numbers[4])
		}()
		var told []millrace.FragmentNumber
		o := consumer.ArchiveOptions{}
		o.Events.Failed = func(e *consumer.FragmentError) { told = append(told, e.Number) }
		l, err := readAll(t.Context(), all(c, stream, o))
		gone := func(n millrace.FragmentNumber) bool { return n == numbers[2] || n == numbers[4] }
		if err == nil {
			err = l.Compare(kept, consumertest.Comparison{Missing: gone})
		}
		if err != nil || len(told) != 2 || !gone(told[0]) || !gone(told[1]) || l.Len() != 12 {
			t.Errorf("%d frames, told of %v: %v", l.Len(), told, err)
		}
	})
}

// A loop over an archive ends with its context, wherever it is.
func TestALoopOverAnArchiveEndsWithItsContext(t *testing.T) {
	stall := consumertest.Answer{Do: consumertest.Stall}
	lists := func(answers ...consumertest.Answer) consumertest.Config {
		return consumertest.Config{Page: 1, Answers: map[consumertest.Operation][]consumertest.Answer{consumertest.ListFragments: answers}}
	}
	away := consumertest.Answer{Refusal: consumertest.Refusal{Status: 503}}
	for name, config := range map[string]consumertest.Config{
		"in the list":                 lists(stall, stall, stall, stall, stall),
		"in a later page":             lists(consumertest.Answer{}, stall, stall, stall, stall, stall),
		"in a list that is refused":   lists(away, away, away, away, away, away, away, away, away, away, away, away, away, away, away, stall, stall, stall, stall),
		"waiting for the head":        {After: consumertest.Step{Delay: 24 * time.Hour}},
		"waiting for the first byte":  {After: consumertest.Cut(0, consumertest.Stall)},
		"in a frame":                  {After: consumertest.Cut(700, consumertest.Stall)},
		"in bytes that come slowly":   {After: consumertest.Step{Piece: 1, Pause: 30 * time.Second}},
		"in media that are refused":   {After: consumertest.Step{Refuse: consumertest.Refusal{Status: 503}}},
		"in refusals that ask for it": {After: consumertest.Step{Refuse: consumertest.Refusal{Status: 429, RetryAfter: time.Hour}}},
	} {
		for _, after := range []time.Duration{0, time.Second, 17 * time.Second} {
			t.Run(name+"/"+after.String(), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					s, c := quiet(t, config)
					stream := s.Stream("gate")
					stream.Add(consumertest.Footage{Size: 2000}.Fragments(3)...)
					ctx, cancel := context.WithTimeout(t.Context(), after)
					defer cancel()
					began := time.Now()
					r := all(c, stream, consumer.ArchiveOptions{})
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

// A response of a list may end in good order where something in between has cut it.
// That is noticed in every document but the last one that was asked for.
func TestAnArchiveWhoseResponsesEndTooSoon(t *testing.T) {
	for name, shape := range shapes() {
		if name != "unknown sizes" && torture() == 0 {
			continue // a size that is known says more
		}
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, c := quiet(t, consumertest.Config{})
				stream := s.Stream("gate")
				stream.Add(consumertest.Footage{Size: 40, Shape: shape}.Fragments(2)...)
				w := ways()[1]
				size := length(t, s, c, w)
				last := int64(len(stream.All()[1].Document(0))) // which has more behind it than a list sends
				for at := int64(0); at < size-last && !t.Failed(); at++ {
					cutOnce(t, s, c, w, at, consumertest.Finish)
				}
			})
		})
	}
}
