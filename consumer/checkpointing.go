package consumer

import (
	"context"
)

// A positionKeeper keeps positions in a store, under a lease or without one.
type positionKeeper interface {
	// begin takes the lease, if there is to be one, and returns what the store has:
	// the zero Position if it has nothing. While the lease is held it is renewed in
	// the background; end is called when it is lost.
	begin(ctx context.Context, end context.CancelCauseFunc) (Position, error)
	// note says how far the application is. It keeps the newest and does not wait.
	note(p Position)
	// flush saves p, or what was noted if p is zero, and waits for it.
	flush(ctx context.Context, p Position) error
	// close saves what was noted, gives the lease back, and waits for what runs in
	// the background.
	close() error
}

// keeping decides what a keeper is told, as the CommitMode says.
type keeping struct {
	keeper positionKeeper // nil: nobody keeps positions
	mode   CommitMode
	order  Order // in which the reader hands out fragments
	begun  bool  // what the reader is at comes from its own loops
}

// begin returns where a loop begins. What the store has goes before the position
// of the options; what the reader knows of its own loops may be newer than what it
// has saved.
func (k *keeping) begin(ctx context.Context, end context.CancelCauseFunc, at Position) (Position, error) {
	if k.keeper == nil {
		return at, nil
	}
	kept, err := k.keeper.begin(ctx, end)
	if err != nil {
		return Position{}, err
	}
	first := !k.begun
	k.begun = true
	if !kept.IsZero() && first || k.order.comparePositions(kept, at) > 0 {
		return kept, nil
	}
	at.Epoch = kept.Epoch
	return at, nil
}

// delivering is told of a position just before the step that makes it true.
func (k *keeping) delivering(p Position) {
	if k.keeper != nil && k.mode == OnDelivery {
		k.keeper.note(p)
	}
}

// handled is told of a position when the loop asks for more.
func (k *keeping) handled(p Position) {
	if k.keeper != nil && k.mode != Manual {
		k.keeper.note(p)
	}
}

func (k *keeping) commit(ctx context.Context, p Position) error {
	if k.keeper == nil {
		return nil
	}
	return k.keeper.flush(ctx, p)
}

func (k *keeping) close() error {
	if k.keeper == nil {
		return nil
	}
	return k.keeper.close()
}
