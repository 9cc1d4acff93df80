package storetest

import (
	"fmt"
	"testing"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/store"
)

func keptSinceGrows(t *testing.T, c controlCase) {
	first := draft("a")
	first.KeptSince = birth()
	s := c.create(t, first, nil)
	wantEqual(t, "as created", s.KeptSince, birth())
	for i, step := range []struct{ set, want time.Time }{
		{birth().Add(time.Hour), birth().Add(time.Hour)},
		{birth(), birth().Add(time.Hour)},
		{time.Time{}, birth().Add(time.Hour)},
		{birth().Add(2*time.Hour + time.Microsecond), birth().Add(2*time.Hour + time.Millisecond)},
		{birth().Add(3 * time.Hour).In(time.FixedZone("east", 3600)), birth().Add(3 * time.Hour)},
	} {
		was := s.Version
		s.Version, s.KeptSince = fmt.Sprint("version", i), step.set
		if err := c.Update(c.ctx, s, was); err != nil {
			t.Fatal(err)
		}
		s = c.stream(t, "a")
		if s.KeptSince != step.want {
			t.Errorf("step %d: kept since %v, want %v", i, s.KeptSince, step.want)
		}
	}
	if bare := c.create(t, draft("bare"), nil); c.stream(t, "bare") != bare || !bare.KeptSince.IsZero() {
		t.Errorf("a stream of which nothing has gone: %v", bare.KeptSince)
	}
}

