package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"modernc.org/sqlite"
)

const (
	// DefaultBusyTimeout is how long a call waits for another process that has
	// the file locked.
	DefaultBusyTimeout = 5 * time.Second

	// maxReaders bounds the reading connections; further readers wait.
	maxReaders = 4

	// pageSize is set at the file's creation, and never changed after it.
	pageSize = 4096
)

// Options of a file. The zero value is the default.
type Options struct {
	BusyTimeout time.Duration // how long to wait for a locked file; 0 means DefaultBusyTimeout
	MaxSize     int64         // bytes the file may grow to, in steps of 4 KiB; 0 means no limit but the disk's
}

// A kind is what files of one use have in common.
type kind struct {
	application int      // PRAGMA application_id
	name        string   // for people, with its article
	remedy      string   // what to do with a file of a newer release
	pragmas     []string // of the writing connection, beside those of all
	steps       []step   // the schema's versions in order; step i leads from version i to i+1
}

// pools are the connections to one file.
type pools struct {
	writer *sql.DB // one connection, so that writers queue here and not in SQLite
	reader *sql.DB // up to maxReaders connections, which cannot write
}

// openPools opens the file at path, or makes it, and brings its schema up to
// date.
func openPools(ctx context.Context, path string, o Options, k kind) (pools, error) {
	if o.BusyTimeout == 0 {
		o.BusyTimeout = DefaultBusyTimeout
	}
	if err := create(path); err != nil && !os.IsExist(err) {
		return pools{}, err
	}
	writer, err := openWriter(ctx, path, o, k)
	if err != nil {
		return pools{}, err
	}
	reader, err := openPool(path, o, url.Values{"_query_only": {"1"}})
	if err != nil {
		writer.Close()
		return pools{}, err
	}
	reader.SetMaxOpenConns(maxReaders)
	reader.SetMaxIdleConns(maxReaders)
	return pools{writer, reader}, nil
}

// close ends all connections. The last one folds the log into the file and
// removes it.
func (p pools) close() error { return errors.Join(p.reader.Close(), p.writer.Close()) }

// create makes an empty file, and makes its name durable. A file that is there
// is os.ErrExist.
func create(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	return syncFolder(filepath.Dir(path))
}

// syncFolder makes durable which files a folder has.
func syncFolder(path string) error {
	if runtime.GOOS == "windows" {
		return nil // folders cannot be synced there
	}
	dir, err := os.Open(path)
	if err != nil {
		return err
	}
	defer dir.Close()
	return dir.Sync()
}

// openWriter opens the writing connection and checks the file before the
// first change to it.
func openWriter(ctx context.Context, path string, o Options, k kind) (*sql.DB, error) {
	probe, err := openPool(path, o, url.Values{"_query_only": {"1"}})
	if err != nil {
		return nil, err
	}
	err = k.identify(ctx, probe, path)
	if err == nil {
		err = k.refuseNewer(ctx, probe, path)
	}
	probe.Close()
	if err != nil {
		return nil, err
	}

	q := url.Values{"_txlock": {"immediate"}}
	q.Add("_pragma", fmt.Sprintf("page_size(%d)", pageSize))
	q.Add("_pragma", "journal_mode(WAL)")
	for _, pragma := range k.pragmas {
		q.Add("_pragma", pragma)
	}
	if o.MaxSize > 0 {
		q.Add("_pragma", fmt.Sprintf("max_page_count(%d)", max(1, o.MaxSize/pageSize)))
	}
	writer, err := openPool(path, o, q)
	if err != nil {
		return nil, err
	}
	writer.SetMaxOpenConns(1)
	writer.SetMaxIdleConns(1)
	if err := k.migrate(ctx, writer, path); err != nil {
		writer.Close()
		return nil, err
	}
	return writer, nil
}

func openPool(path string, o Options, q url.Values) (*sql.DB, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	q.Add("_busy_timeout", fmt.Sprint(o.BusyTimeout.Milliseconds()))
	// Every character of the path that means something in a URI is escaped.
	name := url.URL{Scheme: "file", Path: filepath.ToSlash(path), RawQuery: q.Encode()}
	connector, err := sqlite.NewConnector(name.String())
	if err != nil {
		return nil, err
	}
	return sql.OpenDB(connector), nil
}
