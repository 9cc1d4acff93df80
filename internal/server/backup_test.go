package server_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/millrace/millrace/internal/config"
	"github.com/millrace/millrace/internal/server"
	"github.com/millrace/millrace/internal/upkeep"
)

const (
	backupStreams  = 3       // that stay
	backupPassing  = 5       // that come and go, and take most of each pack with them
	backupRounds   = 3       // backups, one into the other
	backupBetween  = 24      // fragments that are persisted between two
	backupPackSize = 600_000 // bytes: packs roll all the time
)

// TestABackupUnderLoadHoldsWhatWasAcknowledged backs a server up, again and
// again, while producers write, packs roll, and streams with media in the same
// packs come and go, so that packs are punched, written anew and removed. What
// each backup holds is served by another server, byte for byte: everything that
// was PERSISTED before the backup began, and nothing that was not sent.
func TestABackupUnderLoadHoldsWhatWasAcknowledged(t *testing.T) {
	seed := newSeed(t)
	for range max(1, setting(t, "MILLRACE_TORTURE", 1)/killRounds) {
		if err := backUpUnderLoad(t, seed); err != nil {
			t.Fatalf("%s=%d: %v", seedVariable, seed, err)
		}
		seed++
	}
}

// TestNoServerStartsOnABackup: who has lost a disk may point a server at the
// backup itself. It must not look like a server that has lost everything.
func TestNoServerStartsOnABackup(t *testing.T) {
	r := start(t, nil, nil)
	r.create("cam", 24)
	cfg := r.cfg
	cfg.Data = t.TempDir()
	if _, err := upkeep.BackupTo(t.Context(), r.cfg.Data, cfg.Data, upkeep.BackupOptions{}); err != nil {
		t.Fatal(err)
	}
	before, err := os.ReadDir(cfg.Data)
	if err != nil {
		t.Fatal(err)
	}
	s, err := server.Start(t.Context(), cfg, server.Options{})
	if err == nil {
		err = s.Close()
	}
	if !errors.Is(err, upkeep.ErrBackup) {
		t.Errorf("start: %v", err)
	}
	after, err := os.ReadDir(cfg.Data)
	if err != nil || len(after) != len(before) {
		t.Errorf("in the backup were %v, and there are %v, %v", before, after, err)
	}
}

func backUpUnderLoad(t *testing.T, seed uint64) error {
	rnd := newRand(seed)
	r := startWith(t, server.Options{PackSize: backupPackSize}, func(cfg *config.Server) { cfg.ReaderIdleTimeout = readerIdle })
	var ledgers []*ledger
	for i := range backupStreams {
		l := newLedger(fmt.Sprint("cam-", i))
		r.create(l.stream, 24)
		ledgers = append(ledgers, l)
	}
	dest := t.TempDir()
	for range backupRounds {
		held, err := backUpOnce(t, r, rnd, ledgers, dest)
		if err == nil {
			err = checkBackup(t, dest, ledgers, held)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// backUpOnce puts the server under load and backs it up. It returns what was
// persisted of each stream before.
func backUpOnce(t *testing.T, r *rig, rnd *rand.Rand, ledgers []*ledger, dest string) (held []map[*shot]bool, err error) {
	ctx, stop := context.WithCancel(t.Context())
	var load errgroup.Group
	defer func() {
		stop()
		err = errors.Join(err, load.Wait())
	}()
	for _, l := range ledgers {
		rnd := newRand(rnd.Uint64())
		load.Go(func() error {
			for ctx.Err() == nil {
				if err := l.call(r, rnd, 1+rnd.IntN(3), false); err != nil {
					return err
				}
			}
			return nil
		})
	}
	for i := range backupPassing {
		rnd := newRand(rnd.Uint64())
		load.Go(func() error { return streamsComeAndGo(ctx, r, rnd, fmt.Sprint("passing-", i)) })
	}
	for _, l := range ledgers {
		l.waitPersisted(l.persistedSoFar()+backupBetween/backupStreams, ctx.Done())
	}
	for _, l := range ledgers {
		held = append(held, l.persistedShots())
	}
	report, err := upkeep.BackupTo(ctx, r.cfg.Data, dest, upkeep.BackupOptions{Tool: "test"})
	if err == nil {
		t.Logf("%d files, %d bytes, %d copied in %d passes, %d vanished",
			len(report.Manifest.Files), report.Manifest.Bytes(), report.Copied, report.Passes, report.Vanished)
	}
	// Nothing of what happens is taken for damage.
	return held, errors.Join(err, verifyAll(ctx, r.cfg.Data))
}

// streamsComeAndGo makes a stream, fills it and deletes it, until ctx ends.
func streamsComeAndGo(ctx context.Context, r *rig, rnd *rand.Rand, name string) error {
	l := newLedger(name)
	for ctx.Err() == nil {
		r.create(l.stream, 24)
		if err := l.call(r, rnd, 20, false); err != nil {
			return err
		}
		if status, out := r.call("/deleteStream", map[string]any{"StreamARN": r.arn(l.stream)}); status != 200 {
			return fmt.Errorf("delete stream: %d %v", status, out)
		}
		for status := 200; status == 200; {
			status, _ = r.call("/describeStream", map[string]any{"StreamName": l.stream})
		}
	}
	return nil
}

// persistedShots are those that the producers know to be safe by now.
func (l *ledger) persistedShots() map[*shot]bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	all := map[*shot]bool{}
	for _, s := range l.shots {
		if s != nil && s.persisted {
			all[s] = true
		}
	}
	return all
}

// checkBackup restores a backup, verifies it, and reads it from a server.
func checkBackup(t *testing.T, dest string, ledgers []*ledger, held []map[*shot]bool) error {
	ctx := t.Context()
	if _, faults, err := upkeep.VerifyBackupAt(ctx, dest, 0, nil); err != nil || len(faults) > 0 {
		return fmt.Errorf("verify backup: %w, %v", err, faults)
	}
	data := filepath.Join(t.TempDir(), "data")
	if _, err := upkeep.RestoreTo(ctx, dest, data, 0, nil); err != nil {
		return fmt.Errorf("restore: %w", err)
	}
	if err := verifyAll(ctx, data); err != nil {
		return fmt.Errorf("before the first start: %w", err)
	}
	c := newRig(t, childConfig(data), time.Now)
	c.open()
	err := errors.Join(readHeld(c, ledgers, held), verifyAll(ctx, data), c.s.Close())
	return errors.Join(err, verifyAll(ctx, data))
}

func verifyAll(ctx context.Context, data string) error {
	report, err := upkeep.Verify(ctx, data, upkeep.VerifyOptions{})
	if err == nil && !report.OK() {
		err = fmt.Errorf("verify: %+v, %+v, %+v", report.Control, report.Packs, report.Index)
	}
	return err
}

// readHeld reads what a restored server has, and misses nothing that was held.
func readHeld(r *rig, ledgers []*ledger, held []map[*shot]bool) error {
	for i, l := range ledgers {
		docs, err := readAll(r, l.stream)
		if err != nil {
			return err
		}
		seen := map[*shot]bool{}
		last := ""
		for _, d := range docs {
			s, whole := l.check(d)
			if d.number() <= last || !whole || seen[s] {
				return fmt.Errorf("%s: fragment %s after %s, whole %v, twice %v", l.stream, d.number(), last, whole, seen[s])
			}
			seen[s], last = true, d.number()
		}
		for s := range held[i] {
			if !seen[s] {
				return fmt.Errorf("%s: fragment %s was persisted before the backup began, and is not in it", l.stream, s.number)
			}
		}
		if err := l.err(); err != nil {
			return err
		}
	}
	return nil
}
