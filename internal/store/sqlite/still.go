package sqlite

import (
	"database/sql"
	"errors"
	"io"
	"net/url"
	"os"
	"path/filepath"

	"modernc.org/sqlite"
)

// openStill opens a database for reading such that neither it nor anything
// beside it is changed. done closes it.
//
// A file without a log is whole, and nobody writes to it: it is opened as
// immutable, without locks. One with a log is read as any reader beside a
// server reads it, by way of the log's index, if there is one; SQLite would make
// one, so that a file that has a log but no index is copied to another folder
// first.
func openStill(path string) (db *sql.DB, done func(), err error) {
	if _, err := os.Stat(path); err != nil {
		return nil, nil, err
	}
	q := url.Values{"mode": {"ro"}}
	cleanUp := func() {}
	switch {
	case !hasBytes(path+"-wal") && !hasBytes(path+"-journal"):
		q.Set("immutable", "1")
	case !hasBytes(path + "-shm"):
		dir, err := os.MkdirTemp("", "millrace-verify-")
		if err != nil {
			return nil, nil, err
		}
		cleanUp = func() { os.RemoveAll(dir) }
		if path, err = copyFiles(path, dir); err != nil {
			cleanUp()
			return nil, nil, err
		}
		q.Del("mode") // SQLite may have to take back what a crash cut short
	}
	db, err = openPool(path, Options{BusyTimeout: DefaultBusyTimeout}, q)
	if err != nil {
		cleanUp()
		return nil, nil, err
	}
	db.SetMaxOpenConns(1)
	return db, func() { db.Close(); cleanUp() }, nil
}

func hasBytes(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Size() > 0
}

// copyFiles copies a database and what belongs to it into a folder.
func copyFiles(path, dir string) (string, error) {
	to := filepath.Join(dir, "control.db")
	for _, suffix := range []string{"", "-wal", "-journal"} {
		err := copyFile(path+suffix, to+suffix)
		if err != nil && (suffix == "" || !os.IsNotExist(err)) {
			return "", err
		}
	}
	return to, nil
}

func copyFile(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}

// openURI opens what SQLite calls a URI.
func openURI(uri string) (*sql.DB, error) {
	connector, err := sqlite.NewConnector(uri)
	if err != nil {
		return nil, err
	}
	return sql.OpenDB(connector), nil
}
