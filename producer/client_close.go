package producer

import (
	"context"
	"errors"
	"fmt"
	"sync"
)

// Close closes all streams at once, each as [Stream.Close] does, and lets go what
// the client has beside them: keys and endpoints are not renewed any more. The
// error joins those of the streams. Close does not return before everything has
// ended, which is soon after the end of ctx. Nothing can be opened afterwards.
func (c *Client) Close(ctx context.Context) error {
	c.once.Do(func() { c.err = ErrClosed })
	var wg sync.WaitGroup
	var mu sync.Mutex // guards failed
	var failed []error
	for s := range c.Streams() {
		wg.Go(func() {
			err := s.Close(ctx)
			if err == nil || errors.Is(err, ErrClosed) { // somebody else closes it
				return
			}
			mu.Lock()
			defer mu.Unlock()
			failed = append(failed, fmt.Errorf("close stream %s: %w", s.name, err))
		})
	}
	wg.Wait()
	if c.client != nil {
		c.client.Close()
	}
	return errors.Join(failed...)
}
