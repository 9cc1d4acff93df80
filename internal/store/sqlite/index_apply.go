package sqlite

import (
	"context"
	"database/sql"
	"errors"

	"github.com/millrace/millrace/internal/store"
)

// A changeKind is a statement of Apply.
type changeKind uint8

const (
	removeStream changeKind = iota
	removePage
	lookUpPage
	updatePage
	updateData
	insertPage
	insertData
	removePack
	putPack
	removeFact
	putFact

	changeKinds
)

// The data of a page goes with it by a trigger.
var changeTexts = [changeKinds]string{
	removeStream: "DELETE FROM pages WHERE clock IN (0, 1) AND stream = ? AND generation = ?",
	removePage:   "DELETE FROM pages WHERE clock = ? AND stream = ? AND generation = ? AND first = ?",
	lookUpPage:   "SELECT data_id FROM pages WHERE clock = ? AND stream = ? AND generation = ? AND first = ?",
	updatePage: `UPDATE pages SET last = ?5, start_ms = ?6, latest_ms = ?7, end_ms = ?8, count = ?9, bytes = ?10, summary = ?11
		WHERE clock = ?1 AND stream = ?2 AND generation = ?3 AND first = ?4`,
	updateData: "UPDATE page_data SET data = ?2 WHERE id = ?1",
	insertPage: `INSERT INTO pages (clock, stream, generation, first, last, start_ms, latest_ms, end_ms, count, bytes, summary, data_id)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
	insertData: "INSERT INTO page_data (data) VALUES (?)",
	removePack: "DELETE FROM packs WHERE number = ?",
	putPack:    "INSERT OR REPLACE INTO packs (" + packColumns + ", sum) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
	removeFact: "DELETE FROM facts WHERE name = ?",
	putFact:    "INSERT OR REPLACE INTO facts (name, value, sum) VALUES (?, ?, ?)",
}

// Apply implements store.Pages. It is one transaction. It does not end before
// its time if ctx is cancelled meanwhile, so that it is never unknown whether
// it happened.
func (x *Index) Apply(ctx context.Context, c *store.PageChange) error {
	return x.use(ctx, "change the index", func(f *indexFile) error {
		return f.apply(context.WithoutCancel(ctx), c)
	})
}

func (f *indexFile) apply(ctx context.Context, c *store.PageChange) error {
	if err := f.usable(); err != nil {
		return err
	}
	tx, err := f.writer.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() // after a commit it does nothing
	w := indexWriter{ctx: ctx, tx: tx, file: f}
	w.change(c)
	if w.err != nil {
		return w.err
	}
	if err := tx.Commit(); err != nil {
		return err
	}
	f.grow(ctx, c)
	return nil
}

// An indexWriter makes one change. After its first error it does nothing.
type indexWriter struct {
	ctx  context.Context
	tx   *sql.Tx
	file *indexFile
	err  error
}

func (w *indexWriter) change(c *store.PageChange) {
	for _, s := range c.RemoveStreams {
		w.do(removeStream, int64(s.ID), int64(s.Generation))
	}
	for i := range c.Remove {
		w.do(removePage, pageKey(c.Remove[i])...)
	}
	for i := range c.Put {
		w.put(&c.Put[i])
	}
	for _, number := range c.RemovePacks {
		w.do(removePack, int64(number))
	}
	for i := range c.PutPacks {
		values := packValues(&c.PutPacks[i])
		w.do(putPack, append(values, int64(sumOf(packsName, values)))...)
	}
	for name, value := range c.Facts {
		if value == "" {
			w.do(removeFact, name)
			continue
		}
		w.do(putFact, name, value, int64(sumOf(factsName, row{name, value})))
	}
}

// pageKey are the values of a page's primary key.
func pageKey(id store.PageID) []any {
	return []any{int64(id.Clock), int64(id.Stream.ID), int64(id.Stream.Generation), id.First[:]}
}

// put changes a page that is there, so that the index over starts stays as it
// is, and adds one that is not.
func (w *indexWriter) put(p *store.IndexPage) {
	key := pageKey(p.ID())
	values := append(key, p.Last[:], p.Start, p.Latest, p.End, int64(p.Count), p.Bytes, p.Summary)
	if id, found := w.lookUp(key); found {
		w.do(updatePage, values...)
		w.do(updateData, id, p.Data)
		return
	}
	if inserted := w.do(insertData, p.Data); inserted != nil {
		id, err := inserted.LastInsertId()
		w.fail(err)
		w.do(insertPage, append(values, id)...)
	}
}

func (w *indexWriter) lookUp(key []any) (id int64, found bool) {
	if w.err != nil {
		return 0, false
	}
	err := w.tx.StmtContext(w.ctx, w.file.changes[lookUpPage]).QueryRowContext(w.ctx, key...).Scan(&id)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, false
	}
	w.fail(err)
	return id, err == nil
}

// do runs a statement, and returns nil after an error.
func (w *indexWriter) do(k changeKind, args ...any) sql.Result {
	if w.err != nil {
		return nil
	}
	result, err := w.tx.StmtContext(w.ctx, w.file.changes[k]).ExecContext(w.ctx, args...)
	w.fail(err)
	if err != nil {
		return nil
	}
	return result
}

func (w *indexWriter) fail(err error) {
	if w.err == nil {
		w.err = err
	}
}
