package api_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/api"
	"github.com/millrace/millrace/internal/store"
	"github.com/millrace/millrace/internal/store/fault"
	"github.com/millrace/millrace/internal/store/mem"
	"github.com/millrace/millrace/internal/store/sqlite"
	"github.com/millrace/millrace/internal/wire"
)

func openSQLite(t *testing.T, path string, o sqlite.Options) *sqlite.Control {
	t.Helper()
	c, err := sqlite.OpenControl(t.Context(), path, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func wantAnswer(t *testing.T, got reply, status int, errorType string) {
	t.Helper()
	if got.status != status || got.errorType() != errorType || got.field(t, "message") == "" {
		t.Errorf("answered %d %q: %s, want %d %q", got.status, got.errorType(), got.body, status, errorType)
	}
}

func TestLockedControlState(t *testing.T) {
	path := filepath.Join(t.TempDir(), "control.db")
	h := newHandler(t, config(openSQLite(t, path, sqlite.Options{BusyTimeout: time.Millisecond})))
	arn := create(t, h, "cam")
	v := version(t, h, "cam")
	other, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	other.SetMaxOpenConns(1)
	if _, err := other.Exec("BEGIN IMMEDIATE"); err != nil {
		t.Fatal(err)
	}
	for path, body := range map[string]string{
		"/createStream":            `{"StreamName":"new"}`,
		"/updateStream":            `{"StreamName":"cam","CurrentVersion":"` + v + `"}`,
		"/updateDataRetention":     `{"StreamName":"cam","CurrentVersion":"` + v + `","Operation":"INCREASE_DATA_RETENTION","DataRetentionChangeInHours":1}`,
		"/deleteStream":            `{"StreamARN":"` + arn + `"}`,
		"/tagStream":               `{"StreamName":"cam","Tags":{"a":"b"}}`,
		"/UntagResource":           `{"ResourceARN":"` + arn + `","TagKeyList":["a"]}`,
		"/millrace/v1/deleteMedia": `{"StreamName":"cam","TimestampType":"SERVER_TIMESTAMP","StartTimestamp":1,"EndTimestamp":2}`,
	} {
		wantAnswer(t, post(t, h, path, body), http.StatusServiceUnavailable, "ServiceUnavailable")
	}
	if got := post(t, h, "/describeStream", `{"StreamName":"cam"}`); got.status != 200 {
		t.Errorf("reading while somebody writes: %d %s", got.status, got.body)
	}
	if _, err := other.Exec("ROLLBACK"); err != nil {
		t.Fatal(err)
	}
	if got := post(t, h, "/deleteStream", `{"StreamARN":"`+arn+`","CurrentVersion":"`+v+`"}`); got.status != 200 {
		t.Errorf("afterwards: %d %s", got.status, got.body)
	}
}

func TestFullControlState(t *testing.T) {
	h := newHandler(t, config(openSQLite(t, filepath.Join(t.TempDir(), "control.db"), sqlite.Options{MaxSize: 96 << 10})))
	for i := range 10_000 {
		got := post(t, h, "/createStream", fmt.Sprintf(`{"StreamName":"s%d","Tags":{"k":"%s"}}`, i, strings.Repeat("v", 256)))
		if got.status == http.StatusOK {
			continue
		}
		wantAnswer(t, got, http.StatusServiceUnavailable, "ServiceUnavailable")
		if got := post(t, h, "/listStreams", `{}`); strings.Count(got.body, `"StreamName"`) != i {
			t.Errorf("%d streams were created, and the list is %s", i, got.body)
		}
		return
	}
	t.Error("the database never filled")
}

func TestControlStateThatFails(t *testing.T) {
	const cause = "sector 4711 is unreadable"
	for name, tc := range map[string]struct {
		err       error
		status    int
		errorType string
	}{
		"an unknown fault":  {errors.New(cause), 500, "InternalFailure"},
		"a corrupt file":    {fmt.Errorf("%w: "+cause, millrace.ErrCorrupt), 500, "InternalFailure"},
		"a closed file":     {fmt.Errorf("%w: "+cause, millrace.ErrClosed), 503, "ServiceUnavailable"},
		"no room":           {fmt.Errorf("%w: "+cause, store.ErrUnavailable), 503, "ServiceUnavailable"},
		"a call given up":   {fmt.Errorf("%w: "+cause, context.Canceled), 503, "ServiceUnavailable"},
		"a call timed out":  {fmt.Errorf("%w: "+cause, context.DeadlineExceeded), 503, "ServiceUnavailable"},
		"a lasting dispute": {fmt.Errorf("%w: "+cause, millrace.ErrConflict), 400, inUse},
	} {
		t.Run(name, func(t *testing.T) {
			failing := false
			c := config(fault.Control{Control: mem.NewControl(), Fail: func(method string) error {
				if failing && method != "Stream" {
					return tc.err
				}
				return nil
			}})
			log := logTo(&c)
			h := newHandler(t, c)
			create(t, h, "cam")
			body := `{"StreamName":"cam","CurrentVersion":"` + version(t, h, "cam") + `"}`
			failing = true
			got := post(t, h, "/updateStream", body)
			wantAnswer(t, got, tc.status, tc.errorType)
			if strings.Contains(got.body, "4711") {
				t.Errorf("the cause is shown: %s", got.body)
			}
			if record := log.last(t); !strings.Contains(fmt.Sprint(record["err"]), cause) {
				t.Errorf("the cause is not logged: %v", record)
			}
		})
	}
}

func TestHandlerWithoutItsKeyIsNotMade(t *testing.T) {
	c := config(fault.Control{Control: mem.NewControl(), Fail: func(string) error { return errors.New("broken") }})
	if _, err := api.New(t.Context(), c); err == nil || !strings.Contains(err.Error(), "page tokens: broken") {
		t.Errorf("error = %v", err)
	}
}

func TestPanicIsAnInternalFailure(t *testing.T) {
	c := config(mem.NewControl())
	log := logTo(&c)
	c.GetMedia = func(http.ResponseWriter, *http.Request, *api.MediaCall) error { panic("out of luck") }
	h := newHandler(t, c)
	got := post(t, h, "/getMedia", `{}`)
	wantAnswer(t, got, 500, "InternalFailure")
	record := log.last(t)
	if text := fmt.Sprint(record["err"]); !strings.Contains(text, "out of luck") || !strings.Contains(text, "failure_test.go") {
		t.Errorf("log: %v", record)
	}
}

func TestHandlerMayGiveItsConnectionUp(t *testing.T) {
	c := config(mem.NewControl())
	c.GetMedia = func(http.ResponseWriter, *http.Request, *api.MediaCall) error { panic(http.ErrAbortHandler) }
	h := newHandler(t, c)
	defer func() {
		if err, _ := recover().(error); !errors.Is(err, http.ErrAbortHandler) {
			t.Errorf("recovered %v", err)
		}
	}()
	post(t, h, "/getMedia", `{}`)
}

func TestBodyOverTheLimit(t *testing.T) {
	h := memHandler(t)
	body := `{"Padding":"` + strings.Repeat("x", wire.MaxBodySize) + `"}`
	wantAnswer(t, post(t, h, "/listStreams", body), http.StatusRequestEntityTooLarge, badArg)

	// The same without a declared length.
	r, err := http.NewRequest(http.MethodPost, listen(t, h)+"/listStreams", io.NopCloser(strings.NewReader(body)))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusRequestEntityTooLarge {
		t.Errorf("status = %d", resp.StatusCode)
	}

	exact := `{"Padding":"` + strings.Repeat("x", wire.MaxBodySize-14) + `"}`
	if got := post(t, h, "/listStreams", exact); got.status != 200 || len(exact) != wire.MaxBodySize {
		t.Errorf("at the limit: %d %s", got.status, got.body)
	}
}

// TestBodyThatTricklesIn has a client that sends a byte a minute.
func TestBodyThatTricklesIn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server := net.Pipe()
		listener := &pipeListener{conns: make(chan net.Conn, 1), closed: make(chan struct{})}
		listener.conns <- server
		s := &http.Server{Handler: memHandler(t)}
		done := make(chan error, 1)
		go func() { done <- s.Serve(listener) }()

		trickle := make(chan struct{})
		go func() { // until the server hangs up
			defer close(trickle)
			_, _ = io.WriteString(client, "POST /listStreams HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n")
			for {
				time.Sleep(time.Minute)
				if _, err := io.WriteString(client, " "); err != nil {
					return
				}
			}
		}()
		began := time.Now()
		answer, _ := io.ReadAll(client)
		if took := time.Since(began); took > 40*time.Second {
			t.Errorf("the server waited %v", took)
		}
		if !strings.HasPrefix(string(answer), "HTTP/1.1 400 ") || !strings.Contains(string(answer), badJSON) {
			t.Errorf("answer: %s", answer)
		}
		client.Close()
		<-trickle
		s.Close()
		<-done
	})
}

// A pipeListener accepts what is put into it.
type pipeListener struct {
	conns  chan net.Conn
	closed chan struct{}
}

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *pipeListener) Close() error {
	close(l.closed)
	return nil
}

func (l *pipeListener) Addr() net.Addr { return addr("pipe") }
