package consumer_test

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"

	_ "modernc.org/sqlite"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/consumer"
	"github.com/millrace/millrace/consumer/checkpoint"
	"github.com/millrace/millrace/consumer/consumertest"
)

// The environment of a process that is a worker, which is the test itself.
const (
	workerServer = "MILLRACE_TEST_WORKER_SERVER"
	workerDir    = "MILLRACE_TEST_WORKER_DIR" // of the positions and the results
)

// errFenced is what a worker finds when another has gone on where it was.
var errFenced = errors.New("another worker has the stream")

// TestKilledWorkersLoseNothing: workers are processes that share streams by a
// file, and are killed while media arrive. Each frame is handled at least once; in
// the database, where its result stands in one transaction with its position, it
// is once.
func TestKilledWorkersLoseNothing(t *testing.T) {
	if server := os.Getenv(workerServer); server != "" {
		if err := workUntilKilled(t.Context(), server, os.Getenv(workerDir)); err != nil {
			t.Fatal(err)
		}
		return
	}
	kills := 5
	if n, err := strconv.Atoi(os.Getenv("MILLRACE_TORTURE")); err == nil {
		kills = max(kills, n/3)
	}
	const streams, workers, perKill = 4, 3, 8
	server, dir := consumertest.Start(t, consumertest.Config{}), t.TempDir()
	db := openResults(t, dir)
	crew := newCrew(t, server.Endpoint(), dir)
	for range workers {
		crew.hire()
	}
	random := rand.New(rand.NewPCG(7, 7))
	for kill := range kills {
		for n := range perKill {
			for s := range streams {
				at := kill*perKill + n
				server.Stream(camera(s)).Add(footage().Fragment(at))
			}
			time.Sleep(50 * time.Millisecond) // media take their time
		}
		crew.kill(random.IntN(workers))
		crew.hire()
	}
	want := streams * kills * perKill * 3
	waitForRows(t, db, want)
	crew.dismiss()
	checkResults(t, db, want, kills)
}

// A crew is the workers that run.
type crew struct {
	t           *testing.T
	server, dir string
	all         []*exec.Cmd
	outputs     map[*exec.Cmd]*bytes.Buffer
}

func newCrew(t *testing.T, server, dir string) *crew {
	c := &crew{t: t, server: server, dir: dir, outputs: map[*exec.Cmd]*bytes.Buffer{}}
	t.Cleanup(c.dismiss)
	return c
}

func (c *crew) hire() {
	c.t.Helper()
	self, err := os.Executable()
	if err != nil {
		c.t.Fatal(err)
	}
	cmd, out := exec.Command(self, "-test.run=^TestKilledWorkersLoseNothing$"), new(bytes.Buffer)
	cmd.Env = append(os.Environ(), workerServer+"="+c.server, workerDir+"="+c.dir)
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Start(); err != nil {
		c.t.Fatal(err)
	}
	c.all = append(c.all, cmd)
	c.outputs[cmd] = out
}

// kill ends one of the workers in the middle of whatever it does.
func (c *crew) kill(n int) {
	c.t.Helper()
	cmd := c.all[n]
	if err := cmd.Process.Kill(); err != nil {
		c.t.Errorf("a worker has ended before it was killed: %v\n%s", err, c.outputs[cmd])
	}
	_ = cmd.Wait() // it was killed
	c.all = slices.Delete(c.all, n, n+1)
}

func (c *crew) dismiss() {
	for len(c.all) > 0 {
		c.kill(0)
	}
}

