package server

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/store"
)

// deletionsPerLook is how many records are read at once.
const deletionsPerLook = 500

// policyStore is what has to know of every stream's policy.
type policyStore interface {
	SetPolicy(key millrace.StreamKey, p store.Policy)
}

// policies is the control state as everybody sees it who changes streams: what
// it says of media, it also tells the media's store, before it answers. Then
// nudge is called, because there may be bytes to give back.
//
// A stream's policy is always read from the control state and handed on in one
// turn. Turns do not overlap, so that of two changes the later one is told
// last, whoever made them. Any number of goroutines may use it.
type policies struct {
	store.Control
	media  policyStore
	since  store.Expiry // by which things expire
	nudge  func()
	logger *slog.Logger
	turn   chan struct{} // holds a token while nobody has the turn
}

// newPolicies returns a control state that tells nobody yet.
func newPolicies(c store.Control, logger *slog.Logger) *policies {
	p := &policies{Control: c, logger: logger, turn: make(chan struct{}, 1)}
	p.since = func(time.Duration) time.Time { return time.Time{} } // everything matters
	p.turn <- struct{}{}
	return p
}

// follow says who is told from now on. It comes before the first change.
func (p *policies) follow(media policyStore, since store.Expiry, nudge func()) {
	p.media, p.since, p.nudge = media, since, nudge
}

// Create implements store.Streams. A new stream has nothing from before it was
// made: where the control state was put back from a copy and the packs were not,
// it may get the key of one that the copy does not know, with media in the packs.
func (p *policies) Create(ctx context.Context, s millrace.Stream, tags map[string]string) (millrace.Stream, error) {
	s.KeptSince = p.since(0)
	s, err := p.Control.Create(ctx, s, tags)
	if err == nil {
		_ = p.tell(ctx, s.Name) // which has logged it
	}
	return s, err
}

// Update implements store.Streams.
func (p *policies) Update(ctx context.Context, s millrace.Stream, was string) error {
	err := p.Control.Update(ctx, s, was)
	if err == nil {
		_ = p.tell(ctx, s.Name) // which has logged it
	}
	return err
}

// AddDeletion implements store.Deletions. What it answers for is out of reach;
// where that cannot be said, the record is durable, and the error says that it
// takes effect later.
func (p *policies) AddDeletion(ctx context.Context, d store.Deletion) (store.Deletion, error) {
	d, err := p.Control.AddDeletion(ctx, d)
	if err == nil {
		err = p.tell(ctx, d.Name)
	}
	return d, err
}

// KeepSince implements store.Deletions.
func (p *policies) KeepSince(ctx context.Context, since map[millrace.StreamKey]time.Time) error {
	err := p.Control.KeepSince(ctx, since)
	if err == nil {
		err = p.tellAll(ctx)
	}
	return err
}

// tell hands a stream's policy on. The change that made that necessary is
// durable: it is not undone by a client that goes, and where the control state
// cannot be read now, tellAll will do it.
func (p *policies) tell(ctx context.Context, name millrace.StreamName) error {
	err := p.inTurn(context.WithoutCancel(ctx), func(ctx context.Context) error {
		s, err := p.Stream(ctx, name)
		if err != nil {
			return err
		}
		policy, err := p.policy(ctx, s)
		if err == nil {
			p.media.SetPolicy(s.Key, policy)
		}
		return err
	})
	if err != nil {
		p.logger.Error("a change of a stream takes effect on its media later", "stream", name, "err", err)
		err = fmt.Errorf("tell the media's store: %w", err)
	}
	p.nudge()
	return err
}

// tellAll hands every stream's policy on.
func (p *policies) tellAll(ctx context.Context) error {
	return p.inTurn(ctx, func(ctx context.Context) error {
		all, err := p.all(ctx)
		for key, policy := range all {
			p.media.SetPolicy(key, policy)
		}
		return err
	})
}

// inTurn does work alone.
func (p *policies) inTurn(ctx context.Context, work func(context.Context) error) error {
	select {
	case <-p.turn:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { p.turn <- struct{}{} }()
	return work(ctx)
}

// all reads the policy of every active stream.
func (p *policies) all(ctx context.Context) (map[millrace.StreamKey]store.Policy, error) {
	all := map[millrace.StreamKey]store.Policy{}
	err := store.AllStreams(ctx, p.Control, func(s millrace.Stream) error {
		if s.Status != millrace.StatusActive {
			return nil
		}
		policy := store.Policy{Retention: s.Retention, KeptSince: s.KeptSince}
		all[s.Key] = policy
		return nil
	})
	if err != nil {
		return nil, err
	}
	return all, p.eachDeletion(ctx, millrace.StreamKey{}, func(d store.Deletion) {
		if policy, active := all[d.Stream]; active && p.matters(policy, d) {
			policy.Deletions = append(policy.Deletions, d)
			all[d.Stream] = policy
		}
	})
}

// policy reads what there is to know of one stream.
func (p *policies) policy(ctx context.Context, s millrace.Stream) (store.Policy, error) {
	policy := store.Policy{Retention: s.Retention, KeptSince: s.KeptSince}
	return policy, p.eachDeletion(ctx, s.Key, func(d store.Deletion) {
		if p.matters(policy, d) {
			policy.Deletions = append(policy.Deletions, d)
		}
	})
}

// matters reports whether a deletion still covers anything. What is expired
// stays so: where a retention is raised, KeptSince remembers. The last fragment
// that it means may be a millisecond younger than the bound on their numbers.
func (p *policies) matters(policy store.Policy, d store.Deletion) bool {
	return !d.Last.ServerTime().Add(time.Millisecond).Before(policy.Since(p.since))
}

func (p *policies) eachDeletion(ctx context.Context, of millrace.StreamKey, each func(store.Deletion)) error {
	var last uint64
	for {
		list, err := p.Deletions(ctx, of, last, deletionsPerLook)
		if err != nil {
			return err
		}
		for _, d := range list {
			each(d)
			last = d.ID
		}
		if len(list) < deletionsPerLook {
			return nil
		}
	}
}
