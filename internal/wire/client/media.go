package client

import (
	"context"
	"io"
	"net/http"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/wire"
)

// OpenMedia calls GetMedia and returns the response's body and the server's
// time. It is tried once, and forgets the endpoint if that failed.
func (c *Client) OpenMedia(ctx context.Context, stream millrace.StreamName, start millrace.StartSelector) (io.ReadCloser, time.Time, error) {
	return c.openBody(ctx, stream, GetMedia, "/getMedia", struct {
		StreamName    millrace.StreamName
		StartSelector selector
	}{stream, newSelector(start)})
}

// openBody makes one attempt at a call whose answer is media.
func (c *Client) openBody(ctx context.Context, stream millrace.StreamName, api, path string, in any) (io.ReadCloser, time.Time, error) {
	endpoint, err := c.DataEndpoint(ctx, stream, api)
	if err != nil {
		return nil, time.Time{}, err
	}
	resp, err := c.post(ctx, endpoint, path, in)
	if err != nil {
		c.EndpointFailed(stream, api, err)
		return nil, time.Time{}, err
	}
	date, err := http.ParseTime(resp.Header.Get("Date"))
	if err != nil {
		date = time.Now()
	}
	return resp.Body, date, nil
}

// selector is a start selector as GetMedia spells it.
type selector struct {
	StartSelectorType   string
	AfterFragmentNumber string          `json:",omitempty"`
	StartTimestamp      *wire.Timestamp `json:",omitempty"`
	ContinuationToken   string          `json:",omitempty"`
}

func newSelector(s millrace.StartSelector) selector {
	out := selector{StartSelectorType: s.Type.String()}
	switch s.Type {
	case millrace.StartFragmentNumber:
		out.AfterFragmentNumber = s.Number.String()
	case millrace.StartContinuationToken:
		out.ContinuationToken = s.Number.String()
	case millrace.StartServerTime, millrace.StartProducerTime:
		out.StartTimestamp = &wire.Timestamp{Time: s.Time}
	}
	return out
}
