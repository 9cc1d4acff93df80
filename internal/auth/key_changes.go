package auth

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/store"
)

// Create makes a key with k's name, scope and end, and gives it an id; the
// secret is returned this once. by must have everything that the key gets, or
// the error carries CodeAccessDenied, as it does for Update and Delete. The form
// of k has been checked. A key that would have ended is ErrExpiry. A crash leaves
// the key whole, with a secret that nobody knows, or none.
func (k *KeyRing) Create(ctx context.Context, by Principal, key AccessKey) (AccessKey, string, error) {
	if !by.MayGrant(key.Scope) {
		return AccessKey{}, "", denied(by, CreateKey, key.Name)
	}
	now := k.config.Now()
	if !key.Expires.IsZero() && !now.Before(key.Expires) {
		return AccessKey{}, "", ErrExpiry
	}
	fresh := makeKey()
	r := &record{AccessKey: key, secret: fresh.Secret}
	r.ID, r.Created, r.Creator, r.Disabled = fresh.ID, wholeSecond(now), by.KeyID, false
	r.Expires = wholeSecond(key.Expires)
	d, err := r.document()
	if err != nil {
		return AccessKey{}, "", err
	}
	if _, err := k.config.Documents.PutDocument(ctx, d); err != nil {
		return AccessKey{}, "", fmt.Errorf("keep access key: %w", err)
	}
	return r.AccessKey, r.secret, nil
}

func wholeSecond(t time.Time) time.Time {
	if t.IsZero() {
		return t
	}
	return t.UTC().Truncate(time.Second)
}

// denied is what a principal is told who would give or take more than it has.
func denied(by Principal, action Action, name string) error {
	return millrace.Errorf(millrace.CodeAccessDenied,
		"User: %s is not authorized to perform: kinesisvideo:%s on resource: %s because the key has or would have a scope that is not within the caller's",
		by.ARN, action, name)
}

// List returns up to limit keys with ids greater than after, in the order of
// their ids. An empty slice means that there are no more.
func (k *KeyRing) List(ctx context.Context, after string, limit int) ([]AccessKey, error) {
	docs, err := k.config.Documents.Documents(ctx, documentKind, store.DocumentPage{After: after, Limit: limit})
	if err != nil {
		return nil, fmt.Errorf("list access keys: %w", err)
	}
	keys := make([]AccessKey, len(docs))
	for i, d := range docs {
		r, err := readRecord(d)
		if err != nil {
			return nil, err
		}
		keys[i] = r.AccessKey
	}
	return keys, nil
}

// A KeyChange is what Update changes; nil leaves a thing as it is.
type KeyChange struct {
	Disabled *bool
	Actions  []Action
	Streams  []string
}

// apply makes the record that r becomes.
func (c KeyChange) apply(r record) record {
	if c.Disabled != nil {
		r.Disabled = *c.Disabled
	}
	if c.Actions != nil {
		r.Scope.Actions = c.Actions
	}
	if c.Streams != nil {
		r.Scope.Streams = c.Streams
	}
	return r
}

// updateTries is how often Update begins again when somebody else was faster.
const updateTries = 5

// Update changes a key and returns it as it is then. by must have everything
// that the key had and gets. No such key is millrace.ErrNotFound. The change is
// one document's: after a crash it is made or it is not. Before it is answered
// the key is forgotten here, also where it is not known whether the change was
// made, so that every later request sees it.
func (k *KeyRing) Update(ctx context.Context, by Principal, id string, c KeyChange) (AccessKey, error) {
	for range updateTries {
		r, err := k.changeable(ctx, by, UpdateKey, id)
		if err != nil {
			return AccessKey{}, err
		}
		next := c.apply(*r)
		if !by.MayGrant(next.Scope) {
			return AccessKey{}, denied(by, UpdateKey, r.Name)
		}
		d, err := next.document()
		if err != nil {
			return AccessKey{}, err
		}
		_, err = k.config.Documents.PutDocument(ctx, d)
		k.cache.forget(id)
		if !errors.Is(err, millrace.ErrConflict) {
			return next.AccessKey, wrap("keep access key", err)
		}
	}
	return AccessKey{}, millrace.Errorf(millrace.CodeUnavailable, "The key is being changed by somebody else. Try again.")
}

func wrap(action string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", action, err)
}

// changeable returns a key that by may change.
func (k *KeyRing) changeable(ctx context.Context, by Principal, action Action, id string) (*record, error) {
	r, err := k.find(ctx, id)
	if err == nil && !by.MayGrant(r.Scope) {
		return nil, denied(by, action, r.Name)
	}
	return r, err
}

// Delete forgets a key. by must have everything that the key has. No such key is
// millrace.ErrNotFound. What Update says of crashes and of answers holds here.
func (k *KeyRing) Delete(ctx context.Context, by Principal, id string) error {
	if _, err := k.changeable(ctx, by, DeleteKey, id); err != nil {
		return err
	}
	err := k.config.Documents.DeleteDocument(ctx, documentKind, id)
	k.cache.forget(id)
	return wrap("delete access key", err)
}
