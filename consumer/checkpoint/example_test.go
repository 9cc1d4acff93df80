package checkpoint_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"time"

	"github.com/millrace/millrace/consumer/checkpoint"
)

// Two workers of one application, and one stream.
func Example() {
	ctx := context.Background()
	store := new(checkpoint.Memory)
	gate := checkpoint.Key{App: "plates", Stream: "gate-3"}

	mine, err := store.Acquire(ctx, gate, "worker-1", time.Minute)
	if err != nil {
		log.Fatal(err)
	}
	_, err = store.Acquire(ctx, gate, "worker-2", time.Minute)
	fmt.Println(errors.Is(err, checkpoint.ErrHeld))

	mine.Position = []byte("fragment 17")
	fmt.Println(store.Save(ctx, gate, mine), store.Release(ctx, gate, "worker-1"))

	theirs, err := store.Acquire(ctx, gate, "worker-2", time.Minute)
	fmt.Println(string(theirs.Position), theirs.Epoch, err)
	fmt.Println(errors.Is(store.Save(ctx, gate, mine), checkpoint.ErrFenced))
	// Output:
	// true
	// <nil> <nil>
	// fragment 17 2 <nil>
	// true
}

// A database that many machines share would be PostgreSQL.
func ExampleOpenSQL() {
	dir, err := os.MkdirTemp("", "positions")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)

	db, err := sql.Open("sqlite", filepath.Join(dir, "positions.db")+"?_pragma=busy_timeout(5000)")
	if err != nil {
		log.Fatal(err)
	}
	defer db.Close()
	ctx := context.Background()
	store, err := checkpoint.OpenSQL(ctx, db, checkpoint.SQLOptions{Dialect: checkpoint.SQLite})
	if err != nil {
		log.Fatal(err)
	}
	gate := checkpoint.Key{App: "plates", Stream: "gate-3"}
	fmt.Println(store.Save(ctx, gate, checkpoint.Record{Position: []byte("fragment 17")}))
	for e, err := range store.List(ctx, "plates") {
		fmt.Println(e.Stream, string(e.Position), err)
	}
	// Output:
	// <nil>
	// gate-3 fragment 17 <nil>
}
