// Package readings says how the counts of a producer's streams are shown to what
// watches programs. The adapters for Prometheus and OpenTelemetry take names,
// units, meanings and values from here, so that both show the same. It promises
// that each field of producer.Stats is in the table, and that a reading has a
// bounded number of streams. It refuses to know how a reading travels.
package readings

import "github.com/millrace/millrace/producer"

// A Kind says how the values of a family behave.
type Kind uint8

// The kinds.
const (
	Counter Kind = iota // grows for as long as the stream is open
	Level               // goes up and down; the sum over streams means something
	Gauge               // goes up and down; the largest of several streams does
)

// A Family is all series of one name.
type Family struct {
	Name   string // its words with dots in between, without the unit
	Unit   string // of UCUM: s, By, or in braces what is counted
	Help   string
	Kind   Kind
	Labels []string // besides the stream's name
	Series []Series
}

// A Series is one value of a stream.
type Series struct {
	Values []string // of Family.Labels
	Of     func(s *producer.Stats) float64
}

// one is the series of a family without labels.
func one(of func(s *producer.Stats) float64) []Series { return []Series{{nil, of}} }

// Families is the table.
func Families() []Family {
	return []Family{
		{"millrace.producer.state", "1", "How many streams of the name stand there: one, of one stream.", Level, []string{"state"}, states()},
		{"millrace.producer.frames", "{frame}", "Frames that were written, by what became of them at once.", Counter, []string{"result"}, []Series{
			{[]string{"taken"}, func(s *producer.Stats) float64 { return float64(s.Frames) }},
			{[]string{"refused"}, func(s *producer.Stats) float64 { return float64(s.Refused) }},
		}},
		{"millrace.producer.fragments.begun", "{fragment}", "Fragments begun, those included that were found in the spool.", Counter, nil, one(
			func(s *producer.Stats) float64 { return float64(s.Begun) })},
		{"millrace.producer.fragments.settled", "{fragment}", "Fragments by what became of them.", Counter, []string{"outcome"}, []Series{
			{[]string{"persisted"}, func(s *producer.Stats) float64 { return float64(s.Persisted) }},
			{[]string{"rejected"}, func(s *producer.Stats) float64 { return float64(s.Rejected) }},
			{[]string{"dropped"}, func(s *producer.Stats) float64 { return float64(s.Dropped) }},
			{[]string{"withheld"}, func(s *producer.Stats) float64 { return float64(s.Withheld) }},
		}},
		{"millrace.producer.fragments.resent", "{fragment}", "Times that a fragment was sent again.", Counter, nil, one(
			func(s *producer.Stats) float64 { return float64(s.Resent) })},
		{"millrace.producer.fragments.pending", "{fragment}", "Fragments that are kept until they are durable.", Level, nil, one(
			func(s *producer.Stats) float64 { return float64(s.Pending) })},
		{"millrace.producer.backlog", "s", "Media time between the oldest fragment that is kept and the newest.", Gauge, nil, one(
			func(s *producer.Stats) float64 { return s.Backlog.Seconds() })},
		{"millrace.producer.buffered", "By", "Media that are kept in memory.", Level, nil, one(
			func(s *producer.Stats) float64 { return float64(s.Buffered) })},
		{"millrace.producer.spooled", "By", "Media that are kept on the disk.", Level, nil, one(
			func(s *producer.Stats) float64 { return float64(s.Spooled) })},
		{"millrace.producer.sent", "By", "Media written to connections, repeats included.", Counter, nil, one(
			func(s *producer.Stats) float64 { return float64(s.Sent) })},
		{"millrace.producer.connections", "{connection}", "Calls that the server accepted.", Counter, nil, one(
			func(s *producer.Stats) float64 { return float64(s.Connections) })},
		{"millrace.producer.connection.failures", "{failure}", "Calls that broke or could not be made.", Counter, nil, one(
			func(s *producer.Stats) float64 { return float64(s.Failures) })},
		{"millrace.producer.events.lost", "{event}", "Events that the program was not told of, because it was slow.", Counter, nil, one(
			func(s *producer.Stats) float64 { return float64(s.EventsLost) })},
		{"millrace.producer.latency", "s", "How long a stage took lately, of the last 1,024; 0 where that is not known.", Gauge, []string{"stage", "statistic"}, latencies()},
	}
}

// Open is the family of Readings.Open, which has no stream's name.
func Open() *Family {
	return &Family{Name: "millrace.producer.streams", Unit: "{stream}", Help: "Streams that are open.", Kind: Level}
}

// LeftOut is the family of Readings.Left, which has no stream's name.
func LeftOut() *Family {
	return &Family{Name: "millrace.producer.streams.left_out", Unit: "{stream}", Help: "Streams that are open and are not shown, because there are too many names.", Kind: Level}
}

// states are the series of the states.
func states() []Series {
	names := [...]string{
		producer.Preparing: "preparing", producer.Idle: "idle", producer.Sending: "sending", producer.Waiting: "waiting",
		producer.Over: "over",
	}
	list := make([]Series, 0, len(names))
	for i, name := range names {
		list = append(list, Series{[]string{name}, func(s *producer.Stats) float64 { return truth(s.State == producer.State(i)) }})
	}
	return list
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// latencies are the series of the stages of a frame's way.
func latencies() []Series {
	var list []Series
	stage := func(name string, of func(*producer.Latencies) *producer.Quantiles) {
		list = append(list,
			Series{[]string{name, "p50"}, func(s *producer.Stats) float64 { return of(&s.Latency).P50.Seconds() }},
			Series{[]string{name, "p99"}, func(s *producer.Stats) float64 { return of(&s.Latency).P99.Seconds() }},
			Series{[]string{name, "max"}, func(s *producer.Stats) float64 { return of(&s.Latency).Max.Seconds() }},
		)
	}
	stage("wire", func(l *producer.Latencies) *producer.Quantiles { return &l.Wire })
	stage("buffering", func(l *producer.Latencies) *producer.Quantiles { return &l.Buffering })
	stage("persisting", func(l *producer.Latencies) *producer.Quantiles { return &l.Persisting })
	return list
}
