package server_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/millrace/millrace/internal/config"
	"github.com/millrace/millrace/internal/server"
)

// selecting are the members of a list of a range.
func selecting(clock string, from, to any) map[string]any {
	return map[string]any{"FragmentSelector": map[string]any{
		"FragmentSelectorType": clock, "TimestampRange": map[string]any{"StartTimestamp": from, "EndTimestamp": to},
	}}
}

// everyFragment is a range that has everything.
func everyFragment(clock string) map[string]any { return selecting(clock, 0, json.Number("2e11")) }

// A listing is an answer of ListFragments.
type listing struct {
	numbers   []string
	fragments []map[string]any
	token     string
}

// list asks for fragments of a stream, with members as they are given.
func (r *rig) list(name string, members map[string]any) listing {
	r.t.Helper()
	in := maps.Clone(members)
	in["StreamName"] = name
	status, out := r.call("/listFragments", in)
	if status != http.StatusOK {
		r.t.Fatalf("list fragments: %d %v", status, out)
	}
	list, ok := out["Fragments"].([]any)
	if !ok {
		r.t.Fatalf("there is no list: %v", out)
	}
	var l listing
	for _, f := range list {
		f := f.(map[string]any)
		l.fragments, l.numbers = append(l.fragments, f), append(l.numbers, f["FragmentNumber"].(string))
	}
	l.token, _ = out["NextToken"].(string)
	if _, there := out["NextToken"]; there != (l.token != "") || len(out) > 2 {
		r.t.Fatalf("answered %v", out)
	}
	return l
}

// of are the numbers of some fragments of a timetable.
func (m *timetable) of(indexes ...int) (numbers []string) {
	for _, i := range indexes {
		numbers = append(numbers, m.numbers[i])
	}
	return numbers
}

// Fragments of a timetable come at 0, 10, 20, 30 and 50 s and were made at 10, 20,
// 30, 20 and 15 s.
func TestListFragmentsSelectsByEitherClock(t *testing.T) {
	m := newTimetable(t, 24, nil)
	const byServer, byProducer = "SERVER_TIMESTAMP", "PRODUCER_TIMESTAMP"
	for name, tc := range map[string]struct {
		clock    string
		from, to any
		want     []string
	}{
		"everything by the server's clock":              {byServer, 0, json.Number("2e11"), m.of(0, 1, 2, 3, 4)},
		"everything by the producer's clock":            {byProducer, 0, json.Number("2e11"), m.of(0, 4, 1, 3, 2)},
		"both bounds belong":                            {byServer, m.at(10_000), m.at(30_000), m.of(1, 2, 3)},
		"both bounds belong, by the producer's clock":   {byProducer, 15, 20, m.of(4, 1, 3)},
		"a millisecond inside of both":                  {byServer, m.at(10_001), m.at(29_999), m.of(2)},
		"a millisecond inside, by the producer's clock": {byProducer, json.Number("15.001"), json.Number("19.999"), nil},
		"one moment":                               {byServer, m.at(20_000), m.at(20_000), m.of(2)},
		"one moment, by the producer's clock":      {byProducer, 20, 20, m.of(1, 3)},
		"what is under way at the start is not in": {byServer, m.at(10_500), m.at(20_000), m.of(2)},
		"between fragments":                        {byServer, m.at(40_000), m.at(45_000), nil},
		"before all":                               {byServer, 0, m.at(-1000), nil},
		"in the future":                            {byServer, m.at(3_600_000), m.at(7_200_000), nil},
		"before there were clocks":                 {byProducer, -20, -10, nil},
		"at the beginning of time":                 {byProducer, "0001-01-01T00:00:00Z", "0001-01-01T00:00:00Z", nil},
		"half a millisecond counts up":             {byProducer, json.Number("15.0004"), json.Number("19.9996"), m.of(4, 1, 3)},
		"with an exponent":                         {byProducer, json.Number("1.5E1"), json.Number("2e1"), m.of(4, 1, 3)},
		"as ISO 8601":                              {byProducer, "1970-01-01T00:00:15Z", "1970-01-01T00:00:20Z", m.of(4, 1, 3)},
		"as text":                                  {byProducer, "15", "20.000", m.of(4, 1, 3)},
	} {
		t.Run(name, func(t *testing.T) {
			got := m.list(m.stream, selecting(tc.clock, tc.from, tc.to))
			if !slices.Equal(got.numbers, tc.want) || got.token != "" {
				t.Errorf("found %v, want %v; token %q", got.numbers, tc.want, got.token)
			}
		})
	}
}

