package store_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/store"
	"github.com/millrace/millrace/internal/store/mem"
	"github.com/millrace/millrace/internal/store/sqlite"
	"github.com/millrace/millrace/internal/store/storetest"
)

// BenchmarkIndex asks an index of two days of a stream, all of it in a file.
func BenchmarkIndex(b *testing.B) {
	const day = 43_200
	e, closed := benchIndex(b, 2*day)
	defer closed()
	r := rand.New(rand.NewPCG(1, 1))
	scope := store.Scope{}
	some := func() int { return r.IntN(2*day - 100) }
	at := func() time.Time { return storetest.Epoch().Add(time.Duration(some()) * 2 * time.Second) }
	check := func(b *testing.B, n, want int, err error) {
		if err != nil || n != want {
			b.Fatalf("%d entries, %v; want %d", n, err, want)
		}
	}
	b.Run("after", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			list, err := e.After(b.Context(), scope, storetest.Number(uint64(some()+1), 0), 64)
			check(b, len(list), 64, err)
		}
	})
	b.Run("at server time", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			_, err := e.AtServerTime(b.Context(), scope, at())
			check(b, 0, 0, err)
		}
	})
	b.Run("at producer time", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			_, err := e.AtProducerTime(b.Context(), scope, at())
			check(b, 0, 0, err)
		}
	})
	for c, name := range []string{"day by server time", "day by producer time"} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				from := storetest.Epoch().Add(time.Duration(r.IntN(day)) * 2 * time.Second)
				list, err := e.List(b.Context(), scope, store.Listing{Clock: store.Clock(c), From: from, To: from.Add(24 * time.Hour)})
				check(b, len(list), day, err)
			}
		})
	}
}

// benchIndex has n fragments of a stream in its file, two seconds apart.
func benchIndex(b *testing.B, n int) (e *store.Driver, closed func()) {
	x, err := sqlite.OpenIndex(b.Context(), b.TempDir()+"/index.db", sqlite.Options{})
	if err != nil {
		b.Fatal(err)
	}
	if e, err = store.OpenByHand(b.Context(), store.Config{FS: mem.NewFS(), Pages: x, Epoch: 1}); err != nil {
		b.Fatal(err)
	}
	for i := range n {
		at := time.Duration(i) * 2 * time.Second
		f := &millrace.Fragment{
			Number: storetest.Number(uint64(i+1), at), ProducerTime: storetest.Epoch().Add(at), Duration: 2 * time.Second,
		}
		if err := e.Submit(b.Context(), f, func(error) {}); err != nil {
			b.Fatal(err)
		}
		if i%4000 == 3999 || i == n-1 {
			e.Step()
			if err := e.Feed(b.Context()); err != nil {
				b.Fatal(err)
			}
		}
	}
	return e, func() {
		e.Close()
		_ = x.Close()
	}
}
