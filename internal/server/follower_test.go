package server_test

import (
	"io"
	"math"
	"math/rand/v2"

	"github.com/millrace/millrace/mkv"
)

// A follower reads a stream from its earliest fragment on, over any number of
// connections, by continuation token. One goroutine uses it at a time.
type follower struct {
	stream string
	token  string
	docs   []document
	rand   *rand.Rand // breaks connections at random bytes; nil never does
	calls  int
}

// run reads until it sees the document that last speaks of, and returns nil
// then, or until the server is gone.
func (f *follower) run(r *rig, last func(document) bool) error {
	for {
		selector := earliest()
		if f.token != "" {
			selector = map[string]any{"StartSelectorType": "CONTINUATION_TOKEN", "ContinuationToken": f.token}
		}
		g, err := r.tryGet(f.stream, selector)
		if err != nil {
			return err
		}
		f.calls++
		over := f.read(g, last)
		g.close()
		if over {
			return nil
		}
	}
}

// read reads documents from one connection, up to a random byte.
func (f *follower) read(g *get, last func(document) bool) (over bool) {
	limit := int64(math.MaxInt64)
	if f.rand != nil {
		limit = 1 + f.rand.Int64N(200_000)
	}
	g.reader = mkv.NewReader(io.LimitReader(g.body, limit), mkv.ReaderOptions{})
	for {
		d, err := g.next()
		if err != nil {
			return false
		}
		f.docs, f.token = append(f.docs, d), d.number()
		if last(d) {
			return true
		}
	}
}
