package server_test

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"
)

const (
	killRounds     = 30 // of one campaign, on one data directory
	killStreams    = 3
	killSessions   = 2 // at once, per stream
	killPersisted  = 60
	killAfter      = 5 * time.Millisecond
	startsKilledOf = 4 // one start of so many is killed
)

// TestAKilledServerKeepsWhatItAcknowledged kills a server at random moments
// under load, again and again, and reads after each start everything that was
// acknowledged PERSISTED, byte for byte (I1, I2, I3, I4).
//
// A killed process loses what it had in memory and nothing that it had given to
// the kernel. That what was acknowledged survives a power cut as well, when the
// kernel's memory is lost, is shown by the crash tests of the store.
//
// MILLRACE_TORTURE is a number of rounds for more than the usual, MILLRACE_SEED
// the seed of a run that failed.
func TestAKilledServerKeepsWhatItAcknowledged(t *testing.T) {
	rounds, seed := int(setting(t, "MILLRACE_TORTURE", killRounds)), newSeed(t)
	for ; rounds > 0; rounds -= killRounds {
		k := newCampaign(t, seed)
		if err := k.run(min(rounds, killRounds)); err != nil {
			t.Fatalf("%s=%d: %v", seedVariable, seed, err)
		}
		seed++
	}
}

// seedVariable holds the seed of a run that failed, to run it again.
const seedVariable = "MILLRACE_SEED"

func newSeed(t *testing.T) uint64 { return setting(t, seedVariable, rand.Uint64()) }

// setting is a number from the environment.
func setting(t *testing.T, name string, fallback uint64) uint64 {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return fallback
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return n
}

// A campaign is many rounds of load and kill on one data directory.
type campaign struct {
	t         *testing.T
	data      string
	rand      *rand.Rand
	startTook time.Duration // the last start
	ledgers   []*ledger
	followers []*follower
}

func newCampaign(t *testing.T, seed uint64) *campaign {
	k := &campaign{t: t, data: t.TempDir(), rand: newRand(seed)}
	for i := range killStreams {
		stream := fmt.Sprint("cam-", i)
		k.ledgers = append(k.ledgers, newLedger(stream))
		k.followers = append(k.followers, &follower{stream: stream})
	}
	return k
}

func (k *campaign) run(rounds int) error {
	for i := range rounds {
		c := k.start()
		err := k.check(c)
		if err == nil {
			err = k.load(c)
		}
		if stderr := c.kill(); stderr != "" {
			err = errors.Join(err, fmt.Errorf("the server said: %s", stderr))
		}
		if err != nil {
			return fmt.Errorf("round %d: %w", i, err)
		}
		for _, l := range k.ledgers {
			l.restarted()
		}
	}
	return k.end()
}

// start starts the server. Some starts are killed at random before they are
// over, or soon after it.
func (k *campaign) start() *child {
	if k.startTook > 0 && k.rand.IntN(startsKilledOf) == 0 {
		after := time.Duration(k.rand.Int64N(2 * int64(k.startTook)))
		c := startChild(k.t, k.data, func(c *child) { time.AfterFunc(after, func() { _ = c.cmd.Process.Kill() }) })
		c.wait()
	}
	began := time.Now()
	c := startChild(k.t, k.data, func(*child) {})
	if c.url == "" {
		k.t.Fatalf("the server does not start: %s", c.wait())
	}
	if k.startTook == 0 {
		for _, l := range k.ledgers {
			c.create(l.stream, 24)
		}
	}
	k.startTook = time.Since(began)
	return c
}

// check reads everything back.
func (k *campaign) check(c *child) error {
	var g errgroup.Group
	for i, l := range k.ledgers {
		g.Go(func() error {
			docs, err := readAll(c.rig, l.stream)
			if err != nil {
				return err
			}
			kept := l.checkAll(docs, true)
			// What a reader got to its end was durable by then.
			for _, d := range k.followers[i].docs {
				if s, _ := l.check(d); s != nil && !kept[s] {
					l.fault("fragment %s was read before the kill and is gone", d.number())
				}
			}
			return l.err()
		})
	}
	return g.Wait()
}

func readAll(r *rig, stream string) (docs []document, err error) {
	g, err := r.tryGet(stream, earliest())
	if err != nil {
		return nil, err
	}
	defer g.close()
	for {
		d, err := g.next()
		if errors.Is(err, io.EOF) && len(d.raw) == 0 {
			return docs, nil
		}
		if err != nil {
			return nil, err
		}
		docs = append(docs, d)
	}
}

// load lets producers and readers run until a random number of fragments is
// persisted, and kills the server.
func (k *campaign) load(c *child) error {
	var producers, readers errgroup.Group
	for i, l := range k.ledgers {
		for range killSessions {
			rnd := newRand(k.rand.Uint64())
			producers.Go(func() (err error) {
				for err == nil {
					err = l.call(c.rig, rnd, 1+rnd.IntN(6), false)
				}
				return nil // the server is gone
			})
		}
		f := k.followers[i]
		readers.Go(func() error {
			_ = f.run(c.rig, func(document) bool { return false })
			return nil
		})
	}
	gone := make(chan struct{})
	go func() { defer close(gone); _ = producers.Wait() }()
	watched := k.ledgers[k.rand.IntN(len(k.ledgers))]
	watched.waitPersisted(watched.persistedSoFar()+k.rand.IntN(killPersisted/killStreams), gone)
	time.Sleep(time.Duration(k.rand.Int64N(int64(killAfter))))
	c.kill()
	<-gone
	return readers.Wait()
}

// end checks what is left after the last kill, lets the readers that were there
// all the time read on to the end, and shuts the server down.
func (k *campaign) end() error {
	c := k.start()
	if err := k.check(c); err != nil {
		return err
	}
	total := 0
	for i, l := range k.ledgers {
		mark := ""
		if err := l.last(c.rig, func(m string) { mark = m }); err != nil {
			return err
		}
		f := k.followers[i]
		if err := f.run(c.rig, func(d document) bool { return markIn(d.cluster) == mark }); err != nil {
			return err
		}
		l.checkAll(f.docs, false)
		if err := l.err(); err != nil {
			return err
		}
		total += l.persistedSoFar()
	}
	k.t.Logf("%d fragments were PERSISTED", total)
	if stderr, ok := c.stop(); !ok || stderr != "" {
		return fmt.Errorf("the server ended with %v: %s", c.cmd.ProcessState, stderr)
	}
	return nil
}
