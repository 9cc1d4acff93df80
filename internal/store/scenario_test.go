package store_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"syscall"
	"time"

	"github.com/millrace/millrace/internal/store"
	"github.com/millrace/millrace/internal/store/fault"
	"github.com/millrace/millrace/internal/store/storetest"
)

// A scenario is a program for a world. It does the same for the same seed, ends
// early when the machine dies, and leaves the engine open.
type scenario struct {
	name   string
	config func(*store.Config)
	run    func(*world) error
}

// scenarios are all programs in which machines are crashed and calls fail.
func scenarios() []scenario {
	return []scenario{
		{"batches", nil, writeBatches},
		{"roll", smallPacks, rollBySizeAndAge},
		{"classes", smallPacks, writeInClasses},
		{"poison", smallPacks, poisonPacks},
		{"drop", smallPacks, dropStreams},
		{"retention", smallPacks, expire},
		{"erase", smallPacks, eraseRanges},
		{"feed", smallPacks, feedOften},
		{"pages", nil, fillPages},
		{"rebuild", smallPacks, rebuildIndex},
		{"damage", smallPacks, damageIndex},
		{"punch", largePacks, givePartsBack},
		{"rewrite", largePacks, rewritePacks},
		{"noholes", largePacks, rewriteWithoutHoles},
		{"evict", littleRoom(store.OldestFirst), evictOldest},
		{"squeeze", littleRoom(store.OldestFirst), squeezeDisk},
		{"refuse", littleRoom(store.RefuseNew), refuseNew},
		{"readers", smallPacks, readSome},
		{"recovery", smallPacks, recoverOften},
		{"anything", smallPacks, doAnything},
	}
}

func smallPacks(c *store.Config) { c.PackSize = 24_000 }

func largePacks(c *store.Config) { c.PackSize = 200_000 }

func littleRoom(p store.FullPolicy) func(*store.Config) {
	return func(c *store.Config) { c.PackSize, c.Capacity, c.OnFull = 12_000, 90_000, p }
}

// begin makes a world for a scenario.
func (s scenario) begin(seed uint64, m *machine) *world {
	w := newWorld(seed, m)
	if s.config != nil {
		w.config = s.config
	}
	return w
}

// writeBatches puts batches of all sizes into one pack.
func writeBatches(w *world) error {
	return w.do(
		w.open,
		func() error { return w.put(batch{n: 1, size: 100}) },
		func() error { return w.put(batch{n: 9, size: 300}) },
		func() error { return w.put(batch{n: 2, size: 9000}) },
		func() error { return w.put(batch{n: 1, size: 0}) },
		func() error { return w.put(batch{n: 5, size: 1500}) },
	)
}

// rollBySizeAndAge fills packs, and lets others grow old.
func rollBySizeAndAge(w *world) error {
	return w.do(
		w.open,
		func() error { return w.times(5, func() error { return w.put(batch{n: 3, size: 5000}) }) },
		func() error { return w.put(batch{n: 1, size: 200}) },
		func() error { return w.wait(30 * 24 * time.Hour) },
		func() error { return w.put(batch{n: 2, size: 200}) },
		w.restart,
		func() error { return w.put(batch{n: 3, size: 9000}) },
	)
}

// writeInClasses gives every stream a class of its own, and moves one.
func writeInClasses(w *world) error {
	mixed := func() error { return w.put(batch{n: 6, size: 2000}) }
	return w.do(
		func() error { return w.retain(0, 12*time.Hour) },
		func() error { return w.retain(1, 5*24*time.Hour) },
		func() error { return w.retain(2, 20*24*time.Hour) },
		w.open,
		func() error { return w.times(3, mixed) },
		func() error { return w.retain(0, 7*24*time.Hour) },
		func() error { return w.times(3, mixed) },
	)
}

