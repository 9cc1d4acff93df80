package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"modernc.org/sqlite"
	lib "modernc.org/sqlite/lib"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/store"
)

// write runs change in a transaction that holds the write lock from its first
// statement on, so that what change reads cannot move before it writes. An
// error of change undoes it all.
func (c *Control) write(ctx context.Context, action string, change func(*sql.Tx) error) error {
	if err := c.begin(); err != nil {
		return fmt.Errorf("%s: %w", action, err)
	}
	defer c.calls.Done()
	tx, err := c.writer.BeginTx(ctx, nil)
	if err != nil {
		return explain(ctx, action, err)
	}
	defer tx.Rollback() // after a commit it does nothing
	if err := change(tx); err != nil {
		return explain(ctx, action, err)
	}
	return explain(ctx, action, tx.Commit())
}

// read runs query in a transaction that sees one state of the file: the newest
// that was committed when the call began, or a later one.
func (c *Control) read(ctx context.Context, action string, query func(*sql.Tx) error) error {
	if err := c.begin(); err != nil {
		return fmt.Errorf("%s: %w", action, err)
	}
	defer c.calls.Done()
	tx, err := c.reader.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return explain(ctx, action, err)
	}
	defer tx.Rollback() // there is nothing to commit
	return explain(ctx, action, query(tx))
}

// begin counts a call, for which Close waits. Its end is calls.Done.
func (c *Control) begin() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return millrace.ErrClosed
	}
	c.calls.Add(1)
	return nil
}

// explain turns an error of SQLite into one of the seam's kinds. The seam's own
// kinds, which a change returns to undo itself, pass as they are.
func explain(ctx context.Context, action string, err error) error {
	if err == nil || ours(err) {
		return err
	}
	if ctx.Err() != nil {
		return fmt.Errorf("%s: %w", action, ctx.Err())
	}
	return fmt.Errorf("%s: %w", action, classify(err))
}

func ours(err error) bool {
	return errors.Is(err, millrace.ErrNotFound) || errors.Is(err, millrace.ErrExists) ||
		errors.Is(err, millrace.ErrConflict) || errors.Is(err, store.ErrLimit)
}

// classify marks what may pass by itself as unavailable.
func classify(err error) error {
	var e *sqlite.Error
	if !errors.As(err, &e) {
		return err
	}
	switch e.Code() & 0xff { // without the extension
	case lib.SQLITE_BUSY, lib.SQLITE_LOCKED, lib.SQLITE_FULL:
		return fmt.Errorf("%w: %w", store.ErrUnavailable, err)
	case lib.SQLITE_CORRUPT, lib.SQLITE_NOTADB:
		return fmt.Errorf("%w: %w", millrace.ErrCorrupt, err)
	}
	if e.Code() == lib.SQLITE_IOERR_SHMSIZE { // no room for the log's index
		return fmt.Errorf("%w: %w", store.ErrUnavailable, err)
	}
	return err
}
