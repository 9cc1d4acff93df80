package consumer

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/consumer/checkpoint"
	"github.com/millrace/millrace/internal/wire/client"
)

// Bounds of the wait before a handler that failed is called again, and how long
// it has to go well until that is forgotten.
const (
	minRest   = time.Second
	maxRest   = time.Minute
	goodWhile = time.Minute
)

// errExited is what a handler returned that ended its goroutine.
var errExited = errors.New("the handler ended its goroutine")

// A runner is one worker. Its fields belong to the goroutine of run, but for what
// mu guards.
//
// Every Poll it looks: it renews its own lease as a worker, and reads which
// workers there are, which streams, and who has them. From that follows how many
// streams should be its own. It never takes a stream from anybody; it hands
// streams over by ending their readers, and takes what is free. Two workers that
// want the same stream ask the store, which gives it to one. So what workers
// believe of each other may be wrong or old: it makes the sharing uneven for a
// while, and no more.
type runner struct {
	o     RunnerOptions
	list  func(ctx context.Context) ([]millrace.StreamName, error)
	open  func(stream millrace.StreamName) *Reader
	serve func(ctx context.Context, s *service) error

	served map[millrace.StreamName]*service
	rests  map[millrace.StreamName]*rest
	seen   view

	handlers sync.WaitGroup
	wake     chan struct{} // says that over has something
	mu       sync.Mutex    // guards over
	over     []ended       // at most one of each of served
}

// A service is a stream that this worker has, and the handler that runs for it.
type service struct {
	stream  millrace.StreamName
	reader  *Reader
	began   time.Time
	revoked bool // its loop was ended
}

// ended is what came of a service.
type ended struct {
	service *service
	err     error // of the handler
	unsaved error // of what had to be saved and given back
}

// A rest keeps a worker from a stream whose handler has returned.
type rest struct {
	backoff client.Backoff
	until   time.Time
}

func newRunner(o RunnerOptions) *runner {
	return &runner{
		o:      o,
		served: map[millrace.StreamName]*service{},
		rests:  map[millrace.StreamName]*rest{},
		wake:   make(chan struct{}, 1),
	}
}

// run works until ctx ends.
func (r *runner) run(ctx context.Context) error {
	err := r.round(ctx)
	if err != nil && ctx.Err() == nil && (errors.Is(err, checkpoint.ErrInvalid) || !client.Passing(err)) {
		return errors.Join(fmt.Errorf("run %s: %w", r.o.App, err), r.signOut())
	}
	r.tell(ctx, err)
	look := time.NewTicker(r.o.Poll)
	defer look.Stop()
	again := time.NewTimer(time.Hour)
	defer again.Stop()
	for {
		again.Reset(r.untilRested())
		select {
		case <-ctx.Done():
			r.handlers.Wait()
			return errors.Join(r.settle(), r.signOut())
		case <-r.wake:
			r.tell(ctx, r.settle())
		case <-look.C:
			r.tell(ctx, r.round(ctx))
		case <-again.C:
			r.tell(ctx, r.take(ctx))
		}
	}
}

// tell tells of trouble, unless it is that ctx has ended.
func (r *runner) tell(ctx context.Context, err error) {
	if err != nil && ctx.Err() == nil && r.o.Events.Trouble != nil {
		r.o.Events.Trouble(err)
	}
}

// round looks, and does what follows from it.
func (r *runner) round(ctx context.Context) error {
	v, err := r.look(ctx)
	if err != nil {
		return err
	}
	r.seen = v
	maps.DeleteFunc(r.rests, func(stream millrace.StreamName, _ *rest) bool { return !v.lists(stream) })
	for _, s := range r.served {
		if !v.lists(s.stream) {
			s.revoke()
		}
	}
	r.handOver()
	return r.take(ctx)
}

// active are the services that are to go on.
func (r *runner) active() []*service {
	var all []*service
	for _, s := range r.served {
		if !s.revoked {
			all = append(all, s)
		}
	}
	return all
}

// handOver ends what is more than this worker's part, what it has had for the
// shortest time first.
func (r *runner) handOver() {
	all := r.active()
	slices.SortFunc(all, func(a, b *service) int {
		return cmp.Or(b.began.Compare(a.began), strings.Compare(string(b.stream), string(a.stream)))
	})
	for _, s := range all[:max(0, len(all)-r.seen.part)] {
		s.revoke()
	}
}

