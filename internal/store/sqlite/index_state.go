package sqlite

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"slices"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/store"
)

// The names of tables whose rows have a checksum.
const (
	packsName = "packs"
	factsName = "facts"
)

// State implements store.Pages.
func (x *Index) State(ctx context.Context) (s store.PageState, err error) {
	err = x.use(ctx, "read the state of the index", func(f *indexFile) error {
		s, err = f.state(ctx)
		return err
	})
	if err != nil {
		return store.PageState{}, err
	}
	return s, nil
}

// state reads all tables in one transaction, which sees one state.
func (f *indexFile) state(ctx context.Context) (s store.PageState, err error) {
	tx, err := f.reader.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return s, err
	}
	defer tx.Rollback() // there is nothing to commit
	if s.Packs, err = packRows(ctx, tx); err != nil {
		return s, err
	}
	if s.Streams, err = streamSums(ctx, tx); err != nil {
		return s, err
	}
	s.Facts, err = allFacts(ctx, tx)
	return s, err
}

func packRows(ctx context.Context, tx *sql.Tx) (list []store.PackRow, err error) {
	rows, err := tx.QueryContext(ctx, "SELECT "+packColumns+", sum FROM packs")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var p store.PackRow
		var number, salt, sum int64
		err := rows.Scan(&number, &salt, &p.Class, &p.Sealed, &p.Size, &p.Fed, &p.Fragments, &p.Live,
			&p.LiveBytes, &p.Punched, &p.Oldest, &p.Newest, &p.Limits, &sum)
		if err != nil {
			return nil, err
		}
		p.Number, p.Salt = uint64(number), uint64(salt)
		if sum != int64(sumOf(packsName, packValues(&p))) {
			return nil, fmt.Errorf("row of pack %016x does not match its checksum: %w", p.Number, millrace.ErrCorrupt)
		}
		list = append(list, p)
	}
	slices.SortFunc(list, func(a, b store.PackRow) int { return cmp.Compare(a.Number, b.Number) })
	return list, rows.Err()
}

// packColumns are what packValues has.
const packColumns = "number, salt, class, sealed, size, fed, fragments, live, live_bytes, punched, oldest_ms, newest_ms, limits"

func packValues(p *store.PackRow) row {
	sealed := int64(0)
	if p.Sealed {
		sealed = 1
	}
	limits := p.Limits
	if limits == nil {
		limits = []byte{} // nil would be NULL
	}
	return row{
		int64(p.Number), int64(p.Salt), int64(p.Class), sealed, p.Size, p.Fed, int64(p.Fragments), int64(p.Live),
		p.LiveBytes, p.Punched, p.Oldest, p.Newest, limits,
	}
}

// streamSums reads the smaller half of the table: the pages of the server's
// clock, which lie together.
func streamSums(ctx context.Context, tx *sql.Tx) (list []store.StreamPages, err error) {
	rows, err := tx.QueryContext(ctx, `
		SELECT stream, generation, sum(count), sum(bytes), min(first), max(last)
		FROM pages WHERE clock = 0 GROUP BY stream, generation`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var s store.StreamPages
		var id, generation int64
		var first, last []byte
		if err := rows.Scan(&id, &generation, &s.Count, &s.Bytes, &first, &last); err != nil {
			return nil, err
		}
		s.Stream = millrace.StreamKey{ID: uint64(id), Generation: uint32(generation)}
		if err := scanKeys(first, last, &s.First, &s.Last); err != nil {
			return nil, err
		}
		list = append(list, s)
	}
	slices.SortFunc(list, func(a, b store.StreamPages) int {
		return cmp.Or(cmp.Compare(a.Stream.ID, b.Stream.ID), cmp.Compare(a.Stream.Generation, b.Stream.Generation))
	})
	return list, rows.Err()
}

func allFacts(ctx context.Context, tx *sql.Tx) (map[string]string, error) {
	rows, err := tx.QueryContext(ctx, "SELECT name, value, sum FROM facts")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	facts := make(map[string]string)
	for rows.Next() {
		var name, value string
		var sum int64
		if err := rows.Scan(&name, &value, &sum); err != nil {
			return nil, err
		}
		if sum != int64(sumOf(factsName, row{name, value})) {
			return nil, fmt.Errorf("fact %q does not match its checksum: %w", name, millrace.ErrCorrupt)
		}
		facts[name] = value
	}
	return facts, rows.Err()
}
