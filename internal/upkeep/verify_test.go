package upkeep_test

import (
	"context"
	"database/sql"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/store"
	"github.com/millrace/millrace/internal/store/disk"
	"github.com/millrace/millrace/internal/store/sqlite"
	"github.com/millrace/millrace/internal/upkeep"
)

// onDisk puts the packs of a site, whose stream is called door, and a control
// state into a data directory.
func onDisk(t *testing.T, s *site) string {
	t.Helper()
	dir := t.TempDir()
	check(t, os.Mkdir(filepath.Join(dir, "packs"), 0o700))
	for _, name := range list(t, s.packs) {
		check(t, os.WriteFile(filepath.Join(dir, "packs", name), []byte(contents(s.packs, name)), 0o600))
	}
	c, err := sqlite.OpenControl(context.Background(), filepath.Join(dir, "control.db"), sqlite.Options{})
	check(t, err)
	defer c.Close()
	door := millrace.Stream{
		Name: "door", Version: "1", Status: millrace.StatusActive, Retention: 24 * time.Hour, Created: now(),
		ARN: millrace.StreamARN{Partition: "aws", Region: "us-east-1", Account: "000000000000", Name: "door", Created: now()},
	}
	kept, err := c.Create(context.Background(), door, map[string]string{"floor": "1"})
	check(t, err)
	if kept.Key != (millrace.StreamKey{ID: 1, Generation: 1}) {
		t.Fatalf("the stream has key %v", kept.Key)
	}
	return dir
}

func newerSchema(t *testing.T, path string) {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	check(t, err)
	defer db.Close()
	_, err = db.Exec("UPDATE schema_version SET version = 99 WHERE version = (SELECT max(version) FROM schema_version)")
	check(t, err)
}

func TestADirectoryIsVerified(t *testing.T) {
	s := newSite()
	s.put(t, 5)
	s.leave(t, 2)
	dir := onDisk(t, s)
	var meter upkeep.Progress
	r, err := upkeep.Verify(context.Background(), dir, upkeep.VerifyOptions{Meter: &meter, Now: now})
	if err != nil || !r.OK() || r.Packs.Packs != len(list(t, s.packs)) || r.Packs.Fragments != 7 || r.Control.Rows["streams"] != 1 || r.Index.Present {
		t.Errorf("report %+v, %+v, %+v, %+v, %v", r, r.Control, r.Packs, r.Index, err)
	}
	if done, total := meter.Bytes(); done != r.Packs.Bytes || total != r.Packs.Bytes {
		t.Errorf("%d of %d bytes were counted", done, total)
	}
	r, err = upkeep.Verify(context.Background(), dir, upkeep.VerifyOptions{Parts: upkeep.PartIndex})
	if err != nil || r.Control != nil || r.Packs != nil || r.Index == nil {
		t.Errorf("the index alone: %+v, %v", r, err)
	}
}

// A bit of a pack that is not as it was is found, wherever it is. Of the control
// state, package sqlite tests that.
func TestFlippedBitsAreFound(t *testing.T) {
	s := newSite()
	s.put(t, 5)
	dir := onDisk(t, s)
	rnd := rand.New(rand.NewPCG(1, 1))
	for _, name := range list(t, s.packs) {
		path := filepath.Join(dir, "packs", name)
		whole, err := os.ReadFile(path)
		check(t, err)
		for range 25 {
			at := rnd.IntN(len(whole))
			b := append([]byte(nil), whole...)
			b[at] ^= 1 << rnd.IntN(8)
			check(t, os.WriteFile(path, b, 0o600))
			if !found(dir, name) {
				t.Errorf("%s: a bit of byte %d is wrong, and nobody sees it", name, at)
			}
		}
		check(t, os.WriteFile(path, whole, 0o600))
	}
}

// found verifies the file in which a bit was flipped.
func found(dir, name string) bool {
	files, err := disk.View(filepath.Join(dir, "packs"))
	if err != nil {
		return false
	}
	r, err := upkeep.VerifyPacks(context.Background(), files, upkeep.PacksOptions{Name: millraceName})
	return err != nil || len(r.Damaged)+len(r.Unread) > 0
}

