package producer

import (
	"context"
	"sync"

	"github.com/millrace/millrace/internal/wire/client"
)

// maxHosts is how many hosts a client knows at a time. A server has two, or one
// for each of its streams' media.
const maxHosts = 1024

// hosts are those that a client calls. The zero value is ready.
type hosts struct {
	mu    sync.Mutex // guards known
	known map[string]*host
}

// of returns the host of that name, the host and port of a URL. All that ask for
// one name get the same, as long as somebody visits it or waits for it and there
// are no more than maxHosts.
func (h *hosts) of(name string) *host {
	h.mu.Lock()
	defer h.mu.Unlock()
	found := h.known[name]
	if found != nil {
		return found
	}
	if h.known == nil {
		h.known = map[string]*host{}
	}
	if len(h.known) >= maxHosts {
		h.forget()
	}
	found = &host{}
	h.known[name] = found
	return found
}

// enter waits until an endpoint's host may be visited, and returns the visit's done.
func (h *hosts) enter(ctx context.Context, endpoint string) (done func(error), err error) {
	v, err := h.of(client.HostOf(endpoint)).enter(ctx)
	if err != nil {
		return nil, err
	}
	return v.done, nil
}

// forget lets those go of which nothing is known but that they are up; if there
// are none, any one. Who is with it goes on with it.
func (h *hosts) forget() {
	for name, known := range h.known {
		if known.quiet() {
			delete(h.known, name)
		}
	}
	for name := range h.known {
		if len(h.known) < maxHosts {
			return
		}
		delete(h.known, name)
	}
}

// quiet reports whether the host is up and nobody waits for it.
func (h *host) quiet() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return !h.down && len(h.line) == 0
}