// poisonPacks has writes and syncs fail now and then, sometimes those of the
// second pack too.
func poisonPacks(w *world) error {
	some := func() error { return w.put(batch{n: 4, size: 1500}) }
	fail := func(op fault.Op, times int) func() error {
		return func() error {
			for at := 1; at <= times; at++ {
				w.faults.Break(fault.Fault{Op: op, At: at, Err: syscall.EIO})
			}
			return nil
		}
	}
	return w.do(
		w.open,
		some, fail(fault.Sync, 1), some, some,
		fail(fault.Write, 1), some, some,
		fail(fault.Write, 1), fail(fault.Truncate, 1), some, some,
		fail(fault.Sync, 2), some, some,
		fail(fault.Write, 2), fail(fault.Remove, 1), some, some,
	)
}

// dropStreams deletes streams, makes them again, and gives back the bytes.
func dropStreams(w *world) error {
	some := func() error { return w.put(batch{n: 5, size: 3000}) }
	return w.do(
		w.open, some, some,
		func() error { return w.drop(1) },
		some, w.maintain,
		func() error { return w.recreate(1) },
		some,
		func() error { return w.drop(0) },
		func() error { return w.drop(2) },
		w.restart, w.maintain, some,
		func() error { return w.drop(1) },
		func() error { return w.drop(3) },
		w.maintain, w.checkAccounts,
	)
}

// expire moves the retention and the clock.
func expire(w *world) error {
	some := func() error { return w.put(batch{n: 5, size: 3000}) }
	return w.do(
		func() error { return w.retain(0, time.Hour) },
		func() error { return w.retain(1, 24*time.Hour) },
		w.open, some, some,
		func() error { return w.wait(50 * time.Minute) },
		some,
		func() error { return w.wait(30 * time.Minute) },
		w.maintain, w.checkAccounts, some,
		func() error { return w.retain(0, 48*time.Hour) },
		w.check,
		func() error { return w.retain(2, 10*time.Second) },
		w.maintain, w.checkAccounts, some, w.restart,
		func() error { return w.wait(72 * time.Hour) },
		w.maintain, w.checkAccounts,
	)
}

// eraseRanges deletes parts of streams, on both clocks.
func eraseRanges(w *world) error {
	some := func() error { return w.put(batch{n: 6, size: 2500}) }
	erase := func(id uint64, c store.Clock, from, to time.Duration) func() error {
		return func() error { return w.erase(id, c, w.now.Add(-from), w.now.Add(-to)) }
	}
	return w.do(
		w.open, some, some,
		erase(0, store.ServerClock, 10*time.Second, 4*time.Second), w.check,
		some, w.feed, w.maintain, w.checkAccounts,
		erase(1, store.ProducerClock, 20*time.Second, 3*time.Second), w.check, some,
		erase(1, store.ServerClock, 6*time.Second, -time.Minute), some, // what is yet to come is not meant
		w.restart, w.maintain, w.checkAccounts,
		erase(2, store.ServerClock, time.Hour, 0),
		erase(3, store.ProducerClock, time.Hour, -time.Hour),
		w.maintain, some, w.checkAccounts,
	)
}

// feedOften feeds the index after each batch, of producers whose clocks jump,
// and takes out again some of what was fed.
func feedOften(w *world) error {
	some := func() error { return w.put(batch{n: 7, size: 600}) }
	jump := func(id uint64, by time.Duration) func() error {
		return func() error {
			w.streams[id].skew += by
			return nil
		}
	}
	return w.do(
		w.open, some, w.feed, some, w.feed,
		jump(0, -time.Minute), jump(1, 20*time.Second), some, w.feed, some, w.restart,
		jump(0, time.Hour), some, w.feed, w.check,
		func() error { return w.retain(3, 5*time.Second) },
		func() error { return w.drop(2) },
		some, w.maintain, w.checkAccounts, some, w.feed, w.restart, w.feed,
	)
}

// fillPages makes a stream that takes two pages of the index, and takes entries
// out of their middle and from their ends.
func fillPages(w *world) error {
	many := func() error { return w.put(batch{n: store.PageEntries * 2 / 3, streams: 1}) }
	return w.do(
		w.open, many, w.feed, many, w.feed,
		func() error {
			return w.erase(0, store.ServerClock, w.now.Add(-8*time.Minute), w.now.Add(-3*time.Minute))
		},
		func() error { return w.retain(0, 10*time.Minute) },
		func() error {
			_, err := w.engine.Sweep(context.Background(), storetest.ExpiryAt(w.now))
			return err
		},
		w.check,
	)
}

