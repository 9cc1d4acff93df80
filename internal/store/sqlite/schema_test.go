package sqlite_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/store"
	"github.com/millrace/millrace/internal/store/sqlite"
)

// old copies a file that an earlier release wrote.
func old(t *testing.T, name string) string { return copyOf(t, filepath.Join("testdata", name)) }

func copyOf(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	made := filepath.Join(t.TempDir(), "control.db")
	if err := os.WriteFile(made, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return made
}

// TestSchema1IsRead: nothing that the first release kept is lost.
func TestSchema1IsRead(t *testing.T) {
	path := old(t, "control_1.db")
	for range 2 { // the second time it is of the new schema
		checkSchema1(t, open(t, path, sqlite.Options{}))
	}
	checkTallies(t, raw(t, path))
}

func checkSchema1(t *testing.T, c *sqlite.Control) {
	t.Helper()
	defer c.Close()
	list, err := c.List(t.Context(), store.Page{})
	if err != nil {
		t.Fatal(err)
	}
	want := map[millrace.StreamName]millrace.Stream{}
	for name, id := range map[millrace.StreamName]uint64{"yard": 1, "bare": 2, "again": 4, "going": 6} {
		s := draft(string(name))
		s.Key = millrace.StreamKey{ID: id, Generation: 1}
		s.KMSKeyID = "arn:aws:kms:us-west-2:000000000000:alias/aws/kinesisvideo"
		want[name] = s
	}
	edit := func(name millrace.StreamName, change func(*millrace.Stream)) {
		s := want[name]
		change(&s)
		s.ARN.Name, s.ARN.Created = s.Name, s.Created
		want[name] = s
	}
	full := func(s *millrace.Stream) {
		s.Retention, s.DeviceName, s.MediaType, s.Tier = 48*time.Hour, "camera", "video/h264,audio/aac", millrace.TierWarm
	}
	edit("yard", full)
	edit("bare", func(*millrace.Stream) {})
	edit("again", full)
	edit("again", func(s *millrace.Stream) { s.Key.Generation, s.Created = 2, s.Created.Add(time.Millisecond) })
	edit("going", func(s *millrace.Stream) { s.Status = millrace.StatusDeleting })
	if len(list) != len(want) {
		t.Errorf("%d streams, want %d", len(list), len(want))
	}
	for _, s := range list {
		if diff := cmp.Diff(want[s.Name], s); diff != "" {
			t.Errorf("%s (-want +got):\n%s", s.Name, diff)
		}
	}
	for name, tags := range map[millrace.StreamName]map[string]string{
		"yard": {"site": "oslo", "Größe ☃": "héllo = 1/2", "floor": ""}, "bare": {}, "again": {"second": "2"},
	} {
		got, err := c.Tags(t.Context(), want[name].Key)
		if diff := cmp.Diff(tags, got); diff != "" || err != nil {
			t.Errorf("tags of %s: %v (-want +got):\n%s", name, err, diff)
		}
	}
	if stamp, err := c.ClockStamp(t.Context()); err != nil || stamp != draft("").Created.Add(time.Hour) {
		t.Errorf("clock stamp %v, %v", stamp, err)
	}
	for name, want := range map[string]string{"page-token-key": "\x00\x01\x02\xff", "empty": ""} {
		if value, err := c.Keep(t.Context(), name, []byte("fresh")); err != nil || string(value) != want {
			t.Errorf("%s: %q, %v", name, value, err)
		}
	}
}

// TestSchema1GoesOn: what must never be given twice is not, and the name of a
// stream that was deleted long ago still has its past.
func TestSchema1GoesOn(t *testing.T) {
	c := open(t, old(t, "control_1.db"), sqlite.Options{})
	if epoch, err := c.NextEpoch(t.Context(), 0); err != nil || epoch != 8 {
		t.Errorf("epoch = %d, %v, want 8", epoch, err)
	}
	for name, want := range map[string]millrace.StreamKey{
		"gone": {ID: 3, Generation: 2}, "new": {ID: 7, Generation: 1},
	} {
		s, err := c.Create(t.Context(), draft(name), nil)
		if err != nil || s.Key != want {
			t.Errorf("%s: %+v, %v, want %+v", name, s.Key, err, want)
		}
	}
}

// TestSchema2IsRead: nothing that the second release kept is lost, and what
// the third one adds is there.
func TestSchema2IsRead(t *testing.T) {
	path := old(t, "control_2.db")
	for range 2 { // the second time it is of the new schema
		checkSchema2(t, open(t, path, sqlite.Options{}))
	}
	checkTallies(t, raw(t, path))
}

func checkSchema2(t *testing.T, c *sqlite.Control) {
	t.Helper()
	defer c.Close()
	s, err := c.Stream(t.Context(), "yard")
	if err != nil || s.Retention != 48*time.Hour {
		t.Errorf("yard: %+v, %v", s, err)
	}
	if tags, err := c.Tags(t.Context(), s.Key); err != nil || tags["site"] != "oslo" {
		t.Errorf("tags %v, %v", tags, err)
	}
	if list, err := c.Deletions(t.Context(), s.Key, 0, 0); err != nil || len(list) != 1 || list[0].Reason != "asked for" {
		t.Errorf("deletions %+v, %v", list, err)
	}
	if going, err := c.Stream(t.Context(), "going"); err != nil || going.Status != millrace.StatusDeleting {
		t.Errorf("going: %+v, %v", going, err)
	}
	if note, err := c.Recall(t.Context(), "note"); err != nil || string(note) != "kept" {
		t.Errorf("note %q, %v", note, err)
	}
	d := store.Document{Kind: "notification", Name: "yard", Stream: s.Key, Revision: store.AnyRevision, Value: []byte("{}")}
	if _, err := c.PutDocument(t.Context(), d); err != nil {
		t.Errorf("put document: %v", err)
	}
}

// TestUpgradeWithoutRoomChangesNothing: a step is taken whole or not at all.
func TestUpgradeWithoutRoomChangesNothing(t *testing.T) {
	path := old(t, "control_1.db")
	_, err := sqlite.OpenControl(t.Context(), path, sqlite.Options{MaxSize: 44 << 10})
	if !errors.Is(err, store.ErrUnavailable) {
		t.Fatalf("error = %v, want unavailable", err)
	}
	var version int
	if err := raw(t, path).QueryRow("SELECT max(version) FROM schema_version").Scan(&version); err != nil || version != 1 {
		t.Errorf("schema version %d, %v", version, err)
	}
	checkSchema1(t, open(t, path, sqlite.Options{}))
}
