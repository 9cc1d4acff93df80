package store

import (
	"context"
	"errors"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/pack"
)

// A Driver drives an Engine by hand, so that the same calls do the same.
type Driver struct{ *Engine }

// OpenByHand is Open for an Engine that does only what its Driver is told to.
func OpenByHand(ctx context.Context, cfg Config) (*Driver, error) {
	e, err := load(ctx, cfg)
	if err != nil {
		return nil, err
	}
	d := &Driver{e}
	e.lanes = newLanes(e.cfg.Lanes, func(c Class) *lane { return newLane(e, c) })
	e.press = func(l *lane) {
		l.asked.Store(false)
		l.roll()
		d.sealPending()
	}
	e.pause = func(_ *lane, news <-chan struct{}, _ time.Time) bool {
		d.Relieve()
		select {
		case <-news:
			return true
		default:
			return false
		}
	}
	return d, nil
}

// Relieve seals what is full, and evicts if room was asked for.
func (d *Driver) Relieve() {
	for d.sealPending(); len(d.relief) > 0; d.sealPending() {
		<-d.relief
		d.relieve(context.Background())
	}
}

// Evict evicts the pack that is to go next, whether room is needed or not.
func (d *Driver) Evict() error {
	p, ok := d.packs.victim(nil)
	if !ok {
		return errors.New("there is no victim")
	}
	_, err := d.evict(context.Background(), p)
	return err
}

// Rid takes all that is in a pack out of the index, as a pass does once its file
// has gone.
func (d *Driver) Rid(name string) error {
	number, _ := parsePackName(name)
	_, err := d.index.takeOut(context.Background(), number, nil)
	return err
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
// queued, then seals what is full, and evicts what must go. It reports whether
// anything was queued.
func (d *Driver) StepLane(i int) bool {
	worked, _ := d.lanes.all()[i].step()
	d.Relieve()
	return worked
}

func (d *Driver) sealPending() {
	for len(d.seals) > 0 {
		d.seal(<-d.seals)
	}
}

// Feed does what the engine does behind the lanes' back when all that is recent
// is due.
func (d *Driver) Feed(ctx context.Context) error { return d.feed(ctx, true) }

// FeedDue is Feed for what is due.
func (d *Driver) FeedDue(ctx context.Context) error { return d.feed(ctx, false) }

// FeedNow feeds all that is recent to the pages of a running engine.
func (e *Engine) FeedNow(ctx context.Context) error { return e.feed(ctx, true) }

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
	d.finishIndex()
	d.handles.close()
}

// Checked is the pack that was scrubbed last.
func (e *Engine) Checked() uint64 { return e.index.facts.checked.Load() }

// Pins is how many streams the lanes remember.
func (e *Engine) Pins() int {
	e.lanes.mu.Lock()
	defer e.lanes.mu.Unlock()
	return len(e.lanes.pins)
}

// BusyLane is how many bytes wait for a lane that is busy.
const BusyLane = busyLane

// Claims is how much room was taken for what is not written yet, footers
// included.
func (e *Engine) Claims() int64 {
	e.room.mu.Lock()
	defer e.room.mu.Unlock()
	return e.room.taken + e.room.footers + e.room.wanted
}

// LiveIn, Move and TakeOut are what maintenance asks of the index.
func (e *Engine) LiveIn(ctx context.Context, number uint64, entries []pack.Entry) ([]bool, error) {
	return e.index.liveIn(ctx, number, entries)
}

// Move moves entries to a sealed pack, without a file.
func (e *Engine) Move(ctx context.Context, from, to uint64, old, now []pack.Entry) error {
	return e.index.move(ctx, from, &packInfo{number: to, state: packSealed, size: 1 << 20}, old, now)
}

// TakeOut is for a pack that goes.
func (e *Engine) TakeOut(ctx context.Context, number uint64, entries []pack.Entry) (Forgotten, error) {
	return e.index.takeOut(ctx, number, entries)
}

// SetAside lists the packs that could not be read.
func (e *Engine) SetAside() (numbers []uint64) {
	for _, a := range e.packs.setAside() {
		numbers = append(numbers, a.number)
	}
	return numbers
}

// LiveOf is how many fragments are live in a pack, by its account.
func (e *Engine) LiveOf(number uint64) int {
	p, _ := e.packs.look(number)
	return p.live
}

// DeletionsOf is how many deletions of a stream are remembered.
func (e *Engine) DeletionsOf(key millrace.StreamKey) int { return len(e.index.rule(key).Deletions) }

// A coverer is a Coverer that looks at so many pages at once.
type coverer struct {
	*Driver
	batch int
}

// CoverBy is a Coverer that looks at batch pages at once.
func (d *Driver) CoverBy(batch int) Coverer { return coverer{d, batch} }

func (v coverer) Cover(ctx context.Context, s Scope, q CoverQuery) (Coverage, error) {
	c, err := newCovering(q)
	if err == nil {
		err = v.index.cover(ctx, s, c, v.batch)
	}
	if err != nil {
		return Coverage{}, err
	}
	return c.finish(), nil
}
