package server

import (
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/millrace/millrace/internal/retention"
	"github.com/millrace/millrace/internal/store"
)

// metrics counts what happens in the server, for GET /metrics. Any number of
// goroutines may use it. docs/reference/metrics.md lists every one.
type metrics struct {
	registry *prometheus.Registry
	media    *mediaMetrics
	archive  *archiveMetrics
	calls    *callMetrics
	forecast forecast

	committed      prometheus.Counter
	committedBytes prometheus.Counter
	syncTime       prometheus.Histogram
	failed         prometheus.Counter
	poisoned       prometheus.Counter
	sealed         prometheus.Counter
	removed        prometheus.Counter
	damaged        prometheus.Counter
	capped         prometheus.Counter
}

func newMetrics() *metrics {
	m := &metrics{
		registry:       prometheus.NewRegistry(),
		media:          newMediaMetrics(),
		committed:      counter("fragments_committed_total", "Fragments that became durable."),
		committedBytes: counter("committed_bytes_total", "Bytes written for fragments that became durable."),
		syncTime: prometheus.NewHistogram(prometheus.HistogramOpts{
			Namespace: "millrace", Subsystem: "store", Name: "sync_seconds",
			Help: "How long the sync of a batch took.", Buckets: prometheus.ExponentialBuckets(0.0005, 2, 14),
		}),
		failed:   counter("fragments_failed_total", "Fragments that could not be made durable; their producers were told."),
		poisoned: counter("packs_given_up_total", "Packs given up after a failed write or sync."),
		sealed:   counter("packs_sealed_total", "Packs that were finished."),
		removed:  counter("packs_removed_total", "Packs that were removed because nothing in them was live."),
		damaged:  counter("damages_total", "Places found whose checksum failed."),
		capped:   counter("capped_bytes_total", "Bytes of media that went because a capacity of their streams was used up."),
	}
	m.media.register(m.registry)
	m.archive = newArchiveMetrics(m.media.streams)
	m.archive.register(m.registry)
	m.calls = newCallMetrics(m.registry)
	registerBuild(m.registry)
	m.registry.MustRegister(
		m.committed, m.committedBytes, m.syncTime, m.failed, m.poisoned, m.sealed, m.removed, m.damaged, m.capped,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	)
	return m
}

func counter(name, help string) prometheus.Counter {
	return prometheus.NewCounter(prometheus.CounterOpts{Namespace: "millrace", Subsystem: "store", Name: name, Help: help})
}

// level adds a gauge that is looked up at each scrape.
func (m *metrics) level(subsystem, name, help string, value func() float64) {
	m.registry.MustRegister(prometheus.NewGaugeFunc(
		prometheus.GaugeOpts{Namespace: "millrace", Subsystem: subsystem, Name: name, Help: help}, value))
}

// total adds a counter that is looked up at each scrape.
func (m *metrics) total(subsystem, name, help string, value func() float64) {
	m.registry.MustRegister(prometheus.NewCounterFunc(
		prometheus.CounterOpts{Namespace: "millrace", Subsystem: subsystem, Name: name, Help: help}, value))
}

// gauge adds a gauge of the store.
func (m *metrics) gauge(name, help string, value func() float64) {
	m.level("store", name, help, value)
}

// count adds a counter of the store.
func (m *metrics) count(name, help string, value func() float64) {
	m.total("store", name, help, value)
}

// watch adds what can be seen of an open store.
func (m *metrics) watch(e *store.Engine) {
	m.gauge("packs", "Packs that there are.", func() float64 { return float64(e.PackStats().Packs) })
	m.gauge("packs_set_aside", "Packs that cannot be read, and are tried again.", func() float64 { return float64(e.PackStats().SetAside) })
	m.gauge("pack_bytes", "Length of the files of packs, their holes included.", func() float64 { return float64(e.PackStats().Bytes) })
	m.gauge("live_fragments", "Fragments that can be found.", func() float64 { return float64(e.PackStats().LiveFragments) })
	m.gauge("live_bytes", "Bytes of media of the fragments that can be found.", func() float64 { return float64(e.PackStats().LiveBytes) })
	m.gauge("index_unfed_fragments", "Fragments that are found in memory and not in the pages of the index yet.", func() float64 { return float64(e.PackStats().Unfed) })
	m.gauge("full_in_seconds", "In how long the room will be used up at the rate of the past six hours; NaN if not known, +Inf if it does not fill.",
		m.forecast.seconds)
	m.gauge("capacity_bytes", "Bytes that there could be of packs and what lies beside them; 0 if that is not known.",
		func() float64 { return float64(e.RoomStats().Capacity) })
	m.gauge("used_bytes", "Bytes that packs and what lies beside them take.", func() float64 { return float64(e.RoomStats().Used) })
	m.gauge("left_bytes", "Bytes that may be written before the policy of a full disk is asked.",
		func() float64 { return float64(e.RoomStats().Left) })
	m.gauge("full", "Whether the last fragment was refused for lack of room.", func() float64 {
		if e.RoomStats().Full {
			return 1
		}
		return 0
	})
	m.count("scrubbed_packs_total", "Packs that the background check has read.",
		func() float64 { return float64(e.ScrubStats().Packs) })
	m.count("scrubbed_bytes_total", "Bytes that the background check has read.", func() float64 { return float64(e.ScrubStats().Bytes) })
	m.count("evicted_packs_total", "Packs that went, oldest first, because the disk was full.",
		func() float64 { return float64(e.RoomStats().EvictedPacks) })
	m.count("evicted_fragments_total", "Fragments that went before their retention was over, because the disk was full.",
		func() float64 { return float64(e.RoomStats().EvictedFragments) })
	m.count("evicted_bytes_total", "Bytes of media that went before their retention was over, because the disk was full.",
		func() float64 { return float64(e.RoomStats().EvictedBytes) })
	m.count("refused_fragments_total", "Fragments that were refused for lack of room; their producers were told.",
		func() float64 { return float64(e.RoomStats().RefusedFragments) })
}

// events are the hooks by which the store tells.
func (m *metrics) events() store.Events {
	return store.Events{
		Committed: func(c store.Commit) {
			m.committed.Add(float64(c.Fragments))
			m.committedBytes.Add(float64(c.Bytes))
			m.syncTime.Observe(c.Sync.Seconds())
		},
		Poisoned: func(uint64, error) { m.poisoned.Inc() },
		Failed:   func(n int, _ error) { m.failed.Add(float64(n)) },
		Sealed:   func(uint64) { m.sealed.Inc() },
		Removed:  func(uint64) { m.removed.Inc() },
		Damaged:  func(store.Damage) { m.damaged.Inc() },
	}
}

func (m *metrics) sawCapped(c retention.Capped) { m.capped.Add(float64(c.Bytes)) }

// handler answers GET /metrics.
func (m *metrics) handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{MaxRequestsInFlight: 4})
}
