package memory_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/memory"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	mb    = 1 << 20
	limit = 64 * mb
	in    = 48 * mb // the writers' part
	out   = 16 * mb // the readers'
)

var errOver = errors.New("the wait is over")

// A bank is a Budget in a bubble.
type bank struct {
	*memory.Budget
	t *testing.T
}

func inBubble(t *testing.T, test func(b bank)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		b := bank{memory.New(limit), t}
		ctx, cancel := context.WithCancel(t.Context())
		var run sync.WaitGroup
		run.Go(func() { b.Run(ctx) })
		defer run.Wait()
		defer cancel()
		test(b)
	})
}

// A session is a Writer that notes its end.
type session struct {
	*memory.Writer
	mu  sync.Mutex // guards what follows
	err error
}

func (b bank) session() *session {
	s := &session{}
	s.Writer = b.NewWriter(func(err error) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.err = err
	})
	return s
}

func (s *session) ended() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

// take takes bytes that must be there.
func (b bank) take(s *session, n int) {
	b.t.Helper()
	began := time.Now()
	if err := s.Take(b.t.Context(), n); err != nil || time.Since(began) > 0 {
		b.t.Fatalf("%v after %v", err, time.Since(began))
	}
}

// wait starts to take bytes that are not there.
func (b bank) wait(s *session, n int) (done chan error) {
	done = make(chan error, 1)
	go func() { done <- s.Take(b.t.Context(), n) }()
	synctest.Wait()
	return done
}

func (b bank) waits(done chan error) {
	b.t.Helper()
	synctest.Wait()
	select {
	case err := <-done:
		b.t.Fatalf("it does not wait: %v", err)
	default:
	}
}

func (b bank) want(writers, readers int64) {
	b.t.Helper()
	if s := b.Stats(); s.Writers != writers || s.Readers != readers {
		b.t.Fatalf("writers have %d and readers %d, want %d and %d", s.Writers, s.Readers, writers, readers)
	}
}

func TestMemoryIsTakenAndGivenBack(t *testing.T) {
	inBubble(t, func(b bank) {
		s := b.session()
		b.take(s, 3*mb)
		s.Free(mb)
		b.want(3*mb, 0) // until it says that it has no need of it
		s.Trim()
		b.want(2*mb, 0)
		counted := s.Hand(mb, 5)
		b.want(2*mb+5, 0)
		s.Close()
		b.want(mb+5, 0)
		loan := b.Lend(counted, nil)
		b.want(0, mb+5)
		loan.Return()
		loan.Return()
		b.want(0, 0)
	})
}

func TestWhatIsReservedIsThere(t *testing.T) {
	inBubble(t, func(b bank) {
		s, other := b.session(), b.session()
		if err := s.Reserve(b.t.Context(), 20*mb); err != nil {
			t.Fatal(err)
		}
		b.take(other, 20*mb)
		late := b.wait(b.session(), 10*mb)
		b.waits(late)
		b.take(s, 15*mb)
		s.Free(10 * mb)
		b.take(s, 15*mb)
		s.Trim()
		b.want(40*mb, 0)
		b.waits(late)
		s.Free(15 * mb)
		s.Trim()
		if err := <-late; err != nil {
			t.Error(err)
		}
	})
}

// M2: the first who asks is the first who has, however much it is.
func TestMemoryIsHadInTheOrderOfAsking(t *testing.T) {
	inBubble(t, func(b bank) {
		a, c := b.session(), b.session()
		b.take(a, 24*mb)
		b.take(c, 20*mb)
		first, second := b.wait(b.session(), 10*mb), b.wait(b.session(), mb)
		b.waits(second) // although it would fit
		c.Close()
		if err := <-first; err != nil {
			t.Error(err)
		}
		if err := <-second; err != nil {
			t.Error(err)
		}
		b.want(35*mb, 0)
	})
}

