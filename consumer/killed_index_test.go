package consumer_test

import (
	"context"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/millrace/millrace/consumer/consumertest"
)

// The environment of a process that is to be killed: where it reads, and its
// database.
const (
	indexEndpoint = "MILLRACE_TEST_INDEX_ENDPOINT"
	indexDatabase = "MILLRACE_TEST_INDEX_DATABASE"
)

// TestIndexing is the program of the example, in a process of its own. Without
// somebody who wants that it does nothing.
func TestIndexing(t *testing.T) {
	endpoint := os.Getenv(indexEndpoint)
	if endpoint == "" {
		return
	}
	db, err := openIndex(os.Getenv(indexDatabase))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	t.Error(index(t.Context(), clientOf(endpoint), db)) // it goes on until it is killed
}

// TestAKilledIndexHasEachFrameOnce kills the program of the example again and
// again, wherever it is, while its connections break as well.
func TestAKilledIndexHasEachFrameOnce(t *testing.T) {
	const fragments, kills = 200, 5
	rnd := rand.New(rand.NewPCG(7, 7))
	var steps []consumertest.Step
	for range 40 {
		steps = append(steps, consumertest.Cut(rnd.Int64N(4000), consumertest.Reset))
	}
	server := consumertest.Start(t, consumertest.Config{Steps: map[consumertest.Operation][]consumertest.Step{consumertest.GetMedia: steps}})
	server.Stream("gate").Add(consumertest.Footage{Seed: 7}.Fragments(fragments)...)
	path := filepath.Join(t.TempDir(), "index.db")
	db, err := openIndex(path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	want := 3 * fragments
	for n := range kills + 1 {
		enough := want // of the last one
		if n < kills {
			enough = (n+1)*want/(kills+2) + rnd.IntN(50)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		cmd := exec.CommandContext(ctx, os.Args[0], "-test.run=^TestIndexing$")
		cmd.Env = append(os.Environ(), indexEndpoint+"="+server.Endpoint(), indexDatabase+"="+path)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		findings := 0
		for ; findings < enough && ctx.Err() == nil; findings, _ = counted(db) {
			time.Sleep(time.Duration(rnd.IntN(3000)) * time.Microsecond)
		}
		cancel() // kills it
		_ = cmd.Wait()
		if findings, frames := counted(db); findings != frames || findings < enough {
			t.Fatalf("after %d kills: %d findings of %d frames, want %d", n+1, findings, frames, enough)
		}
	}
	if findings, frames := counted(db); findings != want || frames != want {
		t.Errorf("%d findings of %d frames, want %d", findings, frames, want)
	}
}
