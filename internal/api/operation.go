package api

import (
	"context"
	"net/http"
	"strings"
)

// An operation is a row of the protocol's table.
type operation struct {
	name  string
	path  string
	kind  kind
	media MediaHandler

	// resource answers GET and HEAD of what belongs to a stream; its path is
	// the last element of the request's.
	resource ResourceHandler

	// stream answers a JSON operation with media.
	stream func(w http.ResponseWriter, c *call) error

	// hls answers GET and HEAD within a session of a player.
	hls func(w http.ResponseWriter, p *hlsCall) error

	// run answers a JSON operation with what its response is made of, or nil
	// for an empty one. It is nil for operations that are not offered.
	run func(ctx context.Context, c *call) (any, error)

	signaling bool // one on signaling channels, of which there are none
}

// kind says what an operation does, which decides how it is logged.
type kind uint8

const (
	reads kind = iota
	changes
	streams
)

// ownPrefix begins the paths of what is Millrace's own, beside the protocol.
const ownPrefix = "/millrace/v1"

// operations returns the table of everything the protocol has. What has no
// handler is answered as not supported, after its signature was checked.
func (h *Handler) operations() []operation {
	offered := []operation{
		{name: "CreateStream", path: "/createStream", kind: changes, run: h.createStream},
		{name: "DescribeStream", path: "/describeStream", run: h.describeStream},
		{name: "ListStreams", path: "/listStreams", run: h.listStreams},
		{name: "UpdateStream", path: "/updateStream", kind: changes, run: h.updateStream},
		{name: "DeleteStream", path: "/deleteStream", kind: changes, run: h.deleteStream},
		{name: "UpdateDataRetention", path: "/updateDataRetention", kind: changes, run: h.updateDataRetention},
		{name: "GetDataEndpoint", path: "/getDataEndpoint", run: h.getDataEndpoint},
		{name: "TagStream", path: "/tagStream", kind: changes, run: h.tagStream},
		{name: "UntagStream", path: "/untagStream", kind: changes, run: h.untagStream},
		{name: "ListTagsForStream", path: "/listTagsForStream", run: h.listTagsForStream},
		{name: "TagResource", path: "/TagResource", kind: changes, run: h.tagResource},
		{name: "UntagResource", path: "/UntagResource", kind: changes, run: h.untagResource},
		{name: "ListTagsForResource", path: "/ListTagsForResource", run: h.listTagsForResource},
		{name: "PutMedia", path: "/putMedia", kind: streams, media: h.config.PutMedia},
		{name: "GetMedia", path: "/getMedia", kind: streams, media: h.config.GetMedia},
		{name: "DeleteMedia", path: ownPrefix + "/deleteMedia", kind: changes, run: h.deleteMedia},
		{name: "ListDeletions", path: ownPrefix + "/listDeletions", run: h.listDeletions},
	}
	if h.config.Clock != nil {
		offered = append(
			offered,
			operation{name: "DescribeClock", path: ownPrefix + "/describeClock", run: h.describeClock},
			operation{name: "AcceptClock", path: ownPrefix + "/acceptClock", kind: changes, run: h.acceptClock},
		)
	}
	if h.config.Keys != nil {
		offered = append(offered, h.keyOperations()...)
	}
	offered = append(offered, h.archiveOperations()...)
	offered = append(offered, h.configurationOperations()...)
	offered = append(offered, h.deviceOperations()...)
	for _, row := range notOffered {
		offered = append(offered, operation{name: row.name, path: row.path})
	}
	for _, row := range signaling {
		offered = append(offered, operation{name: row.name, path: row.path, signaling: true})
	}
	return offered
}

