package storetest

import (
	"bytes"
	"context"
	"math"
	"testing"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/store"
)

func epochsGrow(t *testing.T, c controlCase) {
	for want := uint32(1); want <= 3; want++ {
		got, err := c.NextEpoch(c.ctx, 0)
		if err != nil || got != want {
			t.Errorf("epoch = %d, %v, want %d", got, err, want)
		}
	}
	for _, leap := range []struct{ after, want uint32 }{{2, 4}, {4, 5}, {1 << 30, 1<<30 + 1}, {math.MaxUint32 - 1, math.MaxUint32}} {
		if got, err := c.NextEpoch(c.ctx, leap.after); err != nil || got != leap.want {
			t.Errorf("epoch after %d = %d, %v, want %d", leap.after, got, err, leap.want)
		}
	}
	if got, err := c.NextEpoch(c.ctx, 0); err == nil {
		t.Errorf("epoch after the last = %d", got)
	}
}

func clockStampGrows(t *testing.T, c controlCase) {
	check := func(want time.Time) {
		t.Helper()
		got, err := c.ClockStamp(c.ctx)
		if err != nil {
			t.Fatal(err)
		}
		wantEqual(t, "stamp", got, want)
	}
	set := func(at time.Time) {
		t.Helper()
		if err := c.SetClockStamp(c.ctx, at); err != nil {
			t.Fatal(err)
		}
	}
	check(time.Time{})
	set(birth().Add(999 * time.Microsecond).In(time.FixedZone("east", 3600)))
	check(birth())
	set(birth().Add(-time.Hour))
	check(birth())
	set(birth().Add(time.Hour))
	check(birth().Add(time.Hour))
}

func firstValueIsKept(t *testing.T, c controlCase) {
	fresh := []byte{0, 1, 0xff}
	for _, offered := range [][]byte{fresh, []byte("second")} {
		got, err := c.Keep(c.ctx, "key", offered)
		if err != nil {
			t.Fatal(err)
		}
		wantEqual(t, "kept", got, []byte{0, 1, 0xff})
		got[0] = 9 // the caller's own
	}
	for _, name := range []string{"other", "epoch", "clock_stamp_ms", ""} {
		got, err := c.Keep(c.ctx, name, []byte("x"))
		if err != nil || string(got) != "x" {
			t.Errorf("under %q: %q, %v", name, got, err)
		}
	}
	if got, err := c.Keep(c.ctx, "empty", nil); err != nil || len(got) != 0 {
		t.Errorf("nothing: %q, %v", got, err)
	}
	if _, err := c.NextEpoch(c.ctx, 0); err != nil {
		t.Errorf("an epoch beside a value of the same name: %v", err)
	}
}

func lastValueIsRemembered(t *testing.T, c controlCase) {
	recall := func(name string) []byte {
		t.Helper()
		value, err := c.Recall(c.ctx, name)
		if err != nil {
			t.Fatal(err)
		}
		return value
	}
	if value := recall("name"); value != nil {
		t.Errorf("%q is recalled of nothing", value)
	}
	for _, value := range [][]byte{{0, 1, 0xff}, []byte("another"), {}} {
		given := bytes.Clone(value)
		if err := c.Remember(c.ctx, "name", given); err != nil {
			t.Fatal(err)
		}
		clear(given) // the caller's own
		got := recall("name")
		wantEqual(t, "recalled", got, value)
		clear(got)
		wantEqual(t, "recalled again", recall("name"), value)
	}
	for _, name := range []string{"name", "epoch", "clock_stamp_ms", ""} {
		kept, err := c.Keep(c.ctx, name, []byte("kept"))
		if err != nil || string(kept) != "kept" {
			t.Errorf("kept under %q: %q, %v", name, kept, err)
		}
		if err := c.Remember(c.ctx, name, nil); err != nil {
			t.Error(err)
		}
		if value := recall(name); value == nil || len(value) != 0 {
			t.Errorf("under %q: %q", name, value)
		}
	}
	if _, err := c.NextEpoch(c.ctx, 0); err != nil {
		t.Errorf("an epoch beside a value of the same name: %v", err)
	}
}

