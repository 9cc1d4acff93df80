//go:build interop

package interop

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// A monitor is a Prometheus that scrapes the server under test, configured as
// deploy/ has it.
type monitor struct {
	url string
}

// deployed copies a file of deploy/ into dir, with some of its text replaced,
// all of which must be there.
func deployed(t *testing.T, dir, name string, replace ...string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("../deploy", name))
	must(t, err)
	for i := 0; i < len(replace); i += 2 {
		if !strings.Contains(string(text), replace[i]) {
			t.Fatalf("%s has no %q", name, replace[i])
		}
		text = []byte(strings.ReplaceAll(string(text), replace[i], replace[i+1]))
	}
	path := filepath.Join(dir, filepath.Base(name))
	must(t, os.WriteFile(path, text, 0o600))
	return path
}

// startPrometheus runs a Prometheus with the example configuration until the
// test ends.
func startPrometheus(t *testing.T) monitor {
	t.Helper()
	prometheus, promtool, dir := need(t, "prometheus"), need(t, "promtool"), t.TempDir()
	replace := []string{"scrape_interval: 15s", "scrape_interval: 1s", "127.0.0.1:8080", shared.address, "AKIAEXAMPLE", accessKey}
	if shared.ca != "" {
		replace = append(replace, "scheme: http #", "scheme: https\n    tls_config: {ca_file: \""+shared.ca+"\"} #")
	}
	config := deployed(t, dir, "prometheus/prometheus.yml", replace...)
	deployed(t, dir, "prometheus/millrace.rules.yml")
	must(t, os.WriteFile(filepath.Join(dir, "millrace.secret"), []byte(secretKey+"\n"), 0o600))
	shared.output(t, promtool, "check", "config", config)
	address, err := freeAddress()
	must(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, prometheus, "--config.file="+config, "--storage.tsdb.path="+filepath.Join(dir, "data"), "--web.listen-address="+address)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 10 * time.Second
	var log syncBuffer
	cmd.Stdout, cmd.Stderr = &log, &log
	must(t, cmd.Start())
	t.Cleanup(func() {
		cancel()
		_ = cmd.Wait() // it was told to end
		if t.Failed() {
			t.Log(tailOf(log.String(), 3000))
		}
	})
	return monitor{"http://" + address}
}

// query runs an instant query and says how many series answer it.
func (m monitor) query(expr string) (int, error) {
	resp, err := http.Get(m.url + "/api/v1/query?query=" + url.QueryEscape(expr))
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	var out struct {
		Status, Error string
		Data          struct{ Result []json.RawMessage }
	}
	if err := json.NewDecoder(resp.Body).Decode(&out); err != nil {
		return 0, err
	}
	if out.Status != "success" {
		return 0, fmt.Errorf("%s: %s", out.Status, out.Error)
	}
	return len(out.Data.Result), nil
}

// await runs a query until there is an answer.
func (m monitor) await(t *testing.T, what, expr string, deadline time.Time) {
	t.Helper()
	for {
		n, err := m.query(expr)
		if err == nil && n > 0 {
			return
		}
		if time.Now().After(deadline) {
			t.Errorf("%s: nothing answers %s (%v)", what, expr, err)
			return
		}
		time.Sleep(250 * time.Millisecond)
	}
}

// dashboardQueries are the queries of the dashboard, by panel, as Grafana would
// ask them.
func dashboardQueries(t *testing.T) map[string][]string {
	t.Helper()
	text, err := os.ReadFile("../deploy/grafana/millrace.json")
	must(t, err)
	var dashboard struct {
		Panels []struct {
			Title   string
			Targets []struct{ Expr string }
		}
	}
	must(t, json.Unmarshal(text, &dashboard))
	all := map[string][]string{}
	for _, p := range dashboard.Panels {
		for _, target := range p.Targets {
			expr := strings.NewReplacer("$__rate_interval", "1m", "$instance", ".*").Replace(target.Expr)
			all[p.Title] = append(all[p.Title], expr)
		}
	}
	return all
}

// alertQueries are the expressions of the alert rules, by their names.
func alertQueries(t *testing.T) map[string]string {
	t.Helper()
	text, err := os.ReadFile("../deploy/prometheus/millrace.rules.yml")
	must(t, err)
	all := map[string]string{}
	for _, match := range regexp.MustCompile(`(?m)- alert: (\w+)\n\s+expr: (.*)$`).FindAllStringSubmatch(string(text), -1) {
		all[match[1]] = match[2]
	}
	return all
}

// TestPrometheusAnswersEveryQueryOfTheDashboardAndTheAlerts: a real Prometheus
// reads the example configuration, scrapes the server with a key's id and
// secret, and has data for all that the dashboard asks. Of an alert that does
// not fire the expression is valid and every metric in it is there.
func TestPrometheusAnswersEveryQueryOfTheDashboardAndTheAlerts(t *testing.T) {
	m := startPrometheus(t)
	shared.newStream(t, "monitored")
	shared.output(t, shared.binary, "push", "monitored", clip(t))
	shared.output(t, shared.binary, "pull", "monitored", "--from", "1h ago", "--container", "mkv", "--out", filepath.Join(t.TempDir(), "out.mkv"))
	_, _, _ = shared.run(t, nil, shared.binary, "stream", "create", "monitored")                             // which is there
	_, _, _ = shared.run(t, []byte("no Matroska"), need(t, "curl"), shared.putWithCurl("monitored", "-")...) // which ends with an ERROR
	shared.output(t, shared.binary, "fragments", "monitored")
	shared.clipOf(t, "monitored")
	deadline := time.Now().Add(time.Minute)
	panels := dashboardQueries(t)
	if len(panels) < 30 {
		t.Errorf("%d panels", len(panels))
	}
	for title, queries := range panels {
		for _, expr := range queries {
			m.await(t, title, expr, deadline)
		}
	}
	alerts := alertQueries(t)
	if len(alerts) < 10 {
		t.Errorf("%d alerts", len(alerts))
	}
	for name, expr := range alerts {
		if _, err := m.query(expr); err != nil {
			t.Errorf("%s: %s: %v", name, expr, err)
		}
		for _, metric := range regexp.MustCompile(`\bmillrace_\w+`).FindAllString(expr, -1) {
			m.await(t, name, metric, deadline)
		}
	}
}

func TestAlertRulesAreValid(t *testing.T) {
	promtool := need(t, "promtool")
	shared.output(t, promtool, "check", "rules", "../deploy/prometheus/millrace.rules.yml")
	text, err := os.ReadFile("../deploy/docker/prometheus.yml")
	must(t, err)
	dir := t.TempDir()
	must(t, os.WriteFile(filepath.Join(dir, "prometheus.yml"), text, 0o600))
	deployed(t, dir, "prometheus/millrace.rules.yml")
	shared.output(t, promtool, "check", "config", filepath.Join(dir, "prometheus.yml"))
}
