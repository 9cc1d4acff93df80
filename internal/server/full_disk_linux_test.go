package server_test

import (
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/config"
	"github.com/millrace/millrace/internal/server"
	"github.com/millrace/millrace/internal/store/storetest"
)

const (
	fullStreams = 20
	fullDisk    = 24 << 20
	fullOthers  = 9 << 20          // that others have on it when the server fills it
	fullSpare   = 6 << 20          // that they leave it before they take them at once
	fullPack    = 1 << 20          // bytes of a pack
	fullWait    = 90 * time.Second // far too long, for anything
)

// TestAFullDisk lets twenty producers and twenty readers work on a small disk
// that others fill to the last byte, that the server then fills as far as it
// may, and that others fill again. Under either policy nothing is acknowledged
// that is not kept, or reported to have been evicted as the oldest (I1, I6, I8);
// readers get what was sent; what is full for a while, the control state too,
// goes on by itself; and a server starts where not a byte is left, also without
// its index.
func TestAFullDisk(t *testing.T) {
	for _, policy := range []config.FullPolicy{config.FullOldestFirst, config.FullRefuseNew} {
		t.Run(string(policy), func(t *testing.T) {
			d := startFullDisk(t, policy)
			d.load()
			d.await("media are kept", func() bool { return d.persisted() >= 5*fullStreams })
			d.squeeze()
			d.disk.Leave(fullOthers)
			d.recover()
			d.fill()
			d.squeeze()
			d.disk.Leave(0)
			d.recover()
			d.finish()
			d.check()
		})
	}
}

// A fullDiskRig is a server on a disk that gets full.
type fullDiskRig struct {
	*rig
	policy    config.FullPolicy
	disk      *storetest.SmallDisk
	log       *diskLog
	ledgers   []*ledger
	followers []*follower
	marks     []atomic.Pointer[string] // of the last fragment of each stream
	created   []string                 // streams, while the disk was full
	stopping  chan struct{}
	producers errgroup.Group
	readers   errgroup.Group
}

func startFullDisk(t *testing.T, policy config.FullPolicy) *fullDiskRig {
	t.Helper()
	d := &fullDiskRig{
		policy: policy, disk: storetest.NewSmallDisk(t, fullDisk), log: &diskLog{},
		marks: make([]atomic.Pointer[string], fullStreams), stopping: make(chan struct{}),
	}
	t.Cleanup(func() {
		_ = d.readers.Wait() // when the server has gone
		d.log.tell(t)
	})
	d.rig = startWith(t, server.Options{Logger: slog.New(d.log), PackSize: fullPack}, func(c *config.Server) {
		c.Data, c.WhenFull = filepath.Join(d.disk.Dir, "data"), policy
		c.MaxReaders, c.ReaderIdleTimeout = 2*fullStreams, time.Second
	})
	t.Cleanup(d.stop)
	for i := range fullStreams {
		stream := fmt.Sprint("cam-", i)
		d.create(stream, 1+20*(i%3)) // of several classes
		l := newLedger(stream)
		l.mayRefuse = true
		d.ledgers = append(d.ledgers, l)
		d.followers = append(d.followers, &follower{stream: stream})
	}
	return d
}

// load starts the producers, which try again like clients when they are
// refused, and the readers.
func (d *fullDiskRig) load() {
	for i, l := range d.ledgers {
		rnd := newRand(uint64(i))
		d.producers.Go(func() error {
			for d.goesOn() {
				if err := l.call(d.rig, rnd, 1+rnd.IntN(6), false); err != nil {
					d.backOff(time.Duration(rnd.Int64N(int64(100 * time.Millisecond))))
				}
			}
			return nil
		})
		f := d.followers[i]
		d.readers.Go(func() error {
			return f.run(d.rig, func(doc document) bool {
				mark := d.marks[i].Load()
				return mark != nil && markIn(doc.cluster) == *mark
			})
		})
	}
}

func (d *fullDiskRig) goesOn() bool {
	select {
	case <-d.stopping:
		return false
	default:
		return true
	}
}

func (d *fullDiskRig) backOff(wait time.Duration) {
	select {
	case <-time.After(wait):
	case <-d.stopping:
	}
}

// await waits until something is so.
func (d *fullDiskRig) await(what string, so func() bool) {
	d.t.Helper()
	for end := time.Now().Add(fullWait); !so(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			d.t.Fatalf("after %v it is still not so that %s: %d PERSISTED, %d evictions, %d refusals, %d packs given up",
				fullWait, what, d.persisted(), d.evictions(), d.refusals(), d.log.packsGivenUp())
		}
	}
}