func survivesReopen(t *testing.T, c controlCase) {
	if c.reopen == nil {
		t.Skip("this implementation keeps nothing")
	}
	kept := c.create(t, draft("kept"), map[string]string{"a": "1"})
	going := c.create(t, draft("going"), nil)
	gone := c.create(t, draft("gone"), nil)
	c.remove(t, gone.Key)
	if err := c.BeginDelete(c.ctx, going.Key, ""); err != nil {
		t.Fatal(err)
	}
	if _, err := c.NextEpoch(c.ctx, 0); err != nil {
		t.Fatal(err)
	}
	if err := c.SetClockStamp(c.ctx, birth()); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Keep(c.ctx, "key", []byte("value")); err != nil {
		t.Fatal(err)
	}
	if err := c.Remember(c.ctx, "key", []byte("note")); err != nil {
		t.Fatal(err)
	}
	since := birth().Add(time.Hour)
	if err := c.KeepSince(c.ctx, map[millrace.StreamKey]time.Time{kept.Key: since}); err != nil {
		t.Fatal(err)
	}
	kept.KeptSince = since
	deleted := c.delete(t, deletion(kept, store.ProducerClock))
	configured := c.put(t, store.Document{Kind: "notification", Name: "kept", Stream: kept.Key, Value: []byte(`{"a": 1}`)})
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}

	again := controlCase{Control: c.reopen(t, c.Control), ctx: c.ctx}
	defer again.Close()
	wantEqual(t, "stream", again.stream(t, "kept"), kept)
	wantEqual(t, "deletions", again.deletions(t, kept.Key, 0, 0), []store.Deletion{deleted})
	found, _ := again.Document(c.ctx, "notification", "kept")
	wantEqual(t, "document", found, configured)
	if next := again.put(t, document("device", "a", `{}`)); next.Revision <= configured.Revision {
		t.Errorf("revision %d after %d", next.Revision, configured.Revision)
	}
	tags, _ := again.Tags(c.ctx, kept.Key)
	wantEqual(t, "tags", tags, map[string]string{"a": "1"})
	wantEqual(t, "status", again.stream(t, "going").Status, millrace.StatusDeleting)
	_, err := again.Stream(c.ctx, "gone")
	wantError(t, "deleted", err, millrace.ErrNotFound)
	if s := again.create(t, draft("gone"), nil); s.Key.Generation != 2 || !s.Created.After(gone.Created) {
		t.Errorf("created again as %+v at %v", s.Key, s.Created)
	}
	if epoch, err := again.NextEpoch(c.ctx, 0); err != nil || epoch != 2 {
		t.Errorf("epoch = %d, %v, want 2", epoch, err)
	}
	stamp, _ := again.ClockStamp(c.ctx)
	wantEqual(t, "stamp", stamp, birth())
	value, _ := again.Keep(c.ctx, "key", []byte("another"))
	wantEqual(t, "value", value, []byte("value"))
	note, _ := again.Recall(c.ctx, "key")
	wantEqual(t, "note", note, []byte("note"))
}

func closedSaysSo(t *testing.T, c controlCase) {
	s := c.create(t, draft("a"), nil)
	for range 2 {
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
	}
	for method, err := range everyMethod(c.ctx, c, s) {
		wantError(t, method, err, millrace.ErrClosed)
	}
}

func cancelledChangesNothing(t *testing.T, c controlCase) {
	s := c.create(t, draft("a"), map[string]string{"k": "v"})
	ctx, cancel := context.WithCancel(c.ctx)
	cancel()
	for method, err := range everyMethod(ctx, c, s) {
		wantError(t, method, err, context.Canceled)
	}
	wantEqual(t, "stream", c.stream(t, "a"), s)
	all, _ := c.List(c.ctx, store.Page{})
	wantEqual(t, "streams", names(all), []string{"a"})
	wantEqual(t, "deletions", len(c.deletions(t, s.Key, 0, 0)), 0)
	documents, _ := c.Documents(c.ctx, "new", store.DocumentPage{})
	wantEqual(t, "documents", len(documents), 0)
	tags, _ := c.Tags(c.ctx, s.Key)
	wantEqual(t, "tags", tags, map[string]string{"k": "v"})
	if epoch, _ := c.NextEpoch(c.ctx, 0); epoch != 1 {
		t.Errorf("epoch = %d, want 1", epoch)
	}
	if stamp, _ := c.ClockStamp(c.ctx); !stamp.IsZero() {
		t.Errorf("stamp = %v", stamp)
	}
}

// everyMethod calls them all and returns what each answered.
func everyMethod(ctx context.Context, c store.Control, s millrace.Stream) map[string]error {
	change := s
	change.Version = "next"
	answers := map[string]error{
		"Update":        c.Update(ctx, change, s.Version),
		"BeginDelete":   c.BeginDelete(ctx, s.Key, ""),
		"FinishDelete":  c.FinishDelete(ctx, s.Key),
		"SetTags":       c.SetTags(ctx, s.Key, map[string]string{"a": "b"}, 50),
		"DeleteTags":    c.DeleteTags(ctx, s.Key, []string{"k"}),
		"SetClockStamp": c.SetClockStamp(ctx, birth()),
	}
	answers["KeepSince"] = c.KeepSince(ctx, map[millrace.StreamKey]time.Time{s.Key: birth()})
	_, answers["AddDeletion"] = c.AddDeletion(ctx, deletion(s, store.ServerClock))
	_, answers["Deletions"] = c.Deletions(ctx, s.Key, 0, 0)
	_, answers["PutDocument"] = c.PutDocument(ctx, document("new", "new", `{}`))
	_, answers["Document"] = c.Document(ctx, "new", "new")
	_, answers["Documents"] = c.Documents(ctx, "new", store.DocumentPage{})
	answers["DeleteDocument"] = c.DeleteDocument(ctx, "new", "new")
	_, answers["Create"] = c.Create(ctx, draft("new"), nil)
	_, answers["Stream"] = c.Stream(ctx, s.Name)
	_, answers["List"] = c.List(ctx, store.Page{})
	_, answers["Count"] = c.Count(ctx)
	_, answers["Tags"] = c.Tags(ctx, s.Key)
	_, answers["NextEpoch"] = c.NextEpoch(ctx, 0)
	_, answers["ClockStamp"] = c.ClockStamp(ctx)
	_, answers["Keep"] = c.Keep(ctx, "new", []byte("x"))
	answers["Remember"] = c.Remember(ctx, "new", []byte("x"))
	_, answers["Recall"] = c.Recall(ctx, "new")
	return answers
}
