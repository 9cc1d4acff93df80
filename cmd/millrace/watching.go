package main

import (
	"context"
	"sync"
	"time"

	"github.com/millrace/millrace/internal/wire/client"
)

// linkPatience bounds the making of a link that nobody asked for.
const linkPatience = 5 * time.Second

// A watching tells people where to watch a stream that is being sent, as soon as
// something of it has been kept, for before that there is nothing to play. It is
// told of that from any goroutine; end waits for what it does.
type watching struct {
	kept    chan struct{}
	once    sync.Once // closes kept
	stop    chan struct{}
	running sync.WaitGroup
}

// startWatching begins to wait for the time to make a link. tell is called at most
// once, with the page's address or with why there is none.
func startWatching(ctx context.Context, link func(context.Context) (string, error), tell func(address string, err error)) *watching {
	w := &watching{kept: make(chan struct{}), stop: make(chan struct{})}
	w.running.Go(func() {
		select {
		case <-w.kept:
			tell(link(ctx))
		case <-w.stop:
		}
	})
	return w
}

// keptOne says that a fragment has been kept. It may be said again.
func (w *watching) keptOne() { w.once.Do(func() { close(w.kept) }) }

// end ends the wait, and lets a link be made that is due.
func (w *watching) end() {
	select {
	case <-w.kept:
	default:
		close(w.stop)
	}
	w.running.Wait()
}

// pageOf makes a link to the page that shows a session, for as long as links are
// good.
func pageOf(ctx context.Context, conn *client.Client, s client.HLSSession) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, linkPatience)
	defer cancel()
	s.Expires = int64(longestLink / time.Second)
	address, err := conn.HLSSession(ctx, forPlayer(s))
	if err != nil {
		return "", err
	}
	return playerURL(address, s.StreamName)
}
