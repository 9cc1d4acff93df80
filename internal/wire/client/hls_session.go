package client

import (
	"context"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/wire"
)

// GetHLSStreamingSessionURL is the name under which DataEndpoint knows that call.
const GetHLSStreamingSessionURL = "GET_HLS_STREAMING_SESSION_URL"

// An HLSSession is what a playback session over HLS is to be like. What is left
// zero the server decides.
type HLSSession struct {
	StreamName                      millrace.StreamName
	PlaybackMode                    string       `json:",omitempty"`
	HLSFragmentSelector             *HLSSelector `json:",omitempty"`
	ContainerFormat                 string       `json:",omitempty"`
	DiscontinuityMode               string       `json:",omitempty"`
	DisplayFragmentTimestamp        string       `json:",omitempty"`
	Expires                         int64        `json:",omitempty"` // seconds
	MaxMediaPlaylistFragmentResults int64        `json:",omitempty"`
}

// An HLSSelector says which fragments a session is of: by which clock, and from
// when to when.
type HLSSelector struct {
	FragmentSelectorType string
	TimestampRange       *TimestampRange `json:",omitempty"`
}

// A TimestampRange is from Start to End, both of them within; without End it
// goes on.
type TimestampRange struct {
	StartTimestamp wire.Timestamp
	EndTimestamp   *wire.Timestamp `json:",omitempty"`
}

// HLSSession makes a playback session and returns the address of its playlist,
// which whoever has it can play until the session ends.
func (c *Client) HLSSession(ctx context.Context, s HLSSession) (string, error) {
	var out struct{ HLSStreamingSessionURL string }
	err := c.callData(ctx, s.StreamName, GetHLSStreamingSessionURL, "/getHLSStreamingSessionURL", s, &out)
	return out.HLSStreamingSessionURL, err
}
