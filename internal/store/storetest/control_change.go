package storetest

import (
	"fmt"
	"testing"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/store"
)

func names(list []millrace.Stream) []string {
	var all []string
	for _, s := range list {
		all = append(all, string(s.Name))
	}
	return all
}

func countCounts(t *testing.T, c controlCase) {
	want := func(n int) {
		t.Helper()
		if got, err := c.Count(c.ctx); got != n || err != nil {
			t.Errorf("%d streams, %v, want %d", got, err, n)
		}
	}
	want(0)
	a, b := c.create(t, draft("a"), nil), c.create(t, draft("b"), nil)
	_, err := c.Create(c.ctx, draft("b"), nil)
	wantError(t, "a name that is taken", err, millrace.ErrExists)
	want(2)
	c.remove(t, a.Key)
	want(1)
	if err := c.BeginDelete(c.ctx, b.Key, ""); err != nil {
		t.Fatal(err)
	}
	want(1) // it is listed still
}

func listPages(t *testing.T, c controlCase) {
	for _, name := range []string{"b", "a", "B", "_", "a.1", "a-1", "0"} {
		c.create(t, draft(name), nil)
	}
	key := c.stream(t, "b").Key
	if err := c.BeginDelete(c.ctx, key, ""); err != nil {
		t.Fatal(err)
	}
	order := []string{"0", "B", "_", "a", "a-1", "a.1", "b"}
	for _, tc := range []struct {
		page store.Page
		want []string
	}{
		{store.Page{}, order},
		{store.Page{Limit: 3}, order[:3]},
		{store.Page{Limit: 3, After: "_"}, order[3:6]},
		{store.Page{Limit: 3, After: "a.1"}, order[6:]},
		{store.Page{After: "a0"}, order[6:]}, // the name that the last page ended with may have gone
		{store.Page{After: "b"}, nil},
		{store.Page{Deleting: true}, order[6:]},
		{store.Page{Deleting: true, After: "b"}, nil},
		{store.Page{Deleting: true, Prefix: "a"}, nil},
	} {
		got, err := c.List(c.ctx, tc.page)
		if err != nil {
			t.Fatal(err)
		}
		wantEqual(t, fmt.Sprintf("%+v", tc.page), names(got), tc.want)
	}
	got, _ := c.List(c.ctx, store.Page{After: "a.1"})
	if len(got) != 1 || got[0].Status != millrace.StatusDeleting {
		t.Errorf("the stream that is being deleted is listed as %+v", got)
	}
}

func listPrefix(t *testing.T, c controlCase) {
	for _, name := range []string{"cam", "cam-1", "cam-2", "camera", "cal", "cbm", "Cam", "zz", "z"} {
		c.create(t, draft(name), nil)
	}
	for _, tc := range []struct {
		page store.Page
		want []string
	}{
		{store.Page{Prefix: "cam"}, []string{"cam", "cam-1", "cam-2", "camera"}},
		{store.Page{Prefix: "cam", After: "cam-1", Limit: 1}, []string{"cam-2"}},
		{store.Page{Prefix: "cam", After: "a"}, []string{"cam", "cam-1", "cam-2", "camera"}},
		{store.Page{Prefix: "cam", After: "d"}, nil},
		{store.Page{Prefix: "z"}, []string{"z", "zz"}},
		{store.Page{Prefix: "%"}, nil},
		{store.Page{Prefix: "c_m"}, nil},
	} {
		got, err := c.List(c.ctx, tc.page)
		if err != nil {
			t.Fatal(err)
		}
		wantEqual(t, fmt.Sprintf("%+v", tc.page), names(got), tc.want)
	}
}