func keptSinceAtOnce(t *testing.T, c controlCase) {
	a, b, going := c.create(t, draft("a"), nil), c.create(t, draft("b"), nil), c.create(t, draft("going"), nil)
	other := c.create(t, draft("other"), nil)
	if err := c.BeginDelete(c.ctx, going.Key, ""); err != nil {
		t.Fatal(err)
	}
	later := birth().Add(time.Hour)
	keep := func(at time.Time) {
		t.Helper()
		err := c.KeepSince(c.ctx, map[millrace.StreamKey]time.Time{
			a.Key: at, b.Key: at.Add(-time.Minute), going.Key: at,
			{ID: a.Key.ID, Generation: 9}: at.Add(time.Hour), {ID: 999, Generation: 1}: at,
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	keep(later.Add(-time.Microsecond))
	keep(birth())
	a.KeptSince, b.KeptSince = later, later.Add(-time.Minute)
	wantEqual(t, "the first", c.stream(t, "a"), a)
	wantEqual(t, "the second", c.stream(t, "b"), b)
	wantEqual(t, "another", c.stream(t, "other"), other)

	change := a
	change.Version, change.KeptSince = "next", birth()
	if err := c.Update(c.ctx, change, a.Version); err != nil {
		t.Errorf("an update of a stream that lost some of its past: %v", err)
	}
	wantEqual(t, "after an update", c.stream(t, "a").KeptSince, later)
}

// deletion is a record of a stream with every field set.
func deletion(s millrace.Stream, clock store.Clock) store.Deletion {
	return store.Deletion{
		Stream: s.Key, Clock: clock, From: birth(), To: birth().Add(time.Minute),
		Last: millrace.NewFragmentNumber(1<<32|17, birth().Add(time.Hour), 5), Name: s.Name,
		At: birth().Add(time.Hour), By: "AKIAIOSFODNN7EXAMPLE", Reason: "asked for by „Größe“ ☃",
	}
}

func (c controlCase) delete(t *testing.T, d store.Deletion) store.Deletion {
	t.Helper()
	kept, err := c.AddDeletion(c.ctx, d)
	if err != nil {
		t.Fatalf("add deletion: %v", err)
	}
	return kept
}

func (c controlCase) deletions(t *testing.T, key millrace.StreamKey, after uint64, limit int) []store.Deletion {
	t.Helper()
	list, err := c.Deletions(c.ctx, key, after, limit)
	if err != nil {
		t.Fatalf("deletions: %v", err)
	}
	return list
}

func deletionsAreRecorded(t *testing.T, c controlCase) {
	s := c.create(t, draft("a"), nil)
	want := deletion(s, store.ProducerClock)
	bare := store.Deletion{Stream: s.Key, From: time.UnixMilli(-5).UTC(), To: birth(), At: birth()}
	got := c.delete(t, want)
	if got.ID == 0 {
		t.Error("the record has no ID")
	}
	second := c.delete(t, bare)
	if second.ID <= got.ID {
		t.Errorf("the second ID is %d, after %d", second.ID, got.ID)
	}
	want.ID, bare.ID = got.ID, second.ID
	wantEqual(t, "as answered", got, want)
	wantEqual(t, "with little in it", second, bare)
	wantEqual(t, "as kept", c.deletions(t, s.Key, 0, 0), []store.Deletion{want, bare})

	c.remove(t, s.Key)
	again := c.create(t, draft("a"), nil)
	wantEqual(t, "of the stream that has gone", c.deletions(t, s.Key, 0, 0), []store.Deletion{want, bare})
	wantEqual(t, "of its successor", len(c.deletions(t, again.Key, 0, 0)), 0)
	if third := c.delete(t, deletion(again, store.ServerClock)); third.ID <= second.ID {
		t.Errorf("the third ID is %d, after %d", third.ID, second.ID)
	}
}

func deletionsAreListed(t *testing.T, c controlCase) {
	a, b := c.create(t, draft("a"), nil), c.create(t, draft("b"), nil)
	var all, ofA []store.Deletion
	for i := range 7 {
		s := a
		if i%3 == 1 {
			s = b
		}
		d := c.delete(t, deletion(s, store.ServerClock))
		all = append(all, d)
		if s == a {
			ofA = append(ofA, d)
		}
	}
	for name, tc := range map[string]struct {
		got, want []store.Deletion
	}{
		"of all":             {c.deletions(t, millrace.StreamKey{}, 0, 0), all},
		"of all, in part":    {c.deletions(t, millrace.StreamKey{}, all[1].ID, 3), all[2:5]},
		"of one":             {c.deletions(t, a.Key, 0, 0), ofA},
		"of one, in part":    {c.deletions(t, a.Key, ofA[0].ID, 2), ofA[1:3]},
		"behind another's":   {c.deletions(t, a.Key, all[1].ID, 1), ofA[1:2]},
		"behind the end":     {c.deletions(t, a.Key, all[6].ID, 0), nil},
		"far behind it":      {c.deletions(t, millrace.StreamKey{}, 1<<40, 0), nil},
		"of one not known":   {c.deletions(t, millrace.StreamKey{ID: 99, Generation: 1}, 0, 0), nil},
		"of a next of it":    {c.deletions(t, millrace.StreamKey{ID: a.Key.ID, Generation: 2}, 0, 0), nil},
		"more than are left": {c.deletions(t, a.Key, ofA[3].ID, 100), ofA[4:]},
	} {
		if len(tc.got) != 0 || len(tc.want) != 0 {
			wantEqual(t, name, tc.got, tc.want)
		}
	}
}

func deletionsNeedAStream(t *testing.T, c controlCase) {
	s := c.create(t, draft("a"), nil)
	d := deletion(s, store.ServerClock)
	check := func(what string, d store.Deletion) {
		t.Helper()
		_, err := c.AddDeletion(c.ctx, d)
		wantError(t, what, err, millrace.ErrNotFound)
	}
	other := d
	other.Stream.Generation++
	check("another generation", other)
	other.Stream = millrace.StreamKey{ID: 99, Generation: 1}
	check("no such stream", other)
	if err := c.BeginDelete(c.ctx, s.Key, ""); err != nil {
		t.Fatal(err)
	}
	check("being deleted", d)
	if err := c.FinishDelete(c.ctx, s.Key); err != nil {
		t.Fatal(err)
	}
	check("gone", d)
	wantEqual(t, "records", len(c.deletions(t, millrace.StreamKey{}, 0, 0)), 0)
}
