package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/auth"
	"github.com/millrace/millrace/internal/store"
)

// The kinds of documents that configurations are kept as.
const (
	notificationKind = "notification"
	imageKind        = "image-generation"
	edgeKind         = "edge"
)

// documentName names the document of a stream. It is never that of another
// stream, not even of a later one of the same name, so that a call that was
// overtaken by a deletion and a new creation cannot touch what is new. It sorts
// as the key does.
func documentName(key millrace.StreamKey) string {
	return fmt.Sprintf("%020d.%010d", key.ID, key.Generation)
}

// readDocument decodes a stream's document of a kind into v. The revision is 0
// if there is none.
func (h *Handler) readDocument(ctx context.Context, kind string, s millrace.Stream, v any) (revision uint64, err error) {
	d, err := h.config.Control.Document(ctx, kind, documentName(s.Key))
	if errors.Is(err, millrace.ErrNotFound) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	if err := json.Unmarshal(d.Value, v); err != nil {
		return 0, fmt.Errorf("read %s configuration of %s: %w", kind, s.Name, err)
	}
	return d.Revision, nil
}

// keepDocument makes v the stream's document of a kind, in place of the
// revision was. One put makes all of it durable or nothing, so that after a
// crash the document is the old one or the new one, whole.
func (h *Handler) keepDocument(ctx context.Context, kind string, s millrace.Stream, was uint64, v any) error {
	value, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encode %s configuration: %w", kind, err)
	}
	_, err = h.config.Control.PutDocument(ctx, store.Document{
		Kind: kind, Name: documentName(s.Key), Stream: s.Key, Revision: was, Value: value,
	})
	return err
}

// configure replaces the configuration of an active stream, whatever it was,
// with v. To have one, a stream must keep media, and suits must not refuse it.
// Of two calls at once the later one's whole document stays.
func (h *Handler) configure(ctx context.Context, c *call, t target, kind string, v any, suits func(millrace.Stream) error) error {
	_, err := h.settle(ctx, c, t, "", func(s millrace.Stream) (millrace.Stream, error) {
		if err := suits(s); err != nil {
			return s, err
		}
		if err := checkRetention(s); err != nil {
			return s, err
		}
		return s, h.keepDocument(ctx, kind, s, store.AnyRevision, v)
	})
	return err
}

// suitsAny is for configurations that suit every stream.
func suitsAny(millrace.Stream) error { return nil }

// unconfigure removes the configuration of an active stream, if it has one.
func (h *Handler) unconfigure(ctx context.Context, c *call, t target, kind string) error {
	_, err := h.settle(ctx, c, t, "", func(s millrace.Stream) (millrace.Stream, error) {
		err := h.config.Control.DeleteDocument(ctx, kind, documentName(s.Key))
		if errors.Is(err, millrace.ErrNotFound) {
			return s, nil
		}
		return s, err
	})
	return err
}

// describeConfiguration reads the configuration of an active stream into v, for
// the operations that have nothing but the two members that address it. The
// revision is 0 if there is none.
func (h *Handler) describeConfiguration(ctx context.Context, c *call, kind string, v any) (s millrace.Stream, revision uint64, err error) {
	s, err = h.described(ctx, c)
	if err != nil {
		return s, 0, err
	}
	revision, err = h.readDocument(ctx, kind, s, v)
	return s, revision, err
}

// described finds the active stream of a call whose body only addresses it.
func (h *Handler) described(ctx context.Context, c *call) (millrace.Stream, error) {
	var in streamRef
	if err := c.decode(&in); err != nil {
		return millrace.Stream{}, err
	}
	var found checks
	t := in.target(&found)
	if err := found.err(); err != nil {
		return millrace.Stream{}, err
	}
	return h.findActive(ctx, c, t, auth.Action(c.operation.name))
}

// checkRetention refuses a stream of which nothing is kept.
func checkRetention(s millrace.Stream) error {
	if s.Retention > 0 {
		return nil
	}
	return millrace.Errorf(millrace.CodeNoRetention, "The stream %s has a data retention of 0 hours.", s.Name)
}
