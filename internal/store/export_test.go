package store

import "context"

// A Driver drives an Engine by hand, so that the same calls do the same.
type Driver struct {
	*Engine
	lane *lane
}

// OpenByHand is Open for an Engine that does only what its Driver is told to.
func OpenByHand(ctx context.Context, cfg Config) (*Driver, error) {
	e, err := load(ctx, cfg)
	if err != nil {
		return nil, err
	}
	return &Driver{e, newLane(e)}, nil
}

// Step commits what is queued, and then seals what is full.
func (d *Driver) Step() {
	d.lane.step()
	d.sealPending()
}

func (d *Driver) sealPending() {
	for len(d.lane.seals) > 0 {
		d.lane.seal(<-d.lane.seals)
	}
}

// Close does what Close of an Engine does.
func (d *Driver) Close() {
	d.queue.close()
	for worked := true; worked; {
		worked, _ = d.lane.step()
		d.sealPending()
	}
	d.lane.finish()
	d.sealPending()
	d.handles.close()
}
