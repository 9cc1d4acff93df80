package server_test

import (
	"bufio"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/millrace/millrace/internal/config"
)

// scrape reads the metrics as Prometheus would. Those with labels are left out.
func (r *rig) scrape() map[string]float64 {
	r.t.Helper()
	resp, err := http.Get("http://" + r.address() + "/metrics")
	if err != nil {
		r.t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		r.t.Fatalf("GET /metrics: %s", resp.Status)
	}
	values := map[string]float64{}
	for lines := bufio.NewScanner(resp.Body); lines.Scan(); {
		name, value, _ := strings.Cut(lines.Text(), " ")
		if v, err := strconv.ParseFloat(value, 64); err == nil {
			values[name] = v
		}
	}
	return values
}

func TestMetricsTellWhatBecameDurable(t *testing.T) {
	r := start(t, nil, nil)
	r.create("very-secret-stream", 24)
	p := r.put("very-secret-stream", nil)
	p.mustSend(slices.Concat(header(1), cluster(1000, block(1, 0, "a")), cluster(2000, block(1, 0, "b")), endOfFragment()))
	p.end()
	p.rest()
	m := r.scrape()
	for name, want := range map[string]float64{
		"millrace_store_fragments_committed_total": 2,
		"millrace_store_live_fragments":            2,
		"millrace_store_packs":                     1,
		"millrace_store_fragments_failed_total":    0,
		"millrace_store_damages_total":             0,
	} {
		if got, there := m[name]; !there || got != want {
			t.Errorf("%s is %v, want %v", name, got, want)
		}
	}
	for name := range m {
		if strings.Contains(name, "secret") {
			t.Errorf("a stream is told of: %s", name)
		}
	}
}

func TestMetricsTellOfTheRoomBeforeAnythingIsKept(t *testing.T) {
	m := start(t, nil, func(c *config.Server) { c.Capacity = 200 << 20 }).scrape()
	if capacity, left := m["millrace_store_capacity_bytes"], m["millrace_store_left_bytes"]; capacity == 0 || left <= 0 || left > capacity {
		t.Errorf("there is room for %v of %v bytes", left, capacity)
	}
	if m["millrace_store_used_bytes"] == 0 {
		t.Error("the databases take no room")
	}
}
