package auth

import (
	"context"

	"github.com/millrace/millrace"
)

// Bearer is whose right p passes on by an address that needs no signature: what p
// is, or for a session what that was made for. It is no secret.
func (p Principal) Bearer() Parent { return p.parent }

// Bearer returns the principal that an address was given out by, as it is now. A
// key that was disabled or deleted since, that has another secret or whose time is
// over, and a device that is not there any more, are ErrNotFound.
func (k *KeyRing) Bearer(ctx context.Context, of Parent) (Principal, error) {
	if of == (Parent{}) {
		return Principal{}, millrace.ErrNotFound
	}
	p, err := k.Renew(ctx, Principal{parent: of})
	if err != nil {
		return Principal{}, err
	}
	now, err := k.parent(ctx, of)
	if err != nil {
		return Principal{}, err
	}
	p.ARN, p.KeyID, p.role = now.ARN, now.KeyID, now.role
	return p, nil
}
