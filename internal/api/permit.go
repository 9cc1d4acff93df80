package api

import (
	"cmp"
	"context"
	"errors"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/auth"
)

// renewEvery is how often the permission of media calls under way is asked for
// again, where nobody says otherwise: a call outlives its key by as much.
const renewEvery = 5 * time.Second

// A permit is the permission by which a media call goes on.
type permit struct {
	principal auth.Principal
	action    auth.Action
	stream    millrace.Stream
	end       context.CancelCauseFunc
	cause     error // with which it ends
}

// permit keeps a media call's permission under watch until the call's end, which
// is what it returns. The context that it returns ends with cause when the
// permission does.
func (m *Media) permit(ctx context.Context, c *MediaCall, action auth.Action, s millrace.Stream, cause error) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	p := &permit{c.Principal, action, s, cancel, cause}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.permits[p] = struct{}{}
	return ctx, func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		delete(m.permits, p)
		cancel(nil)
	}
}

// Run asks for the permission of the calls under way every so often, until ctx
// ends, and ends those that have lost it.
func (m *Media) Run(ctx context.Context) {
	if m.config.Renew == nil {
		return
	}
	tick := time.NewTicker(cmp.Or(m.config.RenewEvery, renewEvery))
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			m.renew(ctx)
		}
	}
}

func (m *Media) renew(ctx context.Context) {
	for _, p := range m.permitted() {
		if ctx.Err() == nil && m.lost(ctx, p) {
			m.config.Logger.Info("permission of a call ended", "operation", string(p.action), "stream", p.stream.Name, "key", p.principal.KeyID)
			p.end(p.cause)
		}
	}
}

func (m *Media) permitted() []*permit {
	m.mu.Lock()
	defer m.mu.Unlock()
	list := make([]*permit, 0, len(m.permits))
	for p := range m.permits {
		list = append(list, p)
	}
	return list
}

// lost reports whether a call may not go on. Where that cannot be found out now
// it may.
func (m *Media) lost(ctx context.Context, p *permit) bool {
	ctx, cancel := context.WithTimeout(ctx, controlPatience)
	defer cancel()
	now, err := m.config.Renew(ctx, p.principal)
	if err != nil {
		return errors.Is(err, millrace.ErrNotFound)
	}
	return auth.Authorize(now, p.action, p.stream.ARN.String()) != nil
}
