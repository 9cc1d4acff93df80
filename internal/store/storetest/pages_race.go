package storetest

import (
	"errors"
	"fmt"
	"math"
	"testing"

	"golang.org/x/sync/errgroup"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/store"
)

// changesAreWhole replaces pages over and over while others read. A reader
// must find all pages of one change, and never those of an earlier one than it
// has found before.
func changesAreWhole(t *testing.T, c pagesCase) {
	key := millrace.StreamKey{ID: 1}
	const rounds, width = 60, 8
	change := func(round int) *store.PageChange {
		var change store.PageChange
		for i := range width {
			page := PageOf(key, store.ServerClock, 1000*i, 3)
			page.Bytes = int64(round)
			change.Put = append(change.Put, page)
		}
		change.PutPacks = []store.PackRow{{Number: 1, Fed: int64(round)}}
		return &change
	}
	if err := c.Apply(c.ctx, change(1)); err != nil {
		t.Fatal(err)
	}
	var group errgroup.Group
	for range 3 {
		group.Go(func() error { return c.watchFind(key, rounds, width) })
		group.Go(func() error { return c.watchState(rounds, width) })
	}
	for round := 2; round <= rounds; round++ {
		if err := c.Apply(c.ctx, change(round)); err != nil {
			t.Fatal(err)
		}
		if round%20 == 0 {
			if err := c.Sync(c.ctx); err != nil {
				t.Fatal(err)
			}
		}
		if found := c.all(key, store.ServerClock); found[0].Bytes != int64(round) {
			t.Fatalf("round %d is answered with %d", round, found[0].Bytes)
		}
	}
	if err := group.Wait(); err != nil {
		t.Error(err)
	}
}

// watchFind reads until it has seen the last round.
func (c pagesCase) watchFind(key millrace.StreamKey, last int64, width int) error {
	for round := int64(0); round < last; {
		found, err := c.Find(c.ctx, store.PageQuery{Stream: key, EndAfter: math.MinInt64})
		if err != nil {
			return err
		}
		if len(found) != width || found[0].Bytes < round {
			return fmt.Errorf("%d pages of round %d after round %d", len(found), found[0].Bytes, round)
		}
		round = found[0].Bytes
		for _, page := range found {
			if page.Bytes != round {
				return fmt.Errorf("pages of rounds %d and %d in one answer", round, page.Bytes)
			}
		}
	}
	return nil
}

// watchState does the same with the whole state.
func (c pagesCase) watchState(last int64, width int) error {
	for round := int64(0); round < last; {
		s, err := c.State(c.ctx)
		if err != nil {
			return err
		}
		if s.Packs[0].Fed < round || s.Streams[0].Bytes != s.Packs[0].Fed*int64(width) {
			return fmt.Errorf("a state with %d bytes and round %d, after round %d", s.Streams[0].Bytes, s.Packs[0].Fed, round)
		}
		round = s.Packs[0].Fed
	}
	return nil
}

func pagesCloseWaits(t *testing.T, c pagesCase) {
	key := millrace.StreamKey{ID: 1}
	c.apply(store.PageChange{Put: []store.IndexPage{PageOf(key, store.ServerClock, 0, 5)}})
	var group errgroup.Group
	started := make(chan struct{}, 4)
	for range cap(started) {
		group.Go(func() error {
			for i := 0; ; i++ {
				_, err := c.Find(c.ctx, store.PageQuery{Stream: key, EndAfter: math.MinInt64})
				if errors.Is(err, millrace.ErrClosed) {
					return nil
				}
				if err != nil {
					return err
				}
				if i == 0 {
					started <- struct{}{}
				}
			}
		})
	}
	for range cap(started) {
		<-started
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	if err := group.Wait(); err != nil {
		t.Error(err)
	}
}
