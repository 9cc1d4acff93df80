package server

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/millrace/millrace"
)

// maxStreamMeters is how many streams are counted under their own names. What
// happens in others is summed under otherStreams.
const maxStreamMeters = 1000

// otherStreams is the label of streams that have none of their own. No stream can
// be called so.
const otherStreams = "(other)"

// A duration sums times up.
type duration struct {
	count atomic.Uint64
	nanos atomic.Int64
}

func (d *duration) observe(t time.Duration) {
	d.count.Add(1)
	d.nanos.Add(int64(t))
}

// A streamMeter counts what happens in one stream. Any number of goroutines may
// use it.
type streamMeter struct {
	key millrace.StreamKey

	putRequests, putErrors, putBytes, putFragments, putFrames, putRepeats, putStored, putErrorAcks atomic.Uint64
	putActive                                                                                      atomic.Int64
	putLatency, ingestion, persist, buffering, received, persisted                                 duration

	getRequests, getErrors, getBytes, getFragments, getFrames, getSuccess atomic.Uint64
	behind                                                                atomic.Int64 // milliseconds

	metadataPoints, mediaPoints atomic.Uint64
	archive                     [archiveCount]archiveMeter // in the order of archiveOperations
}

// streamMeters has the meters of the streams that were called since the start.
// It is a prometheus.Collector.
type streamMeters struct {
	mu     sync.Mutex // guards byName
	byName map[string]*streamMeter
	other  streamMeter
}

func newStreamMeters() *streamMeters { return &streamMeters{byName: map[string]*streamMeter{}} }

// of is the meter of a stream. That of an earlier stream of the same name goes.
func (m *streamMeters) of(s millrace.Stream) *streamMeter {
	m.mu.Lock()
	defer m.mu.Unlock()
	name := s.Name.String()
	meter := m.byName[name]
	switch {
	case meter != nil && meter.key == s.Key:
		return meter
	case meter == nil && len(m.byName) >= maxStreamMeters:
		return &m.other
	}
	meter = &streamMeter{key: s.Key}
	m.byName[name] = meter
	return meter
}

// drop forgets a stream. Calls on it that are ending count for nobody.
func (m *streamMeters) drop(s millrace.Stream) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if meter := m.byName[s.Name.String()]; meter != nil && meter.key == s.Key {
		delete(m.byName, s.Name.String())
	}
}

// A streamSeries is one metric of every stream.
type streamSeries struct {
	name, help string
	count      func(*streamMeter) *atomic.Uint64 // one of these three is set
	level      func(*streamMeter) *atomic.Int64
	time       func(*streamMeter) *duration
	used       func(*streamMeter) bool // nil: always; else streams that do not use it are left out
}

