package store_test

import (
	"errors"
	"testing"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/store"
)

// TestWhatWasFoundBeforeItWentIsNotRead: a reader that holds an entry does not
// get its media any more, neither before the index has let it go nor after.
func TestWhatWasFoundBeforeItWentIsNotRead(t *testing.T) {
	for name, policy := range map[string]func(f *millrace.Fragment) store.Policy{
		"by a deletion": func(f *millrace.Fragment) store.Policy {
			return store.Policy{Deletions: []store.Deletion{{
				ID: 1, Stream: f.Stream, Clock: store.ProducerClock, From: f.ProducerTime, To: f.ProducerTime.Add(1), Last: f.Number,
			}}}
		},
		"by what is kept": func(f *millrace.Fragment) store.Policy {
			return store.Policy{KeptSince: f.Number.ServerTime().Add(time.Millisecond)}
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, store.Config{})
			defer r.Close()
			f := r.put(1, 100)
			r.Step()
			scope := store.Scope{Stream: f.Stream}
			list, err := r.List(t.Context(), scope, store.Listing{})
			if err != nil || len(list) != 1 {
				t.Fatalf("listed %v, %v", list, err)
			}
			p := policy(f)
			p.Retention = millrace.MaxRetention
			r.SetPolicy(f.Stream, p)
			for range 2 {
				if _, err := r.Read(t.Context(), scope, list[0], nil); !errors.Is(err, millrace.ErrNotFound) {
					t.Errorf("read: %v, want that it is not found", err)
				}
				if _, err := r.Maintain(t.Context(), f.Number.ServerTime()); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}