func TestDamageIsToldWithItsFragment(t *testing.T) {
	s := newSite()
	s.put(t, 3)
	dir := onDisk(t, s)
	name := list(t, s.packs)[0]
	b := []byte(contents(s.packs, name))
	b[len(b)/2] ^= 1
	check(t, os.WriteFile(filepath.Join(dir, "packs", name), b, 0o600))
	r, err := upkeep.Verify(context.Background(), dir, upkeep.VerifyOptions{Now: now})
	check(t, err)
	if len(r.Packs.Damaged) != 1 {
		t.Fatalf("damaged %+v", r.Packs.Damaged)
	}
	d := r.Packs.Damaged[0]
	var hurt *millrace.Fragment
	for _, f := range s.kept {
		if f.Number.String() == d.Fragment {
			hurt = f
		}
	}
	if hurt == nil || d.Stream != "door" || d.Pack != name || !d.Server.Equal(hurt.ServerTime()) || !d.Producer.Equal(hurt.ProducerTime) || !strings.Contains(d.Error, "corrupt") {
		t.Errorf("damage %+v", d)
	}
}

// What a server does to a pack while it is read is no damage.
func TestPacksThatChangeAreNotDamaged(t *testing.T) {
	for name, change := range map[string]func(t *testing.T, s *site, name string){
		"a pack goes": func(t *testing.T, s *site, name string) { check(t, s.packs.Remove(name)) },
		"a pack is cut": func(t *testing.T, s *site, name string) {
			f, err := s.packs.Open(name)
			check(t, err)
			check(t, f.Truncate(9000))
		},
		"fragments go": func(t *testing.T, s *site, name string) { takeOut(t, s, name, 0, 1) },
	} {
		t.Run(name, func(t *testing.T) {
			for at := 1; ; at++ {
				s, reads := newSite(), 0
				s.put(t, 4)
				name := list(t, s.packs)[0]
				files := &scene{FS: s.packs, read: func(string, int64) {
					if reads++; reads == at {
						change(t, s, name)
					}
				}}
				r, err := upkeep.VerifyPacks(context.Background(), files, upkeep.PacksOptions{Name: millraceName})
				if err != nil || len(r.Damaged)+len(r.Unread) > 0 {
					t.Fatalf("at read %d: %+v, %v", at, r, err)
				}
				if reads < at {
					break
				}
			}
		})
	}
}

func millraceName(millrace.StreamKey) string { return "door" }

// The end of a pack that was open may be torn; not where the index knows that
// it was durable.
func TestAnEndThatWasDurableIsNotTorn(t *testing.T) {
	s := newSite()
	s.leave(t, 1)
	name := list(t, s.packs)[0]
	number, _ := store.PackNumber(name)
	size := len(contents(s.packs, name))
	f, err := s.packs.Open(name)
	check(t, err)
	_, err = f.WriteAt([]byte{0x55}, int64(size)-200)
	check(t, err)
	for fed, want := range map[int64][2]int{0: {1, 0}, int64(size): {0, 1}} {
		r, err := upkeep.VerifyPacks(context.Background(), s.packs, upkeep.PacksOptions{Name: millraceName, Fed: map[uint64]int64{number: fed}})
		if err != nil || r.Torn != want[0] || len(r.Damaged) != want[1] {
			t.Errorf("fed to %d: %+v, %v", fed, r, err)
		}
	}
}

func TestVerifyingCanBeInterrupted(t *testing.T) {
	s := newSite()
	s.put(t, 3)
	dir := onDisk(t, s)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	r, err := upkeep.Verify(ctx, dir, upkeep.VerifyOptions{})
	if !errors.Is(err, context.Canceled) || r == nil || !r.Finished.IsZero() {
		t.Errorf("interrupted: %+v, %v", r, err)
	}
	if _, err := upkeep.Verify(context.Background(), t.TempDir(), upkeep.VerifyOptions{}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("an empty directory: %v", err)
	}
}
