package prom

import (
	"iter"
	"strings"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/millrace/millrace/producer"
	"github.com/millrace/millrace/producer/internal/readings"
)

// DefaultMaxStreams is how many names of streams have series where Options do not
// say.
const DefaultMaxStreams = readings.DefaultMaxStreams

// Options say what a Collector shows.
type Options struct {
	// Streams are those to be shown, such as a Client's Streams(). It is ranged
	// over at each scrape, by any number of goroutines at once. Streams of one name
	// are added up.
	Streams iter.Seq[*producer.Stream]
	// MaxStreams bounds the names that have series of their own, which are those
	// that Streams yields first; 0 is DefaultMaxStreams. The rest is counted by
	// millrace_producer_streams_left_out.
	MaxStreams int
}

// A Collector is a prometheus.Collector of streams. Any number of goroutines may
// use it. A registry takes one; for another, tell them apart with
// prometheus.WrapRegistererWith.
type Collector struct {
	options Options
	table   []readings.Family
	descs   []*prometheus.Desc // of table
	open    *prometheus.Desc
	left    *prometheus.Desc
}

// NewCollector makes a Collector.
func NewCollector(o Options) *Collector {
	c := &Collector{options: o, table: readings.Families()}
	for i := range c.table {
		f := &c.table[i]
		c.descs = append(c.descs, prometheus.NewDesc(nameOf(f), f.Help, append([]string{"stream"}, f.Labels...), nil))
	}
	c.open = prometheus.NewDesc(nameOf(readings.Open()), readings.Open().Help, nil, nil)
	c.left = prometheus.NewDesc(nameOf(readings.LeftOut()), readings.LeftOut().Help, nil, nil)
	return c
}

// nameOf is a family's name with its unit, as Prometheus spells it.
func nameOf(f *readings.Family) string {
	name := strings.ReplaceAll(f.Name, ".", "_")
	switch f.Unit {
	case "s":
		name += "_seconds"
	case "By":
		name += "_bytes"
	}
	if f.Kind == readings.Counter {
		name += "_total"
	}
	return name
}

// Describe implements prometheus.Collector.
func (c *Collector) Describe(to chan<- *prometheus.Desc) {
	for _, d := range c.descs {
		to <- d
	}
	to <- c.open
	to <- c.left
}

// Collect implements prometheus.Collector.
func (c *Collector) Collect(to chan<- prometheus.Metric) {
	r := readings.Read(c.table, c.options.Streams, c.options.MaxStreams)
	to <- prometheus.MustNewConstMetric(c.open, prometheus.GaugeValue, float64(r.Open))
	to <- prometheus.MustNewConstMetric(c.left, prometheus.GaugeValue, float64(r.Left))
	for _, s := range r.Streams {
		c.collect(s, to)
	}
}

// collect sends all series of one stream.
func (c *Collector) collect(s readings.Reading, to chan<- prometheus.Metric) {
	at := 0
	for i := range c.table {
		f := &c.table[i]
		kind := prometheus.GaugeValue
		if f.Kind == readings.Counter {
			kind = prometheus.CounterValue
		}
		for _, series := range f.Series {
			labels := append([]string{s.Name}, series.Values...)
			to <- prometheus.MustNewConstMetric(c.descs[i], kind, s.Values[at], labels...)
			at++
		}
	}
}
