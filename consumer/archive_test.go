package consumer_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/consumer"
)

func TestAnArchiveIsReadInEitherOrder(t *testing.T) {
	kept := shelve(8, 2)
	kept[3].producer, kept[5].producer, kept[6].producer = 1, 1, 0.5 // uploaded late
	all := func(numbers ...int) (l []string) {
		for _, n := range numbers {
			l = append(l, kept[n-1].line())
		}
		return l
	}
	for name, tc := range map[string]struct {
		span consumer.Range
		o    consumer.ArchiveOptions
		want []string
	}{
		"everything as it came":       {consumer.Range{}, consumer.ArchiveOptions{}, all(1, 2, 3, 4, 5, 6, 7, 8)},
		"everything as it was made":   {consumer.Range{Clock: consumer.ProducerClock}, consumer.ArchiveOptions{Order: consumer.ByProducerTime}, all(1, 7, 4, 6, 2, 3, 5, 8)},
		"in batches of three":         {consumer.Range{}, consumer.ArchiveOptions{Batch: 3}, all(1, 2, 3, 4, 5, 6, 7, 8)},
		"one by one":                  {consumer.Range{}, consumer.ArchiveOptions{Batch: 1}, all(1, 2, 3, 4, 5, 6, 7, 8)},
		"from a time to another":      {consumer.Range{From: vaultTime(2), To: vaultTime(8)}, consumer.ArchiveOptions{}, all(2, 3, 4)},
		"of the producer's":           {consumer.Range{From: vaultTime(1), To: vaultTime(4), Clock: consumer.ProducerClock}, consumer.ArchiveOptions{}, all(2, 4, 6)},
		"of the producer's, in order": {consumer.Range{From: vaultTime(1), To: vaultTime(4), Clock: consumer.ProducerClock}, consumer.ArchiveOptions{Order: consumer.ByProducerTime}, all(4, 6, 2)},
		"of the server's as made":     {consumer.Range{From: vaultTime(4), To: vaultTime(14)}, consumer.ArchiveOptions{Order: consumer.ByProducerTime}, all(7, 4, 6, 3, 5)},
		"a range without any":         {consumer.Range{From: vaultTime(100)}, consumer.ArchiveOptions{Order: consumer.ByProducerTime}, nil},
		"a range that is none":        {consumer.Range{From: vaultTime(8), To: vaultTime(2)}, consumer.ArchiveOptions{}, nil},
	} {
		for _, page := range []int{0, 3} {
			t.Run(fmt.Sprintf("%s, pages of %d", name, page), func(t *testing.T) {
				s := &vault{kept: kept, page: page, shuffled: rand.New(rand.NewPCG(1, 1))}
				c := s.client(t)
				synctest.Test(t, func(t *testing.T) {
					got, err := readLines(t.Context(), c.Archive("gate", tc.span, tc.o))
					if err != nil || !slices.Equal(got, tc.want) {
						t.Errorf("read\n%q, want\n%q; %v", got, tc.want, err)
					}
					if s.open != 0 || s.opened > 2 {
						t.Errorf("%d responses are open, there were %d", s.open, s.opened)
					}
				})
			})
		}
	}
}

// Whatever a response breaks at, the frames that are handed out are those that
// are stored, each once.
func TestAnArchiveIsReadWholeWhereverItsResponsesBreak(t *testing.T) {
	kept := shelve(3, 2)
	s := &vault{kept: kept}
	c := s.client(t)
	total := len(s.documents([]int{1, 2, 3}))
	for n := range total {
		first := len(s.asked)
		s.answers = func(call int, ask []int) reply {
			b := s.documents(ask)
			if call == first+1 {
				return reply{body: cutAt(b, n)}
			}
			return reply{body: bytes.NewReader(b)}
		}
		synctest.Test(t, func(t *testing.T) {
			got, err := readLines(t.Context(), c.Archive("gate", consumer.Range{}, consumer.ArchiveOptions{}))
			if want := lines(kept...); err != nil || !slices.Equal(got, want) {
				t.Errorf("cut at %d: read\n%q, want\n%q; %v", n, got, want, err)
			}
			if calls := len(s.asked) - first; calls != 2 {
				t.Errorf("cut at %d: %d calls", n, calls)
			}
		})
	}
}

