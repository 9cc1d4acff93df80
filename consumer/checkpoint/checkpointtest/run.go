package checkpointtest

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/millrace/millrace/consumer/checkpoint"
)

// An Opener makes an empty storage for a test, and returns a function that opens
// one more client of it each time it is called; whatever is to be closed is closed
// by t.Cleanup. A store that has no storage but itself returns itself.
type Opener func(t *testing.T) func() checkpoint.Store

// Run checks a store. Each of its cases has a storage of its own.
func Run(t *testing.T, open Opener) {
	cases := []struct {
		name  string
		check func(t *testing.T, open func() checkpoint.Store)
	}{
		{"what was saved is loaded by every client", checkSave},
		{"without a lease the last one to save wins", checkSaveFree},
		{"a lease has one owner", checkLease},
		{"an owner renews and keeps the epoch", checkRenew},
		{"a lease expires", checkExpiry},
		{"who comes back late is fenced", checkFencing},
		{"who saves without a lease fences one that expired", checkSaveFreeFences},
		{"a lease is given back by its owner alone", checkRelease},
		{"a key is forgotten if nobody has it", checkDelete},
		{"one of many gets the lease", checkStorm},
		{"a lease keeps others out", checkExclusion},
		{"positions are kept whatever they are", checkPositions},
		{"keys are told apart whatever they are", checkKeys},
		{"what is out of bounds is refused", checkBounds},
		{"a list has what belongs to an application", checkList},
		{"the body of a list may call the store", checkListBody},
		{"a context that has ended changes nothing", checkContext},
		{"any calls do what the rules say", checkModel},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) { c.check(t, open(t)) })
	}
}

// The name that most cases use, and a time for which no case runs.
const (
	app  = "plates"
	long = time.Hour
)

func gate(n int) checkpoint.Key {
	return checkpoint.Key{App: app, Stream: fmt.Sprintf("gate-%03d", n)}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantError(t testing.TB, what string, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Fatalf("%s: %v, want %v", what, err, want)
	}
}

func load(t testing.TB, s checkpoint.Store, k checkpoint.Key) checkpoint.Record {
	t.Helper()
	r, err := s.Load(context.Background(), k)
	must(t, err)
	return r
}

func acquire(t testing.TB, s checkpoint.Store, k checkpoint.Key, owner string, ttl time.Duration) checkpoint.Record {
	t.Helper()
	r, err := s.Acquire(context.Background(), k, owner, ttl)
	must(t, err)
	if r.Owner != owner || r.Epoch == 0 || r.Expires.IsZero() {
		t.Fatalf("acquired %+v for %s", r, owner)
	}
	return r
}

// save keeps a position under the lease that r is of.
func save(s checkpoint.Store, k checkpoint.Key, r checkpoint.Record, position string) error {
	return s.Save(context.Background(), k, checkpoint.Record{Position: []byte(position), Owner: r.Owner, Epoch: r.Epoch})
}

// wantPosition checks what every client sees.
func wantPosition(t testing.TB, open func() checkpoint.Store, k checkpoint.Key, want string) {
	t.Helper()
	if got := load(t, open(), k); string(got.Position) != want {
		t.Fatalf("the position is %q, want %q", got.Position, want)
	}
}

// expire takes a lease and waits until it has gone, by the store's clock.
func expire(t testing.TB, s checkpoint.Store, k checkpoint.Key, owner string) checkpoint.Record {
	t.Helper()
	r := acquire(t, s, k, owner, time.Millisecond)
	for end := time.Now().Add(10 * time.Second); load(t, s, k).Owner != ""; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("a lease of a millisecond is there after ten seconds")
		}
	}
	return r
}
