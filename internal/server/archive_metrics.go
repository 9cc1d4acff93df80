package server

import (
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/api"
	"github.com/millrace/millrace/internal/limit"
)

// archiveCount is how many archiveOperations there are.
const archiveCount = 11

// archiveOperations are what clients and players ask of archived media, in the
// service's words and in those of the metrics.
func archiveOperations() [archiveCount]archiveOperation {
	return [...]archiveOperation{
		{"ListFragments", "list_fragments", sendsNothing},
		{"GetMediaForFragmentList", "get_media_for_fragment_list", sendsFragments},
		{"GetClip", "get_clip", sendsBytes},
		{"GetHLSStreamingSessionURL", "get_hls_streaming_session_url", sendsNothing},
		{"GetHLSMasterPlaylist", "get_hls_master_playlist", sendsNothing},
		{"GetHLSMediaPlaylist", "get_hls_media_playlist", sendsNothing},
		{"GetMP4InitFragment", "get_mp4_init_fragment", sendsNothing},
		{"GetMP4MediaFragment", "get_mp4_media_fragment", sendsBytes},
		{"GetTSFragment", "get_ts_fragment", sendsBytes},
		{"GetMediaFile", "get_media_file", sendsBytes},
		{"GetAvailability", "get_availability", sendsNothing},
	}
}

// An archiveOperation is one of them.
type archiveOperation struct {
	name   string // such as "ListFragments"
	series string // with which the names of its metrics begin
	sends  sends
}

// sends is which media are counted of what an operation sends.
type sends uint8

const (
	sendsNothing sends = iota
	sendsBytes
	sendsFragments // and bytes and frames
)

// An archiveMeter counts one operation on one stream.
type archiveMeter struct {
	requests, success        atomic.Uint64
	bytes, fragments, frames atomic.Uint64
	latency                  duration
}

// archiveSeries is every metric of archived media that has a stream's name. Of an
// operation that nobody has asked for on a stream it has none: most streams are
// never played, and there may be many.
func archiveSeries() []streamSeries {
	consumed := func(x *streamMeter) bool { return x.metadataPoints.Load()+x.mediaPoints.Load() > 0 }
	list := []streamSeries{
		{name: "archived_fragments_consumed_metadata_total", help: "Points used up of what a stream has for asking about fragments.", count: func(x *streamMeter) *atomic.Uint64 { return &x.metadataPoints }, used: consumed},
		{name: "archived_fragments_consumed_media_total", help: "Points used up of what a stream has for loading archived media.", count: func(x *streamMeter) *atomic.Uint64 { return &x.mediaPoints }, used: consumed},
	}
	for i, op := range archiveOperations() {
		for _, one := range op.all(func(x *streamMeter) *archiveMeter { return &x.archive[i] }) {
			one.used = func(x *streamMeter) bool { return x.archive[i].requests.Load() > 0 }
			list = append(list, one)
		}
	}
	return list
}

// all returns the metrics of one operation.
func (op archiveOperation) all(of func(*streamMeter) *archiveMeter) []streamSeries {
	list := []streamSeries{
		{name: "_requests_total", help: op.name + " requests of those who may read the stream.", count: func(x *streamMeter) *atomic.Uint64 { return &of(x).requests }},
		{name: "_success_total", help: op.name + " requests that ended as they should.", count: func(x *streamMeter) *atomic.Uint64 { return &of(x).success }},
		{name: "_latency_seconds", help: "From the arrival of a " + op.name + " request until its answer began.", time: func(x *streamMeter) *duration { return &of(x).latency }},
	}
	if op.sends >= sendsBytes {
		list = append(list, streamSeries{name: "_outgoing_bytes_total", help: "Bytes sent by " + op.name + ".", count: func(x *streamMeter) *atomic.Uint64 { return &of(x).bytes }})
	}
	if op.sends == sendsFragments {
		list = append(list,
			streamSeries{name: "_outgoing_fragments_total", help: "Fragments sent whole by " + op.name + ".", count: func(x *streamMeter) *atomic.Uint64 { return &of(x).fragments }},
			streamSeries{name: "_outgoing_frames_total", help: "Frames of fragments sent whole by " + op.name + ".", count: func(x *streamMeter) *atomic.Uint64 { return &of(x).frames }})
	}
	for i := range list {
		list[i].name = op.series + list[i].name
	}
	return list
}

// archiveMetrics counts what is asked of archived media, of all streams together
// and, by what it hands on to streams, of each.
type archiveMetrics struct {
	streams          *streamMeters
	index            map[string]int // of archiveOperations, by name
	metadata, media  prometheus.Counter
	bytes            *prometheus.CounterVec
	packaged, cached prometheus.Counter
}

func newArchiveMetrics(streams *streamMeters) *archiveMetrics {
	m := &archiveMetrics{
		streams: streams, index: map[string]int{},
		metadata: counterOf("archive", "metadata_points_total", "Points used up by asking about fragments."),
		media:    counterOf("archive", "media_points_total", "Points used up by loading archived media."),
		bytes: prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: "millrace", Subsystem: "archive", Name: "bytes_total", Help: "Bytes of archived media sent, by operation.",
		}, []string{"operation"}),
		packaged: counterOf("playback", "packaged_segments_total", "Segments that were packaged for a player's request."),
		cached:   counterOf("playback", "cached_segments_total", "Segments that players asked for and that were packaged already."),
	}
	for i, op := range archiveOperations() {
		m.index[op.name] = i
	}
	return m
}

func (m *archiveMetrics) register(r *prometheus.Registry) {
	r.MustRegister(m.metadata, m.media, m.bytes, m.packaged, m.cached)
}

// events are the hooks by which the operations on archived media tell.
func (m *archiveMetrics) events() api.ArchiveEvents {
	return api.ArchiveEvents{Consumed: m.consumed, Served: m.served, Sent: m.sent}
}

func (m *archiveMetrics) consumed(s millrace.Stream, c limit.Cost) {
	m.metadata.Add(float64(c.Metadata))
	m.media.Add(float64(c.Media))
	x := m.streams.of(s)
	x.metadataPoints.Add(uint64(c.Metadata))
	x.mediaPoints.Add(uint64(c.Media))
}

func (m *archiveMetrics) served(r api.Served) {
	i, ok := m.index[r.Operation]
	if !ok {
		return
	}
	x := &m.streams.of(r.Stream).archive[i]
	x.requests.Add(1)
	x.latency.observe(r.Took)
	if r.Err != nil {
		return
	}
	x.success.Add(1)
	if r.Operation == "GetMP4MediaFragment" || r.Operation == "GetTSFragment" {
		if r.Cached {
			m.cached.Inc()
		} else {
			m.packaged.Inc()
		}
	}
}

func (m *archiveMetrics) sent(operation string, s millrace.Stream, sent api.Sent) {
	i, ok := m.index[operation]
	if !ok {
		return
	}
	m.bytes.WithLabelValues(operation).Add(float64(sent.Bytes))
	x := &m.streams.of(s).archive[i]
	x.bytes.Add(uint64(sent.Bytes))
	x.fragments.Add(uint64(sent.Fragments))
	x.frames.Add(uint64(sent.Frames))
}
