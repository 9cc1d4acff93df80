package server

import "github.com/millrace/millrace/internal/memory"

// watchMemory adds what there is to know of the budget of memory.
func (m *metrics) watchMemory(b *memory.Budget) {
	gauge := func(name, help string, value func(memory.Stats) float64) {
		m.level("memory", name, help, func() float64 { return value(b.Stats()) })
	}
	gauge("limit_bytes", "What media may take in memory.", func(s memory.Stats) float64 { return float64(s.Limit) })
	gauge("writer_bytes", "What sessions take, and fragments that are on their way to the disk.",
		func(s memory.Stats) float64 { return float64(s.Writers) })
	gauge("reader_bytes", "What readers hold.", func(s memory.Stats) float64 { return float64(s.Readers) })
	gauge("waiting", "Sessions and readers that wait for memory.", func(s memory.Stats) float64 { return float64(s.Waiting) })
	m.total("memory", "sessions_ended_total", "Sessions that ended because memory was short; their clients send again.",
		func() float64 { return float64(b.Stats().Ended) })
	m.total("memory", "readers_cut_total", "Readers that were cut off because memory was short.",
		func() float64 { return float64(b.Stats().Cut) })
}

// watchConnections adds how many connections there are.
func (m *metrics) watchConnections(c *connections) {
	m.level("", "connections", "Connections that are open.", func() float64 { return float64(c.count()) })
	m.level("", "max_connections", "Connections that there may be.", func() float64 { return float64(c.most) })
}
