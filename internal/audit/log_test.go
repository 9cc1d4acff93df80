package audit_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/millrace/millrace/internal/audit"
)

func open(t *testing.T, path string, logger *slog.Logger) *audit.Log {
	t.Helper()
	if logger == nil {
		logger = slog.New(slog.DiscardHandler)
	}
	l, err := audit.Open(path, logger)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

// lines reads a file of records, each of which must be whole.
func lines(t *testing.T, path string) (all []map[string]any) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	s := bufio.NewScanner(bytes.NewReader(text))
	s.Buffer(nil, audit.MaxLine)
	for s.Scan() {
		var record map[string]any
		if err := json.Unmarshal(s.Bytes(), &record); err != nil {
			t.Fatalf("%v in %.200q", err, s.Text())
		}
		all = append(all, record)
	}
	if s.Err() != nil {
		t.Fatal(s.Err())
	}
	return all
}

func TestARecordSaysWhoDidWhat(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.log")
	open(t, path, nil).Write(audit.Record{
		Time: time.UnixMilli(1_705_489_836_421), RequestID: "r", Operation: "CreateStream", Stream: "cam", Principal: "arn:x", AccessKeyID: "AKIA",
		SourceAddress: "192.0.2.1:5", UserAgent: "curl", Parameters: []byte(`{"StreamName":"cam","Tags":{"Site":"yard"}}`),
		Result: map[string]string{"StreamARN": "arn:y"},
	})
	got, err := json.Marshal(lines(t, path)[0])
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"accessKeyId":"AKIA","operation":"CreateStream","parameters":{"streamName":"cam","tags":{"site":"yard"}},"principal":"arn:x",` +
		`"requestId":"r","result":{"streamARN":"arn:y"},"sourceAddress":"192.0.2.1:5","stream":"cam","time":"2024-01-17T11:10:36.421Z","userAgent":"curl"}`
	if string(got) != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", info.Mode(), err)
	}
}

func TestNoSecretIsRecorded(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.log")
	open(t, path, nil).Write(audit.Record{
		Parameters: []byte(`{"EdgeConfig":{"RecorderConfig":{"MediaSourceConfig":{"MediaUriSecretArn":"hush","MediaUriType":"RTSP_URI"}}},"Password":["hush"]}`),
		Result:     map[string]any{"SecretAccessKey": "hush", "SessionToken": map[string]string{"a": "hush"}, "AccessKeyId": "AKIA"},
	})
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(text, []byte("hush")) || bytes.Count(text, []byte("(redacted)")) != 4 || !bytes.Contains(text, []byte("RTSP_URI")) {
		t.Errorf("%s", text)
	}
}

func TestNobodyCanMakeALineOfHisOwn(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.log")
	l := open(t, path, nil)
	nasty := "a\n{\"operation\":\"Forged\"}\r\n\u2028\u2029\x1b[2J\x7f\x00\xff\xfe\U0001F3A5\""
	body, err := json.Marshal(map[string]any{nasty: nasty})
	if err != nil {
		t.Fatal(err)
	}
	l.Write(audit.Record{Operation: "ListStreams", UserAgent: nasty, Stream: nasty, ErrorMessage: nasty, Parameters: body})
	if all := lines(t, path); len(all) != 1 || all[0]["operation"] != "ListStreams" {
		t.Errorf("%v", all)
	}
	text, _ := os.ReadFile(path)
	for i, b := range text[:len(text)-1] {
		if b < 0x20 || b >= 0x7f {
			t.Errorf("byte %#x at %d", b, i)
		}
	}
}

func TestALineIsBoundedWhateverIsAsked(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.log")
	l := open(t, path, nil)
	long := strings.Repeat("\u00e9\x00", 1<<20)
	wide := map[string]any{}
	for i := range 5000 {
		wide[strings.Repeat("k", i%2000)+string(rune('a'+i%26))] = strings.Repeat("v", 900)
	}
	wideText, _ := json.Marshal(wide)
	for _, r := range []audit.Record{
		{UserAgent: long, Operation: long, Stream: long, ErrorMessage: long},
		{Parameters: wideText},
		{Parameters: []byte(strings.Repeat("[", 5000) + strings.Repeat("]", 5000))},
		{Parameters: []byte("no JSON")},
	} {
		l.Write(r)
	}
	text, _ := os.ReadFile(path)
	for line := range bytes.Lines(text) {
		if len(line) > audit.MaxLine {
			t.Errorf("a line of %d bytes", len(line))
		}
	}
	if n := bytes.Count(text, []byte("\n")); n != 4 {
		t.Errorf("%d lines", n)
	}
}

func TestRecordsOfManyDoNotMixAndNoneIsLostWhileTheFileIsRotated(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "audit.log")
	l := open(t, path, nil)
	var writers sync.WaitGroup
	for range 8 {
		writers.Go(func() {
			for range 200 {
				l.Write(audit.Record{Operation: "ListStreams", UserAgent: strings.Repeat("x", 500)})
			}
		})
	}
	for i := range 5 {
		moved := filepath.Join(dir, "audit.log."+string(rune('1'+i)))
		if err := os.Rename(path, moved); err != nil {
			t.Fatal(err)
		}
		if err := l.Reopen(); err != nil {
			t.Fatal(err)
		}
	}
	writers.Wait()
	n := 0
	files, _ := filepath.Glob(filepath.Join(dir, "*"))
	for _, f := range files {
		n += len(lines(t, f))
	}
	if n != 1600 || l.Lost() != 0 {
		t.Errorf("%d records, and %d lost", n, l.Lost())
	}
}

func TestWhatCannotBeWrittenIsCountedAndToldOnce(t *testing.T) {
	if _, err := os.Stat("/dev/full"); err != nil {
		t.Skip("there is no /dev/full")
	}
	var log bytes.Buffer
	l := open(t, "/dev/full", slog.New(slog.NewTextHandler(&log, nil)))
	for range 3 {
		l.Write(audit.Record{Operation: "ListStreams"})
	}
	if l.Lost() != 3 || strings.Count(log.String(), "audit log cannot be written") != 1 {
		t.Errorf("%d lost\n%s", l.Lost(), log.String())
	}
}