func TestAnArchiveIsReadWholeFromAnUnsteadyServer(t *testing.T) {
	kept := shelve(40, 3)
	for seed := range uint64(30) {
		random := rand.New(rand.NewPCG(seed, 0))
		s := &vault{kept: kept, page: 7}
		s.answers = func(_ int, ask []int) reply {
			b := s.documents(ask)
			switch random.IntN(5) {
			case 0:
				return reply{err: errNetwork}
			case 1:
				return reply{status: 503}
			case 2:
				return reply{body: bytes.NewReader(s.documents(ask[:random.IntN(len(ask))+1]))} // in good order
			default:
				return reply{body: cutAt(b, random.IntN(1500))}
			}
		}
		c := s.client(t)
		synctest.Test(t, func(t *testing.T) {
			o := consumer.ArchiveOptions{Batch: 1 + random.IntN(12), Order: consumer.Order(seed % 2)}
			got, err := readLines(t.Context(), c.Archive("gate", consumer.Range{}, o))
			if want := lines(kept...); err != nil || !slices.Equal(got, want) {
				t.Errorf("seed %d: read\n%q, want\n%q; %v", seed, got, want, err)
			}
			if s.open != 0 || s.opened > 2 {
				t.Errorf("seed %d: %d responses are open, there were %d", seed, s.open, s.opened)
			}
		})
	}
}

// A body whose end is the connection's may end in the midst of a fragment and look
// as if it were whole.
func TestAResponseThatEndsEarlyInGoodOrderIsNotBelievedAtOnce(t *testing.T) {
	kept := shelve(3, 4)
	s := &vault{kept: kept}
	head := len(kept[0].document())
	s.answers = func(call int, ask []int) reply {
		b := s.documents(ask)
		if call == 1 {
			b = b[:head+len(kept[1].document())-len(frames(2, 2))]
		}
		return reply{body: bytes.NewReader(b)}
	}
	c := s.client(t)
	synctest.Test(t, func(t *testing.T) {
		got, err := readLines(t.Context(), c.Archive("gate", consumer.Range{}, consumer.ArchiveOptions{}))
		if want := lines(kept...); err != nil || !slices.Equal(got, want) {
			t.Errorf("read\n%q, want\n%q; %v", got, want, err)
		}
	})
}

// A fragment of which every response brings a little is not given up.
func TestAFragmentMayTakeManyResponses(t *testing.T) {
	kept := shelve(3, 20)
	s := &vault{kept: kept}
	one := len(frames(1, 1)) + 1
	times := map[int]int{}
	s.answers = func(call int, ask []int) reply {
		b := s.documents(ask)
		times[ask[0]]++
		return reply{body: cutAt(b, len(b)-len(frames(1, 20))+times[ask[0]]*one)}
	}
	c := s.client(t)
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		var f failures
		got, err := readLines(t.Context(), c.Archive("gate", consumer.Range{}, consumer.ArchiveOptions{Batch: 1, Events: f.events()}))
		if want := lines(kept...); err != nil || !slices.Equal(got, want) || len(f.failed) > 0 {
			t.Errorf("read\n%q, want\n%q; told of %q; %v", got, want, f.failed, err)
		}
		if d := time.Since(began); d > 30*time.Second || len(s.asked) < 40 {
			t.Errorf("%d responses took %v", len(s.asked), d)
		}
	})
}

// Some servers and proxies end each response after one fragment, in good order.
func TestResponsesOfOneFragmentAreEnough(t *testing.T) {
	kept := shelve(6, 3)
	s := &vault{kept: kept}
	s.answers = func(_ int, ask []int) reply { return reply{body: bytes.NewReader(s.documents(ask[:1]))} }
	c := s.client(t)
	synctest.Test(t, func(t *testing.T) {
		got, err := readLines(t.Context(), c.Archive("gate", consumer.Range{}, consumer.ArchiveOptions{}))
		if want := lines(kept...); err != nil || !slices.Equal(got, want) || len(s.asked) > 11 {
			t.Errorf("read by %d calls\n%q, want\n%q; %v", len(s.asked), got, want, err)
		}
	})
}