// streamTable is every metric that has a stream's name. The names are those of
// the service whose protocol it is.
func streamTable() []streamSeries {
	type m = streamMeter
	return append([]streamSeries{
		{name: "put_media_requests_total", help: "PutMedia calls of producers who may write to the stream.", count: func(x *m) *atomic.Uint64 { return &x.putRequests }},
		{name: "put_media_connection_errors_total", help: "PutMedia calls that were refused before their session began.", count: func(x *m) *atomic.Uint64 { return &x.putErrors }},
		{name: "put_media_active_connections", help: "PutMedia sessions that are open.", level: func(x *m) *atomic.Int64 { return &x.putActive }},
		{name: "put_media_incoming_bytes_total", help: "Bytes received by PutMedia, counted at the end of each fragment.", count: func(x *m) *atomic.Uint64 { return &x.putBytes }},
		{name: "put_media_incoming_fragments_total", help: "Fragments received whole by PutMedia.", count: func(x *m) *atomic.Uint64 { return &x.putFragments }},
		{name: "put_media_incoming_frames_total", help: "Frames of fragments received whole by PutMedia.", count: func(x *m) *atomic.Uint64 { return &x.putFrames }},
		{name: "put_media_repeated_fragments_total", help: "Fragments received once more by PutMedia that were kept already.", count: func(x *m) *atomic.Uint64 { return &x.putRepeats }},
		{name: "put_media_success_total", help: "Fragments that became durable.", count: func(x *m) *atomic.Uint64 { return &x.putStored }},
		{name: "put_media_error_ack_count_total", help: "ERROR acknowledgements sent.", count: func(x *m) *atomic.Uint64 { return &x.putErrorAcks }},
		{name: "put_media_latency_seconds", help: "From a PutMedia call's arrival to the head of its answer.", time: func(x *m) *duration { return &x.putLatency }},
		{name: "put_media_fragment_ingestion_latency_seconds", help: "From the first byte of a fragment to its last.", time: func(x *m) *duration { return &x.ingestion }},
		{name: "put_media_fragment_persist_latency_seconds", help: "From the last byte of a fragment until it was durable.", time: func(x *m) *duration { return &x.persist }},
		{name: "put_media_buffering_ack_latency_seconds", help: "From the first byte of a fragment until its BUFFERING was sent.", time: func(x *m) *duration { return &x.buffering }},
		{name: "put_media_received_ack_latency_seconds", help: "From the last byte of a fragment until its RECEIVED was sent.", time: func(x *m) *duration { return &x.received }},
		{name: "put_media_persisted_ack_latency_seconds", help: "From the last byte of a fragment until its PERSISTED was sent.", time: func(x *m) *duration { return &x.persisted }},
		{name: "get_media_requests_total", help: "GetMedia calls of readers who may read the stream.", count: func(x *m) *atomic.Uint64 { return &x.getRequests }},
		{name: "get_media_connection_errors_total", help: "GetMedia calls that were refused before anything was sent.", count: func(x *m) *atomic.Uint64 { return &x.getErrors }},
		{name: "get_media_outgoing_bytes_total", help: "Bytes sent by GetMedia, counted at the end of each fragment.", count: func(x *m) *atomic.Uint64 { return &x.getBytes }},
		{name: "get_media_outgoing_fragments_total", help: "Fragments sent whole by GetMedia.", count: func(x *m) *atomic.Uint64 { return &x.getFragments }},
		{name: "get_media_outgoing_frames_total", help: "Frames of fragments sent whole by GetMedia.", count: func(x *m) *atomic.Uint64 { return &x.getFrames }},
		{name: "get_media_success_total", help: "GetMedia calls that ended as they should.", count: func(x *m) *atomic.Uint64 { return &x.getSuccess }},
		{name: "get_media_millis_behind_now", help: "By how many milliseconds the fragment that a reader was sent last was behind the server's time.", level: func(x *m) *atomic.Int64 { return &x.behind }},
	}, archiveSeries()...)
}

func (s streamSeries) desc() *prometheus.Desc {
	return prometheus.NewDesc("millrace_"+s.name, s.help, []string{"stream_name"}, nil)
}

func (s streamSeries) metric(name string, m *streamMeter) prometheus.Metric {
	switch {
	case s.count != nil:
		return prometheus.MustNewConstMetric(s.desc(), prometheus.CounterValue, float64(s.count(m).Load()), name)
	case s.level != nil:
		return prometheus.MustNewConstMetric(s.desc(), prometheus.GaugeValue, float64(s.level(m).Load()), name)
	}
	d := s.time(m)
	return prometheus.MustNewConstSummary(s.desc(), d.count.Load(), time.Duration(d.nanos.Load()).Seconds(), nil, name)
}

// Describe implements prometheus.Collector.
func (m *streamMeters) Describe(to chan<- *prometheus.Desc) {
	for _, s := range streamTable() {
		to <- s.desc()
	}
}

// Collect implements prometheus.Collector.
func (m *streamMeters) Collect(to chan<- prometheus.Metric) {
	meters := m.all()
	for _, s := range streamTable() {
		for name, meter := range meters {
			if s.used != nil && !s.used(meter) {
				continue
			}
			to <- s.metric(name, meter)
		}
	}
}

// all returns the meters that there are, and that of the others if it counted.
func (m *streamMeters) all() map[string]*streamMeter {
	m.mu.Lock()
	defer m.mu.Unlock()
	all := make(map[string]*streamMeter, len(m.byName)+1)
	for name, meter := range m.byName {
		all[name] = meter
	}
	if m.other.counted() {
		all[otherStreams] = &m.other
	}
	return all
}

// counted reports whether anything was.
func (m *streamMeter) counted() bool {
	n := m.putRequests.Load() + m.getRequests.Load()
	for i := range m.archive {
		n += m.archive[i].requests.Load()
	}
	return n > 0
}