func TestListFragmentsTellsOfEachFragment(t *testing.T) {
	m := newTimetable(t, 24, nil)
	f := m.list(m.stream, selecting("SERVER_TIMESTAMP", m.at(10_000), m.at(10_000))).fragments[0]
	size := f["FragmentSizeInBytes"].(float64)
	for name, want := range map[string]any{
		"FragmentNumber": m.numbers[1], "FragmentLengthInMilliseconds": 1000.0, "ProducerTimestamp": 20.0,
		"ServerTimestamp": float64(m.base.Unix() + 10), "FragmentSizeInBytes": size,
	} {
		if f[name] != want {
			t.Errorf("%s is %v, want %v", name, f[name], want)
		}
	}
	media := int64(len(cluster(20_000, block(1, 0, "a"), block(1, 500, "b"))))
	if len(f) != 5 || int64(size) < media || int64(size) > media+100 {
		t.Errorf("%v, of %d bytes", f, media)
	}
}

// A page holds 100 fragments where nobody says how many, and never a token that
// leads to nothing.
func TestListFragmentsGoesOnByTokens(t *testing.T) {
	m := newTimetable(t, 24, nil)
	for _, clock := range []string{"SERVER_TIMESTAMP", "PRODUCER_TIMESTAMP"} {
		whole := m.list(m.stream, everyFragment(clock)).numbers
		for most := 1; most <= 6; most++ {
			for _, along := range []bool{false, true} {
				in := everyFragment(clock)
				in["MaxResults"] = most
				got, pages := []string(nil), 0
				for {
					page := m.list(m.stream, in)
					got, pages = append(got, page.numbers...), pages+1
					if page.token == "" {
						break
					}
					if len(page.numbers) != most {
						t.Errorf("a page of %d has %d", most, len(page.numbers))
					}
					in["NextToken"] = page.token
					if !along { // paginators send the selector again
						delete(in, "FragmentSelector")
					}
				}
				if !slices.Equal(got, whole) || pages != (len(whole)+most-1)/most {
					t.Errorf("%s, %d a page: %v in %d pages, want %v", clock, most, got, pages, whole)
				}
			}
		}
	}
}

// The token says what the list is of; a selector that is sent along is passed
// over, whatever it says.
func TestATokenOfListFragmentsWinsOverASelector(t *testing.T) {
	m := newTimetable(t, 24, nil)
	in := selecting("PRODUCER_TIMESTAMP", 12, 25)
	in["MaxResults"] = 1
	token := m.list(m.stream, in).token
	other := selecting("SERVER_TIMESTAMP", m.at(0), m.at(0))
	other["NextToken"] = token
	if got := m.list(m.stream, other).numbers; !slices.Equal(got, m.of(1, 3)) {
		t.Errorf("found %v, want %v", got, m.of(1, 3))
	}
}

func TestATokenOfListFragmentsIsGoodForItsStreamAlone(t *testing.T) {
	m := newTimetable(t, 24, nil)
	m.create("other", 24)
	in := everyFragment("SERVER_TIMESTAMP")
	in["MaxResults"] = 2
	token := m.list(m.stream, in).token
	raw, err := base64.StdEncoding.DecodeString(token)
	if err != nil || len(token) > 4096 {
		t.Fatalf("%q: %v", token, err)
	}
	spoilt := slices.Clone(raw)
	spoilt[len(spoilt)-1] ^= 1
	_, streams := m.call("/listStreams", map[string]any{"MaxResults": 1})
	for name, tc := range map[string]struct{ stream, token string }{
		"another stream":        {"other", token},
		"forged":                {m.stream, base64.StdEncoding.EncodeToString(spoilt)},
		"truncated":             {m.stream, token[:len(token)/2/4*4]},
		"of another list":       {m.stream, streams["NextToken"].(string)},
		"no base64":             {m.stream, "!!!!"},
		"in another alphabet":   {m.stream, "_-_-"},
		"too long":              {m.stream, strings.Repeat("A", 4100)},
		"nothing but a version": {m.stream, base64.StdEncoding.EncodeToString([]byte{1})},
	} {
		a := m.asked("/listFragments", map[string]any{"StreamName": tc.stream, "NextToken": tc.token})
		if a.status != http.StatusBadRequest || a.kind != "InvalidArgumentException" {
			t.Errorf("%s: %+v", name, a)
		}
	}
	m.restart()
	if got := m.list(m.stream, map[string]any{"NextToken": token}).numbers; !slices.Equal(got, m.of(2, 3, 4)) {
		t.Errorf("after a restart: %v", got)
	}
	if status, out := m.call("/deleteStream", map[string]any{"StreamARN": m.arn(m.stream)}); status != http.StatusOK {
		t.Fatal(status, out)
	}
	for m.asked("/createStream", map[string]any{"StreamName": m.stream, "DataRetentionInHours": 24}).status != http.StatusOK {
		continue // the deletion is completed behind its answer; the test's own timeout bounds this
	}
	if a := m.asked("/listFragments", map[string]any{"StreamName": m.stream, "NextToken": token}); a.kind != "InvalidArgumentException" {
		t.Errorf("of a later stream of the name: %+v", a)
	}
}

