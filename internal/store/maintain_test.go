package store_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/pack"
	"github.com/millrace/millrace/internal/store"
	"github.com/millrace/millrace/internal/store/fault"
	"github.com/millrace/millrace/internal/store/storetest"
)

const longPack = 1 << 20

// longLived has packs of which only those are sealed that are closed.
func longLived(c *store.Config) { c.PackSize = longPack }

// worldOf is an open world whose streams have these retentions.
func worldOf(t *testing.T, config func(*store.Config), retention ...time.Duration) *world {
	t.Helper()
	w := newWorld(1, newMachine())
	w.config = config
	for id, r := range retention {
		w.streams[uint64(id)].policy.Retention = r
	}
	w.must(t, w.open)
	return w
}

// must takes steps, and checks everything after each.
func (w *world) must(t *testing.T, steps ...func() error) {
	t.Helper()
	for i, step := range steps {
		if err := errors.Join(step(), w.check()); err != nil {
			t.Fatalf("step %d: %v", i+1, err)
		}
	}
}

func (w *world) waits(d time.Duration) func() error { return func() error { return w.wait(d) } }

func (w *world) drops(ids ...uint64) func() error {
	return func() error {
		for _, id := range ids {
			if err := w.drop(id); err != nil {
				return err
			}
		}
		return nil
	}
}

// pass makes a pass of maintenance and returns what it did.
func (w *world) pass(t *testing.T) store.Forgotten {
	t.Helper()
	r, err := w.engine.Maintain(context.Background(), storetest.ExpiryAt(w.now))
	if err := errors.Join(err, w.check(), w.checkAccounts()); err != nil {
		t.Fatal(err)
	}
	return r
}

// room is how many bytes all packs take of the disk.
func (w *world) room(t *testing.T) (bytes int64) {
	t.Helper()
	for _, name := range w.names(t) {
		f, err := w.machine.fs.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		n, err := f.Allocated()
		if err := errors.Join(err, f.Close()); err != nil {
			t.Fatal(err)
		}
		bytes += n
	}
	return bytes
}

