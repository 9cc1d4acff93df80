package consumer_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/consumer"
)

// edge is a body of GetMedia: fragments behind a number in the order of their
// numbers, each when it has been committed, and never one before a lower one.
type edge struct {
	kept []stored // that are left
	now  bytes.Reader
}

func (s *vault) edge(after millrace.FragmentNumber) io.Reader {
	left := slices.DeleteFunc(slices.Clone(s.kept), func(f stored) bool { return f.number().Compare(after) <= 0 })
	slices.SortFunc(left, func(a, b stored) int { return a.n - b.n })
	return &edge{kept: left}
}

func (e *edge) Read(p []byte) (int, error) {
	if e.now.Len() > 0 {
		return e.now.Read(p)
	}
	if len(e.kept) == 0 {
		return 0, io.EOF
	}
	time.Sleep(time.Until(vaultTime(max(e.kept[0].committed, e.kept[0].server))))
	e.now.Reset(e.kept[0].live())
	e.kept = e.kept[1:]
	return e.now.Read(p)
}

// running is a stream of ten minutes: a fragment every two seconds, committed at
// its end, but for one in seven, which takes up to a minute.
func running() []stored {
	kept := shelve(300, 1)
	for i := range kept {
		kept[i].committed = kept[i].server + 2
		if i%7 == 3 {
			kept[i].committed = kept[i].server + float64(20+i%41)
		}
	}
	return kept
}

func TestALiveReaderCatchesUpWithoutAGapOrARepeat(t *testing.T) {
	for name, tc := range map[string]struct {
		start   millrace.StartSelector
		at      consumer.Position
		pace    time.Duration // of the loop
		undated bool
		first   int    // fragment
		begun   string // where GetMedia begins; empty is anywhere
		listed  int    // fragments that come from the archive, at least
	}{
		"from the earliest on":     {start: millrace.StartSelector{Type: millrace.StartEarliest}, first: 1, begun: "FRAGMENT_NUMBER 141", listed: 141},
		"behind a fragment":        {start: millrace.StartSelector{Type: millrace.StartFragmentNumber, Number: shelve(20, 1)[19].number()}, first: 21, begun: "FRAGMENT_NUMBER 141", listed: 121},
		"with a token":             {start: millrace.StartSelector{Type: millrace.StartContinuationToken, Number: shelve(20, 1)[19].number()}, first: 21, begun: "FRAGMENT_NUMBER 141", listed: 121},
		"from a time on":           {start: millrace.StartSelector{Type: millrace.StartServerTime, Time: vaultTime(100)}, first: 51, begun: "FRAGMENT_NUMBER 141", listed: 91},
		"from within a fragment":   {start: millrace.StartSelector{Type: millrace.StartServerTime, Time: vaultTime(101)}, first: 51, begun: "FRAGMENT_NUMBER 141", listed: 91},
		"from a producer's time":   {start: millrace.StartSelector{Type: millrace.StartProducerTime, Time: vaultTime(201)}, first: 101, begun: "FRAGMENT_NUMBER 141", listed: 41},
		"at a position":            {at: consumer.Position{Fragment: shelve(20, 1)[19].number(), Done: consumer.Whole, ServerTime: vaultTime(38), ProducerTime: vaultTime(38)}, first: 21, begun: "FRAGMENT_NUMBER 141", listed: 121},
		"with a slow loop":         {start: millrace.StartSelector{Type: millrace.StartEarliest}, pace: 1200 * time.Millisecond, first: 1, listed: 200},
		"of what is young":         {start: millrace.StartSelector{Type: millrace.StartServerTime, Time: vaultTime(300)}, first: 151, begun: "SERVER_TIMESTAMP 946685100.000"},
		"with a server of no time": {start: millrace.StartSelector{Type: millrace.StartEarliest}, undated: true, first: 1, begun: "EARLIEST"},
	} {
		t.Run(name, func(t *testing.T) {
			s := &vault{kept: running(), undated: tc.undated}
			s.live = s.edge
			c := s.client(t)
			synctest.Test(t, func(t *testing.T) {
				time.Sleep(400 * time.Second)
				o := consumer.LiveOptions{Start: tc.start, At: tc.at, CatchUp: true, Until: consumer.Until{EndOfData: true}}
				if tc.begun == "" || strings.HasPrefix(tc.begun, "SERVER") || strings.HasPrefix(tc.begun, "EARLIEST") {
					after := tc.first
					s.live = func(n millrace.FragmentNumber) io.Reader {
						if n.IsZero() {
							n = s.kept[after-1].number().Prev()
						}
						return s.edge(n)
					}
				}
				var got []string
				for f, err := range c.Live("gate", o).Fragments(t.Context()) {
					if err != nil {
						t.Fatal(err)
					}
					got = append(got, lineOf(f))
					time.Sleep(tc.pace)
				}
				if want := lines(s.kept[tc.first-1:]...); !slices.Equal(got, want) {
					t.Errorf("read\n%q, want\n%q", got, want)
				}
				if tc.begun != "" && !slices.Equal(s.begun, []string{tc.begun}) || len(s.begun) != 1 {
					t.Errorf("went on live at %q", s.begun)
				}
				if n := len(slices.Concat(s.asked...)); n < tc.listed || tc.begun != "" && n != tc.listed {
					t.Errorf("%d fragments come from the archive, want %d", n, tc.listed)
				}
			})
		})
	}
}

