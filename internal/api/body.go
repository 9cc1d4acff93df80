package api

import (
	"context"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/wire"
)

// The bounds of bodies of JSON operations. Who sends one is known when all of it
// has been read, so that anybody can have it held: a small one, which nearly all
// are, by each of his connections, a large one by few.
const (
	bodyPatience   = 30 * time.Second // for a body to arrive
	smallBody      = 16 << 10         // bytes
	mostLarge      = 32               // bodies beyond that at one time
	placePatience  = 2 * time.Second  // for a place among them
	largeBodiesMsg = "The server is reading too many large requests. Try again."
)

// A body is what is read of a request, and beyond smallBody only with a place.
type body struct {
	io.ReadCloser
	ctx    context.Context
	places chan struct{} // holds a token for each place that is free
	left   int           // bytes until a place is needed
	placed bool
}

// Read implements io.Reader.
func (b *body) Read(p []byte) (int, error) {
	if b.left == 0 && !b.placed {
		if err := b.place(); err != nil {
			return 0, err
		}
	}
	if !b.placed && len(p) > b.left {
		p = p[:b.left]
	}
	n, err := b.ReadCloser.Read(p)
	b.left = max(b.left-n, 0)
	return n, err
}

// place waits for a place.
func (b *body) place() error {
	ctx, cancel := context.WithTimeout(b.ctx, placePatience)
	defer cancel()
	select {
	case <-b.places:
		b.placed = true
		return nil
	case <-ctx.Done():
		return millrace.Errorf(millrace.CodeUnavailable, largeBodiesMsg)
	}
}

// readBody reads the whole body, within its limits of size and time. The place
// that a large one takes is given back by c.release.
func (h *Handler) readBody(w http.ResponseWriter, c *call) error {
	control := http.NewResponseController(w)
	_ = control.SetReadDeadline(time.Now().Add(bodyPatience)) // not every writer stands on a connection
	from := body{ReadCloser: c.request.Body, ctx: c.request.Context(), places: h.places, left: smallBody}
	c.release = sync.OnceFunc(func() {
		if from.placed {
			h.places <- struct{}{}
		}
	})
	bounded := *c.request
	bounded.Body = &from
	read, err := wire.ReadBody(&bounded)
	if err != nil {
		return err
	}
	_ = control.SetReadDeadline(time.Time{})
	c.body = read
	return nil
}
