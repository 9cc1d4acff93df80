package server

import (
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/api"
	"github.com/millrace/millrace/internal/egress"
	"github.com/millrace/millrace/internal/ingest"
	"github.com/millrace/millrace/internal/tail"
	"github.com/millrace/millrace/internal/wire"
)

// mediaMetrics counts what producers send and readers take, of all streams and
// of each. Nothing is counted for each frame.
type mediaMetrics struct {
	streams *streamMeters

	inBytes, inFragments, inFrames, repeats prometheus.Counter
	outBytes, outFragments, outFrames       prometheus.Counter
	ingestion, buffering, received, persist prometheus.Histogram
	acks                                    *prometheus.CounterVec
	plain                                   [millrace.AckError]prometheus.Counter // those of acks that have no error
}

func newMediaMetrics() *mediaMetrics {
	m := &mediaMetrics{
		streams:      newStreamMeters(),
		inBytes:      counterOf("ingest", "bytes_total", "Bytes received by PutMedia, counted at the end of each fragment."),
		inFragments:  counterOf("ingest", "fragments_total", "Fragments received whole."),
		inFrames:     counterOf("ingest", "frames_total", "Frames of fragments received whole."),
		repeats:      counterOf("ingest", "repeats_total", "Fragments received once more that were kept already, and were not kept again."),
		outBytes:     counterOf("egress", "bytes_total", "Bytes sent by GetMedia, counted at the end of each fragment."),
		outFragments: counterOf("egress", "fragments_total", "Fragments sent whole, to all readers together."),
		outFrames:    counterOf("egress", "frames_total", "Frames of fragments sent whole."),
		ingestion:    histogramOf("ingest", "fragment_seconds", "From the first byte of a fragment to its last.", 0.01, 2, 13),
		buffering:    histogramOf("ingest", "buffering_ack_seconds", "From the first byte of a fragment until its BUFFERING was sent.", 0.0005, 2, 14),
		received:     histogramOf("ingest", "received_ack_seconds", "From the last byte of a fragment until its RECEIVED was sent.", 0.0005, 2, 14),
		persist:      histogramOf("ingest", "persisted_ack_seconds", "From the last byte of a fragment until its PERSISTED was sent.", 0.0005, 2, 14),
		acks: prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: "millrace", Subsystem: "ingest", Name: "acks_total",
			Help: "Acknowledgements sent, by event; those of errors by the protocol's id too.",
		}, []string{"type", "error_id"}),
	}
	for t := range m.plain {
		m.plain[t] = m.acks.WithLabelValues(millrace.AckType(t).String(), "")
	}
	return m
}

func (m *mediaMetrics) register(r *prometheus.Registry) {
	r.MustRegister(m.streams, m.inBytes, m.inFragments, m.inFrames, m.repeats, m.outBytes, m.outFragments, m.outFrames,
		m.ingestion, m.buffering, m.received, m.persist, m.acks)
}

func counterOf(subsystem, name, help string) prometheus.Counter {
	return prometheus.NewCounter(prometheus.CounterOpts{Namespace: "millrace", Subsystem: subsystem, Name: name, Help: help})
}

// histogramOf has buckets up to start and then n-1 more, each factor times the
// one before.
func histogramOf(subsystem, name, help string, start, factor float64, n int) prometheus.Histogram {
	return prometheus.NewHistogram(prometheus.HistogramOpts{
		Namespace: "millrace", Subsystem: subsystem, Name: name, Help: help, Buckets: prometheus.ExponentialBuckets(start, factor, n),
	})
}

// events are the hooks by which media calls tell.
func (m *mediaMetrics) events() api.MediaEvents {
	return api.MediaEvents{Put: m.put, Get: m.get, Dropped: m.streams.drop}
}

