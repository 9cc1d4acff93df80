package store_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/store"
	"github.com/millrace/millrace/internal/store/mem"
	"github.com/millrace/millrace/internal/store/storetest"
)

// TestQueriesBesideTheFeederMissNothing commits, feeds, sweeps and makes the
// index again while readers ask: whatever was confirmed before a question is in
// its answer, in order and once.
func TestQueriesBesideTheFeederMissNothing(t *testing.T) {
	const n = 400
	pages := mem.NewPages()
	e := open(t, store.Config{FS: mem.NewFS(), Epoch: 1, Pages: pages, PackSize: 4000})
	key := millrace.StreamKey{ID: 1}
	old := store.Policy{Retention: time.Hour, KeptSince: storetest.Epoch()}
	e.SetPolicy(key, old)
	var confirmed atomic.Int64
	var writer, others sync.WaitGroup
	ctx, stop := context.WithCancel(t.Context())
	beside := func(work func() error) {
		others.Go(func() {
			for ctx.Err() == nil {
				if err := work(); err != nil && ctx.Err() == nil && !errors.Is(err, store.ErrUnavailable) {
					t.Error(err)
					return
				}
			}
		})
	}
	writer.Go(func() {
		for i := range n {
			f := &millrace.Fragment{
				Stream: key, Number: storetest.Number(uint64(i+1), time.Duration(i)*time.Second),
				ProducerTime: storetest.Epoch().Add(-time.Duration(i) * time.Second), Duration: time.Second,
			}
			commit(t, e, f)
			confirmed.Store(int64(i + 1))
			if i%150 == 100 {
				pages.Damage()
			}
		}
	})
	scope := store.Scope{Stream: key}
	beside(func() error { return e.FeedNow(ctx) })
	beside(func() error {
		_, err := e.Sweep(ctx, storetest.ExpiryAt(storetest.Epoch()))
		return err
	})
	for c := range store.Clock(2) {
		beside(func() error {
			least := confirmed.Load()
			list, err := e.List(ctx, scope, store.Listing{Clock: c})
			if err == nil {
				checkWhole(t, c, list, least)
			}
			return err
		})
	}
	beside(func() error {
		least := confirmed.Load()
		if least == 0 {
			return nil
		}
		at := storetest.Epoch().Add(time.Duration(least-1) * time.Second)
		found, err := e.AtServerTime(ctx, scope, at)
		if err == nil && found.Number.Sequence() != uint64(least) {
			t.Errorf("at the time of %d is %d", least, found.Number.Sequence())
		}
		return err
	})
	writer.Wait()
	stop()
	others.Wait()
	if err := e.FeedNow(t.Context()); err != nil {
		t.Fatal(err)
	}
	list, err := e.List(t.Context(), scope, store.Listing{})
	if err != nil {
		t.Fatal(err)
	}
	checkWhole(t, store.ServerClock, list, n)
	if s := e.StreamStats(key); s.Fragments != n {
		t.Errorf("%+v", s)
	}
}

func checkWhole(t *testing.T, c store.Clock, list []store.Entry, least int64) {
	list = slices.Clone(list)
	if c == store.ProducerClock {
		slices.Reverse(list) // producer times go back in this test
	}
	for i, e := range list {
		if e.Number.Sequence() != uint64(i+1) {
			t.Errorf("place %d of clock %d has %d", i+1, c, e.Number.Sequence())
			return
		}
	}
	if int64(len(list)) < least {
		t.Errorf("%d fragments by clock %d, %d were confirmed", len(list), c, least)
	}
}
