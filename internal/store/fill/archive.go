package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/millrace/millrace/internal/store"
)

// The sizes of what playback asks for.
const (
	aPage     = 1000 // fragments of ListFragments
	aPlaylist = 5000 // fragments of a playlist
	aPicture  = 100  // buckets of availability
)

// An archive asks the first stream for what playback does, each time elsewhere.
type archive struct {
	load  *load
	store *store.Engine
	scope store.Scope
	rand  *rand.Rand
	whole time.Duration
}

// playback measures what playback asks of the index.
func (l *load) playback(ctx context.Context, e *store.Engine) error {
	a := &archive{load: l, store: e, scope: store.Scope{Stream: l.stream(0)}, rand: rand.New(rand.NewPCG(3, 3))}
	a.whole = time.Duration(min(l.PerStream, l.Fragments)) * interval
	for _, m := range []struct {
		name string
		ask  func(context.Context) error
	}{
		{fmt.Sprintf("a page of %d by the server's clock", aPage), a.page(store.ServerClock)},
		{fmt.Sprintf("a page of %d by the producer's clock", aPage), a.page(store.ProducerClock)},
		{fmt.Sprintf("the next %d of a number", aPage), a.after},
		{fmt.Sprintf("the newest %d", aPlaylist), a.newest},
		{fmt.Sprintf("%d entries and outlines", aPlaylist), a.outlines},
		{"availability of a day by the server's clock", a.cover(store.ServerClock, 1)},
		{"availability of a day by the producer's clock", a.cover(store.ProducerClock, 1)},
		{"availability of 30 days by the server's clock", a.cover(store.ServerClock, 30)},
		{"availability of 30 days by the producer's clock", a.cover(store.ProducerClock, 30)},
	} {
		if err := a.measure(ctx, m.name, m.ask); err != nil {
			return fmt.Errorf("%s: %w", m.name, err)
		}
	}
	return nil
}

func (a *archive) measure(ctx context.Context, name string, ask func(context.Context) error) error {
	var took []time.Duration
	for range rounds {
		begin := time.Now()
		if err := ask(ctx); err != nil {
			return err
		}
		took = append(took, time.Since(begin))
	}
	slices.Sort(took)
	fmt.Fprintf(a.load.out, "%s: median %v, from %v to %v\n", name, took[rounds/2], took[0], took[rounds-1])
	return nil
}

// somewhere is a time before the last n fragments.
func (a *archive) somewhere(n int) time.Time {
	return begin().Add(time.Duration(a.rand.Int64N(max(1, int64(a.whole-time.Duration(n)*interval)))))
}

func (a *archive) page(c store.Clock) func(context.Context) error {
	return func(ctx context.Context) error {
		_, err := a.store.List(ctx, a.scope, store.Listing{Clock: c, From: a.somewhere(aPage), Limit: aPage})
		return err
	}
}

func (a *archive) after(ctx context.Context) error {
	at, err := a.store.AtServerTime(ctx, a.scope, a.somewhere(aPage))
	if err == nil {
		_, err = a.store.After(ctx, a.scope, at.Number, aPage)
	}
	return err
}

func (a *archive) newest(ctx context.Context) error {
	_, err := a.store.Newest(ctx, a.scope, aPlaylist)
	return err
}

func (a *archive) outlines(ctx context.Context) error {
	list, err := a.store.List(ctx, a.scope, store.Listing{From: a.somewhere(aPlaylist), Limit: aPlaylist})
	if err != nil {
		return err
	}
	for i := range list {
		if _, err := a.store.Outline(ctx, a.scope, list[i]); err != nil {
			return err
		}
	}
	return nil
}

func (a *archive) cover(c store.Clock, days int) func(context.Context) error {
	length := time.Duration(days) * 24 * time.Hour
	return func(ctx context.Context) error {
		from := a.somewhere(int(length / interval)).Truncate(time.Millisecond)
		_, err := a.store.Cover(ctx, a.scope, store.CoverQuery{Clock: c, From: from, To: from.Add(length), Buckets: aPicture, Gaps: 1000})
		return err
	}
}