func allStreamsMeetsEach(t *testing.T, c controlCase) {
	var want []string
	for i := range 12 {
		name := fmt.Sprintf("s%02d", i)
		c.create(t, draft(name), nil)
		want = append(want, name)
	}
	var got []millrace.Stream
	err := store.AllStreams(c.ctx, c, func(s millrace.Stream) error {
		got = append(got, s)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	wantEqual(t, "names", names(got), want)
}

func updateReplaces(t *testing.T, c controlCase) {
	created := c.create(t, draft("a"), nil)
	want := created
	want.Version, want.Retention, want.Tier = "second", 48*time.Hour, millrace.TierHot
	want.DeviceName, want.MediaType = "door", "video/h265"

	change := want
	change.Name, change.KMSKeyID, change.Status = "b", "other", millrace.StatusDeleting // not Update's business
	change.Created, change.ARN = time.Time{}, millrace.StreamARN{}
	if err := c.Update(c.ctx, change, created.Version); err != nil {
		t.Fatal(err)
	}
	wantEqual(t, "after the update", c.stream(t, "a"), want)
}

func updateRefusesStale(t *testing.T, c controlCase) {
	s := c.create(t, draft("a"), nil)
	change := s
	change.Version, change.DeviceName = "next", "door"
	wantError(t, "stale version", c.Update(c.ctx, change, "stale"), millrace.ErrConflict)
	wantError(t, "no version", c.Update(c.ctx, change, ""), millrace.ErrConflict)

	change.Key.Generation++
	wantError(t, "another generation", c.Update(c.ctx, change, s.Version), millrace.ErrNotFound)
	change.Key = millrace.StreamKey{ID: s.Key.ID + 1, Generation: 1}
	wantError(t, "another id", c.Update(c.ctx, change, s.Version), millrace.ErrNotFound)
	wantEqual(t, "after it all", c.stream(t, "a"), s)
}

func deletionHasTwoSteps(t *testing.T, c controlCase) {
	s := c.create(t, draft("a"), nil)
	wantError(t, "finish before begin", c.FinishDelete(c.ctx, s.Key), millrace.ErrConflict)
	if err := c.BeginDelete(c.ctx, s.Key, ""); err != nil {
		t.Fatal(err)
	}
	going := s
	going.Status = millrace.StatusDeleting
	wantEqual(t, "between the steps", c.stream(t, "a"), going)
	wantError(t, "begin again", c.BeginDelete(c.ctx, s.Key, ""), millrace.ErrConflict)
	wantError(t, "update", c.Update(c.ctx, s, s.Version), millrace.ErrConflict)

	for range 2 { // the second time it is gone already
		if err := c.FinishDelete(c.ctx, s.Key); err != nil {
			t.Fatal(err)
		}
	}
	_, err := c.Stream(c.ctx, "a")
	wantError(t, "gone", err, millrace.ErrNotFound)
	wantError(t, "begin when gone", c.BeginDelete(c.ctx, s.Key, ""), millrace.ErrNotFound)

	again := c.create(t, draft("a"), nil)
	if err := c.FinishDelete(c.ctx, s.Key); err != nil {
		t.Fatal(err)
	}
	wantEqual(t, "the name's new stream", c.stream(t, "a"), again)
}

func deletionKeepsToVersion(t *testing.T, c controlCase) {
	s := c.create(t, draft("a"), nil)
	wantError(t, "stale", c.BeginDelete(c.ctx, s.Key, "stale"), millrace.ErrConflict)
	wantEqual(t, "untouched", c.stream(t, "a"), s)
	if err := c.BeginDelete(c.ctx, s.Key, s.Version); err != nil {
		t.Fatal(err)
	}
}

func tagsAreReplaced(t *testing.T, c controlCase) {
	first := map[string]string{"site": "oslo", "floor": "", "Größe ☃": "héllo = 1/2"}
	s := c.create(t, draft("a"), first)
	other := c.create(t, draft("b"), map[string]string{"site": "rome"})
	check := func(what string, want map[string]string) {
		t.Helper()
		got, err := c.Tags(c.ctx, s.Key)
		if err != nil {
			t.Fatal(err)
		}
		wantEqual(t, what, got, want)
		got["site"] = "the caller's own map"
	}
	check("as created", first)

	if err := c.SetTags(c.ctx, s.Key, map[string]string{"site": "bergen", "new": "1"}, 50); err != nil {
		t.Fatal(err)
	}
	check("set", map[string]string{"site": "bergen", "new": "1", "floor": "", "Größe ☃": "héllo = 1/2"})
	if err := c.DeleteTags(c.ctx, s.Key, []string{"floor", "unknown", "Größe ☃", "SITE"}); err != nil {
		t.Fatal(err)
	}
	check("deleted", map[string]string{"site": "bergen", "new": "1"})
	if err := c.DeleteTags(c.ctx, s.Key, []string{"site", "new"}); err != nil {
		t.Fatal(err)
	}
	check("none left", map[string]string{})
	wantEqual(t, "version", c.stream(t, "a").Version, s.Version)

	tags, err := c.Tags(c.ctx, other.Key)
	if err != nil {
		t.Fatal(err)
	}
	wantEqual(t, "another stream's", tags, map[string]string{"site": "rome"})
}

func tagsOverLimit(t *testing.T, c controlCase) {
	s := c.create(t, draft("a"), map[string]string{"a": "1", "b": "2"})
	err := c.SetTags(c.ctx, s.Key, map[string]string{"a": "9", "c": "3", "d": "4"}, 3)
	wantError(t, "four of three", err, store.ErrLimit)
	got, _ := c.Tags(c.ctx, s.Key)
	wantEqual(t, "unchanged", got, map[string]string{"a": "1", "b": "2"})
	if err := c.SetTags(c.ctx, s.Key, map[string]string{"a": "9", "c": "3"}, 3); err != nil {
		t.Errorf("three of three: %v", err)
	}
}

func tagsOfDeleted(t *testing.T, c controlCase) {
	s := c.create(t, draft("a"), map[string]string{"a": "1"})
	check := func(what string) {
		t.Helper()
		_, err := c.Tags(c.ctx, s.Key)
		wantError(t, what+": read", err, millrace.ErrNotFound)
		wantError(t, what+": set", c.SetTags(c.ctx, s.Key, map[string]string{"b": "1"}, 50), millrace.ErrNotFound)
		wantError(t, what+": delete", c.DeleteTags(c.ctx, s.Key, []string{"a"}), millrace.ErrNotFound)
	}
	if err := c.BeginDelete(c.ctx, s.Key, ""); err != nil {
		t.Fatal(err)
	}
	check("being deleted")
	if err := c.FinishDelete(c.ctx, s.Key); err != nil {
		t.Fatal(err)
	}
	check("gone")
}
