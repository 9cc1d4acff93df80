package server

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/config"
)

func streamNamed(name string, id uint64) millrace.Stream {
	return millrace.Stream{Name: millrace.StreamName(name), Key: millrace.StreamKey{ID: id, Generation: 1}}
}

func TestStreamsAboveTheBoundAreCountedTogether(t *testing.T) {
	m := newStreamMeters()
	for i := range maxStreamMeters + 50 {
		m.of(streamNamed(fmt.Sprint("cam", i), uint64(i+1))).putRequests.Add(1)
	}
	all := m.all()
	if len(all) != maxStreamMeters+1 || all[otherStreams].putRequests.Load() != 50 {
		t.Errorf("%d labels, and %d calls of other streams", len(all), all[otherStreams].putRequests.Load())
	}
	m.drop(streamNamed("cam3", 4))
	if m.of(streamNamed("late", 9999)) == &m.other {
		t.Error("the place of a deleted stream is not given to another")
	}
}

func TestAStreamOfTheSameNameStartsAnew(t *testing.T) {
	m := newStreamMeters()
	before, after := streamNamed("cam", 1), streamNamed("cam", 2)
	m.of(before).putRequests.Add(1)
	m.of(after).putRequests.Add(7)
	m.drop(before) // which comes late
	if got := m.of(after).putRequests.Load(); got != 7 {
		t.Errorf("%d calls, want 7", got)
	}
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(m)
	if _, err := registry.Gather(); err != nil {
		t.Error(err)
	}
}

func TestEveryMetricIsDocumented(t *testing.T) {
	page, err := os.ReadFile("../../docs/reference/metrics.md")
	if err != nil {
		t.Fatal(err)
	}
	var documented []string
	for _, match := range regexp.MustCompile("(?m)^\\| `(millrace_[a-z0-9_]+)").FindAllStringSubmatch(string(page), -1) {
		documented = append(documented, match[1])
	}
	slices.Sort(documented)
	if got := registered(t); !slices.Equal(got, documented) {
		for _, name := range got {
			if !slices.Contains(documented, name) {
				t.Errorf("%s is not documented", name)
			}
		}
		for _, name := range documented {
			if !slices.Contains(got, name) {
				t.Errorf("%s is documented, and is not there", name)
			}
		}
		t.Errorf("%d metrics, and %d documented", len(got), len(documented))
	}
}

// registered are the names of all metrics of a server.
func registered(t *testing.T) []string {
	t.Helper()
	names := map[string]bool{}
	descs := make(chan *prometheus.Desc)
	registry := everyMetric(t)
	go func() { registry.Describe(descs); close(descs) }()
	for d := range descs {
		name := regexp.MustCompile(`fqName: "([^"]+)"`).FindStringSubmatch(d.String())[1]
		if strings.HasPrefix(name, "millrace_") {
			names[name] = true
		}
	}
	var list []string
	for name := range names {
		list = append(list, name)
	}
	slices.Sort(list)
	return list
}

// everyMetric is the registry of a server that runs.
func everyMetric(t *testing.T) *prometheus.Registry {
	t.Helper()
	cfg := config.Default(config.ProfileDefault)
	cfg.Data, cfg.Listen, cfg.TLSAuto = t.TempDir(), "127.0.0.1:0", true
	s, err := Start(t.Context(), cfg, Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s.state.metrics.registry
}
