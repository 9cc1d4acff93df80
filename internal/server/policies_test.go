package server

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/store"
	"github.com/millrace/millrace/internal/store/mem"
	"github.com/millrace/millrace/internal/store/storetest"
)

// A policyListener keeps what it was told last.
type policyListener struct {
	mu     sync.Mutex // guards what follows
	told   map[millrace.StreamKey]store.Policy
	nudges int
}

func (l *policyListener) SetPolicy(key millrace.StreamKey, p store.Policy) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.told[key] = p
}

func (l *policyListener) last(key millrace.StreamKey) store.Policy {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.told[key]
}

// A blind control state cannot be read.
type blind struct {
	store.Control
	on bool
}

var errBlind = errors.New("unreadable")

func (b *blind) Stream(ctx context.Context, name millrace.StreamName) (millrace.Stream, error) {
	if b.on {
		return millrace.Stream{}, errBlind
	}
	return b.Control.Stream(ctx, name)
}

func policyRig(t *testing.T) (*policies, *policyListener, *blind, millrace.Stream) {
	t.Helper()
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	l := &policyListener{told: map[millrace.StreamKey]store.Policy{}}
	b := &blind{Control: mem.NewControl()}
	p := newPolicies(b, slog.New(slog.DiscardHandler))
	p.follow(l, storetest.ExpiryAt(now), func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.nudges++
	})
	s, err := p.Create(t.Context(), millrace.Stream{
		Name: "cam", Version: "v0", Retention: time.Hour, Created: now,
		ARN: millrace.StreamARN{Region: "r", Account: "000000000000", Name: "cam", Created: now},
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return p, l, b, s
}

func TestEveryChangeOfAStreamReachesItsMediaBeforeTheAnswer(t *testing.T) {
	p, l, _, s := policyRig(t)
	if got := l.last(s.Key); got.Retention != time.Hour {
		t.Errorf("after the creation: %+v", got)
	}
	s.Version, s.Retention = "v1", 2*time.Hour
	if err := p.Update(t.Context(), s, "v0"); err != nil {
		t.Fatal(err)
	}
	if got := l.last(s.Key); got.Retention != 2*time.Hour {
		t.Errorf("after the update: %+v", got)
	}
	since := s.Created.Add(time.Minute)
	if err := p.KeepSince(t.Context(), map[millrace.StreamKey]time.Time{s.Key: since}); err != nil {
		t.Fatal(err)
	}
	last := millrace.NewFragmentNumber(7, since.Add(time.Minute), 0)
	d := store.Deletion{Stream: s.Key, Name: s.Name, From: since, To: since.Add(time.Minute), Last: last}
	if _, err := p.AddDeletion(t.Context(), d); err != nil {
		t.Fatal(err)
	}
	got := l.last(s.Key)
	if !got.KeptSince.Equal(since) || len(got.Deletions) != 1 || got.Deletions[0].Last != last {
		t.Errorf("after all: %+v", got)
	}
	if l.nudges < 3 {
		t.Errorf("%d nudges", l.nudges)
	}
}

func TestADeletionThatCoversNothingAnyMoreIsNotCarriedAlong(t *testing.T) {
	p, l, _, s := policyRig(t)
	old := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	d := store.Deletion{Stream: s.Key, Name: s.Name, From: old, To: old.Add(time.Hour), Last: millrace.NewFragmentNumber(7, old.Add(time.Hour), 0)}
	if _, err := p.AddDeletion(t.Context(), d); err != nil {
		t.Fatal(err)
	}
	if got := l.last(s.Key); len(got.Deletions) != 0 {
		t.Errorf("told of %+v", got.Deletions)
	}
}

func TestAChangeThatCouldNotBeToldIsToldLater(t *testing.T) {
	p, l, b, s := policyRig(t)
	b.on = true
	s.Version, s.Retention = "v1", 3*time.Hour
	if err := p.Update(t.Context(), s, "v0"); err != nil {
		t.Fatalf("the change is durable, and yet: %v", err)
	}
	b.on = false
	if err := p.tellAll(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := l.last(s.Key); got.Retention != 3*time.Hour {
		t.Errorf("told of %+v", got)
	}
}

func TestTheLastOfManyChangesIsTheOneThatStays(t *testing.T) {
	p, l, _, s := policyRig(t)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 50 {
				now, err := p.Stream(t.Context(), s.Name)
				if err != nil {
					t.Error(err)
					return
				}
				was := now.Version
				now.Version, now.Retention = was+"x", now.Retention+time.Hour
				_ = p.Update(t.Context(), now, was) // most are too late
			}
		})
	}
	all.Wait()
	now, err := p.Stream(t.Context(), s.Name)
	if err != nil {
		t.Fatal(err)
	}
	if got := l.last(s.Key); got.Retention != now.Retention {
		t.Errorf("told of %v, the state says %v", got.Retention, now.Retention)
	}
}

