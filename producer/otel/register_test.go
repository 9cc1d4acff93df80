package otel_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.uber.org/goleak"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/media"
	"github.com/millrace/millrace/producer"
	"github.com/millrace/millrace/producer/internal/readings"
	"github.com/millrace/millrace/producer/otel"
	"github.com/millrace/millrace/producer/producertest"
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
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	s, err := c.Open(ctx, name, producer.StreamConfig{Tracks: []media.Track{{Number: 1, Type: media.Metadata, CodecID: "X_RADAR"}}})
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
	if err := s.Close(ctx); err != nil {
		t.Fatal(err)
	}
	return s
}

// point is a value with its name and attributes.
func point(name string, attributes attribute.Set) string {
	return name + "{" + attributes.Encoded(attribute.DefaultEncoder()) + "}"
}

// collect returns the values, and the metrics by name.
func collect(t *testing.T, reader metric.Reader) (map[string]float64, map[string]metricdata.Metrics) {
	t.Helper()
	var data metricdata.ResourceMetrics
	if err := reader.Collect(t.Context(), &data); err != nil {
		t.Fatal(err)
	}
	values, metrics := map[string]float64{}, map[string]metricdata.Metrics{}
	for _, scope := range data.ScopeMetrics {
		if scope.Scope.Name != otel.Scope {
			t.Errorf("scope %q", scope.Scope.Name)
		}
		for _, m := range scope.Metrics {
			metrics[m.Name] = m
			var points []metricdata.DataPoint[float64]
			switch d := m.Data.(type) {
			case metricdata.Sum[float64]:
				points = d.DataPoints
			case metricdata.Gauge[float64]:
				points = d.DataPoints
			}
			for _, p := range points {
				values[point(m.Name, p.Attributes)] = p.Value
			}
		}
	}
	return values, metrics
}

func TestACollectionShowsWhatStatsSay(t *testing.T) {
	gate, yard := sent(t, "gate", 3), sent(t, "yard", 1)
	reader := metric.NewManualReader()
	provider := metric.NewMeterProvider(metric.WithReader(reader))
	r, err := otel.Register(provider, otel.Options{Streams: slices.Values([]*producer.Stream{gate, yard})})
	if err != nil {
		t.Fatal(err)
	}
	got, metrics := collect(t, reader)

	want := map[string]float64{"millrace.producer.streams{}": 2, "millrace.producer.streams.left_out{}": 0}
	for _, s := range []*producer.Stream{gate, yard} {
		stats := s.Stats()
		for _, f := range readings.Families() {
			for _, series := range f.Series {
				attributes := []attribute.KeyValue{attribute.String("stream", s.Name().String())}
				for i, label := range f.Labels {
					attributes = append(attributes, attribute.String(label, series.Values[i]))
				}
				want[point(f.Name, attribute.NewSet(attributes...))] = series.Of(&stats)
			}
		}
	}
	for series, value := range want {
		if v, there := got[series]; !there || v != value {
			t.Errorf("%s is %v, %v, want %v", series, v, there, value)
		}
	}
	if len(got) != len(want) {
		t.Errorf("%d values, want %d", len(got), len(want))
	}
	if v := got["millrace.producer.fragments.settled{outcome=persisted,stream=gate}"]; v != 3 {
		t.Errorf("%v fragments are durable", v)
	}
	for name, kind := range map[string]string{
		"millrace.producer.sent":              "sum true By",
		"millrace.producer.buffered":          "sum false By",
		"millrace.producer.backlog":           "gauge s",
		"millrace.producer.latency":           "gauge s",
		"millrace.producer.fragments.settled": "sum true {fragment}",
	} {
		if text := kindOf(metrics[name]); text != kind {
			t.Errorf("%s is a %q, want %q", name, text, kind)
		}
	}

	if err := r.Unregister(); err != nil {
		t.Error(err)
	}
	if got, _ := collect(t, reader); len(got) != 0 {
		t.Errorf("after the end there are still %d values", len(got))
	}
	if err := provider.Shutdown(context.Background()); err != nil {
		t.Error(err)
	}
}

func kindOf(m metricdata.Metrics) string {
	switch d := m.Data.(type) {
	case metricdata.Sum[float64]:
		return fmt.Sprint("sum ", d.IsMonotonic, " ", m.Unit)
	case metricdata.Gauge[float64]:
		return "gauge " + m.Unit
	}
	return fmt.Sprintf("%T", m.Data)
}

func TestStreamsBeyondTheBoundAreCounted(t *testing.T) {
	reader := metric.NewManualReader()
	_, err := otel.Register(metric.NewMeterProvider(metric.WithReader(reader)), otel.Options{
		Streams: slices.Values([]*producer.Stream{sent(t, "gate", 1), sent(t, "yard", 1)}), MaxStreams: 1,
	})
	if err != nil {
		t.Fatal(err)
	}
	got, _ := collect(t, reader)
	if got["millrace.producer.streams{}"] != 2 || got["millrace.producer.streams.left_out{}"] != 1 {
		t.Errorf("%v", got)
	}
	for series := range got {
		if strings.Contains(series, "yard") {
			t.Errorf("%s is there", series)
		}
	}
}
