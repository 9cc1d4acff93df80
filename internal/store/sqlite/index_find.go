package sqlite

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/store"
)

// A findKind is a variant of the query of Find.
type findKind uint8

const (
	findBackward findKind = 1 << iota
	findStartBy
	findSummaries

	findKinds = 8
)

// findQuery reads the pages of clock ?1, stream ?2 and generation ?3 with keys
// from ?4 to ?5 that end after ?6, up to ?7 of them. With findStartBy, none
// starts after ?8. With findSummaries, the data of those that have a summary is
// not read.
//
// Pages do not overlap, so the only one that begins before ?4 and may reach it
// is the one before: both ends of the range are looked up, and only what lies
// in between is read.
func findQuery(k findKind) string {
	const family = " clock = ?1 AND stream = ?2 AND generation = ?3 "
	order, to := "", "?5"
	if k&findBackward != 0 {
		order = " DESC"
	}
	if k&findStartBy != 0 {
		to = "min(?5, (SELECT first FROM pages WHERE" + family + // one bound: of two only one is looked up
			"AND start_ms <= ?8 ORDER BY start_ms DESC, first DESC LIMIT 1))"
	}
	data, from := "data", "pages LEFT JOIN page_data ON id = data_id"
	if k&findSummaries != 0 {
		data, from = "CASE WHEN summary IS NULL THEN (SELECT data FROM page_data WHERE id = data_id) END", "pages"
	}
	return "SELECT first, last, start_ms, latest_ms, end_ms, count, bytes, summary, " + data +
		" FROM " + from + " WHERE" + family +
		"AND first >= coalesce((SELECT first FROM pages WHERE" + family +
		"AND first <= ?4 ORDER BY first DESC LIMIT 1), ?4) AND first <= " + to +
		" AND last >= ?4 AND end_ms > ?6 ORDER BY first" + order + " LIMIT ?7"
}

// Find implements store.Pages. It is one statement, which sees one state.
func (x *Index) Find(ctx context.Context, q store.PageQuery) (found []store.IndexPage, err error) {
	err = x.use(ctx, "find index pages", func(f *indexFile) error {
		found, err = f.find(ctx, q)
		return err
	})
	return found, err
}

// find looks at ctx between pages: a statement that ctx could interrupt takes
// two goroutines, which is more than the statement takes.
func (f *indexFile) find(ctx context.Context, q store.PageQuery) ([]store.IndexPage, error) {
	var kind findKind
	to := q.To
	if to == (store.Key{}) {
		to = store.Key(bytes.Repeat([]byte{0xff}, len(to)))
	}
	limit := -1
	if q.Limit > 0 {
		limit = q.Limit
	}
	args := []any{
		int64(q.Clock), int64(q.Stream.ID), int64(q.Stream.Generation), q.From[:], to[:], q.EndAfter, limit,
	}
	if q.Backward {
		kind |= findBackward
	}
	if q.Summaries {
		kind |= findSummaries
	}
	if q.StartBy != 0 {
		kind |= findStartBy
		args = append(args, q.StartBy)
	}
	rows, err := f.finds[kind].QueryContext(context.WithoutCancel(ctx), args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var found []store.IndexPage
	for rows.Next() {
		page := store.IndexPage{Stream: q.Stream, Clock: q.Clock}
		if err := scanPage(rows, &page); err != nil {
			return nil, err
		}
		if page.Data == nil && (page.Summary == nil || !q.Summaries) {
			return nil, fmt.Errorf("index page %x has no data: %w", page.First, millrace.ErrCorrupt)
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		found = append(found, page)
	}
	return found, rows.Err()
}

func scanPage(rows *sql.Rows, p *store.IndexPage) error {
	var first, last []byte
	err := rows.Scan(&first, &last, &p.Start, &p.Latest, &p.End, &p.Count, &p.Bytes, &p.Summary, &p.Data)
	if err != nil {
		return err
	}
	return scanKeys(first, last, &p.First, &p.Last)
}

func scanKeys(first, last []byte, f, l *store.Key) error {
	if len(first) != len(f) || len(last) != len(l) {
		return fmt.Errorf("index page with keys %x and %x: %w", first, last, millrace.ErrCorrupt)
	}
	*f, *l = store.Key(first), store.Key(last)
	return nil
}
