package server_test

import (
	"encoding/json"
	"fmt"
	"math/big"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/millrace/millrace/internal/config"
	"github.com/millrace/millrace/internal/server"
)

// A timetable is a stream whose fragments lie at known times, each a second
// long, on a server whose clock stands still but when it is moved.
type timetable struct {
	*rig
	stream  string
	hours   int
	base    time.Time
	ahead   *atomic.Int64 // of base, in milliseconds
	numbers []string
}

// stop is when a fragment came to the server, and what its producer's clock
// said, both in milliseconds.
type stop struct{ server, producer int64 }

// stops are those of a timetable: two of the same producer time, and one that
// was made earlier than those before it.
func stops() []stop {
	return []stop{{0, 10_000}, {10_000, 20_000}, {20_000, 30_000}, {30_000, 20_000}, {50_000, 15_000}}
}

func newTimetable(t *testing.T, hours int, change func(*config.Server)) *timetable {
	t.Helper()
	return newTimetableAt(t, time.Now(), hours, change)
}

// newTimetableAt is newTimetable with another time than now for its beginning.
func newTimetableAt(t *testing.T, base time.Time, hours int, change func(*config.Server)) *timetable {
	t.Helper()
	m := &timetable{stream: "cam", hours: hours, base: base.Truncate(time.Second), ahead: new(atomic.Int64)}
	boot := func() time.Duration { return time.Duration(m.ahead.Load()) * time.Millisecond }
	m.rig = startWith(t, server.Options{Now: func() time.Time { return m.base.Add(boot()) }, Boot: boot}, change)
	m.create(m.stream, hours)
	for _, s := range stops() {
		m.arrive(s)
	}
	return m
}

// arrive puts a fragment of a second in.
func (m *timetable) arrive(s stop) {
	m.t.Helper()
	m.ahead.Store(s.server)
	p := m.put(m.stream, nil)
	p.mustSend(slices.Concat(header(1), cluster(uint64(s.producer), block(1, 0, "a"), block(1, 500, "b")), endOfFragment()))
	m.numbers = append(m.numbers, p.want(fmt.Sprint("BUFFERING ", s.producer), fmt.Sprint("RECEIVED ", s.producer)).FragmentNumber)
	if m.hours > 0 {
		p.want(fmt.Sprint("PERSISTED ", s.producer))
	}
	p.end()
	p.rest()
}

// at is a time by the server's clock as a request spells it.
func (m *timetable) at(ms int64) json.Number {
	return json.Number(fmt.Sprintf("%d.%03d", m.base.Unix()+ms/1000, ms%1000))
}

// number returns the number of a fragment, and one off it.
func (m *timetable) number(i int, off int64) string {
	n, _ := new(big.Int).SetString(m.numbers[i], 10)
	return n.Add(n, big.NewInt(off)).String()
}

// wantFrom checks that a reader gets the fragments from one on, in order.
func (m *timetable) wantFrom(t *testing.T, selector map[string]any, first int) {
	t.Helper()
	g := m.get(m.stream, selector)
	defer g.close()
	for i := first; i < len(m.numbers); i++ {
		if d := g.must(); d.number() != m.numbers[i] || d.blocks != 2 {
			t.Fatalf("fragment %d is %d, %d blocks; want %d", i, slices.Index(m.numbers, d.number()), d.blocks, i)
		}
	}
}

func serverTime(at any) map[string]any {
	return map[string]any{"StartSelectorType": "SERVER_TIMESTAMP", "StartTimestamp": at}
}

func producerTime(at any) map[string]any {
	return map[string]any{"StartSelectorType": "PRODUCER_TIMESTAMP", "StartTimestamp": at}
}

func afterNumber(n any) map[string]any {
	return map[string]any{"StartSelectorType": "FRAGMENT_NUMBER", "AfterFragmentNumber": n}
}

func resume(token any) map[string]any {
	return map[string]any{"StartSelectorType": "CONTINUATION_TOKEN", "ContinuationToken": token}
}

func now() map[string]any { return map[string]any{"StartSelectorType": "NOW"} }

