package fault

import (
	"context"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/store"
)

// Control is a store.Control that asks Fail before each call.
type Control struct {
	store.Control

	// Fail gets the name of the method. Its error, if any, is the call's, and
	// the call does not happen. It may be called by many goroutines at once.
	Fail func(method string) error
}

var _ store.Control = Control{}

// Create implements store.Streams.
func (c Control) Create(ctx context.Context, s millrace.Stream, tags map[string]string) (millrace.Stream, error) {
	if err := c.Fail("Create"); err != nil {
		return millrace.Stream{}, err
	}
	return c.Control.Create(ctx, s, tags)
}

// Stream implements store.Streams.
func (c Control) Stream(ctx context.Context, name millrace.StreamName) (millrace.Stream, error) {
	if err := c.Fail("Stream"); err != nil {
		return millrace.Stream{}, err
	}
	return c.Control.Stream(ctx, name)
}

// List implements store.Streams.
func (c Control) List(ctx context.Context, p store.Page) ([]millrace.Stream, error) {
	if err := c.Fail("List"); err != nil {
		return nil, err
	}
	return c.Control.List(ctx, p)
}

// Count implements store.Streams.
func (c Control) Count(ctx context.Context) (int, error) {
	if err := c.Fail("Count"); err != nil {
		return 0, err
	}
	return c.Control.Count(ctx)
}

// Update implements store.Streams.
func (c Control) Update(ctx context.Context, s millrace.Stream, was string) error {
	if err := c.Fail("Update"); err != nil {
		return err
	}
	return c.Control.Update(ctx, s, was)
}

// BeginDelete implements store.Streams.
func (c Control) BeginDelete(ctx context.Context, key millrace.StreamKey, was string) error {
	if err := c.Fail("BeginDelete"); err != nil {
		return err
	}
	return c.Control.BeginDelete(ctx, key, was)
}

// FinishDelete implements store.Streams.
func (c Control) FinishDelete(ctx context.Context, key millrace.StreamKey) error {
	if err := c.Fail("FinishDelete"); err != nil {
		return err
	}
	return c.Control.FinishDelete(ctx, key)
}

// AddDeletion implements store.Deletions.
func (c Control) AddDeletion(ctx context.Context, d store.Deletion) (store.Deletion, error) {
	if err := c.Fail("AddDeletion"); err != nil {
		return store.Deletion{}, err
	}
	return c.Control.AddDeletion(ctx, d)
}

// Deletions implements store.Deletions.
func (c Control) Deletions(ctx context.Context, stream millrace.StreamKey, after uint64, limit int) ([]store.Deletion, error) {
	if err := c.Fail("Deletions"); err != nil {
		return nil, err
	}
	return c.Control.Deletions(ctx, stream, after, limit)
}

// KeepSince implements store.Deletions.
func (c Control) KeepSince(ctx context.Context, since map[millrace.StreamKey]time.Time) error {
	if err := c.Fail("KeepSince"); err != nil {
		return err
	}
	return c.Control.KeepSince(ctx, since)
}

// PutDocument implements store.Documents.
func (c Control) PutDocument(ctx context.Context, d store.Document) (store.Document, error) {
	if err := c.Fail("PutDocument"); err != nil {
		return store.Document{}, err
	}
	return c.Control.PutDocument(ctx, d)
}

// Document implements store.Documents.
func (c Control) Document(ctx context.Context, kind, name string) (store.Document, error) {
	if err := c.Fail("Document"); err != nil {
		return store.Document{}, err
	}
	return c.Control.Document(ctx, kind, name)
}

// Documents implements store.Documents.
func (c Control) Documents(ctx context.Context, kind string, p store.DocumentPage) ([]store.Document, error) {
	if err := c.Fail("Documents"); err != nil {
		return nil, err
	}
	return c.Control.Documents(ctx, kind, p)
}

// DeleteDocument implements store.Documents.
func (c Control) DeleteDocument(ctx context.Context, kind, name string) error {
	if err := c.Fail("DeleteDocument"); err != nil {
		return err
	}
	return c.Control.DeleteDocument(ctx, kind, name)
}

// SetTags implements store.Tags.
func (c Control) SetTags(ctx context.Context, key millrace.StreamKey, tags map[string]string, most int) error {
	if err := c.Fail("SetTags"); err != nil {
		return err
	}
	return c.Control.SetTags(ctx, key, tags, most)
}

// DeleteTags implements store.Tags.
func (c Control) DeleteTags(ctx context.Context, key millrace.StreamKey, names []string) error {
	if err := c.Fail("DeleteTags"); err != nil {
		return err
	}
	return c.Control.DeleteTags(ctx, key, names)
}

// Tags implements store.Tags.
func (c Control) Tags(ctx context.Context, key millrace.StreamKey) (map[string]string, error) {
	if err := c.Fail("Tags"); err != nil {
		return nil, err
	}
	return c.Control.Tags(ctx, key)
}

// NextEpoch implements store.Meta.
func (c Control) NextEpoch(ctx context.Context, after uint32) (uint32, error) {
	if err := c.Fail("NextEpoch"); err != nil {
		return 0, err
	}
	return c.Control.NextEpoch(ctx, after)
}

// ClockStamp implements store.Meta.
func (c Control) ClockStamp(ctx context.Context) (time.Time, error) {
	if err := c.Fail("ClockStamp"); err != nil {
		return time.Time{}, err
	}
	return c.Control.ClockStamp(ctx)
}

// SetClockStamp implements store.Meta.
func (c Control) SetClockStamp(ctx context.Context, t time.Time) error {
	if err := c.Fail("SetClockStamp"); err != nil {
		return err
	}
	return c.Control.SetClockStamp(ctx, t)
}

// Keep implements store.Meta.
func (c Control) Keep(ctx context.Context, name string, fresh []byte) ([]byte, error) {
	if err := c.Fail("Keep"); err != nil {
		return nil, err
	}
	return c.Control.Keep(ctx, name, fresh)
}

// Remember implements store.Meta.
func (c Control) Remember(ctx context.Context, name string, value []byte) error {
	if err := c.Fail("Remember"); err != nil {
		return err
	}
	return c.Control.Remember(ctx, name, value)
}

// Recall implements store.Meta.
func (c Control) Recall(ctx context.Context, name string) ([]byte, error) {
	if err := c.Fail("Recall"); err != nil {
		return nil, err
	}
	return c.Control.Recall(ctx, name)
}
