package server

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/millrace/millrace/internal/memory"
)

// watchMemory adds what there is to know of the budget of memory.
func (m *metrics) watchMemory(b *memory.Budget) {
	gauge := func(name, help string, value func(memory.Stats) float64) {
		m.registry.MustRegister(prometheus.NewGaugeFunc(
			prometheus.GaugeOpts{Namespace: "millrace", Subsystem: "memory", Name: name, Help: help},
			func() float64 { return value(b.Stats()) }))
	}
	gauge("limit_bytes", "What media may take in memory.", func(s memory.Stats) float64 { return float64(s.Limit) })
	gauge("writer_bytes", "What sessions take, and fragments that are on their way to the disk.",
		func(s memory.Stats) float64 { return float64(s.Writers) })
	gauge("reader_bytes", "What readers hold.", func(s memory.Stats) float64 { return float64(s.Readers) })
	gauge("waiting", "Sessions and readers that wait for memory.", func(s memory.Stats) float64 { return float64(s.Waiting) })
	gauge("sessions_ended", "Sessions that ended since the start because memory was short; their clients send again.",
		func(s memory.Stats) float64 { return float64(s.Ended) })
	gauge("readers_cut", "Readers that were cut off since the start because memory was short.",
		func(s memory.Stats) float64 { return float64(s.Cut) })
}

// watchConnections adds how many connections there are.
func (m *metrics) watchConnections(c *connections) {
	m.registry.MustRegister(prometheus.NewGaugeFunc(
		prometheus.GaugeOpts{Namespace: "millrace", Name: "connections", Help: "Connections that are open."},
		func() float64 { return float64(c.count()) }))
}