// rebuildIndex makes the index anew: because it is not there, because it belongs
// to another control state, and because somebody asked for it.
func rebuildIndex(w *world) error {
	some := func() error { return w.put(batch{n: 5, size: 1500}) }
	return w.do(
		w.open, some, w.feed, some,
		func() error { return w.erase(0, store.ServerClock, w.now.Add(-5*time.Second), w.now) },
		func() error { return w.drop(1) },
		some, w.close,
		func() error {
			w.move(w.machine.bare())
			return w.open()
		},
		w.check, some, w.feed,
		func() error {
			w.identity++
			return w.restart()
		},
		w.check, some,
		func() error {
			w.rebuild = true
			return w.restart()
		},
		w.check, some, w.feed, w.maintain, w.checkAccounts,
	)
}

// damageIndex damages the index while it is used, and while it is not.
func damageIndex(w *world) error {
	some := func() error { return w.put(batch{n: 5, size: 1500}) }
	damage := func() error {
		w.machine.pages.Damage()
		return nil
	}
	return w.do(
		w.open, some, w.feed, some, damage, some, w.feed, w.check, some,
		damage, w.restart, w.check, some, w.feed,
		func() error { return w.drop(1) },
		damage, w.maintain, w.check, w.checkAccounts, some,
	)
}

// givePartsBack has some of what is in sealed packs die in every way, and gives its
// bytes back.
func givePartsBack(w *world) error {
	some := func() error { return w.put(batch{n: 6, size: 9000}) }
	return w.do(
		func() error { return w.retain(3, 30*time.Second) },
		w.open, some, some, w.restart,
		func() error { return w.drop(0) },
		w.maintain, w.checkAccounts, w.checkFiles, some,
		func() error {
			return w.erase(1, store.ProducerClock, w.now.Add(-20*time.Second), w.now.Add(-10*time.Second))
		},
		func() error { return w.wait(15 * time.Second) },
		w.maintain, w.maintain, w.checkAccounts, w.checkFiles, w.restart,
		func() error { return w.wait(time.Minute) },
		w.maintain, w.check, w.checkFiles,
	)
}

// rewritePacks leaves little in packs, of classes that change, so that what is
// left is written anew.
func rewritePacks(w *world) error {
	some := func() error { return w.put(batch{n: 8, size: 5000}) }
	return w.do(
		w.open, some, some, w.feed, w.restart, some, w.restart,
		func() error { return w.drop(0) },
		func() error { return w.drop(1) },
		func() error { return w.retain(2, 2*24*time.Hour) },
		func() error { return w.erase(2, store.ServerClock, w.now.Add(-time.Hour), w.now.Add(-20*time.Second)) },
		w.maintain, w.check, w.checkAccounts, w.checkFiles, some,
		func() error { return w.drop(3) },
		w.maintain, w.maintain, w.restart, w.maintain, w.check, w.checkAccounts, w.checkFiles,
	)
}

// rewriteWithoutHoles does so where a file system has no holes.
func rewriteWithoutHoles(w *world) error {
	w.machine.solid = true
	w.faults.Mount(w.machine.directory())
	some := func() error { return w.put(batch{n: 8, size: 4000}) }
	return w.do(
		w.open, some, some, w.restart,
		func() error { return w.drop(0) },
		func() error { return w.drop(1) },
		w.maintain, w.maintain, w.checkAccounts, some, w.restart,
		func() error { return w.drop(2) },
		w.maintain, w.checkAccounts, w.checkFiles,
	)
}

