package store

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/pack"
)

// An Engine is a Media store over packs: one lane that writes them, and an
// index in memory that is rebuilt from them at start.
type Engine struct {
	cfg     Config
	queue   *queue
	index   *index
	packs   *packTable
	handles *handles
	headers *headerCache
	heads   sync.Pool      // of *submission
	running sync.WaitGroup // lane and sealer
	closing sync.Once

	packCounter uint32       // of the last pack; the lane's once it runs
	limits      []pack.Limit // on packs that could not be cut at start; the lane's once it runs
	lastServer  atomic.Int64 // milliseconds; the latest server time seen
}

var _ Media = (*Engine)(nil)

// Open reads what the packs hold, cuts what a crash left torn, and returns an
// Engine that must be closed. ctx bounds the opening only. One Engine at a time
// may use a directory.
//
// A pack of a later epoch than cfg.Epoch is millrace.ErrConflict: numbers would
// be given twice. A pack of a newer format is pack.ErrVersion.
func Open(ctx context.Context, cfg Config) (*Engine, error) {
	e, err := load(ctx, cfg)
	if err != nil {
		return nil, err
	}
	l := newLane(e)
	e.running.Go(l.run)
	e.running.Go(l.sealAll)
	return e, nil
}

// load makes an Engine that nothing drives yet.
func load(ctx context.Context, cfg Config) (*Engine, error) {
	e := &Engine{cfg: cfg.withDefaults()}
	e.queue = newQueue(e.cfg.QueueBytes, e.cfg.QueueFragments)
	e.packs = newPackTable()
	e.index = newIndex(e.packs)
	e.handles = newHandles(e.cfg.FS, e.cfg.OpenPacks)
	e.headers = newHeaderCache(e.cfg.HeaderBytes)
	e.heads.New = func() any { return new(submission) }
	if err := e.recover(ctx); err != nil {
		return nil, fmt.Errorf("open packs: %w", err)
	}
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
	s := e.heads.Get().(*submission)
	s.fragment, s.done = f, done
	var err error
	if s.head, s.entry, err = pack.AppendFragment(s.head[:0], f); err != nil {
		return fmt.Errorf("submit fragment: %w", err)
	}
	s.size = pack.Aligned(int64(len(s.head)) + s.entry.Size)
	if err := e.queue.push(ctx, s); err != nil {
		e.recycle(s)
		return fmt.Errorf("submit fragment: %w", err)
	}
	return nil
}

// settle tells the outcome of a submission and gives its room back.
func (e *Engine) settle(s *submission, err error) {
	done := s.done
	e.queue.release(s)
	e.recycle(s)
	done(err)
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
	return nil
}

// Close implements Committer. It seals the open pack. Readers must have ended.
func (e *Engine) Close() error {
	e.closing.Do(func() {
		e.queue.close()
		e.running.Wait()
		e.handles.close()
	})
	return nil
}

// nextPack names the next pack.
func (e *Engine) nextPack() pack.FileHeader {
	var salt [8]byte
	_, _ = rand.Read(salt[:]) // never fails
	e.packCounter++
	return pack.FileHeader{
		Epoch:   e.cfg.Epoch,
		Pack:    packNumber(e.cfg.Epoch, e.packCounter),
		Created: e.cfg.Now(),
		Salt:    binary.LittleEndian.Uint64(salt[:]),
	}
}

// sawServerTime keeps the latest server time.
func (e *Engine) sawServerTime(n millrace.FragmentNumber) {
	ms := n.ServerTime().UnixMilli()
	for {
		last := e.lastServer.Load()
		if ms <= last || e.lastServer.CompareAndSwap(last, ms) {
			return
		}
	}
}

// damaged reports damage (I7).
func (e *Engine) damaged(d Damage) {
	e.cfg.Logger.Error("damaged media",
		"pack", packName(d.Pack), "offset", d.Offset, "length", d.Length,
		"stream", d.Stream.ID, "fragment", d.Number, "err", d.Err)
	e.cfg.Events.Damaged(d)
}