// A response may end in good order with less of a fragment than the one before.
func TestAFragmentThatCameShorterIsAskedForAgain(t *testing.T) {
	kept := shelve(3, 4)
	s := &vault{kept: kept}
	one := len(frames(1, 1))
	s.answers = func(call int, ask []int) reply {
		b := s.documents(ask)
		switch call {
		case 1: // to the end of the second frame of the last
			return reply{body: snapped(b[:len(b)-2*one])}
		case 2:
			return reply{body: bytes.NewReader(b[:len(b)-3*one])}
		}
		return reply{body: bytes.NewReader(b)}
	}
	c := s.client(t)
	synctest.Test(t, func(t *testing.T) {
		got, err := readLines(t.Context(), c.Archive("gate", consumer.Range{}, consumer.ArchiveOptions{}))
		if want := lines(kept...); err != nil || !slices.Equal(got, want) {
			t.Errorf("read\n%q, want\n%q; %v", got, want, err)
		}
	})
}

// That one fragment was found to end where its response did says nothing about
// the next.
func TestEveryEarlyEndIsDoubted(t *testing.T) {
	kept := shelve(4, 3)
	kept[1].frames = 4
	s := &vault{kept: kept}
	s.answers = func(call int, ask []int) reply {
		b := s.documents(ask[:1])
		if call == 3 { // the first two were of the first fragment
			b = b[:len(b)-len(frames(2, 1))]
		}
		return reply{body: bytes.NewReader(b)}
	}
	c := s.client(t)
	synctest.Test(t, func(t *testing.T) {
		got, err := readLines(t.Context(), c.Archive("gate", consumer.Range{}, consumer.ArchiveOptions{}))
		if want := lines(kept...); err != nil || !slices.Equal(got, want) {
			t.Errorf("read\n%q, want\n%q; %v", got, want, err)
		}
	})
}

// failures notes what a reader is told.
type failures struct {
	failed       []string
	disconnected int
}

func (f *failures) events() consumer.Events {
	return consumer.Events{
		Failed: func(e *consumer.FragmentError) {
			f.failed = append(f.failed, fmt.Sprint(e.Number.Sequence(), " ", e.ID, " ", e.Name))
		},
		Disconnected: func(error, time.Duration) { f.disconnected++ },
	}
}