// openResults opens the application's own database, which notes each frame that a
// worker has looked at, and has each result with its position.
func openResults(t testing.TB, dir string) *sql.DB {
	t.Helper()
	db, err := openResultsIn(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

func openResultsIn(dir string) (*sql.DB, error) {
	path := filepath.Join(dir, "results.db")
	db, err := sql.Open("sqlite", "file:"+path+"?_pragma=busy_timeout(20000)&_pragma=journal_mode(WAL)&_pragma=synchronous(OFF)&_txlock=immediate")
	if err != nil {
		return nil, err
	}
	for _, text := range []string{
		"CREATE TABLE IF NOT EXISTS looked (frame TEXT)",
		"CREATE TABLE IF NOT EXISTS results (frame TEXT)",
		"CREATE TABLE IF NOT EXISTS positions (stream TEXT PRIMARY KEY, position TEXT)",
	} {
		if _, err := db.Exec(text); err != nil {
			return nil, errors.Join(err, db.Close())
		}
	}
	return db, nil
}

// workUntilKilled is a worker.
func workUntilKilled(ctx context.Context, server, dir string) error {
	store, err := checkpoint.OpenFile(filepath.Join(dir, "positions"))
	if err != nil {
		return err
	}
	db, err := openResultsIn(dir)
	if err != nil {
		return err
	}
	o := consumer.RunnerOptions{
		App: "plates", Store: store, Prefix: "cam-", TTL: 1500 * time.Millisecond, Poll: 200 * time.Millisecond,
		Live: consumer.LiveOptions{Start: millrace.StartSelector{Type: millrace.StartEarliest}},
	}
	return clientOf(server).Run(ctx, o, func(ctx context.Context, stream millrace.StreamName, r *consumer.Reader) error {
		for frame, err := range r.Frames(ctx) {
			if err != nil {
				return err
			}
			name := fmt.Sprintf("%s %s %d", stream, frame.Fragment.Number, frame.Index)
			if _, err := db.ExecContext(ctx, "INSERT INTO looked VALUES (?)", name); err != nil {
				return err
			}
			if err := putResult(ctx, db, name, r.Position()); err != nil {
				return err
			}
		}
		return nil
	})
}

// putResult writes a result and its position in one transaction, unless it is
// there. A worker whose lease has gone to another finds a higher epoch.
func putResult(ctx context.Context, db *sql.DB, name string, p consumer.Position) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // it is done, or it does not matter
	var text string
	err = tx.QueryRow("SELECT position FROM positions WHERE stream = ?", p.Stream).Scan(&text)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	var done consumer.Position
	if err := done.UnmarshalText([]byte(text)); err != nil {
		return err
	}
	switch {
	case done.Epoch > p.Epoch:
		return errFenced
	case p.Compare(done) <= 0:
		return nil // an earlier worker did it, and was killed before that was saved
	}
	if _, err := tx.Exec("INSERT INTO results VALUES (?)", name); err != nil {
		return err
	}
	if _, err := tx.Exec("INSERT OR REPLACE INTO positions VALUES (?, ?)", p.Stream, p.String()); err != nil {
		return err
	}
	return tx.Commit()
}

// waitForRows waits until there are so many results.
func waitForRows(t *testing.T, db *sql.DB, want int) {
	t.Helper()
	for end := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
		var n int
		if err := db.QueryRow("SELECT count(*) FROM results").Scan(&n); err != nil {
			t.Fatal(err)
		}
		if n >= want {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("%d results are there after a minute, want %d", n, want)
		}
	}
}

func checkResults(t *testing.T, db *sql.DB, want, kills int) {
	t.Helper()
	results, looked := count(t, db, "results"), count(t, db, "looked")
	if len(results) != want || len(looked) != want {
		t.Errorf("%d frames have results and %d were looked at, of %d", len(results), len(looked), want)
	}
	for frame, n := range results {
		if n != 1 {
			t.Errorf("%s has %d results", frame, n)
		}
	}
	again := 0
	for n := range maps.Values(looked) {
		again += n - 1
	}
	t.Logf("%d of %d frames were looked at again after %d kills", again, want, kills)
}

// count returns how often each frame is in a table.
func count(t *testing.T, db *sql.DB, table string) map[string]int {
	t.Helper()
	rows, err := db.Query("SELECT frame, count(*) FROM " + table + " GROUP BY frame")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	all := map[string]int{}
	for rows.Next() {
		var frame string
		var n int
		if err := rows.Scan(&frame, &n); err != nil {
			t.Fatal(err)
		}
		all[frame] = n
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}
