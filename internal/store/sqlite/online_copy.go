package sqlite

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"

	"modernc.org/sqlite"
)

// copyPages is how many pages are copied between two looks at the context.
const copyPages = 1000

// OnlineCopy copies the control database at path to dest, which must not exist,
// while this or another process changes it: the copy is what had been committed
// at one moment after the call began, page for page, without a log. It is durable when OnlineCopy returns nil; after an error there is none.
// Changes are not held up. The file is not verified: VerifyControl verifies the
// copy.
func OnlineCopy(ctx context.Context, path, dest string) error {
	if err := onlineCopy(ctx, path, dest); err != nil {
		return fmt.Errorf("copy control database: %w", err)
	}
	return nil
}

func onlineCopy(ctx context.Context, path, dest string) error {
	if _, err := os.Stat(path); err != nil {
		return err
	}
	if err := create(dest); err != nil {
		return err
	}
	err := backUp(ctx, path, dest)
	if err == nil {
		err = syncFile(dest)
	}
	if err != nil {
		return errors.Join(err, os.Remove(dest))
	}
	return nil
}

func syncFile(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// backUp copies by SQLite's backup interface in a reading transaction, so that
// changes by others do not make it begin again.
func backUp(ctx context.Context, path, dest string) error {
	db, done, err := openSource(path)
	if err != nil {
		return err
	}
	defer done()
	conn, err := db.Conn(ctx)
	if err != nil {
		return classify(err)
	}
	defer conn.Close()
	if _, err := conn.ExecContext(ctx, "BEGIN"); err != nil {
		return classify(err)
	}
	defer conn.ExecContext(context.WithoutCancel(ctx), "ROLLBACK")
	var tables int // the first look takes the snapshot
	if err := conn.QueryRowContext(ctx, "SELECT count(*) FROM sqlite_schema").Scan(&tables); err != nil {
		return classify(err)
	}
	return conn.Raw(func(c any) error {
		source, ok := c.(interface {
			driver.Conn
			NewBackup(uri string) (*sqlite.Backup, error)
		})
		if !ok {
			return errors.New("the SQLite driver has no backup")
		}
		to, err := filepath.Abs(dest)
		if err != nil {
			return err
		}
		uri := url.URL{Scheme: "file", Path: filepath.ToSlash(to)}
		backup, err := source.NewBackup(uri.String())
		if err != nil {
			return classify(err)
		}
		return errors.Join(run(ctx, backup), classify(backup.Finish()))
	})
}

// openSource opens what is to be copied; done closes it. A disk that fails is
// often made read-only by the system, just when a copy is wanted: nobody writes
// there, and SQLite cannot make the log's index.
func openSource(path string) (db *sql.DB, done func(), err error) {
	if onReadOnlyDisk(path) {
		return openStill(path)
	}
	db, err = openPool(path, Options{BusyTimeout: DefaultBusyTimeout}, url.Values{"_query_only": {"1"}})
	if err != nil {
		return nil, nil, err
	}
	return db, func() { db.Close() }, nil
}

// run copies until all pages are there.
func run(ctx context.Context, backup *sqlite.Backup) error {
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		more, err := backup.Step(copyPages)
		if err != nil || !more {
			return classify(err)
		}
	}
}
