package sqlite_test

import (
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/store"
	"github.com/millrace/millrace/internal/store/sqlite"
)

// fill keeps something of every kind and returns the stream that has it all.
func fill(t *testing.T, c store.Control) millrace.Stream {
	t.Helper()
	ctx := t.Context()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	draft := draft("yard")
	draft.Retention, draft.DeviceName, draft.MediaType = 48*time.Hour, "camera", "video/h264"
	draft.KMSKeyID = "arn:aws:kms:us-west-2:000000000000:alias/aws/kinesisvideo"
	s, err := c.Create(ctx, draft, map[string]string{"site": "oslo", "Größe ☃": "héllo = 1/2", "floor": ""})
	must(err)
	for _, name := range []string{"gone", "going"} {
		draft.Name = millrace.StreamName(name)
		other, err := c.Create(ctx, draft, map[string]string{"a": "b"})
		must(err)
		_, err = c.PutDocument(ctx, store.Document{Kind: "notification", Name: name, Stream: other.Key, Value: []byte(`"of a stream"`)})
		must(err)
		must(c.BeginDelete(ctx, other.Key, ""))
		if name == "gone" {
			must(c.FinishDelete(ctx, other.Key))
		}
	}
	s.KeptSince = s.Created.Add(time.Hour)
	must(c.KeepSince(ctx, map[millrace.StreamKey]time.Time{s.Key: s.KeptSince}))
	for _, clock := range []store.Clock{store.ServerClock, store.ProducerClock} {
		_, err = c.AddDeletion(ctx, store.Deletion{
			Stream: s.Key, Clock: clock, From: s.Created, To: s.Created.Add(time.Hour),
			Last: millrace.NewFragmentNumber(7<<32|9, s.Created, 1), Name: s.Name, At: s.KeptSince, By: "AKIA", Reason: "why",
		})
		must(err)
	}
	_, err = c.PutDocument(ctx, store.Document{Kind: "device", Name: "yard", Value: []byte(`"of nobody"`)})
	must(err)
	_, err = c.NextEpoch(ctx, 0)
	must(err)
	must(c.SetClockStamp(ctx, s.Created))
	_, err = c.Keep(ctx, "page-token-key", []byte{0, 1, 2, 0xff})
	must(err)
	must(c.Remember(ctx, "clock", []byte("fast")))
	_, err = c.Keep(ctx, "empty", nil)
	must(err)
	return s
}

// TestChangedRowIsNeverServed changes every column of every table behind the
// implementation's back. Whoever reads the row is told, and so is whoever
// would write on it.
func TestChangedRowIsNeverServed(t *testing.T) {
	pristine := filepath.Join(t.TempDir(), "control.db")
	c := open(t, pristine, sqlite.Options{})
	s := fill(t, c)
	c.Close()
	for _, tc := range []struct {
		table, where string
		columns      string
		calls        []string
	}{
		{
			"streams", "name = 'yard'",
			"generation name arn version status retention_hours device_name media_type kms_key_id tier kept_since_ms sum",
			[]string{"Stream", "List", "Update", "BeginDelete", "KeepSince", "Tags", "SetTags", "AddDeletion"},
		},
		{"names", "name = 'gone'", "generation created_ms sum", []string{"Create gone"}},
		{"tags", "name = 'site'", "value sum", []string{"Tags", "SetTags", "DeleteTags"}},
		{"tags", "stream = 3", "value sum", []string{"FinishDelete going"}},
		{"meta", "name = 'epoch'", "value sum", []string{"NextEpoch"}},
		{"meta", "name = 'clock_stamp_ms'", "value sum", []string{"ClockStamp", "SetClockStamp"}},
		{"meta", "name = 'kept:page-token-key'", "value sum", []string{"Keep"}},
		{"meta", "name = 'note:clock'", "value sum", []string{"Recall", "Remember"}},
		{
			"deletions", "id = 2", "stream generation clock from_ms to_ms last name at_ms by_key reason sum",
			[]string{"Deletions"},
		},
		{
			"documents", "kind = 'device'", "stream generation revision value sum",
			[]string{"Document", "Documents", "PutDocument", "DeleteDocument"},
		},
		{"documents", "name = 'going'", "generation revision value sum", []string{"FinishDelete going"}},
		{"tallies", "name = 'streams'", "rows total sum", []string{"Create new", "Update", "KeepSince"}},
	} {
		for _, column := range strings.Fields(tc.columns) {
			t.Run(tc.table+" "+column, func(t *testing.T) {
				path := copyOf(t, pristine)
				c := open(t, path, sqlite.Options{})
				spoil(t, path, tc.table, column, tc.where)
				calls := tc.calls
				if tc.table == "streams" && column == "name" {
					calls = []string{"List"} // it is not found by its old name
				}
				if tc.table == "deletions" && (column == "stream" || column == "generation") {
					calls = []string{"All deletions"}
				}
				for _, call := range calls {
					if column == "generation" && strings.Contains("Update BeginDelete KeepSince Tags SetTags AddDeletion", call) {
						continue // its key is another's
					}
					err := ask(t, c, s, call)
					if !errors.Is(err, millrace.ErrCorrupt) || !strings.Contains(err.Error(), "table "+tc.table) {
						t.Errorf("%s: error = %v, want corrupt, with the table's name", call, err)
					}
				}
			})
		}
	}
}