// Who holds a fragment that is nearly done must not wait for one that begins.
func TestALittleIsHadAtOnceForAWhile(t *testing.T) {
	inBubble(t, func(b bank) {
		a, c := b.session(), b.session()
		b.take(a, 24*mb)
		b.take(c, 20*mb)
		large := b.wait(b.session(), 10*mb)
		for range 9 {
			time.Sleep(3 * time.Second)
			b.take(c, 64<<10)
			b.waits(large)
			c.Free(64 << 10)
			c.Trim()
		}
		time.Sleep(4 * time.Second)
		little := b.wait(c, 64<<10) // the large one has waited for long enough
		b.waits(little)
		a.Close()
		for _, done := range []chan error{large, little} {
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
	})
}

func TestWhoHasBegunGoesFirst(t *testing.T) {
	inBubble(t, func(b bank) {
		a, begun, c := b.session(), b.session(), b.session()
		b.take(a, 20*mb)
		b.take(begun, 10*mb)
		b.take(c, 15*mb)
		fresh := b.wait(b.session(), 8*mb)
		more := b.wait(begun, 8*mb)
		c.Free(6 * mb)
		c.Trim()
		if err := <-more; err != nil {
			t.Error(err)
		}
		b.waits(fresh)
		begun.Close()
		if err := <-fresh; err != nil {
			t.Error(err)
		}
	})
}

func TestAWaitEndsWithItsContext(t *testing.T) {
	inBubble(t, func(b bank) {
		full, waiting := b.session(), b.session()
		b.take(full, 24*mb)
		b.take(b.session(), 20*mb)
		ctx, cancel := context.WithTimeoutCause(b.t.Context(), time.Second, errOver)
		defer cancel()
		behind := make(chan error, 1)
		go func() {
			time.Sleep(time.Millisecond)
			behind <- b.session().Take(b.t.Context(), mb)
		}()
		if err := waiting.Take(ctx, 10*mb); !errors.Is(err, errOver) {
			t.Errorf("err = %v", err)
		}
		if err := <-behind; err != nil { // which stood in its way
			t.Error(err)
		}
		b.want(45*mb, 0)
	})
}

// M3.
func TestTheLargestGoesWhenNothingMoves(t *testing.T) {
	inBubble(t, func(b bank) {
		small, large := b.session(), b.session()
		b.take(small, 22*mb)
		b.take(large, 23*mb)
		began := time.Now()
		done := b.wait(b.session(), 10*mb)
		other := b.wait(b.session(), 10*mb)
		time.Sleep(4900 * time.Millisecond)
		b.waits(done)
		if large.ended() != nil {
			t.Fatal("it went too early")
		}
		time.Sleep(200 * time.Millisecond)
		if millrace.CodeOf(large.ended()) != millrace.CodeMediaInternal || small.ended() != nil {
			t.Errorf("large: %v, small: %v", large.ended(), small.ended())
		}
		large.Close()
		for _, d := range []chan error{done, other} {
			if err := <-d; err != nil || time.Since(began) > 6*time.Second {
				t.Errorf("%v after %v", err, time.Since(began))
			}
		}
		if s := b.Stats(); s.Ended != 1 {
			t.Errorf("%d had to end", s.Ended)
		}
	})
}

func TestNobodyGoesWhileMemoryComesBack(t *testing.T) {
	inBubble(t, func(b bank) {
		large, other := b.session(), b.session()
		b.take(large, 24*mb)
		b.take(other, 24*mb)
		done := b.wait(b.session(), 20*mb)
		for range 19 {
			time.Sleep(3 * time.Second)
			b.waits(done)
			other.Free(mb)
			other.Trim()
		}
		if large.ended() != nil {
			t.Error("the largest had to go")
		}
		other.Free(mb)
		other.Trim()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// M1: a fragment that needs more than there is goes through all the same.
func TestAGiantCountsForHalf(t *testing.T) {
	inBubble(t, func(b bank) {
		giant := b.session()
		b.take(giant, 200*mb)
		b.want(in/2, 0)
		b.take(b.session(), in/2)
		giant.Free(100 * mb)
		giant.Trim()
		b.want(in, 0)
		counted := giant.Hand(90*mb, 0)
		b.want(in, 0)
		giant.Close()
		b.Give(counted)
		b.want(in/2, 0)
	})
}

func TestWhatMayBeDroppedIsDroppedFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := bank{memory.New(limit), t}
		dropped := 0
		var kept []int64
		b.OnShortage(func() bool {
			if len(kept) == 0 {
				return false
			}
			dropped++
			b.Give(kept[0])
			kept = kept[1:]
			return true
		})
		s := b.session()
		for range 20 {
			b.take(s, mb)
			kept = append(kept, s.Hand(mb, 0))
		}
		b.take(b.session(), 20*mb)
		b.take(b.session(), 20*mb)
		if dropped != 12 || b.Ephemeral() != in/2 {
			t.Errorf("%d were dropped, and %d bytes may be held", dropped, b.Ephemeral())
		}
	})
}

func TestReadersWaitForTheirPart(t *testing.T) {
	inBubble(t, func(b bank) {
		var cut atomic.Int32
		borrow := func(n int64) *memory.Loan {
			loan, err := b.Borrow(b.t.Context(), n, func(time.Duration) bool { cut.Add(1); return true })
			if err != nil {
				t.Error(err)
			}
			return loan
		}
		first, second := borrow(10*mb), borrow(5*mb)
		writer := b.session()
		b.take(writer, in/2)
		b.take(b.session(), in/2) // which readers do not hinder
		began := time.Now()
		done := make(chan *memory.Loan)
		go func() { done <- borrow(7 * mb) }()
		time.Sleep(4 * time.Second)
		second.Return() // it moves, but not enough
		time.Sleep(4 * time.Second)
		if cut.Load() != 0 {
			t.Fatal("a reader was cut while others gave back")
		}
		time.Sleep(1100 * time.Millisecond)
		if cut.Load() != 1 {
			t.Fatalf("%d readers were cut", cut.Load())
		}
		first.Return()
		loan := <-done
		if d := time.Since(began); d != 9100*time.Millisecond {
			t.Errorf("after %v", d)
		}
		loan.Return()
		b.want(in, 0)
		borrow(1000 * mb).Return() // a fragment that is larger than all of it
	})
}

// M4: what readers alone hold is theirs, and where that is too much those that
// are slow are broken off, the one first that holds something for longest.
func TestReadersThatHoldTooMuchAreCut(t *testing.T) {
	inBubble(t, func(b bank) {
		s := b.session()
		var loans [8]*memory.Loan
		var cuts []int
		for i := range loans {
			b.take(s, 6*mb)
			loans[i] = b.Lend(s.Hand(6*mb, 0), func(time.Duration) bool { cuts = append(cuts, i); loans[i].Return(); return true })
			synctest.Wait()
		}
		b.want(0, 12*mb)
		if len(cuts) != 6 || cuts[0] != 0 || cuts[5] != 5 {
			t.Errorf("cut were %v", cuts)
		}
		if n := b.Stats().Cut; n != 6 {
			t.Errorf("%d", n)
		}
	})
}

func TestReadersThatTakeSomethingAreNotCut(t *testing.T) {
	inBubble(t, func(b bank) {
		s := b.session()
		var loans []*memory.Loan
		slow := make([]atomic.Bool, 4)
		gone := make([]atomic.Bool, 4)
		for i := range 4 {
			b.take(s, 6*mb)
			loans = append(loans, b.Lend(s.Hand(6*mb, 0), func(time.Duration) bool {
				if slow[i].Load() {
					gone[i].Store(true)
				}
				return slow[i].Load()
			}))
		}
		time.Sleep(10 * time.Second)
		for i := range gone {
			if gone[i].Load() {
				t.Fatalf("reader %d was cut", i)
			}
		}
		slow[3].Store(true)
		slow[2].Store(true)
		time.Sleep(150 * time.Millisecond)
		if gone[0].Load() || gone[1].Load() || !gone[2].Load() || !gone[3].Load() { // 12 MiB are left of 16
			t.Errorf("cut were %v %v %v %v", gone[0].Load(), gone[1].Load(), gone[2].Load(), gone[3].Load())
		}
		for _, l := range loans {
			l.Return()
		}
		b.want(0, 0)
	})
}

// A reader is slow when it has taken nothing for a second.
func TestReadersAreGivenASecond(t *testing.T) {
	inBubble(t, func(b bank) {
		s := b.session()
		b.take(s, 20*mb)
		began := time.Now()
		done := make(chan struct{})
		loan := b.Lend(s.Hand(20*mb, 0), func(idle time.Duration) bool {
			if time.Since(began) < idle {
				return false
			}
			close(done)
			return true
		})
		<-done
		if d := time.Since(began); d < time.Second || d > 1100*time.Millisecond {
			t.Errorf("after %v", d)
		}
		loan.Return()
	})
}

// However it is used, it is all there at the end, and never too much before.
func TestNothingIsLost(t *testing.T) {
	inBubble(t, func(b bank) {
		var work sync.WaitGroup
		for i := range 40 {
			r := rand.New(rand.NewPCG(uint64(i), 7))
			work.Go(func() { b.live(r) })
		}
		stop := make(chan struct{})
		var watch sync.WaitGroup
		watch.Go(func() {
			for {
				select {
				case <-stop:
					return
				case <-time.After(time.Millisecond):
				}
				if s := b.Stats(); s.Writers+s.Readers > limit || s.Writers > in {
					t.Errorf("%+v", s)
				}
			}
		})
		work.Wait()
		close(stop)
		watch.Wait()
		b.want(0, 0)
		t.Logf("%+v", b.Stats())
	})
}

// live is the life of a session that hands fragments over, and of their readers.
func (b bank) live(r *rand.Rand) {
	ctx, cancel := context.WithCancelCause(b.t.Context())
	defer cancel(nil)
	w := b.NewWriter(cancel)
	defer w.Close()
	var readers sync.WaitGroup
	defer readers.Wait()
	for range 200 {
		n, parts := 0, 1+r.IntN(20)
		for range parts {
			part := r.IntN(400_000)
			if w.Take(ctx, part) != nil {
				return
			}
			n += part
			time.Sleep(time.Duration(r.IntN(10)) * time.Millisecond)
		}
		if r.IntN(3) == 0 {
			w.Free(n)
			w.Trim()
			continue
		}
		counted := w.Hand(n, 0)
		hold := time.Duration(r.IntN(2000)) * time.Millisecond
		if r.IntN(2) == 0 {
			readers.Go(func() { time.Sleep(hold / 10); b.Give(counted) })
			continue
		}
		cut := make(chan struct{})
		var once sync.Once
		loan := b.Lend(counted, func(time.Duration) bool {
			once.Do(func() { close(cut) })
			return true
		})
		readers.Go(func() {
			select {
			case <-time.After(hold):
			case <-cut:
			}
			loan.Return()
		})
	}
}