func (d *fullDiskRig) evictions() int { return len(d.log.evictions()) }

func (d *fullDiskRig) refusals() (n int) {
	for _, l := range d.ledgers {
		n += int(l.refusals.Load())
	}
	return n
}

func (d *fullDiskRig) persisted() (n int) {
	for _, l := range d.ledgers {
		n += l.persistedSoFar()
	}
	return n
}

// squeeze lets others take every byte that is free, again and again, until the
// server has noticed: at least once when it had begun to write.
func (d *fullDiskRig) squeeze() {
	evictions, refusals := d.evictions(), d.refusals()
	d.await("a write has failed for want of room", func() bool {
		if d.log.packsGivenUp() > 0 {
			return true
		}
		d.disk.Fill(fullSpare)
		before := d.persisted()
		d.await("the server writes again", func() bool { return d.persisted() > before })
		d.disk.Fill(0)
		return false
	})
	d.await("the server has noticed what others do", func() bool {
		d.disk.Fill(0)
		return d.evictions() >= evictions+5 || d.refusals() >= refusals+2*fullStreams
	})
	for range 10 {
		d.change()
	}
}

// change makes a stream, which fails in a way that clients understand if there
// is no room for it.
func (d *fullDiskRig) change() {
	name := fmt.Sprint("extra-", len(d.created))
	status, out := d.call("/createStream", map[string]any{"StreamName": name})
	switch status {
	case http.StatusOK:
		d.created = append(d.created, name)
	case http.StatusServiceUnavailable:
	default:
		d.t.Errorf("create a stream on a full disk: %d %v", status, out)
	}
}

// recover waits until every producer is acknowledged again, and streams can be
// made.
func (d *fullDiskRig) recover() {
	before := make([]int, len(d.ledgers))
	for i, l := range d.ledgers {
		before[i] = l.persistedSoFar()
	}
	d.await("everybody is served again", func() bool {
		for i, l := range d.ledgers {
			if l.persistedSoFar() < before[i]+3 {
				return false
			}
		}
		return true
	})
	created := len(d.created)
	if d.change(); len(d.created) == created {
		d.t.Error("no stream can be made on a disk with room")
	}
}

// fill lets the server fill what there is, which does not take it to the end of
// the disk.
func (d *fullDiskRig) fill() {
	evictions, refusals, givenUp := d.evictions(), d.refusals(), d.log.packsGivenUp()
	least := d.disk.Free()
	d.await("the policy is needed", func() bool {
		least = min(least, d.disk.Free())
		return d.evictions() >= evictions+10 || d.refusals() >= refusals+2*fullStreams
	})
	if n := d.log.packsGivenUp() - givenUp; n > 0 {
		d.t.Errorf("%d packs were given up, though only the server has written", n)
	}
	if n := d.refusals() - refusals; n > 0 && d.policy == config.FullOldestFirst {
		d.t.Errorf("%d fragments were refused, though there was something to evict", n)
	}
	if least < fullDisk/20 {
		d.t.Errorf("only %d bytes were left free", least)
	}
	d.wantOldestFirst()
}

// stop ends the producers.
func (d *fullDiskRig) stop() {
	if d.goesOn() {
		close(d.stopping)
	}
	_ = d.producers.Wait()
}

// finish ends the producers, and the readers when they have read everything.
func (d *fullDiskRig) finish() {
	d.stop()
	for i, l := range d.ledgers {
		if err := l.last(d.rig, func(mark string) { d.marks[i].Store(&mark) }); err != nil {
			d.t.Fatal(err)
		}
	}
	if err := d.readers.Wait(); err != nil {
		d.t.Error(err)
	}
	for i, l := range d.ledgers {
		d.wantEvicted("was not read", l, l.missing(l.walk(d.followers[i].docs, false)))
	}
}

// check reads everything back: before and after a restart without the index on a
// disk that others have filled, and after one with room.
func (d *fullDiskRig) check() {
	kept := d.readBack()
	if counted := int(d.scrape()["millrace_store_evicted_fragments_total"]); counted != d.evicted() {
		d.t.Errorf("the metrics say that %d fragments were evicted, and the log %d", counted, d.evicted())
	}
	d.close()
	if err := os.Remove(filepath.Join(d.cfg.Data, "index.db")); err != nil {
		d.t.Fatal(err)
	}
	d.disk.Fill(0)
	d.open()
	d.wantSame(kept, "on a full disk")
	d.close()
	d.disk.Leave(0)
	d.open()
	d.wantSame(kept, "on one with room")
	for _, name := range d.created {
		if status, out := d.call("/describeStream", map[string]any{"StreamName": name}); status != http.StatusOK {
			d.t.Errorf("%s was made: %d %v", name, status, out)
		}
	}
	for _, l := range d.ledgers {
		if err := l.last(d.rig, func(string) {}); err != nil {
			d.t.Errorf("%s: a further fragment: %v", l.stream, err)
		}
		if err := l.err(); err != nil {
			d.t.Error(err)
		}
	}
}

