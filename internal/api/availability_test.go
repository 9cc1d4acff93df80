package api_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/api"
	"github.com/millrace/millrace/internal/playback"
	"github.com/millrace/millrace/internal/store"
)

// newSurvey is a cinema that tells when it has media.
func newSurvey(t *testing.T, strict bool) *cinema {
	t.Helper()
	return newCinema(t, func(c *api.Config, f *playback.FilesConfig) {
		c.Archive.StrictRanges = strict
		c.Availability = api.NewAvailability(f.Store.(api.Footage), c.Archive)
	})
}

// survey is an answer, its times as seconds from filmed.
type survey struct {
	StreamName, Clock string
	Whole             part
	Buckets           []part
	Intervals, Gaps   []part
	ShorterGaps       int
}

type part struct {
	StartTimestamp, EndTimestamp            float64
	CoveredInMilliseconds, Fragments, Bytes int64
	FrameRate                               float64
}

func (x *cinema) survey(t *testing.T, path string) (s survey) {
	t.Helper()
	got := x.get(t, path, nil)
	if err := json.Unmarshal([]byte(got.body), &s); got.status != 200 || err != nil {
		t.Fatalf("%d, %v: %s", got.status, err, got.body)
	}
	base := float64(filmed().Unix())
	for _, list := range [][]part{s.Buckets, s.Intervals, s.Gaps} {
		for i := range list {
			list[i].StartTimestamp, list[i].EndTimestamp = list[i].StartTimestamp-base, list[i].EndTimestamp-base
		}
	}
	s.Whole.StartTimestamp, s.Whole.EndTimestamp = s.Whole.StartTimestamp-base, s.Whole.EndTimestamp-base
	return s
}