// selections are all ways to start in a timetable, each with the fragment that
// it starts with.
func (m *timetable) selections() map[string]struct {
	selector map[string]any
	first    int
} {
	type selection = struct {
		selector map[string]any
		first    int
	}
	n := func(i int) string { return m.numbers[i] }
	whole := m.base.Unix() + 10
	return map[string]selection{
		"the earliest": {earliest(), 0},

		"before all":                             {serverTime(m.at(-3_600_000)), 0},
		"long before all":                        {serverTime(0), 0},
		"the start of the first":                 {serverTime(m.at(0)), 0},
		"in the first":                           {serverTime(m.at(500)), 0},
		"the last millisecond of the first":      {serverTime(m.at(999)), 0},
		"the end of the first":                   {serverTime(m.at(1000)), 1},
		"between two":                            {serverTime(m.at(5000)), 1},
		"the millisecond before the second":      {serverTime(m.at(9999)), 1},
		"the start of the second":                {serverTime(m.at(10_000)), 1},
		"the start of the second, as an integer": {serverTime(whole), 1},
		"the start of the second, by exponent":   {serverTime(json.Number(fmt.Sprintf("%de-3", whole*1000))), 1},
		"the start of the second, as a string":   {serverTime(fmt.Sprint(whole)), 1},
		"the start of the second, as a date":     {serverTime(time.Unix(whole, 0).UTC().Format(time.RFC3339)), 1},
		"the start of the second, with an offset": {
			serverTime(time.Unix(whole, 0).In(time.FixedZone("", 5400)).Format(time.RFC3339)), 1,
		},
		"the last millisecond of all": {serverTime(m.at(50_999)), 4},

		"a producer's time before all":          {producerTime(0), 0},
		"a producer's start":                    {producerTime(10), 0},
		"in a producer's fragment":              {producerTime(json.Number("10.999")), 0},
		"the end of a producer's fragment":      {producerTime(json.Number("11.000")), 4},
		"in one that came late":                 {producerTime("15.5"), 4},
		"between one that came late and others": {producerTime(16), 1},
		"the first of two of the same time":     {producerTime(20), 1},
		"in both of the same time":              {producerTime(20.999), 1},
		"behind both of the same time":          {producerTime(21), 2},
		"the last by the producer's clock":      {producerTime("1970-01-01T00:00:30.999Z"), 2},

		"after no fragment":              {afterNumber("0"), 0},
		"after a foreign small number":   {afterNumber("49578734086443259037"), 0},
		"just before the first":          {afterNumber(m.number(0, -1)), 0},
		"after the first":                {afterNumber(n(0)), 1},
		"after a number that is none":    {afterNumber(m.number(0, 1)), 1},
		"just before the third":          {afterNumber(m.number(2, -1)), 2},
		"after the third, padded to 128": {afterNumber(strings.Repeat("0", 128-47) + n(2)), 3},
		"after the last but one":         {afterNumber(n(3)), 4},

		"with the first one's token":   {resume(n(0)), 1},
		"with a token that is none":    {resume(m.number(1, 1)), 2},
		"with the last but one's":      {resume(n(3)), 4},
		"with a token before all":      {resume("1"), 0},
		"with members of other kinds":  {map[string]any{"StartSelectorType": "EARLIEST", "ContinuationToken": n(3), "Other": 1}, 0},
		"with a number and a time too": {map[string]any{"StartSelectorType": "FRAGMENT_NUMBER", "AfterFragmentNumber": n(1), "StartTimestamp": 0}, 2},
	}
}

func TestEverySelectorFindsItsFragment(t *testing.T) {
	for name, tc := range map[string]struct {
		hours   int
		restart bool
	}{
		"as it came":      {24, false},
		"after a restart": {24, true},
		"in memory alone": {0, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := newTimetable(t, tc.hours, nil)
			if tc.restart {
				m.restart()
			}
			for name, s := range m.selections() {
				t.Run(name, func(t *testing.T) { m.wantFrom(t, s.selector, s.first) })
			}
		})
	}
}

func TestASelectorBeyondTheNewestWaitsForItsFragment(t *testing.T) {
	for name, tc := range map[string]struct {
		selector func(m *timetable) map[string]any
		passed   []stop // fragments that it lets pass
		found    stop
	}{
		"now": {
			func(*timetable) map[string]any { return now() },
			nil,
			stop{60_000, 100},
		},
		"after the newest": {
			func(m *timetable) map[string]any { return afterNumber(m.numbers[4]) },
			nil,
			stop{60_000, 100},
		},
		"with the newest one's token": {
			func(m *timetable) map[string]any { return resume(m.numbers[4]) },
			nil,
			stop{60_000, 100},
		},
		"the end of the newest": {
			func(m *timetable) map[string]any { return serverTime(m.at(51_000)) },
			nil,
			stop{60_000, 100},
		},
		"a time in the future": {
			func(m *timetable) map[string]any { return serverTime(m.at(100_000)) },
			[]stop{{60_000, 100}, {99_000, 200}},
			stop{100_000, 300},
		},
		"a time in the future, in the midst of a fragment": {
			func(m *timetable) map[string]any { return serverTime(m.at(100_000)) },
			[]stop{{60_000, 100}},
			stop{99_001, 300},
		},
		"a producer's time in the future": {
			func(*timetable) map[string]any { return producerTime(40) },
			[]stop{{60_000, 31_000}, {61_000, 39_000}, {62_000, 100}},
			stop{63_000, 39_001},
		},
		"a date in the future": {
			func(*timetable) map[string]any { return producerTime("1970-01-01T00:01:00+00:00") },
			[]stop{{60_000, 59_000}},
			stop{63_000, 61_000},
		},
	} {
		for _, hours := range []int{24, 0} {
			t.Run(fmt.Sprintf("%s, retention %d", name, hours), func(t *testing.T) {
				t.Parallel()
				m := newTimetable(t, hours, nil)
				g := m.get(m.stream, tc.selector(m))
				for _, s := range tc.passed {
					m.arrive(s)
				}
				m.arrive(tc.found)
				m.arrive(stop{200_000, 1})
				for _, want := range m.numbers[len(m.numbers)-2:] {
					if d := g.must(); d.number() != want {
						t.Errorf("fragment %d of %d comes", slices.Index(m.numbers, d.number()), len(m.numbers))
					}
				}
			})
		}
	}
}

