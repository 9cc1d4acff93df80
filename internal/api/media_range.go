package api

import (
	"context"
	"fmt"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/store"
)

// entriesPerLook bounds the memory that one step of Covered takes.
const entriesPerLook = 10_000

// Floor implements MediaPlane.
func (m *Media) Floor(s millrace.Stream) millrace.FragmentNumber { return m.config.Tail.Floor(s.Key) }

// Hide implements MediaPlane.
func (m *Media) Hide(d store.Deletion) { m.config.Tail.Hide(d) }

// Covered implements MediaPlane. What is not in the store yet is not counted.
func (m *Media) Covered(ctx context.Context, s millrace.Stream, d store.Deletion) (Covered, error) {
	scope := store.Scope{Stream: s.Key, Since: m.config.Since(s.Retention)}
	page := store.Listing{Clock: d.Clock, From: d.From, To: d.To, Limit: entriesPerLook}
	var sum Covered
	for {
		list, err := m.config.Store.List(ctx, scope, page)
		if err != nil {
			return Covered{}, fmt.Errorf("count fragments: %w", err)
		}
		for _, e := range list {
			if d.Covers(e.Number, e.ProducerTime) {
				sum.Fragments++
				sum.Bytes += e.Size
			}
			page.After = store.KeyOf(d.Clock, e.Number, e.ProducerTime)
		}
		if len(list) < page.Limit {
			return sum, nil
		}
	}
}
