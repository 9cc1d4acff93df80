package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/store"
)

// addDocuments is the step to schema 3.
func addDocuments(ctx context.Context, tx *sql.Tx) error {
	if _, err := tx.ExecContext(ctx, schema3); err != nil {
		return err
	}
	return talliesTable.put(ctx, tx, row{documentsTable.String(), int64(0), int64(0)})
}

// PutDocument implements store.Documents.
func (c *Control) PutDocument(ctx context.Context, d store.Document) (store.Document, error) {
	if err := d.Check(); err != nil {
		return store.Document{}, fmt.Errorf("put document: %w", err)
	}
	err := c.write(ctx, "put document", func(tx *sql.Tx) error {
		if d.Stream != (millrace.StreamKey{}) {
			if err := expectActive(ctx, tx, d.Stream); err != nil {
				return err
			}
		}
		old, err := findDocument(ctx, tx, d.Kind, d.Name)
		if err != nil {
			return err
		}
		if err := d.Replaces(old); err != nil {
			return err
		}
		d.Revision, err = nextRevision(ctx, tx)
		if err != nil {
			return err
		}
		return documentsTable.put(ctx, tx, documentRow(d))
	})
	if err != nil {
		return store.Document{}, err
	}
	return d, nil
}

// nextRevision takes the revision of a change.
func nextRevision(ctx context.Context, tx *sql.Tx) (uint64, error) {
	last, err := number(ctx, tx, metaChange)
	if err != nil {
		return 0, err
	}
	return uint64(last + 1), metaTable.put(ctx, tx, row{metaChange, last + 1})
}

// Document implements store.Documents.
func (c *Control) Document(ctx context.Context, kind, name string) (store.Document, error) {
	var found *store.Document
	err := c.read(ctx, "read document", func(tx *sql.Tx) (err error) {
		found, err = findDocument(ctx, tx, kind, name)
		return err
	})
	switch {
	case err != nil:
		return store.Document{}, err
	case found == nil:
		return store.Document{}, millrace.ErrNotFound
	}
	return *found, nil
}

// findDocument returns nil if there is none.
func findDocument(ctx context.Context, tx *sql.Tx, kind, name string) (*store.Document, error) {
	r, err := documentsTable.byKey(ctx, tx, kind, name)
	if errors.Is(err, millrace.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	d, err := documentOf(r)
	return &d, err
}

// Documents implements store.Documents.
func (c *Control) Documents(ctx context.Context, kind string, p store.DocumentPage) ([]store.Document, error) {
	limit := p.Limit
	if limit <= 0 {
		limit = -1
	}
	const tail = "WHERE kind = ? AND name > ? AND substr(name, 1, length(?)) = ? AND name >= ? ORDER BY name LIMIT ?"
	args := []any{kind, p.After, p.Prefix, p.Prefix, p.Prefix, limit}
	var list []store.Document
	err := c.read(ctx, "list documents", func(tx *sql.Tx) error {
		last := p.After
		return documentsTable.each(ctx, tx, tail, args, func(r row) error {
			d, err := documentOf(r)
			if err != nil {
				return err
			}
			if d.Kind != kind || d.Name <= last {
				return documentsTable.corrupt(r, "is out of place")
			}
			last = d.Name
			list = append(list, d)
			return nil
		})
	})
	if err != nil {
		return nil, err
	}
	return list, nil
}

// DeleteDocument implements store.Documents.
func (c *Control) DeleteDocument(ctx context.Context, kind, name string) error {
	return c.write(ctx, "delete document", func(tx *sql.Tx) error {
		if _, err := documentsTable.byKey(ctx, tx, kind, name); err != nil {
			return err
		}
		return documentsTable.remove(ctx, tx, kind, name)
	})
}

// removeDocuments forgets the documents of a stream.
func removeDocuments(ctx context.Context, tx *sql.Tx, key millrace.StreamKey) error {
	var keys [][2]string
	err := documentsTable.each(ctx, tx, "WHERE stream = ? AND stream != 0", []any{int64(key.ID)}, func(r row) error {
		d, err := documentOf(r)
		keys = append(keys, [2]string{d.Kind, d.Name})
		return errors.Join(err, documentsTable.expect(r, 2, int64(key.ID)))
	})
	if err != nil {
		return err
	}
	for _, k := range keys {
		if err := documentsTable.remove(ctx, tx, k[0], k[1]); err != nil {
			return err
		}
	}
	return nil
}

func documentRow(d store.Document) row {
	return row{d.Kind, d.Name, int64(d.Stream.ID), int64(d.Stream.Generation), int64(d.Revision), string(d.Value)}
}

func documentOf(r row) (store.Document, error) {
	v := values{table: documentsTable, row: r}
	d := store.Document{Kind: v.text(), Name: v.text()}
	d.Stream.ID, d.Stream.Generation = uint64(v.number()), uint32(v.number())
	d.Revision = uint64(v.number())
	d.Value = []byte(v.text())
	v.fail(d.Check())
	return d, v.err
}
