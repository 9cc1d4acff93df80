package store

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/pack"
)

// An Engine is a Media store over packs: lanes that write them, and an index
// that is derived from them, in memory and in pages.
type Engine struct {
	cfg      Config
	intake   *intake
	lanes    *lanes
	limits   unsaidLimits
	seals    chan *packWriter // full packs that want a footer
	index    *index
	packs    *packTable
	room     *room
	relief   chan struct{} // holds a token while room is to be made
	handles  *handles
	headers  *headerCache
	heads    sync.Pool      // of *submission
	outlines sync.Pool      // of *[outlineRead]byte
	writing  sync.WaitGroup // lanes
	sealing  sync.WaitGroup // sealer
	making   sync.WaitGroup // evictor and feeder
	stop     func()         // ends them
	closing  sync.Once
	closed   error // of Close

	pause func(l *lane, news <-chan struct{}, until time.Time) bool // has a lane wait for room
	press func(l *lane)                                             // has a lane do what it was asked for

	damage  *damageBook
	scrub   scrubState
	passes  chan struct{}    // holds a token while Maintain makes a pass, or the index is made again
	plans   map[uint64]*plan // of the one that makes it, as the next
	noHoles bool             // likewise: the file system cannot punch
	aside   asideTries       // likewise
	running bool             // recover is done

	packCounter atomic.Uint32 // of the last pack
	feedAt      int64         // with how many rows a start tries again what has failed
}

var _ Media = (*Engine)(nil)

// Open reads what the packs hold, cuts what a crash left torn, and returns an
// Engine that must be closed. ctx bounds the opening only. One Engine at a time
// may use a directory.
//
// A pack that the disk does not give is set aside, told of as damage, and tried
// again; one that is alone in that does not fail the opening.
//
// A pack of a later epoch than cfg.Epoch is millrace.ErrConflict: numbers would
// be given twice. A pack of a newer format is pack.ErrVersion.
func Open(ctx context.Context, cfg Config) (*Engine, error) {
	e, err := load(ctx, cfg)
	if err != nil {
		return nil, err
	}
	e.lanes = newLanes(e.cfg.Lanes, func(c Class) *lane {
		l := newLane(e, c)
		e.writing.Go(l.run)
		return l
	})
	e.pause = (*lane).pause
	e.press = func(l *lane) { l.queue.nudge() }
	life, stop := context.WithCancel(context.Background())
	e.stop = stop
	e.sealing.Go(e.sealAll)
	e.making.Go(func() { e.evictAll(life) })
	if e.cfg.Pages != nil {
		e.making.Go(func() { e.feedAll(life) })
	}
	return e, nil
}

// load makes an Engine that nothing drives yet.
func load(ctx context.Context, cfg Config) (*Engine, error) {
	e := &Engine{cfg: cfg.withDefaults()}
	e.intake = newIntake(e.cfg.QueueBytes, e.cfg.QueueFragments)
	e.seals = make(chan *packWriter, sealBacklog)
	e.packs = newPackTable()
	e.room = newRoom(&e.cfg, e.packs)
	e.relief = make(chan struct{}, 1)
	e.index = newIndex(&e.cfg, e.packs)
	e.handles = newHandles(e.cfg.FS, e.cfg.OpenPacks)
	e.headers = newHeaderCache(e.cfg.HeaderBytes)
	e.damage = newDamageBook()
	e.passes, e.plans = make(chan struct{}, 1), make(map[uint64]*plan)
	e.heads.New = func() any { return new(submission) }
	if err := e.recover(ctx); err != nil {
		return nil, fmt.Errorf("open packs: %w", err)
	}
	e.running = true
	e.index.started()
	return e, nil
}

// Submit implements Committer. The checksums are computed here, so that many
// producers share that work.
func (e *Engine) Submit(ctx context.Context, f *millrace.Fragment, done func(error)) error {
	if f.Number.IsZero() {
		return errors.New("submit fragment: it has no number")
	}
	if e.index.isDropped(f.Stream) {
		return fmt.Errorf("submit fragment: stream: %w", millrace.ErrNotFound)
	}
	if err := e.index.full(); err != nil {
		return fmt.Errorf("submit fragment: %w", err)
	}
	s := e.heads.Get().(*submission)
	s.fragment, s.done = f, done
	var err error
	if s.head, s.entry, err = pack.AppendFragment(s.head[:0], f); err != nil {
		return fmt.Errorf("submit fragment: %w", err)
	}
	s.size = pack.Aligned(int64(len(s.head)) + s.entry.Size)
	if err := e.enqueue(ctx, s); err != nil {
		e.recycle(s)
		return fmt.Errorf("submit fragment: %w", err)
	}
	return nil
}

// enqueue waits for room and hands s to a lane.
func (e *Engine) enqueue(ctx context.Context, s *submission) error {
	if err := e.intake.acquire(ctx, s); err != nil {
		return err
	}
	policy := e.index.policy(s.fragment.Stream)
	err := e.lanes.submit(s, ClassOf(policy.Retention))
	if err != nil {
		e.intake.release(s)
	}
	return err
}

// settle tells the outcome of a submission and gives its room back. Only then
// may its stream move to another lane.
func (e *Engine) settle(s *submission, err error) {
	done, p := s.done, s.pin
	e.intake.release(s)
	e.recycle(s)
	done(err)
	e.lanes.settled(p, errors.Is(err, millrace.ErrNotFound))
}

// maxHead is the longest memory of a head that is kept for the next fragment.
const maxHead = 16 << 10

func (e *Engine) recycle(s *submission) {
	if cap(s.head) > maxHead {
		s.head = nil
	}
	*s = submission{head: s.head[:0]}
	e.heads.Put(s)
}

// Drop implements Media.
func (e *Engine) Drop(ctx context.Context, key millrace.StreamKey) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	e.index.drop(key)
	e.lanes.forget(key)
	return nil
}

// SetPolicy says what the control state has changed about a stream, or that
// there is a new one. Queries that begin from now on see it. Policies only ever
// take away: KeptSince never becomes earlier, and a deletion that was given
// once stays. A stream that was dropped is passed over.
func (e *Engine) SetPolicy(key millrace.StreamKey, p Policy) { e.index.setPolicy(key, p) }

// Close implements Committer. It seals the open packs. Readers must have ended.
func (e *Engine) Close() error {
	e.closing.Do(func() {
		e.lanes.close()
		e.writing.Wait()
		e.sayLimits()
		close(e.seals)
		e.sealing.Wait()
		e.stop()
		e.making.Wait()
		e.finishIndex()
		e.handles.close()
		if e.cfg.Pages != nil {
			e.closed = e.cfg.Pages.Close()
		}
	})
	return e.closed
}

// nextPack names the next pack.
func (e *Engine) nextPack(c Class) pack.FileHeader {
	var salt [8]byte
	_, _ = rand.Read(salt[:]) // never fails
	return pack.FileHeader{
		Class:   c.inPack(),
		Epoch:   e.cfg.Epoch,
		Pack:    packNumber(e.cfg.Epoch, e.packCounter.Add(1)),
		Created: e.cfg.Now(),
		Salt:    binary.LittleEndian.Uint64(salt[:]),
		Store:   e.cfg.Identity,
	}
}

// damaged reports damage, once for each place (I7).
func (e *Engine) damaged(d Damage) {
	if !e.damage.isNews(&d) {
		return
	}
	e.cfg.Logger.Error("damaged media",
		"pack", packName(d.Pack), "offset", d.Offset, "length", d.Length,
		"stream", d.Stream.ID, "fragment", d.Number, "err", d.Err)
	e.cfg.Events.Damaged(d)
}