func TestASelectorBeyondAllNumbersEndsWithNothing(t *testing.T) {
	m := newTimetable(t, 24, func(c *config.Server) { c.ReaderIdleTimeout = 50 * time.Millisecond })
	for name, selector := range map[string]map[string]any{
		"a foreign number of 128 digits": afterNumber(strings.Repeat("9", 128)),
		"a foreign number of 49 digits":  afterNumber("1" + strings.Repeat("0", 48)),
		"a token of 128 digits":          resume(strings.Repeat("9", 128)),
		"a time far away":                serverTime(json.Number("2e11")),
		"now":                            now(),
	} {
		t.Run(name, func(t *testing.T) {
			if docs := m.get(m.stream, selector).all(); len(docs) != 0 {
				t.Errorf("%d documents", len(docs))
			}
		})
	}
}

func TestNowBeginsWithTheFragmentThatIsArriving(t *testing.T) {
	m := newTimetable(t, 24, nil)
	m.ahead.Store(60_000)
	p := m.put(m.stream, nil)
	first := cluster(1, block(1, 0, "first"))
	p.mustSend(slices.Concat(header(1), first))
	open := p.want("BUFFERING 1")
	m.ahead.Store(70_000)
	for name, selector := range map[string]map[string]any{
		"now": now(), "by its start": serverTime(m.at(60_000)), "by a time in it": serverTime(m.at(69_999)),
		"after the one before": afterNumber(m.numbers[4]), "by its producer's start": producerTime(json.Number("0.001")),
	} {
		g := m.get(m.stream, selector)
		if n := g.until(first); n != open.FragmentNumber {
			t.Errorf("%s: %s, want %s", name, n, open.FragmentNumber)
		}
	}
}

func TestASelectorThatLacksSomethingIsRefused(t *testing.T) {
	r := start(t, nil, nil)
	r.create("cam", 24)
	body := func(selector any) map[string]any {
		return map[string]any{"StreamName": "cam", "StartSelector": selector}
	}
	for kind, list := range map[string]map[string]any{
		"InvalidArgumentException": {
			"no selector":                map[string]any{"StreamName": "cam"},
			"an empty selector":          body(map[string]any{}),
			"a type that is none":        body(map[string]any{"StartSelectorType": "YESTERDAY"}),
			"a type in lower case":       body(map[string]any{"StartSelectorType": "now"}),
			"no number":                  body(map[string]any{"StartSelectorType": "FRAGMENT_NUMBER", "ContinuationToken": "1"}),
			"an empty number":            body(afterNumber("")),
			"a number of 129 digits":     body(afterNumber(strings.Repeat("1", 129))),
			"a number below zero":        body(afterNumber("-1")),
			"a number with a letter":     body(afterNumber("12a")),
			"no token":                   body(map[string]any{"StartSelectorType": "CONTINUATION_TOKEN", "AfterFragmentNumber": "1"}),
			"a token with a letter":      body(resume("token")),
			"no server time":             body(map[string]any{"StartSelectorType": "SERVER_TIMESTAMP"}),
			"no producer time":           body(map[string]any{"StartSelectorType": "PRODUCER_TIMESTAMP", "AfterFragmentNumber": "1"}),
			"a time that is null":        body(serverTime(nil)),
			"a time beyond all":          body(producerTime(json.Number("1e300"))),
			"a time in milliseconds":     body(producerTime(json.Number("1646055362163"))),
			"no stream":                  map[string]any{"StartSelector": now()},
			"a stream name that is none": map[string]any{"StreamName": "a b", "StartSelector": now()},
		},
		"SerializationException": {
			"a selector that is text":    body("NOW"),
			"a type that is a number":    body(map[string]any{"StartSelectorType": 1}),
			"a number that is no string": body(afterNumber(12)),
			"a time that is none":        body(serverTime("yesterday")),
		},
	} {
		for name, in := range list {
			t.Run(name, func(t *testing.T) {
				resp := r.post(t.Context(), "/getMedia", in)
				defer resp.Body.Close()
				var out map[string]any
				if err := json.NewDecoder(resp.Body).Decode(&out); err != nil {
					t.Fatal(err)
				}
				got := resp.Header.Get("x-amzn-ErrorType")
				if resp.StatusCode != http.StatusBadRequest || got != kind || out["Message"] == "" {
					t.Errorf("%d %s %v, want %s", resp.StatusCode, got, out, kind)
				}
			})
		}
	}
}