// revoke ends the reader's loop. The handler may go on for as long as it needs.
func (s *service) revoke() {
	if !s.revoked {
		s.revoked = true
		s.reader.halt(ErrHandedOver)
	}
}

// take takes streams that nobody has until this worker has its part. Every worker
// tries them in another order, so that not all ask for the same one.
func (r *runner) take(ctx context.Context) error {
	free := r.free(time.Now())
	rand.Shuffle(len(free), func(i, j int) { free[i], free[j] = free[j], free[i] })
	need := r.seen.part - len(r.active())
	for _, stream := range free {
		if need <= 0 {
			return nil
		}
		err := r.acquire(ctx, stream)
		if errors.Is(err, checkpoint.ErrHeld) {
			r.seen.holders[stream] = "" // whose it is stands in the next view
			continue
		}
		if err != nil {
			return fmt.Errorf("take stream: %w", err)
		}
		r.begin(ctx, stream)
		need--
	}
	return nil
}

// free are the streams that may be taken: what nobody has, or this worker's name
// from a life before.
func (r *runner) free(now time.Time) []millrace.StreamName {
	var all []millrace.StreamName
	for _, stream := range r.seen.streams {
		holder, held := r.seen.holders[stream]
		rest, rests := r.rests[stream]
		if r.served[stream] == nil && (!held || holder == r.o.Owner) && (!rests || !now.Before(rest.until)) {
			all = append(all, stream)
		}
	}
	return all
}

func (r *runner) key(stream millrace.StreamName) checkpoint.Key {
	return checkpoint.Key{App: r.o.App, Stream: string(stream)}
}

func (r *runner) acquire(ctx context.Context, stream millrace.StreamName) error {
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	_, err := r.o.Store.Acquire(ctx, r.key(stream), r.o.Owner, r.o.TTL)
	return err
}

// begin starts the handler of a stream that was taken.
func (r *runner) begin(ctx context.Context, stream millrace.StreamName) {
	if r.o.Events.Taken != nil {
		r.o.Events.Taken(stream)
	}
	s := &service{stream: stream, reader: r.open(stream), began: time.Now()}
	r.served[stream] = s
	r.handlers.Go(func() {
		e := ended{service: s, err: errExited}
		defer func() { r.report(e) }() // also when the handler ends the goroutine
		e.err = r.serve(ctx, s)
		e.unsaved = r.giveBack(s)
	})
}

// giveBack saves what the handler has done, and gives the lease back, also that
// of a reader which was never used.
func (r *runner) giveBack(s *service) error {
	err := s.reader.Close()
	ctx, cancel := context.WithTimeout(context.Background(), storeTimeout)
	defer cancel()
	return errors.Join(err, r.o.Store.Release(ctx, r.key(s.stream), r.o.Owner))
}

// report says that a handler has returned.
func (r *runner) report(e ended) {
	r.mu.Lock()
	r.over = append(r.over, e)
	r.mu.Unlock()
	select {
	case r.wake <- struct{}{}:
	default: // it was said already
	}
}

// settle looks after what has ended, and returns what could not be saved.
func (r *runner) settle() error {
	r.mu.Lock()
	over := r.over
	r.over = nil
	r.mu.Unlock()
	var unsaved []error
	for _, e := range over {
		if errors.Is(e.err, errExited) {
			e.unsaved = r.giveBack(e.service)
		}
		delete(r.served, e.service.stream)
		delete(r.seen.holders, e.service.stream)
		if e.service.revoked {
			e.err = nil
		} else {
			r.restFrom(e)
		}
		if r.o.Events.Left != nil {
			r.o.Events.Left(e.service.stream, e.err)
		}
		unsaved = append(unsaved, e.unsaved)
	}
	return errors.Join(unsaved...)
}

// restFrom keeps this worker from the stream of a handler that has returned.
func (r *runner) restFrom(e ended) {
	stream, now := e.service.stream, time.Now()
	was := r.rests[stream]
	if was == nil || now.Sub(e.service.began) >= goodWhile {
		was = &rest{backoff: client.Backoff{Min: minRest, Max: maxRest}}
		r.rests[stream] = was
	}
	was.until = now.Add(r.o.Poll)
	if e.err != nil {
		was.until = now.Add(was.backoff.Next())
	}
}

// untilRested is how long it is until a stream may be taken again.
func (r *runner) untilRested() time.Duration {
	now, first := time.Now(), time.Hour
	for stream, rest := range r.rests {
		if left := rest.until.Sub(now); left > 0 && left < first && r.served[stream] == nil {
			first = left
		}
	}
	return first
}
