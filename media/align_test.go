package media_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/millrace/millrace/media"
)

// moments is a sequence of frames at so many milliseconds, which makes the data of
// a frame invalid when it goes on.
func moments(at ...int) iter.Seq2[media.Frame, error] {
	return func(yield func(media.Frame, error) bool) {
		buf := make([]byte, 8)
		for _, ms := range at {
			data := append(buf[:0], fmt.Sprint(ms)...)
			if !yield(media.Frame{PTS: time.Duration(ms) * time.Millisecond, Data: data}, nil) {
				return
			}
			for i := range buf {
				buf[i] = '!'
			}
		}
	}
}

func failing(frames iter.Seq2[media.Frame, error], err error) iter.Seq2[media.Frame, error] {
	return func(yield func(media.Frame, error) bool) {
		for f := range frames {
			if !yield(f, nil) {
				return
			}
		}
		yield(media.Frame{}, err)
	}
}

type framePair = media.Pair[media.Frame, media.Frame]

// word is what a pair holds: "40+45", "40" with nothing to it, or "+45".
func word(p framePair) string {
	var b strings.Builder
	if p.HasA {
		b.Write(p.A.Data)
	}
	if p.HasB {
		b.WriteString("+" + string(p.B.Data))
	}
	return b.String()
}

func words(t *testing.T, pairs iter.Seq2[framePair, error]) string {
	t.Helper()
	var all []string
	for p, err := range pairs {
		if err != nil {
			all = append(all, err.Error())
			continue
		}
		all = append(all, word(p))
	}
	return strings.Join(all, " ")
}

func TestAlign(t *testing.T) {
	broken := errors.New("broken")
	for name, tc := range map[string]struct {
		a, b iter.Seq2[media.Frame, error]
		want string
	}{
		"two of one rate":                      {moments(0, 40, 80), moments(5, 45, 85), "0+5 40+45 80+85"},
		"the other one first":                  {moments(5, 45), moments(0, 40), "5+0 45+40"},
		"at the same time":                     {moments(0, 40), moments(0, 40), "0+0 40+40"},
		"what is too far apart":                {moments(0, 100), moments(50, 121), "0 +50 100 +121"},
		"as far apart as may be":               {moments(0), moments(20), "0+20"},
		"twice as many":                        {moments(0, 40), moments(0, 20, 40, 60), "0+0 +20 40+40 +60"},
		"the nearest, not the first":           {moments(15, 55), moments(0, 20, 40, 60), "+0 15+20 +40 55+60"},
		"of two that are as near, the earlier": {moments(10), moments(0, 20), "10+0 +20"},
		"a missing one":                        {moments(0, 40, 80), moments(0, 80), "0+0 40 80+80"},
		"one that ends early":                  {moments(0, 40, 80), moments(5), "0+5 40 80"},
		"one that is empty":                    {moments(), moments(5, 45), "+5 +45"},
		"two that are empty":                   {moments(), moments(), ""},
		"times that go back":                   {moments(0, 120, 40, 80, 160), moments(0, 40, 80, 120, 160), "0+0 +40 +80 120+120 40 80 160+160"},
		"an error behind what was at hand":     {failing(moments(0, 40), broken), moments(0, 45, 90), "0+0 40+45 broken"},
		"an error of the other":                {moments(0, 40, 80), failing(moments(5), broken), "0+5 40 broken"},
		"an error at once":                     {failing(moments(), broken), failing(moments(), broken), "broken"},
	} {
		if got := words(t, media.Align(20*time.Millisecond, tc.a, tc.b)); got != tc.want {
			t.Errorf("%s: %q, want %q", name, got, tc.want)
		}
		live := media.AlignLive(t.Context(), media.AlignRules{Tolerance: 20 * time.Millisecond}, still(tc.a), still(tc.b))
		if got := words(t, live); got != tc.want && !strings.Contains(tc.want, "broken") {
			t.Errorf("%s, live: %q, want %q", name, got, tc.want)
		}
	}
}

func still(frames iter.Seq2[media.Frame, error]) func(context.Context) iter.Seq2[media.Frame, error] {
	return func(context.Context) iter.Seq2[media.Frame, error] { return frames }
}

