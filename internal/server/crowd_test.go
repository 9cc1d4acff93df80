package server_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/millrace/millrace/internal/wire"
	"github.com/millrace/millrace/mkv"
)

// A crowd is what many producers send to one stream.
type crowd struct {
	producers, fragments, frames int // frames of a fragment
}

// payload names a frame: whose it is, and which of its.
func (crowd) payload(producer, frame int) string { return fmt.Sprintf("p%04d-f%06d", producer, frame) }

func (c crowd) total() int { return c.producers * c.fragments * c.frames }

// A meeting is where producers wait for one another.
type meeting struct {
	missing atomic.Int64
	all     chan struct{} // closed when nobody is missing
}

func (c crowd) meetings() []meeting {
	list := make([]meeting, c.fragments)
	for i := range list {
		list[i].missing.Store(int64(c.producers))
		list[i].all = make(chan struct{})
	}
	return list
}

func (m *meeting) arrive(ctx context.Context) error {
	if m.missing.Add(-1) == 0 {
		close(m.all)
	}
	select {
	case <-m.all:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// produce sends one producer's fragments, each frame in a write of its own, and
// returns when all of them are kept. All producers have a fragment open at the
// same time: its frames are sent when they meet.
func (c crowd) produce(ctx context.Context, p *put, producer int, meet []meeting) error {
	if err := p.send(header(1), 0); err != nil {
		return err
	}
	kept := 0
	until := func(event string) error {
		for a := range p.acks {
			switch a.EventType {
			case "PERSISTED":
				kept++
			case "ERROR":
				return fmt.Errorf("producer %d: %s", producer, a)
			}
			if a.EventType == event {
				return nil
			}
		}
		return p.failed
	}
	for f := range c.fragments {
		if err := p.send(cluster(uint64(1000*f)), 0); err != nil {
			return err
		}
		if err := errors.Join(until("BUFFERING"), meet[f].arrive(ctx)); err != nil {
			return err
		}
		for i := range c.frames {
			if err := p.send(block(1, int16(40*i), c.payload(producer, f*c.frames+i)), 0); err != nil {
				return err
			}
		}
		if err := p.send(endOfFragment(), 0); err != nil {
			return err
		}
	}
	p.end()
	if err := until("the end"); err != nil || kept != c.fragments {
		return fmt.Errorf("producer %d: %d fragments kept of %d: %w", producer, kept, c.fragments, errors.Join(err))
	}
	return nil
}

// A witnessed stream is what one reader has seen of a crowd's.
type witnessed struct {
	crowd
	next   []int  // frame of each producer that comes next
	frames int    // seen
	number string // of the newest fragment
	turns  int    // fragments whose producer was not that of the one before
	last   int    // producer of the newest fragment
}

// read reads until all frames are seen, and returns what was wrong first:
// a frame twice, a frame too early, or a fragment out of order.
func (w *witnessed) read(g *get) error {
	w.next, w.last = make([]int, w.producers), -1
	for w.frames < w.total() {
		e, err := g.reader.Next()
		if err != nil {
			return fmt.Errorf("after %d of %d frames: %w", w.frames, w.total(), err)
		}
		switch e.ID {
		case mkv.IDSimpleBlock:
			err = w.frame(e)
		case mkv.IDTags:
			err = w.tags(e)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (w *witnessed) frame(e mkv.Element) error {
	b, err := mkv.ParseBlock(e.Data())
	if err != nil {
		return err
	}
	var producer, frame int
	if _, err := fmt.Sscanf(string(b.Payload), "p%d-f%d", &producer, &frame); err != nil || producer >= w.producers {
		return fmt.Errorf("a frame that nobody sent: %q", b.Payload)
	}
	if frame != w.next[producer] {
		return fmt.Errorf("frame %q comes where %d was next", b.Payload, w.next[producer])
	}
	w.next[producer]++
	w.frames++
	if producer != w.last {
		if frame%w.crowd.frames != 0 {
			return fmt.Errorf("frame %q is in another's fragment", b.Payload)
		}
		w.turns++
		w.last = producer
	}
	return nil
}

func (w *witnessed) tags(e mkv.Element) error {
	tags, err := mkv.ParseTags(e.Data())
	if err != nil {
		return err
	}
	for _, t := range tags {
		for _, s := range t.Simple {
			if s.Name != wire.TagFragmentNumber {
				continue
			}
			if s.String <= w.number {
				return fmt.Errorf("fragment %s comes behind %s", s.String, w.number)
			}
			w.number = s.String
		}
	}
	return nil
}

// cpu is what the process has used of processors: server and clients alike.
func cpu(t testing.TB) time.Duration {
	t.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// TestTwoHundredReadersAndSixteenProducersShareAStream has them all at the live
// edge of one stream of a server as it is by default: every frame comes once, in
// the order of its producer, and fragments in the order of their numbers.
func TestTwoHundredReadersAndSixteenProducersShareAStream(t *testing.T) {
	const readers = 200
	c := crowd{producers: 16, fragments: 6, frames: 5}
	r := start(t, nil, nil)
	r.create("cam", 24)
	began, used := time.Now(), cpu(t)
	seen := make([]witnessed, readers)
	var reading errgroup.Group
	producing, ctx := errgroup.WithContext(t.Context())
	for i := range seen {
		seen[i].crowd = c
		g := r.get("cam", now())
		reading.Go(func() error { return seen[i].read(g) })
	}
	gathered := time.Since(began)
	puts := make([]*put, c.producers)
	for i := range puts {
		puts[i] = r.put("cam", nil)
	}
	meet := c.meetings()
	for i, p := range puts {
		producing.Go(func() error { return c.produce(ctx, p, i, meet) })
	}
	if err := producing.Wait(); err != nil {
		t.Fatal(err)
	}
	kept := time.Since(began)
	if err := reading.Wait(); err != nil {
		t.Fatal(err)
	}
	took := time.Since(began)
	t.Logf("%d readers, %d producers: %d frames, %d read; readers there after %v, all kept after %v, all read after %v, %v of processors",
		readers, c.producers, c.total(), readers*c.total(), gathered.Round(time.Millisecond), kept.Round(time.Millisecond),
		took.Round(time.Millisecond), (cpu(t) - used).Round(time.Millisecond))
	turns := make([]int, 0, readers)
	for _, w := range seen {
		turns = append(turns, w.turns)
	}
	if slices.Min(turns) != slices.Max(turns) {
		t.Errorf("readers see different orders: %d to %d turns", slices.Min(turns), slices.Max(turns))
	}
	if turns[0] < c.producers*(c.fragments-1) {
		t.Errorf("producers took turns %d times only: they do not overlap", turns[0])
	}
}
