package mem

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/store"
)

// Pages is a store.Pages that knows what of it is durable. A crash leaves what
// the first so many changes since the last Sync made, as the test decides. It is
// strict: a change that leaves pages of one stream and clock that overlap is an
// error.
type Pages struct {
	power *Power

	mu      sync.Mutex // guards all below
	now     pageState
	stable  pageState  // as of the last Sync
	pending []pageStep // since then, in order
	damaged bool
	closed  bool
}

var _ store.Pages = (*Pages)(nil)

// A pageStep is one Apply, or, without a change, a Reset.
type pageStep struct{ change *store.PageChange }

// NewPages returns empty pages on a machine of their own.
func NewPages() *Pages { return NewPagesOn(NewPower()) }

// NewPagesOn returns empty pages on the machine that p drives. Their mutations
// are the calls of Apply, Sync and Reset. The one in which the power fails
// returns an error, but may have had its effect.
func NewPagesOn(p *Power) *Pages {
	return &Pages{power: p, now: newPageState(), stable: newPageState()}
}

// Power is what drives the machine that p is on.
func (p *Pages) Power() *Power { return p.power }

// Crash cuts the power. It returns the pages as they are found at the next
// start, on a machine of their own. It may be called again, for another outcome
// of the same crash.
func (p *Pages) Crash(choose Chooser) *Pages { return p.CrashOn(NewPower(), choose) }

// CrashOn is Crash for a machine that is there.
func (p *Pages) CrashOn(power *Power, choose Chooser) *Pages {
	p.power.Cut()
	p.mu.Lock()
	defer p.mu.Unlock()
	after := NewPagesOn(power)
	left := len(p.pending)
	if left > 0 {
		left = choose(left + 1)
	}
	after.stable = p.stable.after(p.pending[:left])
	after.now = after.stable.clone()
	after.damaged = p.damaged
	return after
}

// Kill ends the program but not the machine. It returns the pages as the next
// program finds them: everything that was applied is there, but what was not
// synced is still not durable.
func (p *Pages) Kill() *Pages { return p.KillOn(NewPower()) }

// KillOn is Kill, and goes on with the given power.
func (p *Pages) KillOn(power *Power) *Pages {
	p.power.Cut()
	p.mu.Lock()
	defer p.mu.Unlock()
	after := NewPagesOn(power)
	after.now, after.stable = p.now.clone(), p.stable.clone()
	after.pending = append(after.pending, p.pending...)
	after.damaged = p.damaged
	return after
}

// Damage makes the pages unreadable until they are reset.
func (p *Pages) Damage() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.damaged = true
}

// usableLocked says why a call cannot be served.
func (p *Pages) usableLocked(ctx context.Context) error {
	switch {
	case p.closed:
		return millrace.ErrClosed
	case p.power.Off():
		return ErrCrashed
	case p.damaged:
		return fmt.Errorf("damaged pages: %w", millrace.ErrCorrupt)
	}
	return ctx.Err()
}

// State implements store.Pages.
func (p *Pages) State(ctx context.Context) (store.PageState, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.usableLocked(ctx); err != nil {
		return store.PageState{}, err
	}
	return p.now.sum(), nil
}

// Find implements store.Pages.
func (p *Pages) Find(ctx context.Context, q store.PageQuery) ([]store.IndexPage, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.usableLocked(ctx); err != nil {
		return nil, err
	}
	return p.now.find(q), nil
}

// Apply implements store.Pages.
func (p *Pages) Apply(ctx context.Context, c *store.PageChange) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.usableLocked(ctx); err != nil {
		return err
	}
	step := pageStep{change: cloneChange(c)}
	p.now.apply(step)
	if err := p.now.check(c); err != nil {
		p.now = p.stable.after(p.pending)
		return err
	}
	p.pending = append(p.pending, step)
	return p.power.Mutate("apply a change of the index")
}

// Sync implements store.Pages.
func (p *Pages) Sync(ctx context.Context) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.usableLocked(ctx); err != nil {
		return err
	}
	if err := p.power.Mutate("sync the index"); err != nil {
		return err
	}
	p.stable, p.pending = p.now.clone(), nil
	return nil
}

// Reset implements store.Pages. It is durable when it returns.
func (p *Pages) Reset(ctx context.Context) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.usableLocked(ctx); err != nil && !errors.Is(err, millrace.ErrCorrupt) {
		return err
	}
	p.now = newPageState()
	if err := p.power.Mutate("reset the index"); err != nil {
		p.pending = append(p.pending, pageStep{})
		return err
	}
	p.stable, p.pending, p.damaged = newPageState(), nil, false
	return nil
}

// Close implements store.Pages.
func (p *Pages) Close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	return nil
}