func TestAvailability(t *testing.T) {
	x := newSurvey(t, false)
	x.seconds(4)
	x.film(headOf(t, trackOf{"A_AAC", aacPrivate}), 1, 7*time.Second)
	list, err := x.store.List(t.Context(), store.Scope{Stream: x.stream.Key}, store.Listing{})
	if err != nil || len(list) != 5 {
		t.Fatal(list, err)
	}
	size, sound := list[0].Size, list[4].Size
	got := x.survey(t, filePath("availability", 0, 10, "&buckets=2"))
	want := survey{
		StreamName: "door", Clock: "producer",
		Whole: part{0, 10, 5000, 5, 4*size + sound, 25},
		Buckets: []part{
			{0, 5, 4000, 4, 4 * size, 25},
			{5, 10, 1000, 1, sound, 0},
		},
		Intervals: []part{{StartTimestamp: 0, EndTimestamp: 4}, {StartTimestamp: 7, EndTimestamp: 8}},
		Gaps:      []part{{StartTimestamp: 4, EndTimestamp: 7}, {StartTimestamp: 8, EndTimestamp: 10}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	got = x.survey(t, filePath("availability", 0, 10, "&clock=server"))
	if got.Clock != "server" || len(got.Buckets) != 100 || got.Whole.CoveredInMilliseconds != 5200 || len(got.Gaps) != 2 {
		t.Errorf("by the server's clock: %+v, %+v", got.Whole, got.Gaps)
	}
	got = x.survey(t, filePath("availability", 100, 200, "&buckets=1"))
	if got.Whole.CoveredInMilliseconds != 0 || len(got.Intervals) != 0 || len(got.Gaps) != 1 || got.Whole.Fragments != 0 {
		t.Errorf("where nothing is: %+v", got)
	}
	x.note(func() {
		if len(x.served) != 3 || x.served[0].Operation != "GetAvailability" {
			t.Errorf("served %+v", x.served)
		}
	})
}

func TestAvailabilityIsOfWhatIsKept(t *testing.T) {
	x := newSurvey(t, false)
	head := headOf(t, trackOf{avc, avcPrivate})
	x.film(head, 1, -25*time.Hour)
	x.film(head, 1, 0)
	path := filePath("availability", -26*3600, 10, "&buckets=1")
	if got := x.survey(t, path); got.Whole.Fragments != 1 || got.Whole.CoveredInMilliseconds != 1000 {
		t.Errorf("with one that has expired: %+v", got.Whole)
	}
	r := post(t, x.handler, "/deleteStream", `{"StreamARN":"`+x.stream.ARN.String()+`"}`)
	if got := x.get(t, path, nil); r.status != 200 || got.status != 404 || got.errorType() != "ResourceNotFoundException" {
		t.Errorf("of a stream that was deleted: %d, %d %s", r.status, got.status, got.body)
	}
}

func TestAvailabilityRefuses(t *testing.T) {
	for _, tc := range []struct {
		name, query, want string
	}{
		{"no beginning", "to=5", "from"},
		{"no end", "from=5", "to"},
		{"milliseconds for seconds", "from=1700000000000&to=1700000001000", "not milliseconds"},
		{"what is no time", "from=yesterday&to=5", "Member must be a time"},
		{"a reversed range", "from=10&to=5", "later than from"},
		{"an empty range", "from=5&to=5", "later than from"},
		{"no bucket", "from=5&to=10&buckets=0", "greater than or equal to 1"},
		{"too many buckets", "from=5&to=10&buckets=1001", "less than or equal to 1000"},
		{"more than a number", "from=5&to=10&buckets=99999999999", "Member must be a number"},
		{"buckets that are no number", "from=5&to=10&buckets=many", "Member must be a number"},
		{"buckets of less than a millisecond", "from=5&to=5.009&buckets=10", "a millisecond for each bucket"},
		{"another clock", "from=5&to=10&clock=mine", "enum value set"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			x := newSurvey(t, false)
			got := x.get(t, "/millrace/v1/streams/door/availability?"+tc.query, nil)
			if got.status != 400 || got.errorType() != "InvalidArgumentException" && got.errorType() != "ValidationException" || !strings.Contains(got.body, tc.want) {
				t.Errorf("%d %s, want %q", got.status, got.body, tc.want)
			}
		})
	}
	x := newSurvey(t, true)
	got := x.get(t, filePath("availability", -30*3600, -28*3600, ""), nil)
	if got.status != 400 || !strings.Contains(got.body, "outside of the stream retention period") {
		t.Errorf("out of retention: %d %s", got.status, got.body)
	}
}

// TestAvailabilityWithoutAFrameRate: what cannot be read has none, and counts.
func TestAvailabilityWithoutAFrameRate(t *testing.T) {
	for name, change := range map[string]func(*millrace.Fragment){
		"no header":      func(f *millrace.Fragment) { f.Header = nil },
		"a header":       func(f *millrace.Fragment) { f.Header = millrace.NewHeader([]byte("what nobody sent")) },
		"no samples":     func(f *millrace.Fragment) { f.Samples = nil },
		"another tracks": func(f *millrace.Fragment) { f.Samples = []millrace.Sample{{Track: 9}} },
	} {
		t.Run(name, func(t *testing.T) {
			x := newSurvey(t, false)
			x.film(headOf(t, trackOf{avc, avcPrivate}), 1, 0, change)
			if got := x.survey(t, filePath("availability", 0, 10, "&buckets=1")); got.Whole.Fragments != 1 || got.Whole.FrameRate != 0 {
				t.Errorf("%+v", got.Whole)
			}
		})
	}
}

// broken is a store that cannot tell.
type broken struct{ api.Footage }

func (broken) Cover(context.Context, store.Scope, store.CoverQuery) (store.Coverage, error) {
	return store.Coverage{}, fmt.Errorf("index is being made again: %w", store.ErrUnavailable)
}

func TestAvailabilityWhileTheIndexIsMadeAgain(t *testing.T) {
	x := newCinema(t, func(c *api.Config, f *playback.FilesConfig) {
		c.Availability = api.NewAvailability(broken{}, c.Archive)
	})
	got := x.get(t, filePath("availability", 0, 10, ""), nil)
	if got.status != 500 && got.status != 503 {
		t.Errorf("%d %s", got.status, got.body)
	}
}
