package store

import "context"

// A Driver drives an Engine by hand, so that the same calls do the same.
type Driver struct{ *Engine }

// OpenByHand is Open for an Engine that does only what its Driver is told to.
func OpenByHand(ctx context.Context, cfg Config) (*Driver, error) {
	e, err := load(ctx, cfg)
	if err != nil {
		return nil, err
	}
	e.lanes = newLanes(e.cfg.Lanes, func(c Class) *lane { return newLane(e, c) })
	return &Driver{e}, nil
}

// Step has each lane commit what is queued, one after the other, and seals
// what is full.
func (d *Driver) Step() {
	for i := range d.Lanes() {
		d.StepLane(i)
	}
}

// Lanes is how many lanes there are.
func (d *Driver) Lanes() int { return len(d.lanes.all()) }

// StepLane has the i-th lane, in the order of classes and ages, commit what is
// queued, and then seals what is full. It reports whether anything was.
func (d *Driver) StepLane(i int) bool {
	worked, _ := d.lanes.all()[i].step()
	d.sealPending()
	return worked
}

func (d *Driver) sealPending() {
	for len(d.seals) > 0 {
		d.seal(<-d.seals)
	}
}

// Feed does what the engine does behind the lanes' back when all that is recent
// is due.
func (d *Driver) Feed(ctx context.Context) error { return d.index.feed(ctx, true) }

// Close does what Close of an Engine does.
func (d *Driver) Close() {
	d.lanes.close()
	for i, l := range d.lanes.all() {
		for d.StepLane(i) {
		}
		l.roll()
		d.sealPending()
	}
	d.sayLimits()
	d.sealPending()
	d.handles.close()
}

// Pins is how many streams the lanes remember.
func (e *Engine) Pins() int {
	e.lanes.mu.Lock()
	defer e.lanes.mu.Unlock()
	return len(e.lanes.pins)
}

// BusyLane is how many bytes wait for a lane that is busy.
const BusyLane = busyLane
