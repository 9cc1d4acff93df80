package consumer

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/consumer/checkpoint"
)

var errDown = errors.New("the database is away")

// A shakyStore is a store that can be away, and counts what is saved.
type shakyStore struct {
	checkpoint.Memory

	mu    sync.Mutex // guards the rest
	down  error
	hangs bool // down calls do not return until the store is back, whatever their context says
	back  chan struct{}
	late  time.Duration // for which answers of Acquire are on their way
	saves int
}

func (s *shakyStore) goDown(err error, hangs bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.down, s.hangs, s.back = err, hangs, make(chan struct{})
}

func (s *shakyStore) comeBack() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.down = nil
	close(s.back)
}

// count returns how often positions were saved.
func (s *shakyStore) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.saves
}

func (s *shakyStore) reach() error {
	s.mu.Lock()
	down, hangs, back := s.down, s.hangs, s.back
	s.mu.Unlock()
	if down != nil && hangs {
		<-back
		return nil
	}
	return down
}

func (s *shakyStore) Save(ctx context.Context, k checkpoint.Key, r checkpoint.Record) error {
	if err := s.reach(); err != nil {
		return err
	}
	s.mu.Lock()
	s.saves++
	s.mu.Unlock()
	return s.Memory.Save(context.WithoutCancel(ctx), k, r) // what was sent arrives
}

func (s *shakyStore) Acquire(ctx context.Context, k checkpoint.Key, owner string, ttl time.Duration) (checkpoint.Record, error) {
	if err := s.reach(); err != nil {
		return checkpoint.Record{}, err
	}
	r, err := s.Memory.Acquire(ctx, k, owner, ttl)
	s.mu.Lock()
	late := s.late
	s.mu.Unlock()
	time.Sleep(late)
	return r, err
}

func (s *shakyStore) answerLate(by time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.late = by
}

var gateKey = checkpoint.Key{App: "plates", Stream: "gate"}

func positionOf(n int) Position {
	at := time.UnixMilli(1_700_000_000_000 + int64(n)*2000).UTC()
	return Position{Stream: "gate", Fragment: millrace.NewFragmentNumber(uint64(n), at, 7), Done: Whole, ServerTime: at}
}

// A keeperRig is a keeper with a loop that has begun.
type keeperRig struct {
	*keeper
	t     *testing.T
	store *shakyStore
	loop  context.Context
	began Position
	told  []error
}

func newKeeperRig(t *testing.T, store *shakyStore, lease Lease) *keeperRig {
	t.Helper()
	r := &keeperRig{t: t, store: store}
	r.keeper = newKeeper(store, gateKey, lease, func(err error) { r.told = append(r.told, err) })
	r.begin()
	return r
}

// begin begins a loop.
func (r *keeperRig) begin() {
	r.t.Helper()
	loop, end := context.WithCancelCause(context.Background())
	p, err := r.keeper.begin(loop, end)
	if err != nil {
		r.t.Fatal(err)
	}
	r.loop, r.began = loop, p
}

// wantEnded checks what has ended the loop; nil is nothing.
func (r *keeperRig) wantEnded(want error) {
	r.t.Helper()
	synctest.Wait()
	if got := context.Cause(r.loop); !errors.Is(got, want) {
		r.t.Fatalf("the loop was ended by %v, want %v", got, want)
	}
}

// wantSaved checks what the store has.
func wantSaved(t *testing.T, store *shakyStore, want int, owner string) {
	t.Helper()
	r, err := store.Load(context.Background(), gateKey)
	if err != nil {
		t.Fatal(err)
	}
	var p Position
	if err := p.UnmarshalText(r.Position); err != nil {
		t.Fatal(err)
	}
	if p.Fragment != positionOf(want).Fragment && want != 0 || want == 0 && !p.IsZero() || r.Owner != owner {
		t.Fatalf("the store has %s for %q, want %d for %q", p, r.Owner, want, owner)
	}
}

func (r *keeperRig) wantClosed(want error) {
	r.t.Helper()
	if err := r.close(); !errors.Is(err, want) {
		r.t.Errorf("close: %v, want %v", err, want)
	}
	if err := r.close(); err != nil {
		r.t.Errorf("the second close: %v", err)
	}
}

