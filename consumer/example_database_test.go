package consumer_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log"
	"os"
	"path/filepath"

	_ "modernc.org/sqlite"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/consumer"
)

// What the indexer's database holds: findings, and how far it has come.
const schema = `
CREATE TABLE IF NOT EXISTS findings (made INTEGER NOT NULL, bytes INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS positions (stream TEXT PRIMARY KEY, position TEXT NOT NULL);`

// index writes down what it finds in each frame. The position goes into the same
// transaction as the finding: whenever the program is killed, the database has
// both or neither, and each frame is in it once.
func index(ctx context.Context, client *consumer.Client, db *sql.DB) error {
	var at consumer.Position
	var text string
	err := db.QueryRowContext(ctx, `SELECT position FROM positions WHERE stream = 'gate'`).Scan(&text)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	if err := at.UnmarshalText([]byte(text)); err != nil { // no text is the zero Position
		return err
	}
	gate := client.Live("gate", consumer.LiveOptions{
		At:    at,
		Start: millrace.StartSelector{Type: millrace.StartEarliest}, // the first time
	})
	for frame, err := range gate.Frames(ctx) {
		if err != nil {
			return err
		}
		if err := found(ctx, db, frame, gate.Position()); err != nil {
			return err
		}
	}
	return nil
}

// found writes a finding down, with the position behind it.
func found(ctx context.Context, db *sql.DB, frame consumer.Frame, behind consumer.Position) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() // nothing, if it was committed
	if _, err := tx.ExecContext(ctx, `INSERT INTO findings VALUES (?, ?)`, frame.Time.UnixMilli(), len(frame.Data)); err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `INSERT INTO positions VALUES ('gate', ?) ON CONFLICT (stream) DO UPDATE SET position = excluded.position`, behind.String())
	if err != nil {
		return err
	}
	return tx.Commit()
}

// openIndex opens the indexer's database.
func openIndex(path string) (*sql.DB, error) {
	db, err := sql.Open("sqlite", "file:"+path+"?_pragma=journal_mode(WAL)&_pragma=busy_timeout(5000)")
	if err != nil {
		return nil, err
	}
	_, err = db.Exec(schema)
	return db, err
}

// counted is how many findings there are, and of how many frames.
func counted(db *sql.DB) (findings, frames int) {
	if err := db.QueryRow(`SELECT count(*), count(DISTINCT made) FROM findings`).Scan(&findings, &frames); err != nil {
		log.Fatal(err)
	}
	return findings, frames
}

// An index is interrupted in the middle of a fragment, and goes on with the frame
// behind.
func Example_database() {
	server, client := gateOf(20)
	defer server.Close()
	dir, err := os.MkdirTemp("", "index-")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	db, err := openIndex(filepath.Join(dir, "index.db"))
	if err != nil {
		log.Fatal(err)
	}
	defer db.Close()
	for _, frames := range []int{25, 60} {
		ctx, interrupt := context.WithCancel(context.Background())
		indexing := make(chan error, 1)
		go func() { indexing <- index(ctx, client, db) }()
		for n := 0; n < frames; n, _ = counted(db) {
		}
		interrupt()
		<-indexing
	}
	fmt.Println(counted(db))
	// Output: 60 60
}
