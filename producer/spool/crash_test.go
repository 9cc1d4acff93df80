package spool_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/millrace/millrace/producer/spool"
)

// rounds is how often a campaign does something: usual, or MILLRACE_TORTURE
// times as often.
func rounds(t *testing.T, usual int) int {
	text := os.Getenv("MILLRACE_TORTURE")
	if text == "" {
		return usual
	}
	n, err := strconv.Atoi(text)
	must(t, err)
	return usual * max(n, 1)
}

// A claim is what a spool said about a fragment.
type claim struct {
	ref     spool.Ref
	frames  int  // appended
	begun   bool // Begin returned nil
	ended   bool
	torn    bool // found so
	synced  bool // Sync returned nil since it was ended
	settled bool // Settle was called, with a final outcome
	noted   bool // and returned nil
	sure    bool // and Sync returned nil since
}

// A user uses a spool at random and remembers what it was told.
type user struct {
	r      *rand.Rand
	s      *spool.Spool
	claims []claim
	size   int // of frames
}

// use works until the disk is gone, or for so many steps.
func (u *user) use(steps int) {
	for range steps {
		if err := u.step(); err != nil && !errors.Is(err, spool.ErrFull) {
			return
		}
	}
}

func (u *user) step() error {
	switch n := len(u.claims); {
	case u.r.IntN(4) == 0:
		return u.settle()
	case u.r.IntN(8) == 0:
		return u.sync()
	default:
		u.claims = append(u.claims, claim{})
		return u.makeRoom(u.write(n, &u.claims[n]))
	}
}

// makeRoom drops what a FullError names, and cuts the fragment that met it.
func (u *user) makeRoom(err error) error {
	u.s.Cut()
	var full *spool.FullError
	if !errors.As(err, &full) || full.Go.Fragments == 0 {
		return err
	}
	for i, c := range u.claims {
		if c.begun && c.ref <= full.Go.Last {
			u.claims[i].settled = true
		}
	}
	dropped, err := u.s.Drop(full.Go.Last)
	if err == nil && dropped.Fragments < full.Go.Fragments {
		return fmt.Errorf("dropped %+v, not %+v", dropped, full.Go)
	}
	return err
}

func (u *user) write(n int, c *claim) (err error) {
	if c.ref, err = u.s.Begin(headOf(n)); err != nil {
		return err
	}
	c.begun = true
	for range 1 + u.r.IntN(4) {
		if err := appendFrames(u.s, n, c.frames, c.frames+1, u.size); err != nil {
			return err
		}
		c.frames++
	}
	if err := u.s.End(); err != nil {
		return err
	}
	c.ended = true
	return nil
}

func (u *user) settle() error {
	if len(u.claims) == 0 {
		return nil
	}
	c := &u.claims[u.r.IntN(len(u.claims))]
	if !c.begun {
		return nil
	}
	c.settled = true
	err := u.s.Settle(spool.Persisted, c.ref)
	c.noted = c.noted || err == nil
	return err
}

func (u *user) sync() error {
	was := slices.Clone(u.claims)
	if err := u.s.Sync(context.Background()); err != nil {
		return err
	}
	for i, c := range was {
		u.claims[i].synced = u.claims[i].synced || c.ended
		u.claims[i].sure = u.claims[i].sure || c.noted
	}
	return nil
}

// check compares what is there after a crash with what was claimed. From then
// on, what is there is what is claimed.
func (u *user) check(power bool) error {
	found := map[int]spool.Fragment{}
	last := spool.Ref(0)
	for f := range u.s.Pending() {
		n := int(f.Identity.Sequence)
		if f.Ref <= last || n >= len(u.claims) {
			return fmt.Errorf("fragment %d is %d behind %d", n, f.Ref, last)
		}
		if _, twice := found[n]; twice {
			return fmt.Errorf("fragment %d is there twice", n)
		}
		last, found[n] = f.Ref, f
	}
	for n := range u.claims {
		f, there := found[n]
		if err := u.checkFragment(n, f, there, power); err != nil {
			return fmt.Errorf("fragment %d: %w (%+v, %+v)", n, err, u.claims[n], f)
		}
	}
	return nil
}

func (u *user) checkFragment(n int, f spool.Fragment, there, power bool) error {
	c := &u.claims[n]
	switch {
	case !there && !c.settled && c.frames > 0 && (c.synced || !power):
		return errors.New("lost")
	case !there:
		c.begun, c.settled, c.noted, c.sure = false, true, true, true
		return nil
	case c.noted && !power, c.sure:
		return errors.New("pending again")
	case f.Damaged:
		return errors.New("damaged")
	}
	c.ref, c.begun, c.settled, c.noted = f.Ref, true, false, false
	got, err := framesOf(u.s, f.Ref)
	switch {
	case err != nil:
		return err
	case len(got) != f.Frames:
		return fmt.Errorf("%d frames", len(got))
	case f.Frames > c.frames+1, f.Frames < c.frames && (!power || c.synced):
		return errors.New("wrong number of frames")
	case !sameFrames(got, wantFrames(n, f.Frames, u.size)):
		return errors.New("other bytes")
	case f.Torn && !c.torn && c.ended && (!power || c.synced):
		return errors.New("torn")
	}
	c.frames, c.ended, c.torn, c.synced = f.Frames, true, f.Torn, false
	return nil
}

// TestCrashes crashes process and power at any call, again and again on the same
// directory, and compares what is there with what was promised.
func TestCrashes(t *testing.T) {
	for seed := range rounds(t, 80) {
		if err := crashes(uint64(seed), 6); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
	}
}

// failing fails one of some writes and syncs of data files.
func failing(seed uint64, some int) func(op, name string, n int) error {
	r := rand.New(rand.NewPCG(seed, 2))
	return func(op, name string, _ int) error {
		if (op == "write" || op == "sync") && strings.HasSuffix(name, ".spool.mkv") && r.IntN(some) == 0 {
			return syscall.EIO
		}
		return nil
	}
}

func crashes(seed uint64, times int) error {
	r := rand.New(rand.NewPCG(seed, 1))
	m := newMemory()
	u := &user{r: r, size: 50 + r.IntN(9000)}
	for i := range times {
		power := r.IntN(2) == 0
		m.mu.Lock()
		m.left = 1 + r.IntN(150)
		if r.IntN(2) == 0 {
			m.fail = failing(r.Uint64(), 4+r.IntN(20))
		}
		m.mu.Unlock()
		s, err := spool.Open(spool.Options{MaxBytes: 1 << 20}.On(m))
		if err == nil {
			u.s = s
			err = u.check(power)
			if err == nil || errors.Is(err, errCrashed) {
				u.use(60)
				err = nil
			}
			if r.IntN(4) > 0 {
				m.mu.Lock()
				m.down = true
				m.mu.Unlock()
			}
			_ = s.Close()
		} else if errors.Is(err, errCrashed) {
			err = nil
		}
		if err != nil {
			return fmt.Errorf("round %d: %w", i, err)
		}
		power = m.restart(power, r)
		if s, err = spool.Open(spool.Options{MaxBytes: 1 << 20}.On(m)); err != nil {
			return fmt.Errorf("round %d: %w", i, err)
		}
		u.s = s
		if err := u.check(power); err != nil {
			return fmt.Errorf("round %d, power %v: %w", i, power, err)
		}
		if err := u.sync(); err != nil {
			return fmt.Errorf("round %d: %w", i, err)
		}
		if err := s.Close(); err != nil {
			return fmt.Errorf("round %d: close: %w", i, err)
		}
	}
	return nil
}
