package client

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/millrace/millrace"
)

// Times and bounds of endpoints.
const (
	endpointLife    = 40 * time.Minute // as the clients of AWS have it
	endpointTimeout = 5 * time.Second  // for a call while there is an endpoint already
	manyEndpoints   = 1024             // from here on those are let go that nobody asks for
)

// The calls that have an endpoint of their own.
const (
	PutMedia = "PUT_MEDIA"
	GetMedia = "GET_MEDIA"
)

type endpointKey struct {
	stream millrace.StreamName
	api    string
}

// endpoints remembers where the media of streams go.
type endpoints struct {
	mu    sync.Mutex // guards known
	known map[endpointKey]*keeper[string]
}

// of returns the keeper for a key, which makes is asked for if there is none,
// and those to be closed that nobody has asked for in long.
func (e *endpoints) of(key endpointKey, makes func() *keeper[string]) (found *keeper[string], old []*keeper[string]) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if found = e.known[key]; found != nil {
		return found, nil
	}
	if len(e.known) >= manyEndpoints {
		for other, k := range e.known {
			if k.idle() {
				old = append(old, k)
				delete(e.known, other)
			}
		}
	}
	if e.known == nil {
		e.known = map[endpointKey]*keeper[string]{}
	}
	found = makes()
	e.known[key] = found
	return found, old
}

func (e *endpoints) find(key endpointKey) *keeper[string] {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.known[key]
}

// takeAll empties e.
func (e *endpoints) takeAll() map[endpointKey]*keeper[string] {
	e.mu.Lock()
	defer e.mu.Unlock()
	all := e.known
	e.known = nil
	return all
}

// DataEndpoint returns the URL for calls of api on the stream: the one that the
// settings pin, for which nobody is asked; or the server's answer, which is kept
// for 40 minutes and renewed before. An endpoint that is known is used on while
// the server does not answer, except where it says that the stream is gone.
func (c *Client) DataEndpoint(ctx context.Context, stream millrace.StreamName, api string) (string, error) {
	if c.pinned != "" {
		return c.pinned, nil
	}
	key := endpointKey{stream, api}
	k, old := c.endpoints.of(key, func() *keeper[string] { return c.newEndpoint(key) })
	for _, idle := range old {
		idle.close()
	}
	return k.get(ctx)
}

// KnownEndpoint returns what DataEndpoint would without asking the server.
func (c *Client) KnownEndpoint(stream millrace.StreamName, api string) (endpoint string, ok bool) {
	if c.pinned != "" {
		return c.pinned, true
	}
	k := c.endpoints.find(endpointKey{stream, api})
	if k == nil {
		return "", false
	}
	return k.known()
}

// ForgetEndpoint makes the next DataEndpoint ask the server, after no
// connection could be made to the endpoint. If the server does not answer
// either, the endpoint is used again.
func (c *Client) ForgetEndpoint(stream millrace.StreamName, api string) {
	if k := c.endpoints.find(endpointKey{stream, api}); k != nil {
		k.refuse(atOnce)
	}
}

// EndpointFailed forgets the endpoint if err, with which a call to it failed,
// may be the endpoint's fault: there was no answer, or one that the stream is
// not there.
func (c *Client) EndpointFailed(stream millrace.StreamName, api string, err error) {
	var refused *millrace.Error
	if errors.As(err, &refused) && !Passing(err) && refused.Code != millrace.CodeInvalidEndpoint && refused.Code != millrace.CodeNotFound || Throttled(err) {
		return
	}
	c.ForgetEndpoint(stream, api)
}

func (c *Client) newEndpoint(key endpointKey) *keeper[string] {
	in := struct {
		StreamName millrace.StreamName
		APIName    string
	}{key.stream, key.api}
	find := func(ctx context.Context, again bool) (string, time.Duration, error) {
		var out struct{ DataEndpoint string }
		call := c.call
		if again {
			var cancel context.CancelFunc
			ctx, cancel = context.WithTimeout(ctx, endpointTimeout)
			defer cancel()
			call = c.callOnce
		}
		err := call(ctx, "/getDataEndpoint", in, &out)
		if err == nil && checkEndpoint(out.DataEndpoint) != nil { // it is not kept, so that the server is asked again
			err = fmt.Errorf("read data endpoint: %w: %q", ErrEndpoint, out.DataEndpoint)
		}
		return strings.TrimRight(out.DataEndpoint, "/"), endpointLife, err
	}
	return &keeper[string]{
		find:   find,
		paced:  Passing,
		gone:   func(err error) bool { return millrace.CodeOf(err) == millrace.CodeNotFound },
		report: func(err error, ends time.Time) { c.report(Trouble{Stream: key.stream, Err: err, Until: ends}) },
	}
}
