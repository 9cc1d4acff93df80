package consumertest_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/consumer/consumertest"
)

func TestALedgerFindsWhatIsWrong(t *testing.T) {
	stream := consumertest.Start(t, short).Stream("gate")
	numbers := stream.Add(consumertest.Footage{}.Fragments(3)...)
	all := stream.All()
	good := func() (got []consumertest.Got) {
		for _, f := range all {
			for i, frame := range f.Frames {
				got = append(got, consumertest.Got{
					Number: f.Number, Index: i, Track: frame.Track, Key: frame.Key,
					Timecode: int64(f.Timecode) + int64(frame.Time), Data: frame.Data,
				})
			}
		}
		return got
	}
	second := func(n millrace.FragmentNumber) bool { return n == numbers[1] }
	for name, tc := range map[string]struct {
		change func(got []consumertest.Got) []consumertest.Got
		how    consumertest.Comparison
		err    error
	}{
		"all of it":                 {change: func(g []consumertest.Got) []consumertest.Got { return g }},
		"nothing":                   {change: func([]consumertest.Got) []consumertest.Got { return nil }, err: consumertest.ErrLost},
		"the last is lost":          {change: func(g []consumertest.Got) []consumertest.Got { return g[:8] }, err: consumertest.ErrLost},
		"the last is still to come": {change: func(g []consumertest.Got) []consumertest.Got { return g[:8] }, how: consumertest.Comparison{Unfinished: true}},
		"the first is lost":         {change: func(g []consumertest.Got) []consumertest.Got { return g[1:] }, err: consumertest.ErrLost},
		"one is lost":               {change: func(g []consumertest.Got) []consumertest.Got { return slices.Delete(g, 4, 5) }, err: consumertest.ErrLost},
		"one may be missing":        {change: func(g []consumertest.Got) []consumertest.Got { return slices.Delete(g, 3, 5) }, how: consumertest.Comparison{Missing: second}},
		"one is there twice":        {change: func(g []consumertest.Got) []consumertest.Got { return slices.Insert(g, 5, g[4]) }, err: consumertest.ErrTwice},
		"some are there again":      {change: func(g []consumertest.Got) []consumertest.Got { return slices.Insert(g, 5, g[3], g[4]) }, how: consumertest.Comparison{Repeats: true}},
		"two have changed places":   {change: func(g []consumertest.Got) []consumertest.Got { g[4], g[5] = g[5], g[4]; return g }, err: consumertest.ErrReversed},
		"a byte is wrong": {change: func(g []consumertest.Got) []consumertest.Got {
			g[4].Data = append([]byte{1}, g[4].Data[1:]...)
			return g
		}, err: consumertest.ErrStrange},
		"a key is none":         {change: func(g []consumertest.Got) []consumertest.Got { g[0].Key = false; return g }, err: consumertest.ErrStrange},
		"a time is wrong":       {change: func(g []consumertest.Got) []consumertest.Got { g[7].Timecode++; return g }, err: consumertest.ErrStrange},
		"a fragment is another": {change: func(g []consumertest.Got) []consumertest.Got { g[8].Number = numbers[0]; return g }, err: consumertest.ErrStrange},
		"an index is wrong":     {change: func(g []consumertest.Got) []consumertest.Got { g[8].Index = 1; return g }, err: consumertest.ErrStrange},
		"nobody counts":         {change: func(g []consumertest.Got) []consumertest.Got { g[8].Index = -1; return g }},
	} {
		t.Run(name, func(t *testing.T) {
			var l consumertest.Ledger
			for _, g := range tc.change(good()) {
				l.Take(g)
			}
			if err := l.Compare(all, tc.how); !errors.Is(err, tc.err) || tc.err == nil && err != nil {
				t.Errorf("found %v, want %v", err, tc.err)
			}
		})
	}
}