// configurationOperations are those on what stands beside a stream.
func (h *Handler) configurationOperations() []operation {
	return []operation{
		{name: "DescribeNotificationConfiguration", path: "/describeNotificationConfiguration", run: h.describeNotificationConfiguration},
		{name: "UpdateNotificationConfiguration", path: "/updateNotificationConfiguration", kind: changes, run: h.updateNotificationConfiguration},
		{name: "DescribeImageGenerationConfiguration", path: "/describeImageGenerationConfiguration", run: h.describeImageGenerationConfiguration},
		{name: "UpdateImageGenerationConfiguration", path: "/updateImageGenerationConfiguration", kind: changes, run: h.updateImageGenerationConfiguration},
		{name: "DescribeStreamStorageConfiguration", path: "/describeStreamStorageConfiguration", run: h.describeStreamStorageConfiguration},
		{name: "UpdateStreamStorageConfiguration", path: "/updateStreamStorageConfiguration", kind: changes, run: h.updateStreamStorageConfiguration},
		{name: "DescribeMappedResourceConfiguration", path: "/describeMappedResourceConfiguration", run: h.describeMappedResourceConfiguration},
		{name: "DescribeMediaStorageConfiguration", path: "/describeMediaStorageConfiguration", run: h.describeMediaStorageConfiguration},
		{name: "UpdateMediaStorageConfiguration", path: "/updateMediaStorageConfiguration", kind: changes, run: h.updateMediaStorageConfiguration},
		{name: "StartEdgeConfigurationUpdate", path: "/startEdgeConfigurationUpdate", kind: changes, run: h.startEdgeConfigurationUpdate},
		{name: "DescribeEdgeConfiguration", path: "/describeEdgeConfiguration", run: h.describeEdgeConfiguration},
		{name: "DeleteEdgeConfiguration", path: "/deleteEdgeConfiguration", kind: changes, run: h.deleteEdgeConfiguration},
		{name: "ListEdgeAgentConfigurations", path: "/listEdgeAgentConfigurations", run: h.listEdgeAgentConfigurations},
	}
}

// archiveOperations are those on media that are kept.
func (h *Handler) archiveOperations() []operation {
	return []operation{
		{name: "ListFragments", path: "/listFragments", run: h.archived(h.listFragments)},
		{name: opHLSSession, path: "/getHLSStreamingSessionURL", run: h.played(h.getHLSStreamingSessionURL)},
		{name: opFragmentList, path: "/getMediaForFragmentList", kind: streams, media: h.config.GetMediaForFragmentList},
		{name: opMediaFileURL, path: ownPrefix + "/getMediaFileURL", run: h.filed(h.getMediaFileURL)},
		{name: opClip, path: "/getClip", kind: streams, stream: h.archivedMedia(h.getClip)},
	}
}

// notOffered are the operations that Millrace knows and does not have.
var notOffered = [...]struct{ name, path string }{
	{"GetImages", "/getImages"},
	{"GetDASHStreamingSessionURL", "/getDASHStreamingSessionURL"},
}

// signaling are the operations on signaling channels, of which there are none.
var signaling = [...]struct{ name, path string }{
	{"CreateSignalingChannel", "/createSignalingChannel"},
	{"DescribeSignalingChannel", "/describeSignalingChannel"},
	{"ListSignalingChannels", "/listSignalingChannels"},
	{"UpdateSignalingChannel", "/updateSignalingChannel"},
	{"DeleteSignalingChannel", "/deleteSignalingChannel"},
	{"GetSignalingChannelEndpoint", "/getSignalingChannelEndpoint"},
	{"GetIceServerConfig", "/v1/get-ice-server-config"},
	{"SendAlexaOfferToMaster", "/v1/send-alexa-offer-to-master"},
	{"JoinStorageSession", "/joinStorageSession"},
	{"JoinStorageSessionAsViewer", "/joinStorageSessionAsViewer"},
}

// route finds the operation of a path. Case counts. The mount prefix may be
// there or not, and so may further slashes at the beginning: a client that
// appends "/putMedia" to an endpoint that ends in one sends them.
func (h *Handler) route(path string) (operation, bool) {
	op, ok := h.routes[h.withoutPrefix(path)]
	return op, ok
}

// withoutPrefix is a path without mount prefix and further slashes.
func (h *Handler) withoutPrefix(path string) string {
	if rest, ok := strings.CutPrefix(path, h.prefix); ok && strings.HasPrefix(rest, "/") {
		path = rest
	}
	return "/" + strings.TrimLeft(path, "/")
}