// evictOldest puts more than there is room for, and poisons packs on the way.
func evictOldest(w *world) error {
	some := func() error { return w.put(batch{n: 4, size: 3000}) }
	fail := func() error {
		w.faults.Break(
			fault.Fault{Op: fault.Sync, At: 1, Err: syscall.EIO},
			fault.Fault{Op: fault.Truncate, At: 1, Err: syscall.EIO})
		return some()
	}
	return w.do(
		w.open, some, some, fail, some, some, some, some, some, w.check, w.restart, some,
		func() error { return w.drop(1) },
		some, w.maintain, w.checkAccounts, some, some, some,
	)
}

// refuseNew fills the disk, and makes room by deleting.
func refuseNew(w *world) error {
	some := func() error { return w.put(batch{n: 3, size: 9000}) }
	return w.do(
		w.open, some, some, some, some, some, w.check, w.restart, some,
		func() error { return w.drop(1) },
		func() error { return w.drop(2) },
		func() error { return w.drop(3) },
		some, w.maintain, w.checkAccounts, some, w.check,
	)
}

// squeezeDisk has others take room and give it back.
func squeezeDisk(w *world) error {
	some := func() error { return w.put(batch{n: 4, size: 4000}) }
	disk := func(bytes int64) func() error {
		return func() error {
			w.machine.fs.SetCapacity(bytes)
			return w.wait(time.Minute)
		}
	}
	return w.do(
		disk(400_000), w.open, some, some, some, some,
		disk(60_000), some, some, w.check,
		disk(400_000), some, some,
		disk(1), some, w.check,
		disk(400_000), some, w.check, w.restart, some,
	)
}

// readSome reads what it has put, by number and by both clocks.
func readSome(w *world) error {
	some := func() error { return w.put(batch{n: 3, size: 2500, streams: 1}) }
	read := func() error {
		ctx, scope := context.Background(), w.scope(w.streams[0].key)
		list, err := w.list(scope.Stream)
		if err != nil || len(list) == 0 {
			return err
		}
		first := list[0]
		_, err1 := w.engine.AtServerTime(ctx, scope, first.ServerTime())
		_, err2 := w.engine.AtProducerTime(ctx, scope, first.ProducerTime)
		_, err3 := w.engine.Read(ctx, scope, first, nil)
		_, err4 := w.engine.Read(ctx, scope, list[len(list)-1], nil)
		return errors.Join(err1, err2, err3, err4)
	}
	return w.do(w.open, some, some, w.feed, some, read, w.restart, read)
}

// recoverOften loses power between batches, so that the start after it is a
// part of the program.
func recoverOften(w *world) error {
	some := func() error { return w.put(batch{n: 4, size: 3000}) }
	cut := func() error {
		choose := rand.New(rand.NewPCG(w.rand.Uint64(), 0))
		w.move(w.machine.crash(choose.IntN))
		return w.do(w.open, w.check, func() error { return w.learn(true) })
	}
	fall := func() error { // in the middle of a batch
		mend := w.faults.Break(fault.Fault{Op: fault.Mutation, At: 2 + w.rand.IntN(2), Forever: true, Err: syscall.EIO})
		defer mend()
		return some()
	}
	return w.do(
		w.open, some, some, cut, fall, cut, some, cut, some,
	)
}

// doAnything does what comes to mind.
func doAnything(w *world) error {
	some := func() error { return w.put(batch{n: 1 + w.rand.IntN(6), size: w.rand.IntN(4000)}) }
	act := func() error {
		id := w.rand.Uint64N(4)
		switch w.rand.IntN(18) {
		case 0:
			if w.streams[id].deleted {
				return w.recreate(id)
			}
			return w.drop(id)
		case 1, 2:
			return w.maintain()
		case 3:
			return w.restart()
		case 4:
			return w.retain(id, time.Duration(w.rand.IntN(60))*time.Second)
		case 6:
			return w.erase(id, store.Clock(w.rand.IntN(2)), w.now.Add(-time.Duration(w.rand.IntN(40))*time.Second), w.now)
		case 7, 8:
			return w.feed()
		case 5:
			return w.wait(time.Duration(w.rand.IntN(30)) * time.Second)
		}
		return some()
	}
	return w.do(w.open, some, func() error { return w.times(12, act) }, w.check, w.maintain, w.checkAccounts)
}