func TestPositionsAreSavedOnceASecondAndInTheEnd(t *testing.T) {
	for name, lease := range map[string]Lease{"without a lease": {}, "with one": {Owner: "a"}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newKeeperRig(t, new(shakyStore), lease)
				for n := range 100 {
					r.note(positionOf(n + 1))
					time.Sleep(100 * time.Millisecond)
				}
				time.Sleep(time.Minute)
				if n := r.store.count(); n < 10 || n > 11 {
					t.Errorf("saved %d times in ten seconds and a minute of silence", n)
				}
				wantSaved(t, r.store, 100, lease.Owner)
				r.note(positionOf(101))
				r.wantClosed(nil)
				wantSaved(t, r.store, 101, "")
				r.wantEnded(nil)
			})
		})
	}
}

func TestALoopBeginsWithWhatWasSaved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := new(shakyStore)
		first := newKeeperRig(t, store, Lease{Owner: "a"})
		if !first.began.IsZero() || first.began.Epoch != 1 || first.began.Stream != "gate" {
			t.Errorf("the first one begins at %+v", first.began)
		}
		first.note(positionOf(7))
		first.wantClosed(nil)
		second := newKeeperRig(t, store, Lease{Owner: "b"})
		if second.began.Fragment != positionOf(7).Fragment || second.began.Done != Whole || second.began.Epoch != 2 {
			t.Errorf("the second one begins at %+v", second.began)
		}
		second.begin() // another loop of the same reader
		if second.began.Epoch != 2 {
			t.Errorf("its second loop begins at %+v", second.began)
		}
		_, err := newKeeper(store, gateKey, Lease{Owner: "c"}, nil).begin(t.Context(), nil)
		if !errors.Is(err, ErrLeaseHeld) {
			t.Errorf("the third one: %v", err)
		}
		second.wantClosed(nil)
		wantSaved(t, store, 7, "")
	})
}

func TestALeaseIsRenewedAsLongAsItIsNeeded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newKeeperRig(t, new(shakyStore), Lease{Owner: "a", TTL: 3 * time.Second})
		for range 6000 {
			time.Sleep(100 * time.Millisecond)
			if _, err := r.store.Memory.Acquire(t.Context(), gateKey, "b", time.Hour); !errors.Is(err, checkpoint.ErrHeld) {
				t.Fatalf("somebody else got it: %v", err)
			}
		}
		r.wantEnded(nil)
		r.wantClosed(nil)
		if got, err := r.store.Memory.Acquire(t.Context(), gateKey, "b", time.Hour); err != nil || got.Epoch != 2 {
			t.Errorf("given back, it is %+v, %v", got, err)
		}
	})
}

func TestAStoreThatIsAwayForAWhileIsToldOfAndWaitedFor(t *testing.T) {
	for name, lease := range map[string]Lease{"without a lease": {}, "with one": {Owner: "a", TTL: 30 * time.Second}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newKeeperRig(t, new(shakyStore), lease)
				r.note(positionOf(1))
				time.Sleep(10 * time.Second)
				r.store.goDown(errDown, false)
				for n := range 15 {
					r.note(positionOf(2 + n))
					time.Sleep(time.Second)
				}
				if len(r.told) != 1 || !errors.Is(r.told[0], errDown) {
					t.Errorf("told %v", r.told)
				}
				if err := r.flush(t.Context(), Position{}); !errors.Is(err, errDown) {
					t.Errorf("flush: %v", err)
				}
				wantSaved(t, r.store, 1, lease.Owner)
				r.store.comeBack()
				time.Sleep(20 * time.Second) // beyond the TTL
				wantSaved(t, r.store, 16, lease.Owner)
				r.wantEnded(nil)

				r.store.goDown(errDown, false)
				r.note(positionOf(17))
				time.Sleep(2 * time.Second)
				r.note(positionOf(18))
				if len(r.told) != 2 {
					t.Errorf("told %v", r.told)
				}
				r.store.comeBack()
				r.wantClosed(nil)
				wantSaved(t, r.store, 18, "")
			})
		})
	}
}

func TestWithoutALeaseAStoreMayBeAwayForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newKeeperRig(t, new(shakyStore), Lease{})
		r.store.goDown(errDown, false)
		for n := range 3600 {
			r.note(positionOf(1 + n))
			time.Sleep(time.Second)
		}
		r.wantEnded(nil)
		r.wantClosed(errDown)
	})
}

// A store that does not answer at all is as one that fails: the loop ends when
// the lease may be another's, and not later.
func TestALeaseThatCannotBeRenewedEndsTheLoopInTime(t *testing.T) {
	for name, hangs := range map[string]bool{"calls fail": false, "calls hang": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				const ttl = 30 * time.Second
				r := newKeeperRig(t, new(shakyStore), Lease{Owner: "a", TTL: ttl})
				time.Sleep(25 * time.Second) // it was renewed after 20 s
				r.note(positionOf(1))
				time.Sleep(2 * time.Second)
				wantSaved(t, r.store, 1, "a")
				r.store.goDown(errDown, hangs)
				r.note(positionOf(2))
				time.Sleep(22 * time.Second)
				r.wantEnded(nil)
				time.Sleep(2 * time.Second)
				r.wantEnded(ErrLeaseLost)
				if got, err := r.store.Memory.Acquire(t.Context(), gateKey, "b", ttl); err != nil || got.Epoch != 2 {
					t.Fatalf("another one got %+v, %v", got, err)
				}
				r.note(positionOf(3))
				r.store.comeBack()
				time.Sleep(5 * time.Second)
				if err := r.flush(t.Context(), Position{}); !errors.Is(err, ErrLeaseLost) {
					t.Errorf("flush: %v", err)
				}
				r.note(positionOf(4))
				r.wantClosed(ErrLeaseLost)
				wantSaved(t, r.store, 1, "b")
				_, err := r.keeper.begin(t.Context(), nil)
				if !errors.Is(err, ErrLeaseLost) {
					t.Errorf("another loop: %v", err)
				}
			})
		})
	}
}

// A lease counts from when it was asked for: the store's answer may take a while.
func TestALeaseIsNotLongerThanTheStoreSays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newKeeperRig(t, new(shakyStore), Lease{Owner: "a", TTL: 30 * time.Second})
		r.store.answerLate(8 * time.Second) // of the renewal after ten seconds
		time.Sleep(19 * time.Second)
		r.store.goDown(errDown, false)
		time.Sleep(20 * time.Second)
		r.wantEnded(nil)
		time.Sleep(2 * time.Second)
		r.wantEnded(ErrLeaseLost)
		wantSaved(t, r.store, 0, "")
		r.store.comeBack()
		r.wantClosed(nil)
	})
}

// Who has lost a lease does not take it again by accident.
func TestALostLeaseIsNotRenewed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newKeeperRig(t, new(shakyStore), Lease{Owner: "a", TTL: 30 * time.Second})
		r.store.goDown(errDown, false)
		time.Sleep(31 * time.Second)
		r.wantEnded(ErrLeaseLost)
		r.store.comeBack()
		time.Sleep(time.Minute)
		wantSaved(t, r.store, 0, "")
		r.note(positionOf(1)) // nor saves who has none
		r.wantClosed(ErrLeaseLost)
		wantSaved(t, r.store, 0, "")
	})
}

// A worker that was paused finds that its lease has been another's when it saves,
// or when it renews.
func TestWhoComesBackLateIsTold(t *testing.T) {
	take := func(t *testing.T, s *shakyStore) {
		t.Helper()
		ctx := t.Context()
		if err := s.Release(ctx, gateKey, "a"); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Memory.Acquire(ctx, gateKey, "b", time.Hour); err != nil {
			t.Fatal(err)
		}
	}
	for name, tc := range map[string]struct {
		notes, back bool
		owner       string
	}{
		"when it saves":                         {notes: true, owner: "b"},
		"when it renews":                        {owner: "b"},
		"when the other has given it back":      {back: true},
		"when it saves what was given back too": {notes: true, back: true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newKeeperRig(t, new(shakyStore), Lease{Owner: "a", TTL: 30 * time.Second})
				take(t, r.store)
				if tc.back {
					if err := r.store.Release(t.Context(), gateKey, "b"); err != nil {
						t.Fatal(err)
					}
				}
				within := 10 * time.Second
				if tc.notes {
					r.note(positionOf(9))
					within = time.Second
				}
				time.Sleep(within)
				r.wantEnded(ErrLeaseLost)
				_ = r.close()
				wantSaved(t, r.store, 0, tc.owner)
			})
		})
	}
}

