package server_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/millrace/millrace/internal/config"
	"github.com/millrace/millrace/internal/server"
)

// records reads an audit log.
func records(t *testing.T, path string) (all []map[string]any) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		var record map[string]any
		if err := json.Unmarshal([]byte(line), &record); err != nil {
			t.Fatalf("%v in %q", err, line)
		}
		all = append(all, record)
	}
	return all
}

func TestEveryControlCallIsOnRecord(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.log")
	r := start(t, nil, func(c *config.Server) { c.AuditLog = path })
	r.create("cam", 24)
	r.call("/createStream", map[string]any{"StreamName": "cam"})
	resp, err := r.client.Post(r.url+"/listStreams", "application/json", strings.NewReader(`{"MaxResults":7}`))
	if err != nil {
		t.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, resp.Body)
	resp.Body.Close()
	p := r.put("cam", nil) // which is no control call
	p.end()
	p.rest()
	all := records(t, path)
	if len(all) != 3 {
		t.Fatalf("%d records: %v", len(all), all)
	}
	made, refused, unknown := all[0], all[1], all[2]
	if made["operation"] != "CreateStream" || made["stream"] != "cam" || made["accessKeyId"] != keyID || made["requestId"] == nil ||
		made["sourceAddress"] == nil || made["errorCode"] != nil {
		t.Errorf("of a call that went well: %v", made)
	}
	if parameters, ok := made["parameters"].(map[string]any); !ok || parameters["streamName"] != "cam" {
		t.Errorf("parameters: %v", made["parameters"])
	}
	if result, ok := made["result"].(map[string]any); !ok || result["streamARN"] == nil {
		t.Errorf("result: %v", made["result"])
	}
	if refused["errorCode"] != "ResourceInUseException" || refused["result"] != nil {
		t.Errorf("of a call that was refused: %v", refused)
	}
	if unknown["errorCode"] == nil || unknown["parameters"] != nil || unknown["principal"] != nil {
		t.Errorf("of a call by nobody: %v", unknown)
	}
	if text, _ := os.ReadFile(path); strings.Contains(string(text), secret) {
		t.Error("the secret is on record")
	}
}

func TestTheAuditLogIsOpenedAnewOnReload(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.log")
	r := start(t, nil, func(c *config.Server) { c.AuditLog = path })
	r.create("one", 24)
	if err := os.Rename(path, path+".1"); err != nil {
		t.Fatal(err)
	}
	r.s.Reload()
	r.create("two", 24)
	if before, after := records(t, path+".1"), records(t, path); len(before) != 1 || len(after) != 1 || after[0]["stream"] != "two" {
		t.Errorf("%v, then %v", before, after)
	}
}

func TestCallsAreTracedWhereThatIsAskedFor(t *testing.T) {
	var bytes atomic.Int64
	var text atomic.Value
	collector := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, req *http.Request) {
		body, _ := io.ReadAll(req.Body)
		bytes.Add(int64(len(body)))
		text.Store(string(body))
	}))
	defer collector.Close()
	r := start(t, nil, func(c *config.Server) { c.OTLPEndpoint = collector.URL })
	r.create("cam", 24)
	p := r.put("cam", nil)
	p.end()
	p.rest()
	r.close() // which sends what waits
	sent, _ := text.Load().(string)
	for _, want := range []string{"CreateStream", "PutMedia", "authenticate", "execute", "cam"} {
		if !strings.Contains(sent, want) {
			t.Errorf("no word of %s in %d bytes", want, bytes.Load())
		}
	}
	if strings.Contains(sent, secret) || strings.Contains(sent, "Signature") {
		t.Error("a secret was sent")
	}
}

// Who reaches the server could fill its disk with records, and has no key.
func TestCallsOfStrangersAreFewOnRecord(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.log")
	clock := newFrozen()
	r := start(t, clock.now, func(c *config.Server) { c.AuditLog = path })
	stranger := func() {
		resp, err := r.client.Post(r.url+"/listStreams", "application/json", strings.NewReader("{}"))
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
	}
	for range 200 {
		stranger()
	}
	r.create("cam", 24)
	clock.move(time.Second)
	stranger()
	all := records(t, path)
	last := all[len(all)-1]
	if len(all) != 52 || all[50]["stream"] != "cam" || last["omitted"] != 150.0 || last["stream"] != nil {
		t.Errorf("%d records, the last ones %v", len(all), all[max(len(all)-2, 0):])
	}
}

func TestARecordTellsWhichKeyWasChanged(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.log")
	r := start(t, nil, func(c *config.Server) { c.AuditLog = path })
	_, made := r.call("/millrace/v1/createKey", map[string]any{"Name": "k", "Actions": []string{"*"}})
	id := map[string]any{"AccessKeyId": made["AccessKeyId"], "Status": "DISABLED"}
	r.call("/millrace/v1/updateKey", id)
	r.call("/millrace/v1/deleteKey", id)
	for _, record := range records(t, path) {
		if record["subject"] != made["AccessKeyId"] {
			t.Errorf("%v", record)
		}
	}
}

func TestARecordTellsWhichDeviceGotCredentials(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.log")
	r := startSecure(t, server.Options{}, func(c *config.Server) { c.AuditLog = path })
	r.camera("gate", nil).ask(cameraPath, nil)
	camera{r: r}.ask(cameraPath, nil)
	all := records(t, path)
	if len(all) != 3 {
		t.Fatalf("%d records: %v", len(all), all)
	}
	made, known, unknown := all[0], all[1], all[2]
	if made["subject"] != "gate" || known["subject"] != "gate" || known["principal"] != "device/gate" || known["accessKeyId"] == nil {
		t.Errorf("of a device: %v, %v", made, known)
	}
	if unknown["subject"] != nil || unknown["principal"] != nil || unknown["errorCode"] != "AccessDeniedException" {
		t.Errorf("of nobody: %v", unknown)
	}
}
