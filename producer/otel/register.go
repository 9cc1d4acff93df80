package otel

import (
	"context"
	"fmt"
	"iter"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/millrace/millrace/producer"
	"github.com/millrace/millrace/producer/internal/readings"
)

// Scope is the name of the meter.
const Scope = "github.com/millrace/millrace/producer"

// DefaultMaxStreams is how many names of streams are observed where Options do
// not say.
const DefaultMaxStreams = readings.DefaultMaxStreams

// Options say what is observed.
type Options struct {
	// Streams are those to be shown, such as a Client's Streams(). It is ranged
	// over at each collection. Streams of one name are added up.
	Streams iter.Seq[*producer.Stream]
	// MaxStreams bounds the names that are observed, which are those that Streams
	// yields first; 0 is DefaultMaxStreams. The rest is counted by
	// millrace.producer.streams.left_out.
	MaxStreams int
}

// Register makes the instruments with a meter of the provider. Unregister ends
// the observation. The error is the provider's.
func Register(p metric.MeterProvider, o Options) (metric.Registration, error) {
	m := p.Meter(Scope)
	w := watch{options: o, table: readings.Families()}
	var all []metric.Observable
	for i := range w.table {
		in, err := instrument(m, &w.table[i])
		if err != nil {
			return nil, err
		}
		w.instruments = append(w.instruments, in)
		all = append(all, in)
	}
	var err error
	if w.open, err = instrument(m, readings.Open()); err != nil {
		return nil, err
	}
	if w.left, err = instrument(m, readings.LeftOut()); err != nil {
		return nil, err
	}
	r, err := m.RegisterCallback(w.observe, append(all, w.open, w.left)...)
	if err != nil {
		return nil, fmt.Errorf("register metrics: %w", err)
	}
	return r, nil
}

// instrument makes the instrument of a family.
func instrument(m metric.Meter, f *readings.Family) (in metric.Float64Observable, err error) {
	switch f.Kind {
	case readings.Counter:
		in, err = m.Float64ObservableCounter(f.Name, metric.WithUnit(f.Unit), metric.WithDescription(f.Help))
	case readings.Level:
		in, err = m.Float64ObservableUpDownCounter(f.Name, metric.WithUnit(f.Unit), metric.WithDescription(f.Help))
	default:
		in, err = m.Float64ObservableGauge(f.Name, metric.WithUnit(f.Unit), metric.WithDescription(f.Help))
	}
	if err != nil {
		return nil, fmt.Errorf("make metric %s: %w", f.Name, err)
	}
	return in, nil
}

// A watch observes streams. It does not change.
type watch struct {
	options     Options
	table       []readings.Family
	instruments []metric.Float64Observable // of table
	open, left  metric.Float64Observable
}

// observe reads all streams.
func (w *watch) observe(_ context.Context, to metric.Observer) error {
	r := readings.Read(w.table, w.options.Streams, w.options.MaxStreams)
	to.ObserveFloat64(w.open, float64(r.Open))
	to.ObserveFloat64(w.left, float64(r.Left))
	for _, s := range r.Streams {
		w.observeStream(s, to)
	}
	return nil
}

func (w *watch) observeStream(s readings.Reading, to metric.Observer) {
	at := 0
	for i := range w.table {
		f := &w.table[i]
		for _, series := range f.Series {
			attributes := []attribute.KeyValue{attribute.String("stream", s.Name)}
			for j, label := range f.Labels {
				attributes = append(attributes, attribute.String(label, series.Values[j]))
			}
			to.ObserveFloat64(w.instruments[i], s.Values[at], metric.WithAttributes(attributes...))
			at++
		}
	}
}