func TestWhatTheServerDoesNotGiveIsToldAndPassedOver(t *testing.T) {
	kept := shelve(9, 2)
	const gone, bad = "3000 FRAGMENT_NOT_FOUND", "5000 INTERNAL_ERROR"
	refusing := func(n, id int, name string) func(s *vault) func(int, []int) reply {
		return func(s *vault) func(int, []int) reply {
			return func(_ int, ask []int) reply {
				i := slices.Index(ask, n)
				if i < 0 {
					return reply{body: bytes.NewReader(s.documents(ask))}
				}
				return reply{body: bytes.NewReader(append(s.documents(ask[:i]), kept[n-1].told(id, name)...))}
			}
		}
	}
	for name, tc := range map[string]struct {
		missing, expired []int
		answers          func(s *vault) func(int, []int) reply
		at               time.Duration // since the first fragment
		failed           []string
		want             []string
		asks             int // calls for media at most
		waits            int // between them
		lists            int // besides the first
	}{
		"one that has gone": {
			missing: []int{4}, at: time.Hour,
			failed: []string{"4 " + gone}, want: lines(slices.Concat(kept[:3], kept[4:])...), asks: 2,
		},
		"several, but not one after the other": {
			missing: []int{2, 4, 6, 8}, at: time.Hour,
			failed: []string{"2 " + gone, "4 " + gone, "6 " + gone, "8 " + gone}, want: lines(kept[0], kept[2], kept[4], kept[6], kept[8]), asks: 5,
		},
		"the last": {
			missing: []int{9}, at: time.Hour, failed: []string{"9 " + gone}, want: lines(kept[:8]...), asks: 1,
		},
		"those that expire meanwhile are listed again, and not asked for one by one": {
			expired: []int{2, 3, 4, 5, 6, 7}, at: time.Hour,
			failed: []string{"2 " + gone, "3 " + gone, "4 " + gone, "5 " + gone, "6 " + gone, "7 " + gone},
			want:   lines(kept[0], kept[7], kept[8]), asks: 4, lists: 1,
		},
		"all of them": {
			missing: []int{1, 2, 3, 4, 5, 6, 7, 8, 9}, at: time.Hour, asks: 9, lists: 4,
			failed: []string{"1 " + gone, "2 " + gone, "3 " + gone, "4 " + gone, "5 " + gone, "6 " + gone, "7 " + gone, "8 " + gone, "9 " + gone},
		},
		"a damaged one": {
			answers: refusing(5, 5000, "INTERNAL_ERROR"), at: time.Hour,
			failed: []string{"5 " + bad}, want: lines(slices.Concat(kept[:4], kept[5:])...), asks: 6, waits: 4,
		},
		"one whose key is not to be had": {
			answers: refusing(5, 4502, "KMS_KEY_ACCESS_DENIED"), at: time.Hour,
			failed: []string{"5 4502 KMS_KEY_ACCESS_DENIED"}, want: lines(slices.Concat(kept[:4], kept[5:])...), asks: 2,
		},
		"of a server that leaves it out": {
			answers: func(s *vault) func(int, []int) reply {
				return func(_ int, ask []int) reply {
					left := slices.DeleteFunc(slices.Clone(ask), func(n int) bool { return n == 3 || n == 4 })
					return reply{body: bytes.NewReader(s.documents(left))}
				}
			}, at: time.Hour,
			failed: []string{"3 " + gone, "4 " + gone}, want: lines(slices.Concat(kept[:2], kept[4:])...), asks: 15, waits: 6, lists: 1,
		},
		"of a server that looks first": {
			answers: func(s *vault) func(int, []int) reply {
				return func(_ int, ask []int) reply {
					if slices.Contains(ask, 5) {
						return reply{body: bytes.NewReader(kept[4].told(3000, "FRAGMENT_NOT_FOUND"))}
					}
					return reply{body: bytes.NewReader(s.documents(ask))}
				}
			}, at: time.Hour,
			failed: []string{"5 " + gone}, want: lines(slices.Concat(kept[:4], kept[5:])...), asks: 4,
		},
		"one at which the server breaks off": {
			answers: func(s *vault) func(int, []int) reply {
				return func(_ int, ask []int) reply {
					if i := slices.Index(ask, 5); i >= 0 {
						return reply{body: snapped(s.documents(ask[:i]))}
					}
					return reply{body: bytes.NewReader(s.documents(ask))}
				}
			}, at: time.Hour,
			failed: []string{"5 0 mkv: read at offset 0: " + errNetwork.Error() + ", 8 times"}, want: lines(slices.Concat(kept[:4], kept[5:])...), asks: 13, waits: 11,
		},
		"a fresh one that does not come": {
			missing: []int{7}, at: time.Minute,
			failed: []string{"7 " + gone}, want: lines(slices.Concat(kept[:6], kept[7:])...), asks: 11, waits: 8,
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := &vault{kept: kept, missing: map[int]bool{}, expired: map[int]bool{}}
			for _, n := range tc.missing {
				s.missing[n] = true
			}
			if tc.answers != nil {
				s.answers = tc.answers(s)
			}
			c := s.client(t)
			synctest.Test(t, func(t *testing.T) {
				time.Sleep(tc.at)
				answers := s.answers
				s.answers = func(call int, ask []int) reply {
					for _, n := range tc.expired {
						s.expired[n] = true // behind the list
					}
					if answers != nil {
						return answers(call, ask)
					}
					return reply{body: bytes.NewReader(s.documents(ask))}
				}
				var f failures
				r := c.Archive("gate", consumer.Range{}, consumer.ArchiveOptions{Events: f.events()})
				got, err := readLines(t.Context(), r)
				if err != nil || !slices.Equal(got, tc.want) {
					t.Errorf("read\n%q, want\n%q; %v", got, tc.want, err)
				}
				if !slices.Equal(f.failed, tc.failed) || r.Stats().Failed != int64(len(tc.failed)) {
					t.Errorf("told of %q, want %q; %d", f.failed, tc.failed, r.Stats().Failed)
				}
				if len(s.asked) > tc.asks || f.disconnected > tc.waits || len(s.lists) > 1+tc.lists {
					t.Errorf("%d calls for media, %d waits, %d lists: %v", len(s.asked), f.disconnected, len(s.lists), s.asked)
				}
			})
		})
	}
}

