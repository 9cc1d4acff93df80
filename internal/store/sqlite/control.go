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
	"sync"
	"time"

	"modernc.org/sqlite"

	"github.com/millrace/millrace/internal/store"
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

// Options of a Control. The zero value is the default.
type Options struct {
	BusyTimeout time.Duration // how long to wait for a locked file; 0 means DefaultBusyTimeout
	MaxSize     int64         // bytes the file may grow to, in steps of 4 KiB; 0 means no limit but the disk's
}

// Control is a store.Control in an SQLite file. Make one with OpenControl.
type Control struct {
	writer *sql.DB // one connection, so that writers queue here and not in SQLite
	reader *sql.DB // up to maxReaders connections, which cannot write

	mu     sync.Mutex // guards closed, and calls against growing behind it
	closed bool
	calls  sync.WaitGroup // under way

	closing sync.Once
}

var _ store.Control = (*Control)(nil)

// OpenControl opens the file at path, or makes it, readable by its owner
// alone, and brings its schema up to date. A file of a newer release is a
// *VersionError. A locked or full file is store.ErrUnavailable. The folder
// must exist. The caller sees to it that one server at a time uses the file,
// and closes the Control.
func OpenControl(ctx context.Context, path string, o Options) (*Control, error) {
	if o.BusyTimeout == 0 {
		o.BusyTimeout = DefaultBusyTimeout
	}
	if err := create(path); err != nil {
		return nil, fmt.Errorf("open control database: %w", err)
	}
	writer, err := openWriter(ctx, path, o)
	if err != nil {
		return nil, fmt.Errorf("open control database: %w", err)
	}
	reader, err := openPool(path, o, url.Values{"_query_only": {"1"}})
	if err != nil {
		writer.Close()
		return nil, fmt.Errorf("open control database: %w", err)
	}
	reader.SetMaxOpenConns(maxReaders)
	reader.SetMaxIdleConns(maxReaders)
	return &Control{writer: writer, reader: reader}, nil
}

// Close implements store.Control.
func (c *Control) Close() error {
	var err error
	c.closing.Do(func() { err = c.close() })
	return err
}

func (c *Control) close() error {
	c.mu.Lock()
	c.closed = true
	c.mu.Unlock()
	c.calls.Wait()

	// The last connection folds the log into the file and removes it.
	if err := errors.Join(c.reader.Close(), c.writer.Close()); err != nil {
		return fmt.Errorf("close control database: %w", err)
	}
	return nil
}

// create makes an empty file where there is none, and makes its name durable.
func create(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if os.IsExist(err) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	if runtime.GOOS == "windows" {
		return nil // folders cannot be synced there
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	defer dir.Close()
	return dir.Sync()
}

// openWriter opens the writing connection and checks the file before the
// first change to it.
func openWriter(ctx context.Context, path string, o Options) (*sql.DB, error) {
	probe, err := openPool(path, o, url.Values{"_query_only": {"1"}})
	if err != nil {
		return nil, err
	}
	err = identify(ctx, probe, path)
	if err == nil {
		err = refuseNewer(ctx, probe, path)
	}
	probe.Close()
	if err != nil {
		return nil, err
	}

	q := url.Values{"_txlock": {"immediate"}}
	q.Add("_pragma", fmt.Sprintf("page_size(%d)", pageSize))
	q.Add("_pragma", "journal_mode(WAL)")
	q.Add("_pragma", "synchronous(FULL)")
	q.Add("_pragma", "foreign_keys(1)")
	if o.MaxSize > 0 {
		q.Add("_pragma", fmt.Sprintf("max_page_count(%d)", max(1, o.MaxSize/pageSize)))
	}
	writer, err := openPool(path, o, q)
	if err != nil {
		return nil, err
	}
	writer.SetMaxOpenConns(1)
	writer.SetMaxIdleConns(1)
	if err := migrate(ctx, writer, path); err != nil {
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