func (w *world) names(t *testing.T) []string {
	t.Helper()
	names, err := w.machine.fs.ReadDir()
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// sound verifies all packs, and returns how many records are marked.
func (w *world) sound(t *testing.T) (marked int) {
	t.Helper()
	for _, name := range w.names(t) {
		f, err := w.machine.fs.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		h, err := pack.ReadFileHeader(f)
		size, serr := f.Size()
		r, verr := store.VerifyPack(t.Context(), f, size, h.Pack)
		if err := errors.Join(err, serr, verr, f.Close()); err != nil || len(r.Damaged)+len(r.Torn) > 0 {
			t.Fatalf("%s: %+v, %v", name, r, err)
		}
		marked += r.Marked
	}
	return marked
}

func TestDeadBodiesBecomeHoles(t *testing.T) {
	w := worldOf(t, longLived)
	w.must(t, w.fills(40, 20_000, 0, 1, 2, 3), w.restart)
	before, live := w.room(t), w.engine.PackStats()
	w.must(t, w.drops(0, 1))
	r := w.pass(t)
	after, left := w.room(t), w.engine.PackStats()
	if r.Punched < (live.LiveBytes-left.LiveBytes)*6/10 || before-after < r.Punched || r.Packs != 0 || r.Rewritten != 0 {
		t.Errorf("%+v, and %d bytes of %d are left", r, after, before)
	}
	if n := w.sound(t); n != live.LiveFragments-left.LiveFragments {
		t.Errorf("%d records are marked, %+v were live, and %+v are", n, live, left)
	}
	if again := w.pass(t); again != (store.Forgotten{}) || w.room(t) != after {
		t.Errorf("a second pass did %+v", again)
	}
	w.must(t, w.restart)
	if again := w.pass(t); again != (store.Forgotten{}) || w.room(t) != after {
		t.Errorf("a pass after a restart did %+v", again)
	}
}

// A pack that dies within an eighth of its class is not worth the trouble, as
// long as it is a small part of all.
func TestAPackThatGoesSoonIsLeftAlone(t *testing.T) {
	w := worldOf(t, longLived, time.Hour, time.Hour, 2*time.Hour)
	some := w.fills(9, 8_000, 0, 1, 2)
	w.must(t, w.fills(200, 60_000, 3), w.restart) // so much that the rest does not count
	w.must(t, some, w.restart, w.waits(61*time.Minute))
	packs := len(w.names(t))
	if r := w.pass(t); r.Fragments != 6 || r.Punched != 0 || r.Packs != 0 {
		t.Errorf("when a part has died: %+v", r)
	}
	w.must(t, w.waits(time.Hour))
	if r := w.pass(t); r.Fragments != 3 || r.Packs != 1 || len(w.names(t)) != packs-1 {
		t.Errorf("when all have died: %+v", r)
	}
	// One of which a part goes too late is punched at once.
	w.must(t, func() error { return w.retain(2, 12*time.Hour) }, some, w.restart, w.waits(61*time.Minute))
	if r := w.pass(t); r.Fragments != 6 || r.Punched == 0 {
		t.Errorf("when the rest lives long: %+v", r)
	}
}

// submitTo submits a fragment of one stream.
func (w *world) submitTo(id uint64, size int) {
	list := w.fresh(batch{n: 1, size: size})
	for len(list) == 0 {
		list = w.fresh(batch{n: 1, size: size})
	}
	list[0].Stream = w.streams[id].key
	w.submit(list[0])
}

// fills puts n fragments, of the streams in turn.
func (w *world) fills(n, size int, ids ...uint64) func() error {
	return func() error {
		for i := range n {
			w.submitTo(ids[i%len(ids)], size)
			w.engine.Step()
		}
		return nil
	}
}

// keepsSince takes away what a stream has before a time.
func (w *world) keepsSince(id uint64, since time.Time) func() error {
	return func() error {
		w.streams[id].policy.KeptSince = since
		return w.tell(id)
	}
}

func TestLittleThatIsDeadGoesWhenItsTimeHasCome(t *testing.T) {
	w := worldOf(t, longLived, time.Hour, time.Hour, time.Hour, 24*time.Hour)
	w.must(t, w.fills(1, 9_000, 0), w.fills(60, 60_000, 3), w.restart, w.waits(70*time.Minute))
	if r := w.pass(t); r.Fragments != 1 || r.Punched != 0 {
		t.Errorf("one of many: %+v", r)
	}
	w.must(t, w.waits(2*time.Hour))
	if r := w.pass(t); r.Punched != 0 {
		t.Errorf("before its time: %+v", r)
	}
	w.must(t, w.waits(50*time.Minute))
	if r := w.pass(t); r.Punched == 0 {
		t.Errorf("when its time has come: %+v", r)
	}
}

// A start does not know for how long what was deleted has waited, and does not
// begin to count anew.
func TestWhatWasDeletedGoesHoweverOftenTheServerStarts(t *testing.T) {
	w := worldOf(t, longLived)
	w.must(t, w.fills(1, 9_000, 0), w.fills(60, 60_000, 3), w.restart)
	w.pass(t)
	w.must(t, w.keepsSince(0, w.now.Add(time.Second)))
	if r := w.pass(t); r.Fragments != 1 || r.Punched != 0 {
		t.Errorf("a small part: %+v", r)
	}
	var punched int64
	for range 8 {
		w.must(t, w.waits(24*time.Hour), w.restart)
		punched += w.pass(t).Punched
	}
	if punched == 0 {
		t.Error("nothing was given back in an eighth of the class")
	}
}

func TestMostlyDeadPacksAreWrittenAnew(t *testing.T) {
	w := worldOf(t, longLived)
	some := w.fills(40, 20_000, 0, 1, 2, 0, 1, 3)
	w.must(t, some, w.restart, some, w.restart)
	entries := w.entries(t, 3)
	w.must(t, w.drops(0, 1, 2))
	r := w.pass(t)
	if r.Rewritten == 0 || r.Packs != 2 || len(w.names(t)) != 1 {
		t.Fatalf("%+v, packs are %v", r, w.names(t))
	}
	if room, live := w.room(t), w.engine.PackStats().LiveBytes; room > live+live/10+16384 {
		t.Errorf("%d bytes are taken for %d", room, live)
	}
	w.sound(t)
	w.readAll(t, 3, entries) // that were listed before
	w.must(t, w.restart)
	if again := w.pass(t); again.Packs+again.Rewritten > 0 {
		t.Errorf("after a restart: %+v", again)
	}
	if err := w.checkBare(); err != nil {
		t.Error(err)
	}
}

// entries lists a stream.
func (w *world) entries(t *testing.T, id uint64) []store.Entry {
	t.Helper()
	list, err := w.list(w.streams[id].key)
	if err != nil || len(list) == 0 {
		t.Fatalf("%d entries, %v", len(list), err)
	}
	return list
}

// readAll reads entries that may be of an earlier time.
func (w *world) readAll(t *testing.T, id uint64, list []store.Entry) {
	t.Helper()
	for _, e := range list {
		got, err := w.engine.Read(t.Context(), w.scope(w.streams[id].key), e, nil)
		if err == nil {
			err = storetest.Same(got, w.fragments[e.Number])
		}
		if err != nil {
			t.Error(err)
		}
	}
}

// What is written anew goes to the class that its stream has now.
func TestWhatIsWrittenAnewChangesItsClass(t *testing.T) {
	w := worldOf(t, longLived)
	w.must(t, w.fills(40, 20_000, 0, 1, 0, 1, 0, 1, 0, 1, 2, 3), w.restart, w.drops(0, 1))
	w.must(t, func() error { return w.retain(2, 30*24*time.Hour) })
	if r := w.pass(t); r.Rewritten == 0 || r.Packs != 1 {
		t.Fatalf("%+v", r)
	}
	classes := make(map[pack.Class]int)
	for _, name := range w.names(t) {
		f, err := w.machine.fs.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		h, err := pack.ReadFileHeader(f)
		if err := errors.Join(err, f.Close()); err != nil {
			t.Fatal(err)
		}
		classes[h.Class]++
	}
	if classes[3] != 1 || classes[4] != 1 || len(classes) != 2 {
		t.Errorf("classes are %v", classes)
	}
	w.must(t, w.restart)
}

// A solid is a file system that has no holes.
type solid struct{ store.FS }

type solidFile struct{ store.File }

func (s solid) Create(name string) (store.File, error) {
	f, err := s.FS.Create(name)
	return solidFile{f}, err
}

func (s solid) Open(name string) (store.File, error) {
	f, err := s.FS.Open(name)
	if err != nil {
		return nil, err
	}
	return solidFile{f}, nil
}

func (solidFile) Punch(int64, int64) error { return store.ErrUnsupported }

func TestWithoutHolesHalfDeadPacksAreWrittenAnew(t *testing.T) {
	w := worldOf(t, func(c *store.Config) { c.PackSize, c.FS = longPack, solid{c.FS} })
	w.must(t, w.fills(40, 20_000, 0, 1, 2, 3), w.restart, w.drops(0))
	first := w.pass(t)
	if first.Rewritten > 0 || first.Punched > 0 {
		t.Errorf("a quarter is dead: %+v", first)
	}
	w.sound(t)
	w.must(t, w.drops(1), w.keepsSince(2, w.now.Add(-20*time.Second)))
	if r := w.pass(t); r.Rewritten == 0 || r.Packs != 1 {
		t.Errorf("more than half is dead: %+v", r)
	}
	if room, live := w.room(t), w.engine.PackStats().LiveBytes; room > live+live/10+16384 {
		t.Errorf("%d bytes are taken for %d", room, live)
	}
	w.must(t, w.restart)
}

func TestAPackWithADamagedFragmentIsNotWrittenAnew(t *testing.T) {
	w := worldOf(t, longLived)
	w.must(t, w.fills(40, 20_000, 0, 1, 2, 0, 1, 3), w.restart)
	victim := w.entries(t, 3)[4]
	f, err := w.machine.fs.Open(w.names(t)[0])
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt([]byte("damage"), victim.Position.Offset+5000); err != nil {
		t.Fatal(err)
	}
	if err := w.drops(0, 1, 2)(); err != nil {
		t.Fatal(err)
	}
	r, err := w.engine.Maintain(t.Context(), storetest.ExpiryAt(w.now))
	if err != nil || r.Rewritten == 0 || r.Packs != 0 || len(w.names(t)) != 2 {
		t.Fatalf("%+v, %v", r, err)
	}
	if len(w.damage) != 1 || w.damage[0].Number != victim.Number {
		t.Fatalf("damage is %+v", w.damage)
	}
	live := 0
	for _, e := range w.entries(t, 3) {
		_, err := w.engine.Read(t.Context(), w.scope(w.streams[3].key), e, nil)
		switch {
		case err == nil:
			live++
		case e.Number != victim.Number || !errors.Is(err, millrace.ErrCorrupt):
			t.Errorf("%v: %v", e.Number, err)
		}
	}
	if live != r.Rewritten {
		t.Errorf("%d are readable, %d were written anew", live, r.Rewritten)
	}
	if again, err := w.engine.Maintain(t.Context(), storetest.ExpiryAt(w.now)); err != nil || again.Rewritten > 0 {
		t.Errorf("a second pass did %+v, %v", again, err)
	}
	// What was written anew has a twin there, which is marked: a start that knows
	// nothing takes the other one.
	w.move(w.machine.bare())
	if err := w.open(); err != nil {
		t.Fatal(err)
	}
	for _, e := range w.entries(t, 3) {
		if _, err := w.engine.Read(t.Context(), w.scope(w.streams[3].key), e, nil); err != nil && e.Number != victim.Number {
			t.Errorf("without an index, %v: %v", e.Number, err)
		}
	}
}

func TestReadersBesideMaintenanceAreUnharmed(t *testing.T) {
	w := worldOf(t, longLived)
	w.must(t, w.fills(120, 20_000, 0, 1, 2, 3), w.restart)
	all := make(map[uint64][]store.Entry)
	for id := range uint64(4) {
		all[id] = w.entries(t, id)
	}
	ctx, stop := context.WithCancel(t.Context())
	var readers sync.WaitGroup
	for id := range uint64(4) {
		key, scope := w.streams[id].key, w.scope(w.streams[id].key)
		readers.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
				e := all[id][i%len(all[id])]
				got, err := w.engine.Read(t.Context(), scope, e, nil)
				switch {
				case err == nil:
					err = storetest.Same(got, w.fragments[e.Number])
				case id < 3 && errors.Is(err, millrace.ErrNotFound):
					err = nil
				}
				if err != nil {
					t.Errorf("stream %v: %v", key, err)
					return
				}
			}
		})
	}
	for id := range uint64(3) {
		for _, cut := range []int{2, 1} {
			list := all[id]
			w.streams[id].policy.KeptSince = list[len(list)/cut-1].ServerTime().Add(time.Millisecond)
			w.engine.SetPolicy(w.streams[id].key, w.streams[id].policy)
			if _, err := w.engine.Maintain(t.Context(), storetest.ExpiryAt(w.now)); err != nil {
				t.Error(err)
			}
		}
	}
	stop()
	readers.Wait()
	if len(w.damage) > 0 {
		t.Errorf("damage where there is none: %+v", w.damage[0])
	}
	w.must(t, w.restart)
}