// The protocol does not say in which order a response has the fragments.
func TestAServerMayHaveAnOrderOfItsOwn(t *testing.T) {
	kept := shelve(7, 2)
	kept[3].producer, kept[4].producer, kept[5].producer = 1, 0.5, 0.7
	s := &vault{kept: kept}
	s.answers = func(_ int, ask []int) reply {
		return reply{body: bytes.NewReader(s.documents(slices.Sorted(slices.Values(ask))))}
	}
	c := s.client(t)
	synctest.Test(t, func(t *testing.T) {
		var f failures
		got, err := readLines(t.Context(), c.Archive("gate", consumer.Range{}, consumer.ArchiveOptions{Order: consumer.ByProducerTime, Events: f.events()}))
		want := lines(kept[0], kept[4], kept[5], kept[3], kept[1], kept[2], kept[6])
		if err != nil || !slices.Equal(got, want) || len(f.failed) > 0 || f.disconnected > 0 {
			t.Errorf("read\n%q, want\n%q; told of %q, %d waits; %v", got, want, f.failed, f.disconnected, err)
		}
	})
}

func TestAFreshFragmentIsWaitedFor(t *testing.T) {
	kept := shelve(3, 2)
	s := &vault{kept: kept, missing: map[int]bool{3: true}}
	s.answers = func(call int, ask []int) reply {
		s.missing[3] = call < 4
		return reply{body: bytes.NewReader(s.documents(ask))}
	}
	c := s.client(t)
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(10 * time.Second)
		began := time.Now()
		var f failures
		got, err := readLines(t.Context(), c.Archive("gate", consumer.Range{}, consumer.ArchiveOptions{Events: f.events()}))
		if err != nil || !slices.Equal(got, lines(kept...)) || len(f.failed) > 0 {
			t.Errorf("read %q, told of %q; %v", got, f.failed, err)
		}
		if d := time.Since(began); d < 150*time.Millisecond || d > 5*time.Second || f.disconnected != 3 {
			t.Errorf("waited %v in %d steps", d, f.disconnected)
		}
	})
}

// A fragment that breaks and has gone when it is asked for again is cut, and told.
func TestAFragmentThatExpiresInItsMidstIsCut(t *testing.T) {
	kept := shelve(3, 3)
	s := &vault{kept: kept, missing: map[int]bool{}}
	s.answers = func(call int, ask []int) reply {
		b := s.documents(ask)
		if call == 1 {
			s.missing[2] = true
			return reply{body: cutAt(b, len(kept[0].document())+len(kept[1].document())-len(frames(2, 1)))}
		}
		return reply{body: bytes.NewReader(b)}
	}
	c := s.client(t)
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Hour)
		var f failures
		got, err := readLines(t.Context(), c.Archive("gate", consumer.Range{}, consumer.ArchiveOptions{Events: f.events()}))
		want := []string{kept[0].line(), "2/0 2/1 cut", kept[2].line()}
		if err != nil || !slices.Equal(got, want) || !slices.Equal(f.failed, []string{"2 3000 FRAGMENT_NOT_FOUND"}) {
			t.Errorf("read %q, told of %q; %v", got, f.failed, err)
		}
	})
}

func TestAnArchiveGoesOnAtAPosition(t *testing.T) {
	kept := shelve(12, 3)
	kept[4].producer, kept[7].producer, kept[9].producer = 3, 3, 1
	for _, o := range []consumer.Order{consumer.ByArrival, consumer.ByProducerTime} {
		s := &vault{kept: kept}
		c := s.client(t)
		synctest.Test(t, func(t *testing.T) {
			options := consumer.ArchiveOptions{Order: o, Batch: 5}
			whole := takeFrames(t, c.Archive("gate", consumer.Range{}, options), 1000)
			for n := range whole {
				options.At = consumer.Position{}
				r := c.Archive("gate", consumer.Range{}, options)
				first := takeFrames(t, r, n)
				text, err := r.Position().MarshalText()
				if err != nil {
					t.Fatal(err)
				}
				if n > 0 {
					if err := options.At.UnmarshalText(text); err != nil {
						t.Fatal(err)
					}
				}
				rest := takeFrames(t, c.Archive("gate", consumer.Range{}, options), 1000)
				if got := slices.Concat(first, rest); !slices.Equal(got, whole) {
					t.Fatalf("by %s, left behind frame %d at %s: read\n%q, want\n%q", o, n, text, got, whole)
				}
				if again := takeFrames(t, r, 1000); !slices.Equal(again, rest) {
					t.Fatalf("by %s, left behind frame %d: the same reader goes on with\n%q, want\n%q", o, n, again, rest)
				}
			}
		})
	}
}