func TestCatchingUpEndsWhereTheLoopShould(t *testing.T) {
	s := &vault{kept: running()}
	c := s.client(t)
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(400 * time.Second)
		o := consumer.LiveOptions{
			Start: millrace.StartSelector{Type: millrace.StartEarliest}, CatchUp: true, Until: consumer.Until{Time: vaultTime(20)},
		}
		got, err := readLines(t.Context(), c.Live("gate", o))
		if err != nil || !slices.Equal(got, lines(s.kept[:10]...)) || len(s.begun) > 0 {
			t.Errorf("read %q, then live at %q; %v", got, s.begun, err)
		}
	})
}

// A reader that leaves out what it is behind with does so while it catches up, too.
func TestWhoCatchesUpMayLeap(t *testing.T) {
	s := &vault{kept: running()}
	s.live = func(millrace.FragmentNumber) io.Reader { return s.edge(s.kept[189].number()) }
	c := s.client(t)
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(400 * time.Second)
		o := consumer.LiveOptions{
			Start: millrace.StartSelector{Type: millrace.StartEarliest}, CatchUp: true, Reconcile: true, Until: consumer.Until{EndOfData: true},
			Lag: consumer.LagPolicy{Mode: consumer.SkipToLive, Max: 2 * time.Minute},
		}
		got, err := readLines(t.Context(), c.Live("gate", o))
		if want := lines(s.kept[190:]...); err != nil || len(got) != 1+len(want) || !slices.Equal(got[1:], want) {
			t.Errorf("read\n%q, want\n%q behind the first; %v", got, want, err)
		}
		if !slices.Equal(s.begun, []string{"NOW"}) || len(s.lists) > 3 || s.open > 0 {
			t.Errorf("live at %q, behind %d lists; %d responses are open", s.begun, len(s.lists), s.open)
		}
	})
}

func TestFromNowOnThereIsNothingToCatchUpWith(t *testing.T) {
	s := &vault{kept: running()}
	c := s.client(t)
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		_, _ = readLines(ctx, c.Live("gate", consumer.LiveOptions{CatchUp: true}))
		if len(s.lists) > 0 || !slices.Equal(s.begun, []string{"NOW"}) {
			t.Errorf("listed %q, then live at %q", s.lists, s.begun)
		}
		time.Sleep(2 * time.Minute) // the reads of never return
	})
}

// A server that jumps over fragments on a new connection is found out.
func TestWhatAReconnectLeavesOutIsFilledIn(t *testing.T) {
	kept := shelve(12, 2)
	backfilled := func(f stored) string {
		return strings.Replace(f.line(), "complete", "backfilled complete", 1)
	}
	for name, tc := range map[string]struct {
		bodies  [][]int // fragments of each response of GetMedia
		missing []int   // that are not there
		want    []string
		failed  []string
		lists   int
	}{
		"what is missing comes first": {
			bodies: [][]int{{1, 2}, {6, 7}}, lists: 1,
			want: slices.Concat(lines(kept[:2]...), []string{backfilled(kept[2]), backfilled(kept[3]), backfilled(kept[4])}, lines(kept[5:7]...)),
		},
		"nothing is missing":                    {bodies: [][]int{{1, 2}, {3, 4}, {5}}, want: lines(kept[:5]...)},
		"numbers that one response jumps over":  {bodies: [][]int{{1, 2, 5}}, want: lines(kept[0], kept[1], kept[4])},
		"numbers that were never given":         {bodies: [][]int{{1, 2}, {6}}, missing: []int{-3, -4, -5}, lists: 1, want: lines(kept[0], kept[1], kept[5])},
		"one that is missing for good is told":  {bodies: [][]int{{1, 2}, {5}}, missing: []int{3}, lists: 1, want: slices.Concat(lines(kept[:2]...), []string{backfilled(kept[3])}, lines(kept[4])), failed: []string{"3 3000 FRAGMENT_NOT_FOUND"}},
		"a jump of each of several connections": {bodies: [][]int{{1}, {3}, {5}}, lists: 2, want: []string{kept[0].line(), backfilled(kept[1]), kept[2].line(), backfilled(kept[3]), kept[4].line()}},
	} {
		t.Run(name, func(t *testing.T) {
			s := &vault{kept: kept, missing: map[int]bool{}, expired: map[int]bool{}}
			for _, n := range tc.missing {
				s.missing[n], s.expired[-n] = true, true
			}
			call := 0
			s.live = func(millrace.FragmentNumber) io.Reader {
				if call++; call > len(tc.bodies) {
					return never{}
				}
				var b []byte
				for _, n := range tc.bodies[call-1] {
					b = append(b, kept[n-1].live()...)
				}
				return bytes.NewReader(b)
			}
			c := s.client(t)
			synctest.Test(t, func(t *testing.T) {
				time.Sleep(time.Hour)
				var f failures
				o := consumer.LiveOptions{Reconcile: true, Until: consumer.Until{Idle: 20 * time.Second}, Events: f.events()}
				r := c.Live("gate", o)
				got, err := readLines(t.Context(), r)
				if err != nil || !slices.Equal(got, tc.want) || !slices.Equal(f.failed, tc.failed) {
					t.Errorf("read\n%q, want\n%q; told of %q; %v", got, tc.want, f.failed, err)
				}
				if len(s.lists) != tc.lists {
					t.Errorf("listed %q", s.lists)
				}
				if n := strings.Count(fmt.Sprint(got), "backfilled"); r.Stats().Backfilled != int64(n) {
					t.Errorf("counted %d, not %d", r.Stats().Backfilled, n)
				}
				time.Sleep(2 * time.Minute) // the reads of never return
			})
		})
	}
}
