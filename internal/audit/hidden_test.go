package audit_test

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/millrace/millrace/internal/audit"
)

// one is the record of a call, as it is read.
func one(t *testing.T, r audit.Record) map[string]any {
	t.Helper()
	path := filepath.Join(t.TempDir(), "audit.log")
	open(t, path, nil).Write(r)
	return lines(t, path)[0]
}

// TestNoMemberHidesAnother: the server takes StreamName and no streamName.
func TestNoMemberHidesAnother(t *testing.T) {
	got := one(t, audit.Record{Parameters: []byte(`{"StreamName":"asked","streamName":"innocent","Tags":{"Site":"a","site":"b"},"Max":1}`)})
	text, err := json.Marshal(got["parameters"])
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"StreamName":"asked","max":1,"streamName":"innocent","tags":{"Site":"a","site":"b"}}`
	if string(text) != want {
		t.Errorf("got  %s\nwant %s", text, want)
	}
}

// TestNobodyHidesWhatHeDoes behind what he adds to his request.
func TestNobodyHidesWhatHeDoes(t *testing.T) {
	many := map[string]any{"DeviceName": "cam"}
	for i := range 100 {
		many[fmt.Sprintf("A%03d", i)] = "x"
	}
	body, err := json.Marshal(many)
	if err != nil {
		t.Fatal(err)
	}
	done := audit.Record{Operation: "UpdateDevice", Subject: "cam", Parameters: body, Result: map[string]any{"Status": "DISABLED"}}
	got := one(t, done)
	if shown := got["parameters"].(map[string]any); shown["..."] != 37.0 || got["subject"] != "cam" {
		t.Errorf("of many members: %v", got)
	}
	for i := range 60 {
		many[fmt.Sprintf("A%03d", i)] = strings.Repeat("x", 900)
	}
	if done.Parameters, err = json.Marshal(many); err != nil {
		t.Fatal(err)
	}
	got = one(t, done)
	if result, _ := got["result"].(map[string]any); result["status"] != "DISABLED" || got["subject"] != "cam" || got["truncated"] != true {
		t.Errorf("of long ones: %v", got)
	}
	done.Result = map[string]any{"Streams": strings.Split(strings.Repeat(strings.Repeat("s", 256)+",", 64), ","), "Tags": done.Parameters}
	if got = one(t, done); got["subject"] != "cam" || got["truncated"] != true {
		t.Errorf("with a long answer: %v", got)
	}
}
