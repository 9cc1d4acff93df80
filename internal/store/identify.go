package store

import (
	"context"
	"fmt"

	"github.com/millrace/millrace"
)

// An Identifier says who made a fragment. Any number of goroutines may use it.
type Identifier interface {
	// Identify returns the producer and the identity with which a fragment was
	// made; the producer is zero for one that was made without. It reads the fixed
	// header of the record and nothing else, so that it costs the same for every
	// fragment, and verifies that alone. Its errors are those of Outline.
	Identify(ctx context.Context, s Scope, e Entry) (millrace.ProducerID, millrace.Identity, error)
}

// Identify implements Identifier.
func (e *Engine) Identify(ctx context.Context, s Scope, entry Entry) (p millrace.ProducerID, id millrace.Identity, err error) {
	err = e.follow(ctx, s, entry, func(now Entry) error {
		if e.damage.knows(now.Position, now.Number) {
			return errKnownDamage
		}
		return e.withRecord(now, func(r *recordReader) error {
			if err := r.locate(s.Stream, now.Number); err != nil {
				return err
			}
			p, id = r.record.Producer, millrace.Identity{Session: r.record.Session, Sequence: r.record.Sequence}
			return nil
		})
	})
	if err != nil {
		return millrace.ProducerID{}, millrace.Identity{}, fmt.Errorf("identity of fragment %v: %w", entry.Number, e.judge(s, entry, err))
	}
	return p, id, nil
}