func TestAStreamThatKeepsNothingHasAnEmptyList(t *testing.T) {
	m := newTimetable(t, 0, nil)
	if got := m.list(m.stream, everyFragment("SERVER_TIMESTAMP")); len(got.numbers) != 0 || got.token != "" {
		t.Errorf("found %v", got)
	}
}

// What has expired, and what was deleted, is not listed any more, also not on a
// page that a token of before asks for.
func TestWhatHasGoneIsNotListed(t *testing.T) {
	m := newTimetable(t, 1, nil)
	in := everyFragment("SERVER_TIMESTAMP")
	in["MaxResults"] = 1
	token := m.list(m.stream, in).token
	m.deleteMedia(m.stream, 30, 31)
	m.ahead.Store(3_615_000)
	if got := m.list(m.stream, map[string]any{"NextToken": token}).numbers; !slices.Equal(got, m.of(3, 4)) {
		t.Errorf("found %v, want %v", got, m.of(3, 4))
	}
}

// After PERSISTED a fragment is listed at once.
func TestWhatIsPersistedIsListed(t *testing.T) {
	r := start(t, nil, nil)
	r.create("cam", 24)
	p := r.put("cam", nil)
	p.mustSend(header(1))
	var want []string
	for i := range 50 {
		at := uint64(i+1) * 1000
		p.mustSend(slices.Concat(cluster(at, block(1, 0, "a")), endOfFragment()))
		want = append(want, p.want(fmt.Sprint("BUFFERING ", at)).FragmentNumber)
		p.want(fmt.Sprint("RECEIVED ", at), fmt.Sprint("PERSISTED ", at))
		if got := r.list("cam", everyFragment("PRODUCER_TIMESTAMP")).numbers; !slices.Equal(got, want) {
			t.Fatalf("after %d: %d are listed", i+1, len(got))
		}
	}
	p.end()
}

// With the profile of the service a range that ended before anything that may be
// kept is refused, in its words; otherwise it is empty.
func TestARangeOutsideOfTheRetention(t *testing.T) {
	clock := newFrozen()
	for _, strict := range []bool{false, true} {
		r := startWith(t, server.Options{Now: clock.now}, func(c *config.Server) { c.StrictRanges = strict })
		r.create("cam", 1)
		edge := clock.now().UnixMilli() - 3_600_000
		for ms, refused := range map[int64]bool{edge - 1000: strict, edge + 1000: false, 0: strict} {
			in := selecting("SERVER_TIMESTAMP", 0, json.Number(fmt.Sprintf("%d.%03d", ms/1000, ms%1000)))
			in["StreamName"] = "cam"
			want := refusal{status: http.StatusOK}
			if refused {
				want = refusal{http.StatusBadRequest, "InvalidArgumentException", fmt.Sprintf("End timestamp %d is outside of the stream retention period.", ms)}
			}
			if a := r.asked("/listFragments", in); a != want {
				t.Errorf("strict %t, %d ms: %+v, want %+v", strict, ms-edge, a, want)
			}
		}
	}
}

func TestAListThatIsNoneIsRefused(t *testing.T) {
	r := start(t, nil, nil)
	r.create("cam", 24)
	with := func(more ...map[string]any) map[string]any {
		in := map[string]any{"StreamName": "cam"}
		for _, m := range more {
			maps.Copy(in, m)
		}
		return in
	}
	for name, tc := range map[string]struct {
		in   map[string]any
		text string // in the message
	}{
		"neither selector nor token":  {with(), "'fragmentSelector'"},
		"no clock":                    {with(map[string]any{"FragmentSelector": map[string]any{"TimestampRange": map[string]any{"StartTimestamp": 1, "EndTimestamp": 2}}}), "fragmentSelectorType"},
		"no range":                    {with(map[string]any{"FragmentSelector": map[string]any{"FragmentSelectorType": "SERVER_TIMESTAMP"}}), "timestampRange"},
		"the end before the start":    {with(selecting("SERVER_TIMESTAMP", 2, 1)), "not be earlier"},
		"by one millisecond":          {with(selecting("SERVER_TIMESTAMP", json.Number("1.001"), 1)), "not be earlier"},
		"in milliseconds":             {with(selecting("SERVER_TIMESTAMP", 0, json.Number("1646055362163"))), "timestamps are in seconds"},
		"a page of none":              {with(everyFragment("SERVER_TIMESTAMP"), map[string]any{"MaxResults": 0}), "'maxResults'"},
		"a page of too many":          {with(everyFragment("SERVER_TIMESTAMP"), map[string]any{"MaxResults": 1001}), "'maxResults'"},
		"a name and an ARN of others": {with(everyFragment("SERVER_TIMESTAMP"), map[string]any{"StreamARN": "arn:aws:kinesisvideo:us-west-2:000000000000:stream/door/1700000000000"}), "streamName"},
	} {
		if a := r.asked("/listFragments", tc.in); a.status != http.StatusBadRequest || a.kind != "InvalidArgumentException" || !strings.Contains(a.text, tc.text) {
			t.Errorf("%s: %+v", name, a)
		}
	}
}