func (d *fullDiskRig) wantSame(kept map[string]bool, where string) {
	d.t.Helper()
	again := d.readBack()
	for number := range kept {
		if !again[number] {
			d.t.Errorf("fragment %s is not there after a restart %s", number, where)
		}
	}
	if len(again) != len(kept) {
		d.t.Errorf("%d fragments after a restart %s, %d before", len(again), where, len(kept))
	}
}

// readBack reads everything that is kept, and compares it with what was
// PERSISTED and evicted.
func (d *fullDiskRig) readBack() map[string]bool {
	d.t.Helper()
	kept, missing := make(map[string]bool), 0
	for i, docs := range d.readEverything() {
		l := d.ledgers[i]
		for _, doc := range docs {
			kept[doc.number()] = true
		}
		lost := l.missing(l.walk(docs, true))
		d.wantEvicted("is missing", l, lost)
		missing += len(lost)
	}
	evicted, unknown := d.evicted(), d.sent()-d.persisted()
	if evicted < missing || evicted > missing+unknown {
		d.t.Errorf("%d PERSISTED fragments are missing, and of %d others it is not known, and %d were evicted", missing, unknown, evicted)
	}
	if refuses := d.policy == config.FullRefuseNew; refuses == (evicted > 0) {
		d.t.Errorf("the policy is %s, and %d fragments were evicted", d.policy, evicted)
	}
	d.t.Logf("%d fragments were PERSISTED and %d others sent; %d are kept, %d evicted in %d packs; %d refusals, %d packs given up",
		d.persisted(), unknown, len(kept), evicted, d.evictions(), d.refusals(), d.log.packsGivenUp())
	return kept
}

// wantEvicted checks that fragments went with packs that were reported.
func (d *fullDiskRig) wantEvicted(what string, l *ledger, numbers []string) {
	d.t.Helper()
	evictions := d.log.evictions()
	for _, number := range numbers {
		at, reported := timeOf(d.t, number), false
		for _, e := range evictions {
			reported = reported || !at.Before(e.oldest) && !at.After(e.newest)
		}
		if !reported {
			d.t.Errorf("%s: PERSISTED fragment %s of %v %s, and no eviction covers that", l.stream, number, at, what)
		}
	}
}

// evicted is how many fragments were reported.
func (d *fullDiskRig) evicted() (n int) {
	for _, e := range d.log.evictions() {
		n += e.fragments
	}
	return n
}

func (d *fullDiskRig) sent() (n int) {
	for _, l := range d.ledgers {
		n += l.sentSoFar()
	}
	return n
}

// wantOldestFirst checks that what is left is newer than what was evicted. Packs
// go whole, and of several classes and lanes some are written to for longer than
// others: a few may go before one that began earlier.
func (d *fullDiskRig) wantOldestFirst() {
	d.t.Helper()
	left := time.Now()
	for _, l := range d.ledgers {
		g := d.get(l.stream, earliest())
		if doc, err := g.next(); err == nil && timeOf(d.t, doc.number()).Before(left) {
			left = timeOf(d.t, doc.number())
		}
		g.close()
	}
	evictions, newer := d.log.evictions(), 0
	for _, e := range evictions {
		if e.oldest.After(left) {
			newer++
		}
	}
	if newer > len(evictions)*3/4 {
		d.t.Errorf("a fragment of %v is there, and of %d packs that were evicted %d hold only newer ones", left, len(evictions), newer)
	}
}

// readEverything reads all streams from their beginnings to their last fragments,
// which are the newest and so are there.
func (d *fullDiskRig) readEverything() [][]document {
	d.t.Helper()
	all := make([][]document, len(d.ledgers))
	var g errgroup.Group
	for i, l := range d.ledgers {
		g.Go(func() error {
			f := &follower{stream: l.stream}
			err := f.run(d.rig, func(doc document) bool { return markIn(doc.cluster) == *d.marks[i].Load() })
			all[i] = f.docs
			return err
		})
	}
	if err := g.Wait(); err != nil {
		d.t.Fatal(err)
	}
	return all
}

func timeOf(t testing.TB, number string) time.Time {
	t.Helper()
	n, err := millrace.ParseFragmentNumber(number)
	if err != nil {
		t.Fatal(err)
	}
	return n.ServerTime()
}
