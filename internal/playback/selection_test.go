package playback_test

import (
	"cmp"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/millrace/millrace/internal/playback"
	"github.com/millrace/millrace/internal/store"
)

const second = time.Second

// numbersOf are the sequence numbers of entries.
func numbersOf(list []store.Entry) []int {
	numbers := []int{}
	for _, e := range list {
		numbers = append(numbers, int(e.Number.Sequence()))
	}
	return numbers
}

func TestSelection(t *testing.T) {
	type fragment struct {
		server, producer float64 // seconds
	}
	at := func(s float64) time.Time { return epoch.Add(time.Duration(s*1000) * time.Millisecond) }
	live := []fragment{{100, 0}, {102, 2}, {104, 4}, {106, 6}}
	for name, tc := range map[string]struct {
		there    []fragment // numbered from 1
		clock    store.Clock
		from, to float64
		limit    int
		want     []int
	}{
		"both bounds are in the range":                        {live, store.ProducerClock, 2, 4, 0, []int{2, 3}},
		"both bounds are in the range on the server's clock":  {live, store.ServerClock, 102, 104, 0, []int{2, 3}},
		"a fragment that is under way at the start is not in": {live, store.ProducerClock, 2.001, 6, 0, []int{3, 4}},
		"one that runs past the end is in":                    {live, store.ProducerClock, 0, 2.001, 0, []int{1, 2}},
		"of too many the oldest are taken":                    {live, store.ProducerClock, 0, 9, 2, []int{1, 2}},
		"nothing in the range":                                {live, store.ProducerClock, 7, 9, 0, []int{}},
		"of equal producer times the greatest number stays":   {[]fragment{{100, 0}, {101, 2}, {102, 2}, {104, 4}}, store.ProducerClock, 0, 9, 0, []int{1, 3, 4}},
		"also where the limit ends behind it":                 {[]fragment{{100, 0}, {101, 2}, {102, 2}, {104, 4}}, store.ProducerClock, 0, 9, 2, []int{1, 3}},
		"equal producer times both stay on the server's clock": {
			[]fragment{{100, 0}, {101, 2}, {102, 2}}, store.ServerClock, 100, 102, 0, []int{1, 2, 3},
		},
		"overlapping durations both stay":            {[]fragment{{100, 0}, {101, 0.5}}, store.ProducerClock, 0, 9, 0, []int{1, 2}},
		"what came out of order is put in order":     {[]fragment{{100, 4}, {101, 0}, {102, 2}}, store.ProducerClock, 0, 9, 0, []int{2, 3, 1}},
		"a range sent again later is passed over":    {[]fragment{{100, 0}, {102, 2}, {1000, 0}, {1002, 2}}, store.ProducerClock, 0, 9, 0, []int{1, 2}},
		"also what comes later of what is new in it": {[]fragment{{100, 0}, {102, 2}, {1000, 0}, {1002, 4}}, store.ProducerClock, 0, 9, 0, []int{1, 2}},
		"a range sent again at once replaces":        {[]fragment{{100, 0}, {102, 2}, {103, 0}, {105, 2}}, store.ProducerClock, 0, 9, 0, []int{3, 4}},
		"a pause of a minute ends nothing":           {[]fragment{{100, 0}, {102, 2}, {162, 2}}, store.ProducerClock, 0, 9, 0, []int{1, 3}},
		"a pause of more does":                       {[]fragment{{100, 0}, {102, 2}, {162.001, 2}}, store.ProducerClock, 0, 9, 0, []int{1, 2}},
		"a pause alone ends nothing":                 {[]fragment{{100, 0}, {1000, 2}}, store.ProducerClock, 0, 9, 0, []int{1, 2}},
		"what was sent first counts, not what starts first": {
			[]fragment{{100, 5}, {102, 7}, {1000, 0}, {1002, 2}}, store.ProducerClock, 0, 9, 0, []int{1, 2},
		},
		"a long pause within a slow collection is none": {
			[]fragment{{100, 50}, {101, 0}, {301, 30}}, store.ProducerClock, 0, 99, 0, []int{2, 3, 1},
		},
		"nor is one of ten times what the media went on": {
			[]fragment{{100, 50}, {101, 0}, {401, 30}}, store.ProducerClock, 0, 99, 0, []int{2, 3, 1},
		},
		"one of more is": {
			[]fragment{{100, 50}, {101, 0}, {401.001, 30}}, store.ProducerClock, 0, 99, 0, []int{2, 1},
		},
	} {
		t.Run(name, func(t *testing.T) {
			var s shelf
			for i, f := range tc.there {
				s.add(uint64(i+1), at(f.server).Sub(epoch), at(f.producer).Sub(epoch), 2*second)
			}
			got, err := playback.Select(t.Context(), &s, store.Scope{}, playback.Selection{Clock: tc.clock, From: at(tc.from), To: at(tc.to), Limit: tc.limit})
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(numbersOf(got), tc.want) {
				t.Errorf("got %v, want %v", numbersOf(got), tc.want)
			}
		})
	}
}

