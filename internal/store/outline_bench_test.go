package store_test

import (
	"testing"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/store"
	"github.com/millrace/millrace/internal/store/storetest"
)

// BenchmarkOutline outlines the fragments of a playlist of 5,000, which have 50
// to 150 frames each.
func BenchmarkOutline(b *testing.B) {
	const playlist = 5000
	e, err := store.Open(b.Context(), store.Config{FS: benchDir(b), Epoch: 1, QueueFragments: playlist})
	if err != nil {
		b.Fatal(err)
	}
	defer e.Close()
	key, header := millrace.StreamKey{ID: 1}, millrace.NewHeader(make([]byte, 600))
	done := make(chan error, playlist)
	for n := range playlist {
		f := &millrace.Fragment{
			Stream: key, Number: storetest.Number(1<<32|uint64(n), time.Duration(n)*2*time.Second),
			Header: header, Cluster: [][]byte{make([]byte, 20_000)}, Samples: make([]millrace.Sample, 50+n%101),
		}
		for i := range f.Samples {
			f.Samples[i] = millrace.Sample{Track: 1, Offset: uint32(12 + 8000*i), Size: uint32(7000 + 13*n%900), Time: int32(2000 * i / len(f.Samples))}
		}
		if err := e.Submit(b.Context(), f, func(err error) { done <- err }); err != nil {
			b.Fatal(err)
		}
	}
	for range playlist {
		if err := <-done; err != nil {
			b.Fatal(err)
		}
	}
	scope := store.Scope{Stream: key}
	list, err := e.List(b.Context(), scope, store.Listing{})
	if err != nil || len(list) != playlist {
		b.Fatal(len(list), err)
	}
	b.ReportAllocs()
	for b.Loop() {
		for i := range list {
			if _, err := e.Outline(b.Context(), scope, list[i]); err != nil {
				b.Fatal(err)
			}
		}
	}
}