// put counts for one session. All that it needs is looked up here, once.
func (m *mediaMetrics) put(s millrace.Stream) api.PutEvents {
	x := m.streams.of(s)
	x.putRequests.Add(1)
	open := false
	return api.PutEvents{
		CallEvents: api.CallEvents{
			Accepted: func(took time.Duration) {
				open = true // told by the session's writer, which ends before the call
				x.putActive.Add(1)
				x.putLatency.observe(took)
			},
			Ended: func(err error) {
				if open {
					x.putActive.Add(-1)
				} else if err != nil {
					x.putErrors.Add(1)
				}
			},
		},
		Session: ingest.Events{
			Received: func(f ingest.Received) {
				m.inFragments.Inc()
				m.inFrames.Add(float64(f.Frames))
				m.ingestion.Observe(f.Took.Seconds())
				x.putFragments.Add(1)
				x.putFrames.Add(uint64(f.Frames))
				x.ingestion.observe(f.Took)
			},
			Repeated: func() {
				m.repeats.Inc()
				x.putRepeats.Add(1)
			},
			Stored: func(f ingest.Stored) {
				if f.Err == nil {
					x.putStored.Add(1)
					x.persist.observe(f.Took)
				}
			},
			Acked: func(a ingest.Acked) { m.acked(x, a) },
			Read: func(bytes int64) {
				m.inBytes.Add(float64(bytes))
				x.putBytes.Add(uint64(bytes))
			},
		},
	}
}

func (m *mediaMetrics) acked(x *streamMeter, a ingest.Acked) {
	switch a.Type {
	case millrace.AckError:
		id, _ := wire.AckError(a.Code)
		m.acks.WithLabelValues(a.Type.String(), strconv.Itoa(id)).Inc()
		x.putErrorAcks.Add(1)
		return
	case millrace.AckBuffering:
		m.buffering.Observe(a.Took.Seconds())
		x.buffering.observe(a.Took)
	case millrace.AckReceived:
		m.received.Observe(a.Took.Seconds())
		x.received.observe(a.Took)
	case millrace.AckPersisted:
		m.persist.Observe(a.Took.Seconds())
		x.persisted.observe(a.Took)
	}
	m.plain[a.Type].Inc()
}

// get counts for one response.
func (m *mediaMetrics) get(s millrace.Stream) api.GetEvents {
	x := m.streams.of(s)
	x.getRequests.Add(1)
	open := false
	return api.GetEvents{
		CallEvents: api.CallEvents{
			Accepted: func(time.Duration) { open = true },
			Ended: func(err error) {
				switch {
				case err == nil:
					x.getSuccess.Add(1)
				case !open:
					x.getErrors.Add(1)
				}
			},
		},
		Response: egress.Events{
			Delivered: func(d egress.Delivered) {
				m.outFragments.Inc()
				m.outFrames.Add(float64(d.Frames))
				x.getFragments.Add(1)
				x.getFrames.Add(uint64(d.Frames))
				x.behind.Store(d.Behind.Milliseconds())
			},
			Written: func(bytes int64) {
				m.outBytes.Add(float64(bytes))
				x.getBytes.Add(uint64(bytes))
			},
		},
	}
}

// watchMedia adds what can be looked up of the media that are in flight.
func (m *metrics) watchMedia(t *tail.Tail, sessions *ingest.Sessions, readers func() int) {
	m.level("ingest", "sessions", "PutMedia sessions that are open.", func() float64 { return float64(sessions.Count()) })
	m.level("egress", "readers", "GetMedia and GetMediaForFragmentList responses that are open.", func() float64 { return float64(readers()) })
	tails := func(name, help string, value func(tail.Stats) float64) {
		m.level("tail", name, help, func() float64 { return value(t.Stats()) })
	}
	tails("streams", "Streams that are being called or have media in memory.", func(s tail.Stats) float64 { return float64(s.Streams) })
	tails("open_fragments", "Fragments that grow.", func(s tail.Stats) float64 { return float64(s.Open) })
	tails("waiting_fragments", "Fragments that are whole and not durable yet.", func(s tail.Stats) float64 { return float64(s.Waiting) })
	tails("bytes", "Bytes of the fragments in memory.", func(s tail.Stats) float64 { return float64(s.Bytes) })
	tails("horizon_lag_seconds", "For how long the oldest fragment that grows or waits has held the horizon back.",
		func(s tail.Stats) float64 { return s.Lag.Seconds() })
}