// modelSelect is 1.6 word for word, over all entries at once.
func modelSelect(entries []store.Entry, sel playback.Selection) []store.Entry {
	var in []store.Entry
	for _, e := range entries {
		at := e.ServerTime()
		if sel.Clock == store.ProducerClock {
			at = e.ProducerTime
		}
		if !at.Before(sel.From) && (sel.To.IsZero() || !at.After(sel.To)) {
			in = append(in, e)
		}
	}
	slices.SortFunc(in, func(a, b store.Entry) int { return a.Number.Compare(b.Number) })
	if sel.Clock == store.ProducerClock {
		var taken []store.Entry
		largest := time.Time{}
		for i, e := range in {
			if i > 0 {
				gap := e.ServerTime().Sub(in[i-1].ServerTime())
				advance := e.ProducerTime.Sub(in[i-1].ProducerTime)
				if gap > max(time.Minute, 10*advance) && !e.ProducerTime.After(largest) {
					break
				}
			}
			if e.ProducerTime.After(largest) {
				largest = e.ProducerTime
			}
			taken = slices.DeleteFunc(taken, func(o store.Entry) bool { return o.ProducerTime.Equal(e.ProducerTime) })
			taken = append(taken, e)
		}
		in = taken
		slices.SortFunc(in, func(a, b store.Entry) int { return cmp.Compare(a.ProducerTime.UnixMilli(), b.ProducerTime.UnixMilli()) })
	}
	if sel.Limit > 0 && len(in) > sel.Limit {
		in = in[:sel.Limit]
	}
	return in
}

// drawStream adds fragments whose clocks jump to s.
func drawStream(t *rapid.T, s *shelf, from uint64, n int, server, producer *time.Duration) {
	for i := range n {
		*server += rapid.SampledFrom([]time.Duration{0, 1, second, 2 * second, 59 * second, time.Minute, 61 * second, time.Hour}).Draw(t, "server")
		*server = server.Truncate(time.Millisecond)
		*producer += rapid.SampledFrom([]time.Duration{0, second, 2 * second, 2 * second, 10 * second, -second, -4 * second, -time.Minute}).Draw(t, "producer")
		s.add(from+uint64(i), *server, *producer, 2*second)
	}
}

func TestSelectionAgreesWithItsModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var s shelf
		server, producer := time.Hour, time.Hour
		drawStream(t, &s, 1, rapid.IntRange(0, 40).Draw(t, "n"), &server, &producer)
		sel := playback.Selection{
			Clock: rapid.SampledFrom([]store.Clock{store.ServerClock, store.ProducerClock}).Draw(t, "clock"),
			From:  epoch.Add(time.Duration(rapid.IntRange(3000, 3700).Draw(t, "from")) * second),
			Limit: rapid.IntRange(0, 10).Draw(t, "limit"),
		}
		if rapid.Bool().Draw(t, "ends") {
			sel.To = sel.From.Add(time.Duration(rapid.IntRange(0, 300).Draw(t, "to")) * second)
		}
		got, err := playback.Select(t.Context(), &s, store.Scope{}, sel)
		if err != nil {
			t.Fatal(err)
		}
		if want := modelSelect(s.entries, sel); !slices.Equal(numbersOf(got), numbersOf(want)) {
			t.Fatalf("got %v, want %v", numbersOf(got), numbersOf(want))
		}
	})
}

// A stream that grows is picked up where a Picker has stopped: what comes then is
// what one that begins now finds behind that.
func TestAPickerGoesOn(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var s shelf
		server, producer := time.Hour, time.Hour
		sel := playback.Selection{Clock: rapid.SampledFrom([]store.Clock{store.ServerClock, store.ProducerClock}).Draw(t, "clock"), From: epoch.Add(3590 * second)}
		p := playback.NewPicker(&s, sel)
		var last store.Entry
		for next := uint64(1); next < 30; {
			n := rapid.IntRange(0, 8).Draw(t, "n")
			drawStream(t, &s, next, n, &server, &producer)
			next += uint64(n) + 1
			limit := rapid.IntRange(0, 6).Draw(t, "limit")
			got, err := p.Next(t.Context(), store.Scope{}, limit)
			if err != nil {
				t.Fatal(err)
			}
			var want []store.Entry
			for _, e := range modelSelect(s.entries, sel) {
				behind := last.Number.IsZero() || e.Number.Compare(last.Number) > 0
				if sel.Clock == store.ProducerClock {
					behind = last.Number.IsZero() || e.ProducerTime.After(last.ProducerTime)
				}
				if behind && (limit == 0 || len(want) < limit) {
					want = append(want, e)
				}
			}
			if !slices.Equal(numbersOf(got), numbersOf(want)) {
				t.Fatalf("behind %v: got %v, want %v", last.Number.Sequence(), numbersOf(got), numbersOf(want))
			}
			if len(got) > 0 {
				last = got[len(got)-1]
			}
		}
	})
}

