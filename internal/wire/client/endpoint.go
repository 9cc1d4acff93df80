package client

import (
	"context"
	"sync"
	"time"

	"github.com/millrace/millrace"
)

// endpointLife is how long an answer of GetDataEndpoint is used, as the
// clients of AWS do.
const endpointLife = 40 * time.Minute

// The calls that have an endpoint of their own.
const (
	PutMedia = "PUT_MEDIA"
	GetMedia = "GET_MEDIA"
)

type endpointKey struct {
	stream millrace.StreamName
	api    string
}

type cachedEndpoint struct {
	url   string
	until time.Time
}

// endpointCache remembers where the media of a stream go.
type endpointCache struct {
	mu    sync.Mutex // guards known
	known map[endpointKey]cachedEndpoint
}

func (e *endpointCache) find(key endpointKey) (string, bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	found, ok := e.known[key]
	return found.url, ok && time.Now().Before(found.until)
}

func (e *endpointCache) keep(key endpointKey, url string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.known == nil {
		e.known = map[endpointKey]cachedEndpoint{}
	}
	e.known[key] = cachedEndpoint{url, time.Now().Add(endpointLife)}
}

func (e *endpointCache) forget(key endpointKey) {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.known, key)
}

// DataEndpoint returns the URL for calls of api on the stream. The answer is
// kept for 40 minutes, or until ForgetEndpoint.
func (c *Client) DataEndpoint(ctx context.Context, stream millrace.StreamName, api string) (string, error) {
	key := endpointKey{stream, api}
	if url, ok := c.endpoints.find(key); ok {
		return url, nil
	}
	in := struct {
		StreamName millrace.StreamName
		APIName    string
	}{stream, api}
	var out struct{ DataEndpoint string }
	if err := c.call(ctx, "/getDataEndpoint", in, &out); err != nil {
		return "", err
	}
	c.endpoints.keep(key, out.DataEndpoint)
	return out.DataEndpoint, nil
}

// ForgetEndpoint makes the next DataEndpoint ask the server, after a call to
// the endpoint failed.
func (c *Client) ForgetEndpoint(stream millrace.StreamName, api string) {
	c.endpoints.forget(endpointKey{stream, api})
}
