package mem

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/store"
)

// A documentKey is what a document is found by.
type documentKey struct{ kind, name string }

// PutDocument implements store.Documents.
func (c *Control) PutDocument(ctx context.Context, d store.Document) (store.Document, error) {
	if err := d.Check(); err != nil {
		return store.Document{}, fmt.Errorf("put document: %w", err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.usable(ctx); err != nil {
		return store.Document{}, err
	}
	if d.Stream != (millrace.StreamKey{}) {
		if _, err := c.findActive(ctx, d.Stream); err != nil {
			return store.Document{}, err
		}
	}
	key := documentKey{d.Kind, d.Name}
	if err := d.Replaces(c.documents[key]); err != nil {
		return store.Document{}, err
	}
	c.revision++
	d.Revision, d.Value = c.revision, bytes.Clone(d.Value)
	kept := d
	c.documents[key] = &kept
	return own(kept), nil
}

// Document implements store.Documents.
func (c *Control) Document(ctx context.Context, kind, name string) (store.Document, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.usable(ctx); err != nil {
		return store.Document{}, err
	}
	d := c.documents[documentKey{kind, name}]
	if d == nil {
		return store.Document{}, millrace.ErrNotFound
	}
	return own(*d), nil
}

// Documents implements store.Documents.
func (c *Control) Documents(ctx context.Context, kind string, p store.DocumentPage) ([]store.Document, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.usable(ctx); err != nil {
		return nil, err
	}
	var list []store.Document
	for key, d := range c.documents {
		if key.kind == kind && key.name > p.After && strings.HasPrefix(key.name, p.Prefix) {
			list = append(list, own(*d))
		}
	}
	slices.SortFunc(list, func(a, b store.Document) int { return strings.Compare(a.Name, b.Name) })
	if p.Limit > 0 && len(list) > p.Limit {
		list = list[:p.Limit]
	}
	return list, nil
}

// DeleteDocument implements store.Documents.
func (c *Control) DeleteDocument(ctx context.Context, kind, name string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.usable(ctx); err != nil {
		return err
	}
	key := documentKey{kind, name}
	if c.documents[key] == nil {
		return millrace.ErrNotFound
	}
	delete(c.documents, key)
	return nil
}

// removeDocuments forgets the documents of a stream. mu is held.
func (c *Control) removeDocuments(stream millrace.StreamKey) {
	maps.DeleteFunc(c.documents, func(_ documentKey, d *store.Document) bool { return d.Stream == stream })
}

// own gives a document a value that is the caller's.
func own(d store.Document) store.Document {
	d.Value = bytes.Clone(d.Value)
	return d
}
