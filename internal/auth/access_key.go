package auth

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/store"
)

// An AccessKey is what may be shown of a key that is kept in the control state.
type AccessKey struct {
	ID       string
	Name     string // for people, [\w+=,.@-]{1,64}; need not be unique, so that two keys can take turns
	Scope    Scope
	Disabled bool
	Created  time.Time // whole seconds, as all its times
	Creator  string    // access key id of who made it
	Expires  time.Time // zero: never
}

// ErrExpiry says that a key would end before it is made.
var ErrExpiry = errors.New("the end of a key is in the past")

// documentKind is that of access keys. A document's name is the key's id.
const documentKind = "access-key"

// A record is a key as it is kept. It is never changed.
type record struct {
	AccessKey
	secret   string
	revision uint64
}

// String returns the access key id, which is no secret, and nothing else.
func (r *record) String() string { return r.ID }

// GoString keeps the secret out of %#v.
func (r *record) GoString() string { return "auth.record(" + r.ID + ")" }

// keptKey is the form of a record in its document. Times are seconds since 1970.
type keptKey struct {
	Name     string `json:"name"`
	Secret   string `json:"secret"`
	Scope    Scope  `json:"scope"`
	Disabled bool   `json:"disabled,omitempty"`
	Created  int64  `json:"created"`
	Creator  string `json:"creator"`
	Expires  int64  `json:"expires,omitempty"`
}

func (r *record) document() (store.Document, error) {
	kept := keptKey{
		Name: r.Name, Secret: r.secret, Scope: r.Scope, Disabled: r.Disabled,
		Created: r.Created.Unix(), Creator: r.Creator,
	}
	if !r.Expires.IsZero() {
		kept.Expires = r.Expires.Unix()
	}
	b, err := json.Marshal(kept)
	if err != nil {
		return store.Document{}, fmt.Errorf("encode access key %s: %w", r.ID, err)
	}
	return store.Document{Kind: documentKind, Name: r.ID, Revision: r.revision, Value: b}, nil
}

// readRecord is the inverse of document. What is wrong with a document is not
// shown, for it might be the secret.
func readRecord(d store.Document) (*record, error) {
	var kept keptKey
	if err := json.Unmarshal(d.Value, &kept); err != nil || kept.Secret == "" {
		return nil, fmt.Errorf("decode access key %s: %w", d.Name, millrace.ErrCorrupt)
	}
	r := &record{
		AccessKey: AccessKey{
			ID: d.Name, Name: kept.Name, Scope: kept.Scope, Disabled: kept.Disabled,
			Created: time.Unix(kept.Created, 0).UTC(), Creator: kept.Creator,
		},
		secret: kept.Secret, revision: d.Revision,
	}
	if kept.Expires != 0 {
		r.Expires = time.Unix(kept.Expires, 0).UTC()
	}
	return r, nil
}
