package sqlite_test

import (
	"math"
	"path/filepath"
	"testing"

	"github.com/millrace/millrace/internal/store"
	"github.com/millrace/millrace/internal/store/sqlite"
	"github.com/millrace/millrace/internal/store/storetest"
)

// manyPages fills an index with pages of a day of ten streams.
func manyPages(b *testing.B) *sqlite.Index {
	b.Helper()
	x := openIndex(b, filepath.Join(b.TempDir(), "index.db"), sqlite.Options{})
	for id := range uint64(10) {
		var change store.PageChange
		key := indexStream()
		key.ID = id
		for n := range 85 {
			for _, clock := range []store.Clock{store.ServerClock, store.ProducerClock} {
				change.Put = append(change.Put, storetest.PageOf(key, clock, 1000*n, store.PageEntries))
			}
		}
		if err := x.Apply(b.Context(), &change); err != nil {
			b.Fatal(err)
		}
	}
	return x
}

func BenchmarkIndexFind(b *testing.B) {
	for _, bc := range []struct {
		name  string
		query store.PageQuery
		pages int
	}{
		{"one", store.PageQuery{Limit: 1}, 1},
		{"one by key", store.PageQuery{From: storetest.PageOf(indexStream(), store.ServerClock, 40_100, 1).First, Limit: 1}, 1},
		{"last", store.PageQuery{Limit: 1, Backward: true}, 1},
		{"at a time", store.PageQuery{Limit: 1, Backward: true, StartBy: storetest.Epoch().UnixMilli() + 40_100_000}, 1},
		{"day", store.PageQuery{}, 85},
	} {
		b.Run(bc.name, func(b *testing.B) {
			x := manyPages(b)
			bc.query.Stream, bc.query.EndAfter = indexStream(), math.MinInt64
			b.ReportAllocs()
			for b.Loop() {
				if list, err := x.Find(b.Context(), bc.query); err != nil || len(list) != bc.pages {
					b.Fatalf("%d pages, %v", len(list), err)
				}
			}
		})
	}
}

func BenchmarkIndexApply(b *testing.B) {
	x := manyPages(b)
	key := indexStream()
	page := storetest.PageOf(key, store.ServerClock, 90_000, 300)
	other := storetest.PageOf(key, store.ProducerClock, 90_000, 300)
	b.ReportAllocs()
	for b.Loop() {
		err := x.Apply(b.Context(), &store.PageChange{
			Put: []store.IndexPage{page, other}, PutPacks: []store.PackRow{{Number: 1}},
		})
		if err != nil {
			b.Fatal(err)
		}
	}
}
