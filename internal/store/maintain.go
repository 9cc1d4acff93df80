package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/millrace/millrace/internal/pack"
)

// What one pass does at most, beyond sweeping and removing: a pass is to end
// well before the next one is due, and the rest is done by that.
const (
	// maxPunches is how many holes are made; each takes the disk some tenths of
	// a millisecond. The pack in which it is reached is finished.
	maxPunches = 1 << 14

	// maxSurveys is how many packs of which nothing is known are looked into.
	// After a start that is every one, and what is dead in them was left over.
	maxSurveys = 256
)

// Maintain makes one pass: it sweeps the index of what is gone by now, and
// gives back the bytes. Sealed packs in which nothing is live are removed;
// those of which little is live are written anew; of the others the bodies that
// are dead are punched out, unless all of the pack goes soon. Open packs of
// which more than a little is dead are sealed, so that the next pass can do the
// same with them.
//
// What is dead goes within an eighth of its class, and before that if it comes
// to more than a 128th part of all that is live. ctx is honoured between packs. A failure in one place
// does not keep the pass from its work in others; what could not be done is
// done by a later pass, and the errors are returned together. Any number of
// goroutines may call; one at a time makes a pass.
func (e *Engine) Maintain(ctx context.Context, x Expiry) (Forgotten, error) {
	select {
	case e.passes <- struct{}{}:
	case <-ctx.Done():
		return Forgotten{}, ctx.Err()
	}
	defer func() { <-e.passes }()
	p := &pass{e: e, expiry: x, now: x(0), since: make(map[time.Duration]time.Time)}
	var failed error
	for _, step := range []func(context.Context) error{
		p.sweep, p.reread, p.roll, p.removeDead, p.survey, p.rewrite, p.removeDead, p.punch,
	} {
		if err := ctx.Err(); err != nil {
			return p.done, errors.Join(failed, err)
		}
		failed = errors.Join(failed, step(ctx))
		if e.index.broken.Load() {
			return p.done, failed // what is live is not known until it has been made again
		}
	}
	if freed := p.done.PackBytes + p.done.Punched; freed > 0 {
		e.room.freed(freed)
	}
	return p.done, failed
}

// A pass is one call of Maintain.
type pass struct {
	e      *Engine
	expiry Expiry
	now    time.Time                   // the server's
	since  map[time.Duration]time.Time // what expiry said, by retention
	done   Forgotten
}

// dies is when an entry expires, or when it has, by its stream's retention.
func (p *pass) dies(en *pack.Entry) time.Time {
	retention := p.e.index.policy(en.Stream).Retention
	since, known := p.since[retention]
	if !known {
		since = p.expiry(retention)
		p.since[retention] = since
	}
	return p.now.Add(en.Number.ServerTime().Sub(since))
}

func (p *pass) sweep(ctx context.Context) error {
	r, err := p.e.Sweep(ctx, p.expiry)
	p.done.Fragments, p.done.Bytes = r.Fragments, r.Bytes
	if err != nil {
		return fmt.Errorf("sweep: %w", err)
	}
	return nil
}

// roll has open packs sealed of which more than a little is dead, or something
// is whose time has come: only what is sealed can be given back.
func (p *pass) roll(context.Context) error {
	for _, info := range p.e.packs.list() {
		if info.state != packOpen || info.busy || info.media <= info.liveBytes {
			continue
		}
		l := p.e.plans[info.number]
		if l == nil {
			l = &plan{since: p.now}
			p.e.plans[info.number] = l
		}
		if (info.media-info.liveBytes)*packShareDead > info.media || !p.now.Before(l.deadline(info.class)) {
			p.e.askToRoll(info.number)
		}
	}
	return nil
}

// removeDead removes the sealed packs in which nothing is live.
func (p *pass) removeDead(ctx context.Context) (failed error) {
	before, dead := p.done.Packs, p.e.packs.dead()
	if len(dead) == 0 {
		return nil
	}
	if err := p.e.index.settle(ctx); err != nil {
		return fmt.Errorf("remove packs: %w", err)
	}
	for _, info := range dead {
		if err := ctx.Err(); err != nil {
			return errors.Join(failed, err)
		}
		removed, err := p.e.removePack(info)
		failed = errors.Join(failed, err)
		if removed {
			delete(p.e.plans, info.number)
			p.done.Packs++
			p.done.PackBytes += info.size - info.punched
		}
	}
	if p.done.Packs == before {
		return failed
	}
	if err := p.e.cfg.FS.SyncDir(); err != nil {
		failed = errors.Join(failed, fmt.Errorf("sync directory: %w", err))
	}
	return failed
}

// sealed lists the packs in which something is live and which nobody writes.
func (p *pass) sealed() []packInfo {
	var list []packInfo
	for _, info := range p.e.packs.list() {
		if info.state == packSealed && !info.aside.unread() && !info.busy && info.live > 0 {
			list = append(list, info)
		}
	}
	return list
}
