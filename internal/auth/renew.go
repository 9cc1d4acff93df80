package auth

import (
	"context"
	"fmt"
	"slices"

	"github.com/millrace/millrace"
)

// Renew returns p, whom Lookup told of some time ago, as it is now: with what its
// key or its session's parent may do at present. A key that was disabled or
// deleted, whose time is over, or whose parent's is, is ErrNotFound. The end of a
// session itself is no reason: what began before it may go on, as with AWS.
func (k *KeyRing) Renew(ctx context.Context, p Principal) (Principal, error) {
	if p.parent == (Parent{}) {
		return p, nil // of no key ring
	}
	now, err := k.parent(ctx, p.parent)
	if err != nil {
		return Principal{}, err
	}
	if !now.expires.IsZero() && !k.config.Now().Before(now.expires) {
		return Principal{}, fmt.Errorf("the time of the access key is over: %w", millrace.ErrNotFound)
	}
	own := p.Scopes[min(p.inherited, len(p.Scopes)):]
	p.Root = now.Root && len(own) == 0
	p.Scopes, p.inherited = append(slices.Clip(now.Scopes), own...), len(now.Scopes)
	return p, nil
}