// TestADeletionThatCouldNotBeToldIsNotAnsweredFor: its record is durable, and it
// takes effect later; but whoever asked may not rely on it yet.
func TestADeletionThatCouldNotBeToldIsNotAnsweredFor(t *testing.T) {
	p, l, b, s := policyRig(t)
	b.on = true
	d := store.Deletion{Stream: s.Key, Name: s.Name, To: s.Created.Add(time.Hour), Last: millrace.NewFragmentNumber(7, s.Created, 0)}
	if _, err := p.AddDeletion(t.Context(), d); !errors.Is(err, errBlind) {
		t.Errorf("error = %v", err)
	}
	b.on = false
	if err := p.tellAll(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := l.last(s.Key); len(got.Deletions) != 1 {
		t.Errorf("told of %+v", got)
	}
}

// TestADeletionMattersAsLongAsWhatItCovers: the bound on its numbers may be a
// millisecond older than the last fragment that it covers.
func TestADeletionMattersAsLongAsWhatItCovers(t *testing.T) {
	p, _, _, _ := policyRig(t)
	policy := store.Policy{Retention: time.Hour}
	last := policy.Since(p.since) // the oldest time that is not expired
	for late, want := range map[time.Duration]bool{0: true, -time.Millisecond: true, -2 * time.Millisecond: false} {
		d := store.Deletion{Last: millrace.NewFragmentNumber(7, last.Add(late), 0)}
		if got := p.matters(policy, d); got != want {
			t.Errorf("with a bound at %v from the edge: %v, want %v", late, got, want)
		}
	}
}

// A slowReader tells of a look at a stream, and keeps what was seen back.
type slowReader struct {
	store.Control
	looked, goOn chan struct{} // nil: it is not slow
}

func (s *slowReader) Stream(ctx context.Context, name millrace.StreamName) (millrace.Stream, error) {
	found, err := s.Control.Stream(ctx, name)
	if s.looked != nil {
		looked := s.looked
		s.looked = nil
		close(looked)
		<-s.goOn
	}
	return found, err
}

// TestWhoLookedFirstDoesNotTellLast: a change that is told while another one has
// looked and not yet told waits for that.
func TestWhoLookedFirstDoesNotTellLast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &policyListener{told: map[millrace.StreamKey]store.Policy{}}
		slow := &slowReader{Control: mem.NewControl()}
		p := newPolicies(slow, slog.New(slog.DiscardHandler))
		p.follow(l, storetest.ExpiryAt(time.Now()), func() {})
		s, err := p.Create(t.Context(), millrace.Stream{
			Name: "cam", Version: "v0", ARN: millrace.StreamARN{Region: "r", Account: "000000000000"},
		}, nil)
		if err != nil {
			t.Fatal(err)
		}
		slow.looked, slow.goOn = make(chan struct{}), make(chan struct{})
		looked := slow.looked
		var both sync.WaitGroup
		update := func(was, version string, retention time.Duration) {
			change := s
			change.Version, change.Retention = version, retention
			both.Go(func() {
				if err := p.Update(t.Context(), change, was); err != nil {
					t.Error(err)
				}
			})
		}
		update("v0", "v1", time.Hour)
		<-looked
		update("v1", "v2", 2*time.Hour)
		synctest.Wait()
		close(slow.goOn)
		both.Wait()
		if got := l.last(s.Key); got.Retention != 2*time.Hour {
			t.Errorf("told last of %v", got.Retention)
		}
	})
}