// takeFrames are so many frames of a reader.
func takeFrames(t *testing.T, r *consumer.Reader, most int) (got []string) {
	t.Helper()
	if most == 0 {
		return nil
	}
	for f, err := range r.Frames(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		if got = append(got, string(f.Data)); len(got) == most {
			break
		}
	}
	return got
}

func TestAnArchiveEndsWithItsContextAtEveryWait(t *testing.T) {
	stalled := func(_ int, ask []int) reply { return reply{body: never{}} }
	for name, s := range map[string]*vault{
		"for an endpoint":   {hang: "/getDataEndpoint"},
		"for a list":        {hang: "/listFragments"},
		"for a response":    {hang: "/getMediaForFragmentList"},
		"for its bytes":     {answers: stalled},
		"for another try":   {answers: func(int, []int) reply { return reply{err: errNetwork} }},
		"in mid-fragment":   {},
		"for a fresh one":   {missing: map[int]bool{1: true}},
		"for what is ahead": {},
	} {
		t.Run(name, func(t *testing.T) {
			s.kept = shelve(3, 3)
			switch name {
			case "in mid-fragment":
				s.answers = func(_ int, ask []int) reply {
					return reply{body: io.MultiReader(bytes.NewReader(s.documents(ask)[:len(s.kept[0].document())-5]), never{})}
				}
			case "for what is ahead":
				s.answers = func(call int, ask []int) reply {
					if call == 1 {
						return reply{body: bytes.NewReader(s.documents(ask))}
					}
					return stalled(call, ask)
				}
			}
			c := s.client(t)
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
				defer cancel()
				began := time.Now()
				_, err := readLines(ctx, c.Archive("gate", consumer.Range{}, consumer.ArchiveOptions{Batch: 1}))
				if !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("error %v", err)
				}
				if d := time.Since(began); d > 400*time.Millisecond {
					t.Errorf("it took %v", d)
				}
				if s.open != 0 {
					t.Errorf("%d responses are open", s.open)
				}
				time.Sleep(2 * time.Minute) // the reads of never return
			})
		})
	}
}

func TestALoopThatIsLeftLetsGoOfWhatIsAhead(t *testing.T) {
	s := &vault{kept: shelve(20, 2)}
	c := s.client(t)
	synctest.Test(t, func(t *testing.T) {
		for n := range 20 {
			left := n
			for _, err := range c.Archive("gate", consumer.Range{}, consumer.ArchiveOptions{Batch: 4}).Fragments(t.Context()) {
				if err != nil {
					t.Fatal(err)
				}
				if left--; left < 0 {
					break
				}
			}
			if s.open != 0 {
				t.Errorf("%d responses are open", s.open)
			}
		}
	})
}

// The next batch is asked for when the one before comes to its end, and not
// before: a loop that takes its time has one connection wait for it.
func TestTheNextBatchIsOpenedInTime(t *testing.T) {
	s := &vault{kept: shelve(24, 1)}
	c := s.client(t)
	synctest.Test(t, func(t *testing.T) {
		n := 0
		for f, err := range c.Archive("gate", consumer.Range{}, consumer.ArchiveOptions{Batch: 8}).Fragments(t.Context()) {
			if err != nil {
				t.Fatal(err)
			}
			n++
			time.Sleep(time.Second)
			s.mu.Lock()
			calls := len(s.asked)
			s.mu.Unlock()
			want := 1 + (n-1)/8
			if (n-1)%8 >= 5 && n < 17 {
				want++
			}
			if calls != want {
				t.Errorf("at fragment %s, the %d.: %d calls, want %d", f.Number, n, calls, want)
			}
		}
	})
}

