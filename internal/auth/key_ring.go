package auth

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/store"
)

// KeyRingConfig is what a KeyRing is made of.
type KeyRingConfig struct {
	Documents store.Documents // where keys are kept; nobody else may change them
	Sessions  *Sessions
	Root      RootKey // knows everything and is kept elsewhere
	Account   string  // of principals: twelve digits

	// Device says whether a device may have sessions: nil, or
	// millrace.ErrNotFound for one that is not there or was disabled. It is
	// asked at each request of such a session. A nil Device knows none.
	Device func(ctx context.Context, name string) error

	Now func() time.Time // wall clock; nil means time.Now
}

// A KeyRing is the Keys of a server: the root key, the keys of its control
// state, and the sessions of both and of devices. It also makes and changes keys.
// A key that is disabled or deleted is unknown to every Lookup that begins after
// the change was answered, and so are its sessions. Any number of goroutines may
// use it.
type KeyRing struct {
	config KeyRingConfig
	cache  recordCache
}

var _ Keys = (*KeyRing)(nil)

// NewKeyRing makes a KeyRing.
func NewKeyRing(c KeyRingConfig) *KeyRing {
	if c.Device == nil {
		c.Device = func(context.Context, string) error { return millrace.ErrNotFound }
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return &KeyRing{config: c}
}

// String keeps the keys out of %v and %+v.
func (k *KeyRing) String() string { return "auth.KeyRing" }

// GoString keeps them out of %#v.
func (k *KeyRing) GoString() string { return "auth.KeyRing" }

// Lookup implements Keys.
func (k *KeyRing) Lookup(ctx context.Context, keyID, token string) (Key, error) {
	if token != "" {
		return k.session(ctx, keyID, token)
	}
	if keyID == k.config.Root.ID {
		return NewRootKeys(k.config.Root, k.config.Account).Lookup(ctx, keyID, "")
	}
	r, err := k.enabled(ctx, keyID)
	if err != nil {
		return Key{}, err
	}
	return Key{Secret: r.secret, Expires: r.Expires, Principal: Principal{
		ARN: "arn:aws:iam::" + k.config.Account + ":user/" + r.Name, KeyID: r.ID, Scopes: []Scope{r.Scope},
		parent: Parent{Key: r.ID}, role: r.Name, inherited: 1, expires: r.Expires,
	}}, nil
}

// session returns the key of a session, if its parent is good.
func (k *KeyRing) session(ctx context.Context, id, token string) (Key, error) {
	g, err := k.config.Sessions.open(id, token)
	if err != nil {
		return Key{}, err
	}
	p, err := k.parent(ctx, g.Parent)
	if err != nil {
		return Key{}, err
	}
	p.ARN, p.KeyID, p.parent, p.role = g.arn(k.config.Account), id, g.Parent, g.Role
	if g.Scope != nil {
		p.Root = false
		p.Scopes = append(slices.Clip(p.Scopes), *g.Scope)
	}
	p.expires = earlier(p.expires, g.Expires)
	return Key{Secret: k.config.Sessions.secret(id), Token: token, Expires: p.expires, Principal: p}, nil
}

// earlier returns the earlier of two ends; zero is none.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// parent returns what a session has from its parent. A device has no scope but
// that of its sessions, which is sealed in them.
func (k *KeyRing) parent(ctx context.Context, of Parent) (Principal, error) {
	if of.Device != "" {
		return Principal{}, k.config.Device(ctx, of.Device)
	}
	key, err := k.Lookup(ctx, of.Key, "")
	if err == nil && key.Principal.parent != of {
		return Principal{}, fmt.Errorf("access key has another secret: %w", millrace.ErrNotFound)
	}
	return key.Principal, err
}

// keyID is the form of the ids that Create gives.
var keyID = regexp.MustCompile(`^MILL[A-Z2-7]{16}$`)

// find returns a key as it is now.
func (k *KeyRing) find(ctx context.Context, id string) (*record, error) {
	r, change := k.cache.find(id)
	if r != nil {
		return r, nil
	}
	if !keyID.MatchString(id) {
		return nil, millrace.ErrNotFound
	}
	d, err := k.config.Documents.Document(ctx, documentKind, id)
	if err != nil {
		return nil, fmt.Errorf("read access key: %w", err)
	}
	if r, err = readRecord(d); err != nil {
		return nil, err
	}
	k.cache.remember(r, change)
	return r, nil
}

// enabled is find for keys that may be used.
func (k *KeyRing) enabled(ctx context.Context, id string) (*record, error) {
	r, err := k.find(ctx, id)
	if err == nil && r.Disabled {
		return nil, fmt.Errorf("access key is disabled: %w", millrace.ErrNotFound)
	}
	return r, err
}
