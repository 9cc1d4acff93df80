package fault

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"syscall"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/store"
)

// Pages fail as their Faults say. A call that fails does not reach what stands
// behind. A full disk is store.ErrUnavailable too, as the seam says. After a Sync that failed for another reason than
// store.ErrUnavailable, changes are millrace.ErrCorrupt until a Reset.
type Pages struct {
	*strikes
	under store.Pages
	lost  atomic.Bool // a sync has failed
}

var _ store.Pages = (*Pages)(nil)

// NewPages returns under with faults.
func NewPages(under store.Pages, faults ...Fault) *Pages {
	return &Pages{strikes: newStrikes(faults), under: under}
}

// Pages returns under with f's faults: calls of both are counted together.
func (f *FS) Pages(under store.Pages) *Pages { return &Pages{strikes: f.strikes, under: under} }

// fail counts a call and returns the error with which it must fail.
func (p *Pages) fail(op Op) error {
	err := p.strike(op)
	if errors.Is(err, syscall.ENOSPC) {
		return fmt.Errorf("%w: %w", store.ErrUnavailable, err)
	}
	return err
}

// State implements store.Pages.
func (p *Pages) State(ctx context.Context) (store.PageState, error) {
	if err := p.fail(State); err != nil {
		return store.PageState{}, err
	}
	return p.under.State(ctx)
}

// Find implements store.Pages.
func (p *Pages) Find(ctx context.Context, q store.PageQuery) ([]store.IndexPage, error) {
	if err := p.fail(Find); err != nil {
		return nil, err
	}
	return p.under.Find(ctx, q)
}

// Apply implements store.Pages.
func (p *Pages) Apply(ctx context.Context, c *store.PageChange) error {
	if err := p.fail(Apply); err != nil {
		return err
	}
	if err := p.usable(); err != nil {
		return err
	}
	return p.under.Apply(ctx, c)
}

// Sync implements store.Pages.
func (p *Pages) Sync(ctx context.Context) error {
	if err := p.fail(Sync); err != nil {
		if !errors.Is(err, store.ErrUnavailable) {
			p.lost.Store(true)
		}
		return err
	}
	if err := p.usable(); err != nil {
		return err
	}
	return p.under.Sync(ctx)
}

func (p *Pages) usable() error {
	if p.lost.Load() {
		return fmt.Errorf("a sync has failed: %w", millrace.ErrCorrupt)
	}
	return nil
}

// Reset implements store.Pages.
func (p *Pages) Reset(ctx context.Context) error {
	if err := p.fail(Reset); err != nil {
		return err
	}
	if err := p.under.Reset(ctx); err != nil {
		return err
	}
	p.lost.Store(false)
	return nil
}

// Close implements store.Pages. It is not counted.
func (p *Pages) Close() error { return p.under.Close() }