func TestARefusalForGoodEndsTheLoop(t *testing.T) {
	s := &vault{kept: shelve(3, 1), answers: func(int, []int) reply { return reply{status: 404} }}
	c := s.client(t)
	synctest.Test(t, func(t *testing.T) {
		got, err := readLines(t.Context(), c.Archive("gate", consumer.Range{}, consumer.ArchiveOptions{}))
		if len(got) > 0 || millrace.CodeOf(err) != millrace.CodeNotFound || len(s.asked) != 1 {
			t.Errorf("read %q by %d calls; %v", got, len(s.asked), err)
		}
	})
}

// A server that holds strictly to its retention refuses a range of which nothing
// is kept any more. So it does with a part of one that expires while it is read.
func TestPartsThatHaveExpiredAreNoRefusal(t *testing.T) {
	s := &vault{kept: shelve(3000, 1), expired: map[int]bool{}}
	retained, refused := vaultTime(-1e6), 0
	s.refuses = func(_, to time.Time) bool {
		if to.Before(retained) {
			refused++
			return true
		}
		return false
	}
	s.answers = func(call int, ask []int) reply {
		for n := 1; call == 2 && n <= 2700; n++ {
			s.expired[n], retained = true, vaultTime(5400)
		}
		return reply{body: bytes.NewReader(s.documents(ask))}
	}
	c := s.client(t)
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(3 * time.Hour)
		var f failures
		got, err := readLines(t.Context(), c.Archive("gate", consumer.Range{}, consumer.ArchiveOptions{Events: f.events()}))
		if want := lines(slices.Concat(s.kept[:100], s.kept[2700:])...); err != nil || !slices.Equal(got, want) {
			t.Errorf("read %d fragments, want %d; told of %d; %v", len(got), len(want), len(f.failed), err)
		}
		if refused == 0 {
			t.Error("no list was refused")
		}
		_, err = readLines(t.Context(), c.Archive("gate", consumer.Range{To: vaultTime(10)}, consumer.ArchiveOptions{}))
		if millrace.CodeOf(err) != millrace.CodeInvalidArgument {
			t.Errorf("a range of the past: %v", err)
		}
	})
}

func TestRangesAreJoinedWithinASecond(t *testing.T) {
	var kept []stored
	for i, at := range []float64{0, 2, 5, 7.5, 12, 13, 20} { // each is 2 s long
		kept = append(kept, stored{n: i + 1, server: at, producer: at + 100, frames: 1, bytes: 10})
	}
	kept[6].producer = 50 // uploaded late
	for name, tc := range map[string]struct {
		span consumer.Range
		want string
	}{
		"by the server's clock":   {consumer.Range{}, "0-9.5 (4, 40) 12-15 (2, 20) 20-22 (1, 10)"},
		"by the producer's clock": {consumer.Range{Clock: consumer.ProducerClock}, "50-52 (1, 10) 100-109.5 (4, 40) 112-115 (2, 20)"},
		"in a part":               {consumer.Range{From: vaultTime(5), To: vaultTime(13)}, "5-9.5 (2, 20) 12-14 (1, 10)"},
		"of nothing":              {consumer.Range{From: vaultTime(1000)}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			s := &vault{kept: kept, page: 2, shuffled: rand.New(rand.NewPCG(1, 2))}
			c := s.client(t)
			synctest.Test(t, func(t *testing.T) {
				var got []string
				for v, err := range c.Ranges(t.Context(), "gate", tc.span) {
					if err != nil {
						t.Fatal(err)
					}
					got = append(got, fmt.Sprintf("%v-%v (%d, %d)", v.From.Sub(vaultEpoch).Seconds(), v.To.Sub(vaultEpoch).Seconds(), v.Fragments, v.Bytes))
				}
				if strings.Join(got, " ") != tc.want {
					t.Errorf("found %q, want %q", got, tc.want)
				}
			})
		})
	}
}

func TestRangesEndWithAnError(t *testing.T) {
	s := &vault{hang: "/listFragments"}
	c := s.client(t)
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		var last error
		for v, err := range c.Ranges(ctx, "gate", consumer.Range{}) {
			if last = err; err == nil {
				t.Errorf("found %v", v)
			}
		}
		if !errors.Is(last, context.DeadlineExceeded) {
			t.Errorf("error %v", last)
		}
	})
}