func TestAHaltedLoopSavesWhatItHad(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newKeeperRig(t, new(shakyStore), Lease{Owner: "a"})
		r.note(positionOf(1))
		r.halt(ErrHandedOver)
		r.halt(errDown)
		r.wantEnded(ErrHandedOver)
		r.note(positionOf(2))
		if _, err := r.keeper.begin(t.Context(), nil); !errors.Is(err, ErrHandedOver) {
			t.Errorf("another loop: %v", err)
		}
		r.wantClosed(nil)
		wantSaved(t, r.store, 2, "")

		early := newKeeper(r.store, gateKey, Lease{Owner: "a"}, nil)
		early.halt(ErrHandedOver)
		if _, err := early.begin(t.Context(), nil); !errors.Is(err, ErrHandedOver) {
			t.Errorf("a loop that was halted before it began: %v", err)
		}
		if err := early.close(); err != nil {
			t.Error(err)
		}
		wantSaved(t, r.store, 2, "")
	})
}

func TestAFlushSavesAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newKeeperRig(t, new(shakyStore), Lease{Owner: "a"})
		if err := r.flush(t.Context(), positionOf(1)); err != nil {
			t.Fatal(err)
		}
		wantSaved(t, r.store, 1, "a")
		r.note(positionOf(2))
		if err := r.flush(t.Context(), Position{}); err != nil {
			t.Fatal(err)
		}
		wantSaved(t, r.store, 2, "a")
		if err := r.flush(t.Context(), Position{}); err != nil || r.store.count() != 2 {
			t.Errorf("saved %d times, %v", r.store.count(), err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		r.note(positionOf(3))
		r.turn <- struct{}{} // somebody else is saving
		if err := r.flush(ctx, Position{}); !errors.Is(err, context.Canceled) {
			t.Errorf("flush: %v", err)
		}
		<-r.turn
		r.wantClosed(nil)
		wantSaved(t, r.store, 3, "")
		if len(r.told) != 0 {
			t.Errorf("told %v", r.told)
		}
	})
}

func TestAPositionThatCannotBeReadIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := new(shakyStore)
		if err := store.Save(t.Context(), gateKey, checkpoint.Record{Position: []byte("what is this")}); err != nil {
			t.Fatal(err)
		}
		k := newKeeper(store, gateKey, Lease{Owner: "a"}, nil)
		if _, err := k.begin(t.Context(), nil); err == nil || errors.Is(err, ErrLeaseLost) {
			t.Errorf("begin: %v", err)
		}
		if r, err := store.Load(t.Context(), gateKey); err != nil || r.Owner != "" || string(r.Position) != "what is this" {
			t.Errorf("the store has %+v, %v", r, err)
		}
		if err := k.close(); err != nil {
			t.Error(err)
		}
		store.goDown(errDown, false)
		if _, err := newKeeper(store, gateKey, Lease{Owner: "a"}, nil).begin(t.Context(), nil); !errors.Is(err, errDown) {
			t.Errorf("begin without a store: %v", err)
		}
		if _, err := newKeeper(store, checkpoint.Key{Stream: "gate"}, Lease{}, nil).begin(t.Context(), nil); !errors.Is(err, checkpoint.ErrInvalid) {
			t.Errorf("begin without a name: %v", err)
		}
	})
}

func TestANoteCostsNothing(t *testing.T) {
	k, p := newKeeper(new(shakyStore), gateKey, Lease{}, nil), positionOf(1)
	if n := testing.AllocsPerRun(100, func() { k.note(p) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