func TestLivePlaybackBeginsWithTheNewest(t *testing.T) {
	for name, tc := range map[string]struct {
		server, producer []float64
		clock            store.Clock
		now              float64
		n                int
		want             []int
	}{
		"the newest so many":                                      {[]float64{0, 2, 4, 6, 8}, nil, store.ServerClock, 10, 3, []int{3, 4, 5}},
		"fewer if there are no more":                              {[]float64{6, 8}, nil, store.ServerClock, 10, 3, []int{1, 2}},
		"one of thirty seconds is live":                           {[]float64{0}, nil, store.ServerClock, 30, 3, []int{1}},
		"an older one is not":                                     {[]float64{0}, nil, store.ServerClock, 30.001, 3, []int{}},
		"what lies behind a pause is not in":                      {[]float64{0, 2, 600, 602}, nil, store.ServerClock, 604, 5, []int{3, 4}},
		"a short pause is":                                        {[]float64{0, 2, 30, 32}, nil, store.ServerClock, 34, 5, []int{1, 2, 3, 4}},
		"the server's clock orders them":                          {[]float64{0, 2, 4}, []float64{4, 2, 0}, store.ProducerClock, 5, 5, []int{1, 2, 3}},
		"of equal producer times one is left":                     {[]float64{0, 2, 4}, []float64{0, 2, 2}, store.ProducerClock, 5, 5, []int{1, 3}},
		"of equal producer times both stay on the server's clock": {[]float64{0, 2}, []float64{0, 0}, store.ServerClock, 5, 5, []int{1, 2}},
	} {
		t.Run(name, func(t *testing.T) {
			var s shelf
			ms := func(v float64) time.Duration { return time.Duration(v*1000) * time.Millisecond }
			for i, at := range tc.server {
				producer := at
				if tc.producer != nil {
					producer = tc.producer[i]
				}
				s.add(uint64(i+1), ms(at), ms(producer), 2*second)
			}
			got, err := playback.Newest(t.Context(), &s, store.Scope{}, tc.clock, epoch.Add(ms(tc.now)), tc.n)
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(numbersOf(got), tc.want) {
				t.Errorf("got %v, want %v", numbersOf(got), tc.want)
			}
		})
	}
}

// A month of a stream is not looked through for a page of a range.
func TestASelectionLooksAtItsRangeAlone(t *testing.T) {
	var s shelf
	for i := range 20_000 {
		at := time.Duration(i) * 2 * second
		s.add(uint64(i+1), at, at, 2*second)
	}
	sel := playback.Selection{Clock: store.ProducerClock, From: epoch.Add(1000 * second), To: epoch.Add(3000 * second), Limit: 10}
	if list, err := playback.Select(t.Context(), &s, store.Scope{}, sel); err != nil || len(list) != 10 {
		t.Fatalf("%d fragments, %v", len(list), err)
	}
	if s.asked > 1001+11 {
		t.Errorf("for 10 of 1001 fragments %d were looked at", s.asked)
	}
}

// A selection of long ago goes on without a look at all that came since.
func TestAPickerLooksAtWhatIsNewAlone(t *testing.T) {
	for _, clock := range []store.Clock{store.ServerClock, store.ProducerClock} {
		var s shelf
		for i := range 20_000 {
			at := time.Duration(i) * 2 * second
			s.add(uint64(i+1), at, at, 2*second)
		}
		p := playback.NewPicker(&s, playback.Selection{Clock: clock, From: epoch.Add(1000 * second), To: epoch.Add(3000 * second)})
		if list, err := p.Next(t.Context(), store.Scope{}, 10); err != nil || len(list) != 10 {
			t.Fatalf("%d fragments, %v", len(list), err)
		}
		s.asked = 0
		if list, err := p.Next(t.Context(), store.Scope{}, 10); err != nil || len(list) != 10 {
			t.Fatalf("%d fragments, %v", len(list), err)
		}
		if s.asked > 20 {
			t.Errorf("clock %d: for 10 more fragments %d were looked at", clock, s.asked)
		}
	}
}
