package checkpoint

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"iter"
	"math"
	"time"
)

// listPage is how many records List reads at a time.
const listPage = 64

// A SQL is a store in a table of a database, for any number of machines. Each
// change is one statement, which the database does as a whole or not at all, on
// its own clock: there is no moment between looking and doing at which
// somebody else could come. Waiting and durability are the database's.
//
// The database handle stays the caller's, who opens it with a driver of his
// choice and closes it when the store is no longer used. SQLite needs version 3.35
// and a busy timeout in the handle's settings, or calls that meet other writers
// fail; PostgreSQL needs version 10 and its ordinary isolation, read committed.
type SQL struct {
	db    *sql.DB
	texts statements
}

var _ Store = (*SQL)(nil)

// SQLOptions say which database it is, and which table.
type SQLOptions struct {
	// Dialect is the language of the database. It must be set.
	Dialect Dialect
	// Table is the table's name, with a schema and a dot before it if need be:
	// ASCII letters, digits and underscores. Empty is DefaultTable.
	Table string
}

// DefaultTable is the table of a SQL store that was given no other.
const DefaultTable = "millrace_checkpoints"

// OpenSQL returns the store in db, whose table is made if it is not there. Where
// it is there, no right to make tables is needed.
func OpenSQL(ctx context.Context, db *sql.DB, o SQLOptions) (*SQL, error) {
	texts, err := statementsFor(o)
	if err != nil {
		return nil, fmt.Errorf("open checkpoints: %w", err)
	}
	s := &SQL{db: db, texts: texts}
	if s.probe(ctx) == nil {
		return s, nil
	}
	// Of several who make it at once, one may be told by PostgreSQL that it is
	// there, although it asked to make it only if it is not.
	_, err = db.ExecContext(ctx, texts.create)
	if missing := s.probe(ctx); missing != nil {
		return nil, fmt.Errorf("open checkpoints: make table: %w", errors.Join(err, missing))
	}
	return s, nil
}

// probe returns an error if the table is not there, or another.
func (s *SQL) probe(ctx context.Context) error {
	_, err := s.query(ctx, s.texts.probe)
	return err
}

// Load returns what is kept under a key, or ErrNotFound.
func (s *SQL) Load(ctx context.Context, k Key) (Record, error) {
	if err := k.check(); err != nil {
		return Record{}, err
	}
	return s.one(ctx, "load", k, ErrNotFound, s.texts.load, k.App, k.Stream)
}

// Save keeps a position, as Store says.
func (s *SQL) Save(ctx context.Context, k Key, r Record) error {
	if err := checkRecord(k, r); err != nil {
		return err
	}
	position := append([]byte{}, r.Position...) // nil would be NULL
	if r.Owner == "" && r.Epoch == 0 {
		return s.change(ctx, "save", k, ErrFenced, s.texts.saveFree, k.App, k.Stream, position)
	}
	if r.Epoch > math.MaxInt64 {
		return wrap("save", k, ErrFenced)
	}
	return s.change(ctx, "save", k, ErrFenced, s.texts.save, k.App, k.Stream, position, r.Owner, int64(r.Epoch))
}

// Acquire takes or renews a lease, as Store says.
func (s *SQL) Acquire(ctx context.Context, k Key, owner string, ttl time.Duration) (Record, error) {
	ttl, err := checkLease(k, owner, ttl)
	if err != nil {
		return Record{}, err
	}
	return s.one(ctx, "acquire", k, ErrHeld, s.texts.acquire, k.App, k.Stream, owner, ttl.Milliseconds(), []byte{})
}

// Release gives a lease back, if owner has it.
func (s *SQL) Release(ctx context.Context, k Key, owner string) error {
	if err := checkOwner(k, owner); err != nil {
		return err
	}
	return s.change(ctx, "release", k, nil, s.texts.release, k.App, k.Stream, owner)
}

// Delete forgets a key that nobody has a lease of.
func (s *SQL) Delete(ctx context.Context, k Key) error {
	if err := k.check(); err != nil {
		return err
	}
	err := s.change(ctx, "delete", k, ErrHeld, s.texts.remove, k.App, k.Stream)
	if !errors.Is(err, ErrHeld) {
		return err
	}
	// Nothing was deleted: it is held, or it was not there.
	if r, err := s.Load(ctx, k); errors.Is(err, ErrNotFound) || err == nil && r.Owner == "" {
		return nil
	}
	return err
}

// List walks the records of an application. It reads some at a time, and none
// while the loop's body runs, which may therefore use a database of one connection.
func (s *SQL) List(ctx context.Context, app string) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		after := ""
		for {
			page, err := s.query(ctx, s.texts.list, app, after, listPage)
			for i := range page {
				page[i].Key.App = app
			}
			if !walk(page, wrap("list", Key{App: app}, err), yield) || len(page) < listPage {
				return
			}
			after = page[len(page)-1].Key.Stream
		}
	}
}

// one returns the record that a statement returns, or the error for none.
func (s *SQL) one(ctx context.Context, verb string, k Key, none error, text string, args ...any) (Record, error) {
	found, err := s.query(ctx, text, args...)
	if err == nil && len(found) == 0 {
		err = none
	}
	if err != nil {
		return Record{}, wrap(verb, k, err)
	}
	return found[0].Record, nil
}

// change runs a statement, and returns the error for none if it changed nothing.
func (s *SQL) change(ctx context.Context, verb string, k Key, none error, text string, args ...any) error {
	if ctx.Err() != nil {
		return wrap(verb, k, context.Cause(ctx))
	}
	result, err := s.db.ExecContext(ctx, text, args...)
	if err != nil {
		return wrap(verb, k, err)
	}
	changed, err := result.RowsAffected()
	if err == nil && changed == 0 {
		err = none
	}
	return wrap(verb, k, err)
}

// query returns what a statement returns. It reads to the end, which is when a
// statement that changes something is done.
func (s *SQL) query(ctx context.Context, text string, args ...any) (found []Entry, err error) {
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	rows, err := s.db.QueryContext(ctx, text, args...)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		e, err := scan(rows)
		if err != nil {
			return nil, err
		}
		found = append(found, e)
	}
	return found, rows.Err()
}

// scan reads the columns that all statements return.
func scan(rows *sql.Rows) (e Entry, err error) {
	var epoch, expires, updated int64
	err = rows.Scan(&e.Key.Stream, &e.Record.Position, &e.Record.Owner, &epoch, &expires, &updated)
	if err == nil && epoch < 0 {
		err = fmt.Errorf("%w: the epoch is %d", ErrDamaged, epoch)
	}
	e.Record.Epoch = uint64(epoch)
	e.Record.Expires, e.Record.Updated = fromMillis(expires), fromMillis(updated)
	return e, err
}

// fromMillis reads a time of the table, in which 0 is none.
func fromMillis(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}
