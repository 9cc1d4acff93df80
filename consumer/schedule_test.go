package consumer_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/consumer"
	"github.com/millrace/millrace/consumer/consumertest"
)

// A plan is one schedule: what is stored, how its responses break, and behind which
// frames the application dies and starts again.
type plan struct {
	footage consumertest.Footage
	stored  int // fragments that are there when the loop begins
	later   int // that arrive meanwhile
	again   int // of the stored ones, from the first, that their producer sends again
	steps   []consumertest.Step
	deaths  []int // so many frames a life
	config  consumertest.Config
}

func drawPlan(t *rapid.T) plan {
	p := plan{
		footage: consumertest.Footage{
			Seed:   rapid.Uint64().Draw(t, "seed"),
			Frames: rapid.IntRange(1, 6).Draw(t, "frames"),
			Size:   rapid.IntRange(8, 300).Draw(t, "size"),
			Tracks: rapid.IntRange(1, 2).Draw(t, "tracks"),
			Shape: consumertest.Fragment{
				Known:  rapid.Bool().Draw(t, "known"),
				Extras: consumertest.Extras(rapid.IntRange(0, 63).Draw(t, "extras")),
			},
		},
		stored: rapid.IntRange(1, 4).Draw(t, "stored"),
		later:  rapid.IntRange(0, 3).Draw(t, "later"),
		again:  rapid.IntRange(0, 2).Draw(t, "again"),
		config: consumertest.Config{Exact: rapid.Bool().Draw(t, "exact"), Expired: rapid.Bool().Draw(t, "expired")},
		deaths: rapid.SliceOfN(rapid.IntRange(0, 8), 0, 3).Draw(t, "deaths"),
	}
	for i := range rapid.IntRange(0, 12).Draw(t, "steps") {
		p.steps = append(p.steps, drawStep(t, fmt.Sprintf("step %d ", i)))
	}
	return p
}

func drawStep(t *rapid.T, label string) consumertest.Step {
	var s consumertest.Step
	if rapid.IntRange(0, 5).Draw(t, label+"piece") == 0 {
		s.Piece = rapid.IntRange(1, 64).Draw(t, label+"bytes")
	}
	switch rapid.IntRange(0, 7).Draw(t, label+"kind") {
	case 0:
		all := consumertest.Passing()
		s.Refuse = all[rapid.IntRange(0, len(all)-1).Draw(t, label+"refusal")]
	case 1:
		s.Documents = rapid.IntRange(1, 3).Draw(t, label+"documents")
	case 2:
		s.Faults = []consumertest.Fault{{At: consumertest.AtEnd, Document: rapid.IntRange(0, 2).Draw(t, label+"which"), Do: consumertest.Repeat}}
	case 3:
		s.Faults = []consumertest.Fault{{
			At:       rapid.SampledFrom([]consumertest.Place{consumertest.AtDocument, consumertest.AtBlock, consumertest.AtTail, consumertest.AtEnd}).Draw(t, label+"place"),
			Document: rapid.IntRange(0, 2).Draw(t, label+"which"), Block: rapid.IntRange(0, 2).Draw(t, label+"block"),
			Do: consumertest.Fail, Code: millrace.CodeInternal,
		}}
	default:
		s = consumertest.Cut(rapid.Int64Range(0, 4000).Draw(t, label+"at"), rapid.SampledFrom([]consumertest.Action{
			consumertest.Reset, consumertest.Close, consumertest.Finish, consumertest.Stall,
		}).Draw(t, label+"end"))
	}
	return s
}

// For any schedule of cuts and deaths, what is delivered is what is stored: each
// frame once, in order, byte for byte.
func TestAnyScheduleDeliversWhatIsStored(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		p := drawPlan(rt)
		var failed error
		synctest.Test(t, func(t *testing.T) { failed = p.run(t) })
		if failed != nil {
			rt.Fatal(failed)
		}
	})
}

func (p plan) run(t *testing.T) error {
	s, c := quiet(t, p.config)
	stream := s.Stream("gate")
	numbers := stream.Add(p.footage.Fragments(p.stored)...)
	again := stream.Replay(numbers[:min(p.again, len(numbers))]...)
	s.Next(consumertest.GetMedia, p.steps...)
	go func() {
		for n := range p.later {
			a := stream.Begin(p.footage.Fragment(p.stored + n))
			for a.Step() {
				time.Sleep(40 * time.Millisecond)
			}
			a.End()
		}
	}()
	ctx, cancel := context.WithTimeout(t.Context(), 24*time.Hour)
	defer cancel()
	var l consumertest.Ledger
	var at consumer.Position
	for _, frames := range append(p.deaths, 1<<30) {
		o := fromStart()
		o.At, o.Until.Idle, o.Replays = at, 10*time.Minute, consumer.DropReplays
		r := c.Live("gate", o)
		for f, err := range r.Frames(ctx) {
			if err != nil {
				return err
			}
			if frames--; frames < 0 {
				break // it died with the frame in hand, of which nothing is kept
			}
			take(&l, f)
			at = r.Position()
		}
	}
	isAgain := func(n millrace.FragmentNumber) bool { return slices.Contains(again, n) }
	if len(p.deaths) == 0 && slices.ContainsFunc(l.Frames(), func(g consumertest.Got) bool { return isAgain(g.Number) }) {
		return errors.New("a replay was handed out")
	}
	return l.Compare(stream.All(), consumertest.Comparison{Missing: isAgain}) // who was born again knows no replays
}
