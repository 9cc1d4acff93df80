package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/pack"
)

// holeBlock is the smallest block of a file system that is worth a hole, in
// bytes. Holes begin and end on its multiples; one that is not of whole blocks
// of a file system with larger ones gives back less.
const holeBlock = 4096

// punch gives back dead bodies in sealed packs: in those whose time has come, in
// those that are worth it and will not soon go whole, and, if that leaves more
// than a small part of all live bytes, in those with most of them.
func (p *pass) punch(ctx context.Context) (failed error) {
	if p.e.noHoles {
		return nil
	}
	if err := p.e.index.settle(ctx); err != nil {
		return fmt.Errorf("punch packs: %w", err)
	}
	punches := 0
	for _, j := range p.jobs() {
		if err := ctx.Err(); err != nil || punches >= maxPunches {
			return errors.Join(failed, err)
		}
		n, err := p.punchPack(ctx, j)
		punches += n
		if errors.Is(err, ErrUnsupported) {
			p.e.noHoles = true
			p.e.cfg.Logger.Info("the file system has no holes: packs are written anew instead")
			return failed
		}
		failed = errors.Join(failed, err)
	}
	return failed
}

// A job is a pack that may have to be punched.
type job struct {
	info packInfo
	plan *plan
	dead int64
	must bool // whatever becomes of the pack soon
}

// jobs lists the packs that are to be inspected now, those with most first.
func (p *pass) jobs() []job {
	var list []job
	var live, dead int64
	for _, info := range p.e.packs.list() {
		live += info.liveBytes
		l := p.e.plans[info.number]
		if l == nil || !l.known || info.state != packSealed || info.live == 0 {
			continue
		}
		if n := l.dead(&info); n > 0 {
			list = append(list, job{info: info, plan: l, dead: n})
			dead += n
		}
	}
	slices.SortStableFunc(list, func(a, b job) int { return cmp.Compare(b.dead, a.dead) })
	excess := dead - live/deadShare
	due := list[:0]
	for _, j := range list {
		j.must = excess > 0 || !p.now.Before(j.plan.deadline(j.info.class))
		worth := j.dead >= j.info.size/packShareDead && !p.now.Before(j.plan.wait)
		if j.must || worth {
			due = append(due, j)
		}
		if j.must {
			excess -= j.dead
		}
	}
	return due
}

// punchPack makes holes of what is dead in a pack, and returns how many.
//
// Crash safety: the pack says that it has marks, durably, before it has one;
// a record is marked, durably, before any of its body is given back; and only
// bodies are, of records that are not found there. So at every moment a record
// that is not marked is whole (I1, I7), and a start that reads the footer
// leaves out those that are marked. After a failed sync nothing is punched, and
// the next pass marks anew whatever it punches, also what reads as marked: it
// may be so in memory only. A crash may lose holes that were made: the first
// look after a start finds that by the size, and all are made again.
func (p *pass) punchPack(ctx context.Context, j job) (int, error) {
	v, err := p.inspect(ctx, &j.info)
	if err != nil {
		return 0, err
	}
	defer v.close()
	if deadline := j.plan.deadline(j.info.class); !j.must && !v.dies.After(deadline) {
		j.plan.wait = deadline // it goes whole before
		return 0, nil
	}
	holes, dead, err := v.holes(j.plan.sure)
	if err != nil {
		return 0, fmt.Errorf("punch pack %s: %w", packName(j.info.number), err)
	}
	j.plan.sure = false
	if err := v.makeHoles(ctx, holes); err != nil {
		return 0, fmt.Errorf("punch pack %s: %w", packName(j.info.number), err)
	}
	j.plan.sure, j.plan.handled, j.plan.since, j.plan.wait = true, dead, time.Time{}, time.Time{}
	before := j.info.punched
	p.done.Punched += max(0, p.e.measure(v.file, &j.info)-before)
	return len(holes), nil
}

// A hole is the whole blocks of a dead record's body.
type hole struct {
	record int64 // where it starts
	at, n  int64
}

// holes lists what is to be punched, and the bytes of media of all that is
// dead. If sure, what is marked has its hole already. A record whose fixed
// header is damaged stays as it is: where its body lies is not known.
func (v *inspection) holes(sure bool) (list []hole, dead int64, err error) {
	for i := range v.entries {
		en := &v.entries[i]
		if v.live[i] {
			continue
		}
		dead += en.Size
		rec, err := pack.ReadRecord(v.file, en.Offset, v.salt)
		if err != nil && !errors.Is(err, millrace.ErrCorrupt) {
			return nil, 0, err
		}
		if err != nil || rec.Kind != pack.KindFragment || rec.Number != en.Number || sure && rec.Mark == pack.MarkDeleted {
			continue
		}
		if h := holeIn(&rec, en.Offset); h.n > 0 {
			list = append(list, h)
		}
	}
	return list, dead, nil
}

func holeIn(r *pack.Record, off int64) hole {
	from := off + r.BodyOffset()
	first := (from + holeBlock - 1) / holeBlock * holeBlock
	last := (from + int64(r.Stored)) / holeBlock * holeBlock
	return hole{record: off, at: first, n: last - first}
}

// makeHoles marks the records, and then punches.
func (v *inspection) makeHoles(ctx context.Context, holes []hole) error {
	if len(holes) == 0 {
		return nil
	}
	if err := v.mark(holes); err != nil {
		return err
	}
	for _, h := range holes {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := v.file.Punch(h.at, h.n); err != nil {
			return err
		}
	}
	return nil
}

// mark makes the marks durable, and before them the news that there are any.
func (v *inspection) mark(holes []hole) error {
	if err := pack.WriteHasMarks(v.file); err != nil {
		return err
	}
	if err := v.file.Sync(); err != nil {
		return fmt.Errorf("sync that there are marks: %w", err)
	}
	for _, h := range holes {
		if err := pack.WriteMark(v.file, h.record); err != nil {
			return err
		}
	}
	if err := v.file.Sync(); err != nil {
		return fmt.Errorf("sync marks: %w", err)
	}
	return nil
}