func TestMaintenanceEndsWithItsContext(t *testing.T) {
	w := worldOf(t, longLived)
	w.must(t, w.fills(40, 20_000, 0, 1, 2, 0, 1, 3), w.restart, w.drops(0, 1, 2))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := w.engine.Maintain(ctx, storetest.ExpiryAt(w.now)); !errors.Is(err, context.Canceled) {
		t.Errorf("err = %v", err)
	}
	if n := len(w.names(t)); n != 1 {
		t.Errorf("%d packs are left behind", n)
	}
}

// A sync that has failed says nothing of the marks, nor does the next one.
func TestNothingIsPunchedAfterAFailedSync(t *testing.T) {
	for k := 2; k <= 3; k++ { // the first one is of the index
		w := worldOf(t, longLived)
		w.must(t, w.fills(40, 20_000, 0, 1, 2, 3), w.restart, w.drops(0, 1))
		w.disturb = []error{errBroken}
		w.faults.Break(fault.Fault{Op: fault.Sync, At: k, Err: errBroken})
		before, punches := w.room(t), w.faults.Calls(fault.Punch)
		if _, err := w.engine.Maintain(t.Context(), storetest.ExpiryAt(w.now)); !errors.Is(err, errBroken) {
			t.Fatalf("sync %d: %v", k, err)
		}
		if w.room(t) != before || w.faults.Calls(fault.Punch) != punches {
			t.Errorf("sync %d: something was punched", k)
		}
		w.must(t, func() error { return nil })
		marks := w.faults.Calls(fault.WriteAt)
		if r := w.pass(t); r.Punched == 0 || w.faults.Calls(fault.WriteAt)-marks < 3 {
			t.Errorf("sync %d: the next pass did %+v", k, r)
		}
		w.sound(t)
	}
}

var errBroken = errors.New("broken")

// A crash that loses the holes and not the marks does not lose the room.
func TestHolesThatACrashHasLostAreMadeAgain(t *testing.T) {
	w := worldOf(t, longLived)
	w.must(t, w.fills(40, 20_000, 0, 1, 2, 3), w.restart, w.drops(0, 1))
	w.pass(t)
	after := w.room(t)
	w.move(w.machine.crash(func(int) int { return 0 }))
	if w.room(t) <= after {
		t.Fatal("the crash has lost no hole")
	}
	w.must(t, w.open)
	w.pass(t)
	if got := w.room(t); got != after {
		t.Errorf("%d bytes are taken, %d before the crash", got, after)
	}
	if w.sound(t) == 0 {
		t.Error("nothing is marked")
	}
}
