package readings

import (
	"iter"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/producer"
)

// DefaultMaxStreams is how many names of streams have series.
const DefaultMaxStreams = 1000

// A Source is a stream that is watched.
type Source interface {
	Name() millrace.StreamName
	Stats() producer.Stats
}

// Readings are the values of many streams at about one time.
type Readings struct {
	Streams []Reading
	Open    int // streams that there are
	Left    int // of these, those that are not in Streams, which is full
}

// A Reading is the values of all streams of one name, in the order of the
// table's series.
type Reading struct {
	Name   string
	Values []float64
}

// Read reads streams, and keeps apart as many names as most, in the order in
// which they come; 0 is DefaultMaxStreams. A nil streams is none.
func Read[S Source](table []Family, streams iter.Seq[S], most int) Readings {
	if most <= 0 {
		most = DefaultMaxStreams
	}
	var r Readings
	if streams == nil {
		return r
	}
	places := map[millrace.StreamName]int{}
	for s := range streams {
		r.Open++
		name := s.Name()
		at, known := places[name]
		if !known && len(r.Streams) >= most {
			r.Left++
			continue
		}
		stats := s.Stats()
		if known {
			r.Streams[at].join(table, &stats)
			continue
		}
		places[name] = len(r.Streams)
		r.Streams = append(r.Streams, Reading{name.String(), valuesOf(table, &stats)})
	}
	return r
}

func valuesOf(table []Family, s *producer.Stats) []float64 {
	var values []float64
	for i := range table {
		for _, series := range table[i].Series {
			values = append(values, series.Of(s))
		}
	}
	return values
}

// join adds another stream of the same name.
func (r *Reading) join(table []Family, s *producer.Stats) {
	at := 0
	for i := range table {
		for _, series := range table[i].Series {
			if v := series.Of(s); table[i].Kind == Gauge {
				r.Values[at] = max(r.Values[at], v)
			} else {
				r.Values[at] += v
			}
			at++
		}
	}
}
