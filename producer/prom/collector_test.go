package prom_test

import (
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	"go.uber.org/goleak"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/media"
	"github.com/millrace/millrace/producer"
	"github.com/millrace/millrace/producer/producertest"
	"github.com/millrace/millrace/producer/prom"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// sent is a stream that is over, over which so many fragments went.
func sent(t *testing.T, name millrace.StreamName, fragments int) *producer.Stream {
	t.Helper()
	server := producertest.Start(t, producertest.Millrace())
	c := &producer.Client{
		Endpoint:    server.Endpoint(),
		Credentials: millrace.StaticCredentials(millrace.Credentials{AccessKeyID: "AKID", SecretAccessKey: "secret"}),
		HTTPClient:  server.HTTPClient(),
		Dial:        server.Dial,
		Spool:       t.TempDir(),
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	s, err := c.Open(ctx, name, producer.StreamConfig{
		Tracks: []media.Track{{Number: 1, Type: media.Metadata, CodecID: "X_RADAR"}},
		Buffer: producer.BufferRules{Spool: true},
	})
	if err != nil {
		t.Fatal(err)
	}
	for i := range fragments {
		if err := s.Write(ctx, media.Frame{Track: 1, PTS: time.Duration(i+1) * time.Second, Data: []byte("sweep")}); err != nil {
			t.Fatal(err)
		}
		if err := s.EndFragment(ctx); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Write(ctx, media.Frame{Track: 9}); err == nil {
		t.Error("a frame of no track was taken")
	}
	if err := s.Close(ctx); err != nil {
		t.Fatal(err)
	}
	return s
}

// scrape asks for the metrics as Prometheus does, and returns the values by series.
func scrape(t *testing.T, c prometheus.Collector) (values map[string]float64, types map[string]string) {
	t.Helper()
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(c)
	web := httptest.NewServer(promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	defer web.Close()
	answer, err := web.Client().Get(web.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK {
		t.Fatalf("%s, %v: %s", answer.Status, err, text)
	}
	values, types = map[string]float64{}, map[string]string{}
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		if rest, ok := strings.CutPrefix(line, "# TYPE "); ok {
			name, kind, _ := strings.Cut(rest, " ")
			types[name] = kind
		}
		if strings.HasPrefix(line, "#") {
			continue
		}
		at := strings.LastIndexByte(line, ' ')
		if values[line[:at]], err = strconv.ParseFloat(line[at+1:], 64); err != nil {
			t.Fatal(err)
		}
	}
	return values, types
}

func TestAScrapeShowsWhatStatsSay(t *testing.T) {
	gate, yard := sent(t, "gate", 3), sent(t, "yard", 1)
	got, _ := scrape(t, prom.NewCollector(prom.Options{Streams: slices.Values([]*producer.Stream{gate, yard})}))
	want := map[string]float64{"millrace_producer_streams": 2, "millrace_producer_streams_left_out": 0}
	for _, s := range []*producer.Stream{gate, yard} {
		stats := s.Stats()
		if stats.Frames == 0 || stats.Refused == 0 || stats.Persisted == 0 || stats.Connections == 0 || stats.Sent == 0 {
			t.Errorf("the test shows little: %+v", stats)
		}
		for i, state := range []string{"preparing", "idle", "sending", "waiting", "over"} {
			value := 0.0
			if int(stats.State) == i {
				value = 1
			}
			want[fmt.Sprintf(`millrace_producer_state{state=%q,stream=%q}`, state, s.Name())] = value
		}
		for series, value := range map[string]float64{
			`frames_total{result="taken",%s}`:                 float64(stats.Frames),
			`frames_total{result="refused",%s}`:               float64(stats.Refused),
			`fragments_begun_total{%s}`:                       float64(stats.Begun),
			`fragments_settled_total{outcome="persisted",%s}`: float64(stats.Persisted),
			`fragments_settled_total{outcome="rejected",%s}`:  float64(stats.Rejected),
			`fragments_settled_total{outcome="dropped",%s}`:   float64(stats.Dropped),
			`fragments_settled_total{outcome="withheld",%s}`:  float64(stats.Withheld),
			`fragments_resent_total{%s}`:                      float64(stats.Resent),
			`fragments_pending{%s}`:                           float64(stats.Pending),
			`backlog_seconds{%s}`:                             stats.Backlog.Seconds(),
			`buffered_bytes{%s}`:                              float64(stats.Buffered),
			`spooled_bytes{%s}`:                               float64(stats.Spooled),
			`sent_bytes_total{%s}`:                            float64(stats.Sent),
			`connections_total{%s}`:                           float64(stats.Connections),
			`connection_failures_total{%s}`:                   float64(stats.Failures),
			`events_lost_total{%s}`:                           float64(stats.EventsLost),
		} {
			want["millrace_producer_"+fmt.Sprintf(series, fmt.Sprintf("stream=%q", s.Name()))] = value
		}
		for stage, q := range map[string]producer.Quantiles{"wire": stats.Latency.Wire, "buffering": stats.Latency.Buffering, "persisting": stats.Latency.Persisting} {
			for statistic, d := range map[string]time.Duration{"p50": q.P50, "p99": q.P99, "max": q.Max} {
				want[fmt.Sprintf(`millrace_producer_latency_seconds{stage=%q,statistic=%q,stream=%q}`, stage, statistic, s.Name())] = d.Seconds()
			}
		}
	}
	for series, value := range want {
		if v, there := got[series]; !there || v != value {
			t.Errorf("%s is %v, %v, want %v", series, v, there, value)
		}
	}
	for series := range got {
		if _, known := want[series]; !known {
			t.Errorf("%s is not known to this test", series)
		}
	}
}

func TestTheNamesArePrometheusOwn(t *testing.T) {
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(prom.NewCollector(prom.Options{Streams: slices.Values([]*producer.Stream{sent(t, "gate", 1)})}))
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	problems, err := promlint.NewWithMetricFamilies(families).Lint()
	if err != nil || len(problems) > 0 {
		t.Errorf("%v, %v", problems, err)
	}
}

func TestStreamsBeyondTheBoundAreCounted(t *testing.T) {
	gate, yard := sent(t, "gate", 1), sent(t, "yard", 1)
	got, _ := scrape(t, prom.NewCollector(prom.Options{Streams: slices.Values([]*producer.Stream{gate, yard}), MaxStreams: 1}))
	if got["millrace_producer_streams"] != 2 || got["millrace_producer_streams_left_out"] != 1 {
		t.Errorf("%v", got)
	}
	for series := range got {
		if strings.Contains(series, "yard") {
			t.Errorf("%s is there", series)
		}
	}
}

func TestANilSequenceHasNoStreams(t *testing.T) {
	got, _ := scrape(t, prom.NewCollector(prom.Options{}))
	if want := map[string]float64{"millrace_producer_streams": 0, "millrace_producer_streams_left_out": 0}; !maps.Equal(got, want) {
		t.Errorf("%v", got)
	}
}

// TestTheReferenceHasEveryMetric, with its type, and no other.
func TestTheReferenceHasEveryMetric(t *testing.T) {
	page, err := os.ReadFile("../../docs/reference/producer.md")
	if err != nil {
		t.Fatal(err)
	}
	documented := map[string]string{}
	for _, row := range regexp.MustCompile("(?m)^\\| `(millrace_producer_[a-z0-9_]+)` \\| ([a-z]+) \\|").FindAllStringSubmatch(string(page), -1) {
		documented[row[1]] = row[2]
	}
	_, types := scrape(t, prom.NewCollector(prom.Options{Streams: slices.Values([]*producer.Stream{sent(t, "gate", 1)})}))
	if !maps.Equal(documented, types) {
		t.Errorf("documented are\n%v, and there are\n%v", documented, types)
	}
}