// spoil changes a column to another value of its type that the schema allows.
func spoil(t *testing.T, path, table, column, where string) {
	t.Helper()
	db := raw(t, path)
	exec(t, db, "PRAGMA foreign_keys = 0")
	var kind, value string
	if err := db.QueryRow("SELECT typeof("+column+"), "+column+" FROM "+table+" WHERE "+where).Scan(&kind, &value); err != nil {
		t.Fatal(err)
	}
	to := column + " + 1"
	switch {
	case value == "ACTIVE":
		to = "'DELETING'"
	case value == "PRODUCER":
		to = "'SERVER'"
	case kind == "text" && (column == "last" || strings.HasPrefix(value, "arn:aws:kinesisvideo")):
		to = column + " || '1'"
	case value == "HOT":
		to = "'WARM'"
	case kind == "text":
		to = column + " || 'x'"
	case kind == "blob":
		to = "x'00010203'"
	}
	exec(t, db, fmt.Sprintf("UPDATE %s SET %s = %s WHERE %s", table, column, to, where))
	db.Close()
}

// ask makes a call and returns its error.
func ask(t *testing.T, c store.Control, s millrace.Stream, call string) (err error) {
	ctx := t.Context()
	change := s
	change.Version = "next"
	switch call {
	case "Stream":
		_, err = c.Stream(ctx, "yard")
	case "List":
		_, err = c.List(ctx, store.Page{})
	case "Update":
		err = c.Update(ctx, change, s.Version)
	case "BeginDelete":
		err = c.BeginDelete(ctx, s.Key, "")
	case "KeepSince":
		err = c.KeepSince(ctx, map[millrace.StreamKey]time.Time{s.Key: s.KeptSince.Add(time.Hour)})
	case "Tags":
		_, err = c.Tags(ctx, s.Key)
	case "SetTags":
		err = c.SetTags(ctx, s.Key, map[string]string{"site": "rome"}, 50)
	case "DeleteTags":
		err = c.DeleteTags(ctx, s.Key, []string{"site"})
	case "AddDeletion":
		_, err = c.AddDeletion(ctx, store.Deletion{Stream: s.Key})
	case "Deletions":
		_, err = c.Deletions(ctx, s.Key, 1, 0)
	case "All deletions":
		_, err = c.Deletions(ctx, millrace.StreamKey{}, 1, 0)
	case "Document":
		_, err = c.Document(ctx, "device", "yard")
	case "Documents":
		_, err = c.Documents(ctx, "device", store.DocumentPage{})
	case "PutDocument":
		_, err = c.PutDocument(ctx, store.Document{Kind: "device", Name: "yard", Revision: store.AnyRevision, Value: []byte("{}")})
	case "DeleteDocument":
		err = c.DeleteDocument(ctx, "device", "yard")
	case "Create gone", "Create new":
		_, err = c.Create(ctx, draft(strings.TrimPrefix(call, "Create ")), nil)
	case "FinishDelete going":
		going, serr := c.Stream(ctx, "going")
		if serr != nil {
			t.Fatal(serr)
		}
		err = c.FinishDelete(ctx, going.Key)
	case "NextEpoch":
		_, err = c.NextEpoch(ctx, 0)
	case "ClockStamp":
		_, err = c.ClockStamp(ctx)
	case "SetClockStamp":
		err = c.SetClockStamp(ctx, s.Created.Add(time.Hour))
	case "Keep":
		_, err = c.Keep(ctx, "page-token-key", []byte("fresh"))
	case "Recall":
		_, err = c.Recall(ctx, "clock")
	case "Remember":
		err = c.Remember(ctx, "clock", []byte("new"))
	default:
		t.Fatalf("no call %q", call)
	}
	return err
}

// TestValueOfAnotherTypeIsCorrupt: a text and a blob of the same bytes are not
// the same.
func TestValueOfAnotherTypeIsCorrupt(t *testing.T) {
	path := filepath.Join(t.TempDir(), "control.db")
	c := open(t, path, sqlite.Options{})
	fill(t, c)
	db := raw(t, path)
	exec(t, db, "UPDATE meta SET value = CAST(value AS TEXT) WHERE name = 'kept:page-token-key'")
	if _, err := c.Keep(t.Context(), "page-token-key", nil); !errors.Is(err, millrace.ErrCorrupt) {
		t.Errorf("error = %v", err)
	}
}

// TestRowsSumToTheirTally: whatever was done, the tallies are those of the
// rows.
func TestRowsSumToTheirTally(t *testing.T) {
	path := filepath.Join(t.TempDir(), "control.db")
	c := open(t, path, sqlite.Options{})
	s := fill(t, c)
	for _, call := range []string{"Update", "SetTags", "DeleteTags", "AddDeletion", "PutDocument", "FinishDelete going", "DeleteDocument", "BeginDelete"} {
		if err := ask(t, c, s, call); err != nil {
			t.Fatal(err)
		}
	}
	checkTallies(t, raw(t, path))
}

func checkTallies(t *testing.T, db *sql.DB) {
	t.Helper()
	for _, table := range []string{"names", "streams", "tags", "meta", "deletions", "documents"} {
		var rows, total, wantRows, wantTotal int64
		if err := db.QueryRow("SELECT rows, total FROM tallies WHERE name = ?", table).Scan(&rows, &total); err != nil {
			t.Fatal(err)
		}
		if err := db.QueryRow("SELECT count(*), coalesce(sum(sum), 0) FROM "+table).Scan(&wantRows, &wantTotal); err != nil {
			t.Fatal(err)
		}
		if rows != wantRows || total != wantTotal&0xffffffff {
			t.Errorf("%s: tally %d, %#x; rows %d, %#x", table, rows, total, wantRows, wantTotal&0xffffffff)
		}
	}
}