// Whatever the times are, each item comes once and in order, and no pair is wider
// than it may be or has a nearer successor. Where items are far enough apart,
// nothing that fits is left alone.
func TestAlignGivesEachItemOnce(t *testing.T) {
	const tolerance = 20
	for seed := range uint64(300) {
		random := rand.New(rand.NewPCG(seed, 7))
		sparse := seed%2 == 0
		times := func() (at []int) {
			for ms := random.IntN(50); ms < 3000; {
				at = append(at, ms)
				ms += random.IntN(60)
				if sparse {
					ms += 2*tolerance + 1
				}
			}
			return at
		}
		a, b := times(), times()
		var gotA, gotB []int
		paired := map[int]int{}
		ms := func(f media.Frame) int { return int(f.PTS.Milliseconds()) }
		for p, err := range media.Align(tolerance*time.Millisecond, moments(a...), moments(b...)) {
			if err != nil {
				t.Fatal(err)
			}
			if p.HasA {
				gotA = append(gotA, ms(p.A))
			}
			if p.HasB {
				gotB = append(gotB, ms(p.B))
			}
			if p.Whole() {
				paired[ms(p.A)] = ms(p.B)
				if gap := (p.A.PTS - p.B.PTS).Abs(); gap > tolerance*time.Millisecond {
					t.Fatalf("seed %d: %d and %d are a pair", seed, ms(p.A), ms(p.B))
				}
			}
		}
		if !slices.Equal(gotA, a) || !slices.Equal(gotB, b) {
			t.Fatalf("seed %d: items were lost, repeated or moved", seed)
		}
		for _, at := range a {
			i, exact := slices.BinarySearch(b, at)
			near := exact || i < len(b) && b[i]-at <= tolerance || i > 0 && at-b[i-1] <= tolerance
			if _, ok := paired[at]; sparse && near != ok {
				t.Fatalf("seed %d: %d is paired: %v", seed, at, ok)
			}
		}
	}
}

func TestAlignStepsOnlyWhatItNeeds(t *testing.T) {
	stepped := 0
	endless := func(yield func(media.Frame, error) bool) {
		for yield(media.Frame{PTS: time.Duration(stepped) * 40 * time.Millisecond}, nil) {
			stepped++
		}
	}
	n := 0
	for range media.Align(0, endless, moments(0, 40, 80, 120)) {
		if n++; n == 3 {
			break
		}
	}
	if stepped > 3 {
		t.Errorf("%d steps for three pairs", stepped)
	}
}

// paced hands out a frame for each of so many milliseconds when that has come, and
// then nothing until its context ends.
func paced(origin time.Time, delay time.Duration, at ...int) func(context.Context) iter.Seq2[media.Frame, error] {
	return func(ctx context.Context) iter.Seq2[media.Frame, error] {
		return func(yield func(media.Frame, error) bool) {
			for f := range moments(at...) {
				select {
				case <-time.After(time.Until(origin.Add(f.PTS + delay))):
				case <-ctx.Done():
					yield(media.Frame{}, ctx.Err())
					return
				}
				if !yield(f, nil) {
					return
				}
			}
			<-ctx.Done()
			yield(media.Frame{}, ctx.Err())
		}
	}
}

func every(interval, count int) (at []int) {
	for n := range count {
		at = append(at, n*interval)
	}
	return at
}

func TestASilentPartnerDelaysALiveSequenceOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const wait = time.Second
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		origin := time.Now()
		n := 0
		rules := media.AlignRules{Tolerance: 20 * time.Millisecond, Wait: wait}
		for p, err := range media.AlignLive(ctx, rules, paced(origin, 0, every(40, 500)...), paced(origin, 0)) {
			if err != nil {
				break
			}
			if late := time.Since(origin.Add(p.A.PTS)); p.HasB || late > wait+time.Millisecond {
				t.Fatalf("%q came %v late", word(p), late)
			}
			if n++; n == 500 {
				cancel()
			}
		}
		if n != 500 {
			t.Errorf("%d frames of 500", n)
		}
	})
}

func TestLiveSequencesWaitForTheSlowerOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		origin := time.Now()
		camera, radar := paced(origin, 300*time.Millisecond, every(40, 100)...), paced(origin, 0, every(50, 80)...)
		whole, last := 0, error(nil)
		for p, err := range media.AlignLive(ctx, media.AlignRules{Tolerance: 20 * time.Millisecond, Wait: time.Second}, camera, radar) {
			if last = err; p.Whole() {
				whole++
			}
		}
		if whole != 80 || !errors.Is(last, context.DeadlineExceeded) {
			t.Errorf("%d pairs of 80, then %v", whole, last)
		}
	})
}

// A partner that was away finds itself paired again with what is live.
func TestALivePartnerComesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		origin := time.Now()
		radar := append(every(40, 50), every(40, 300)[200:]...)
		var got []string
		for p, err := range media.AlignLive(ctx, media.AlignRules{Tolerance: 10 * time.Millisecond, Wait: 500 * time.Millisecond},
			paced(origin, 0, every(40, 300)...), paced(origin, 100*time.Millisecond, radar...)) {
			if err == nil {
				got = append(got, word(p))
			}
		}
		if len(got) != 300 || got[49] != "1960+1960" || got[100] != "4000" || got[200] != "8000+8000" || got[299] != "11960+11960" {
			t.Errorf("%d pairs: %q", len(got), got)
		}
	})
}

// A goroutine that is left is a deadlock of the bubble.
func TestLeavingALiveJoinEndsBothSequences(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		origin := time.Now()
		for p, err := range media.AlignLive(t.Context(), media.AlignRules{Wait: time.Second}, paced(origin, 0, every(40, 9)...), paced(origin, 0)) {
			if err != nil || !p.HasA {
				t.Error(p, err)
			}
			break
		}
	})
}
