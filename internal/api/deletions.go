package api

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/store"
)

const (
	// deletionsPerPass bounds the memory of one pass.
	deletionsPerPass = 100

	// A deletion that could not be completed is tried again after this long,
	// and then after twice as long each time, up to the second.
	firstRetry = time.Second
	lastRetry  = time.Minute
)

// deletions completes what DeleteStream began (A4). What is to be done stands
// in the control state alone, as streams in StatusDeleting, so that nothing is
// lost with a process; poke only says that there is something new.
type deletions struct {
	streams store.Streams
	media   MediaPlane
	logger  *slog.Logger
	pokes   chan struct{} // room for one
}

func newDeletions(c Config) deletions {
	return deletions{streams: c.Control, media: c.Media, logger: c.Logger, pokes: make(chan struct{}, 1)}
}

// poke makes run look for deletions soon. It never blocks.
func (d deletions) poke() {
	select {
	case d.pokes <- struct{}{}:
	default: // run has not looked since the last one
	}
}

// run completes deletions until ctx ends.
func (d deletions) run(ctx context.Context) error {
	retry := firstRetry
	for {
		err := d.pass(ctx)
		if ctx.Err() != nil {
			return nil
		}
		var again <-chan time.Time
		if err != nil {
			d.logger.ErrorContext(ctx, "deletions are not complete", "retry_in", retry, "err", err)
			again = time.After(retry)
			retry = min(2*retry, lastRetry)
		} else {
			retry = firstRetry
		}
		select {
		case <-ctx.Done():
			return nil
		case <-d.pokes:
		case <-again:
		}
	}
}

// pass tries every deletion once. One that fails does not hold up the others;
// of those that fail the first is told.
func (d deletions) pass(ctx context.Context) error {
	page := store.Page{Deleting: true, Limit: deletionsPerPass}
	var failed int
	var first error
	for {
		list, err := d.streams.List(ctx, page)
		if err != nil {
			return err
		}
		for _, s := range list {
			page.After = s.Name
			if err := d.complete(ctx, s); err != nil {
				failed++
				first = cmp.Or(first, err)
			}
		}
		if len(list) < page.Limit {
			break
		}
	}
	if failed > 0 {
		return fmt.Errorf("%d deletions, the first: %w", failed, first)
	}
	return nil
}

func (d deletions) complete(ctx context.Context, s millrace.Stream) error {
	if err := d.media.Drop(ctx, s); err != nil {
		return fmt.Errorf("drop media of %s: %w", s.Name, err)
	}
	if err := d.streams.FinishDelete(ctx, s.Key); err != nil {
		return fmt.Errorf("forget %s: %w", s.Name, err)
	}
	d.logger.InfoContext(ctx, "stream deleted", "stream", s.Name)
	return nil
}
