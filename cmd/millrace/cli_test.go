package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/credentials"
	"github.com/millrace/millrace/internal/demo"
	"github.com/millrace/millrace/internal/wire/client"
)

func TestExitCodes(t *testing.T) {
	for name, tc := range map[string]struct {
		err  error
		code int
		hint string
	}{
		"nothing wrong":              {nil, exitOK, ""},
		"an ordinary fault":          {errors.New("x"), exitFailure, ""},
		"a wrong command line":       {usagef("push", "no"), exitUsage, "millrace push --help"},
		"no server named":            {fmt.Errorf("a: %w", client.ErrNoEndpoint), exitUsage, "demo"},
		"no keys":                    {credentials.ErrMissing, exitUsage, "root key"},
		"no such stream":             {millrace.Errorf(millrace.CodeNotFound, "no"), exitNotFound, "stream list"},
		"a wrong key":                {millrace.Errorf(millrace.CodeInvalidSignature, "no"), exitRefused, "clock"},
		"denied":                     {millrace.Errorf(millrace.CodeAccessDenied, "no"), exitRefused, ""},
		"a server in trouble":        {millrace.Errorf(millrace.CodeInternal, "no"), exitUnavailable, ""},
		"no server there":            {&net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}, exitUnavailable, "AWS_ENDPOINT_URL"},
		"a server that is silent":    {context.DeadlineExceeded, exitUnavailable, "AWS_ENDPOINT_URL"},
		"a certificate of nobody":    {&tls.CertificateVerificationError{Err: errors.New("x")}, exitUnavailable, "AWS_CA_BUNDLE"},
		"ended by Ctrl-C":            {context.Canceled, exitInterrupted, ""},
		"a port that is taken":       {&net.OpError{Op: "listen", Err: os.NewSyscallError("bind", syscall.EADDRINUSE)}, exitFailure, "--listen"},
		"a reader that went away":    {fmt.Errorf("write: %w", syscall.EPIPE), exitFailure, ""},
		"a port below 1024":          {&net.OpError{Op: "listen", Err: os.NewSyscallError("bind", syscall.EACCES)}, exitFailure, "CAP_NET_BIND_SERVICE"},
		"a port that is none":        {&net.OpError{Op: "listen", Err: errors.New("invalid port")}, exitFailure, "--metrics-listen"},
		"a directory of others":      {fmt.Errorf("open lock file: %w", syscall.EACCES), exitFailure, "the user to whom"},
		"an endpoint that is none":   {fmt.Errorf("a: %w", client.ErrEndpoint), exitUsage, "https://"},
		"a token that is not theirs": {millrace.Errorf(millrace.CodeUnknownKey, "no"), exitRefused, "AWS_SESSION_TOKEN"},
		"a session that has ended":   {millrace.Errorf(millrace.CodeExpiredToken, "no"), exitRefused, "millrace key session"},
		"somebody was faster":        {millrace.Errorf(millrace.CodeVersionMismatch, "no"), exitFailure, "again"},
		"a value the server refuses": {millrace.Errorf(millrace.CodeInvalidArgument, "no"), exitUsage, ""},
	} {
		var out, said bytes.Buffer
		c := console{out: &out, err: &said}
		if code := c.fail(tc.err); code != tc.code || !strings.Contains(said.String(), tc.hint) || out.Len() > 0 {
			t.Errorf("%s: exit code %d, said %q", name, code, said.String())
		}
		said.Reset()
		c.json = true
		if c.fail(tc.err); tc.err != nil {
			var line struct{ Exit int }
			if err := json.Unmarshal(said.Bytes(), &line); err != nil || line.Exit != tc.code {
				t.Errorf("%s: as JSON %q", name, said.String())
			}
		}
	}
}

func TestMoments(t *testing.T) {
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	for text, want := range map[string]time.Time{
		"now":                       now,
		"10m ago":                   now.Add(-10 * time.Minute),
		"1h30m ago":                 now.Add(-90 * time.Minute),
		"1h 30m ago":                now.Add(-90 * time.Minute),
		"2d ago":                    now.Add(-48 * time.Hour),
		"1d12h ago":                 now.Add(-36 * time.Hour),
		"2026-11-22T11:00:00Z":      now.Add(-time.Hour),
		"2026-11-22T11:00:00.5Z":    now.Add(-time.Hour + 500*time.Millisecond),
		"2026-11-22T12:00:00+01:00": now.Add(-time.Hour),
	} {
		var m moment
		if err := m.UnmarshalText([]byte(text)); err != nil || !m.at(now).Equal(want) {
			t.Errorf("%s: %v, %v", text, m.at(now), err)
		}
	}
	for _, text := range []string{"", "ago", "yesterday", "-5m ago", "10m", "2026-13-01"} {
		var m moment
		if err := m.UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q was read as %v", text, m)
		}
	}
}

func TestRetentions(t *testing.T) {
	for text, want := range map[string]time.Duration{"24h": 24 * time.Hour, "7d": 168 * time.Hour, "0": 0, "12": 12 * time.Hour} {
		var h hours
		if err := h.UnmarshalText([]byte(text)); err != nil || time.Duration(h) != want {
			t.Errorf("%s: %v, %v", text, time.Duration(h), err)
		}
	}
	for _, text := range []string{"", "d", "30m", "-1h", "99999d", "week"} {
		var h hours
		if err := h.UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q was read as %v", text, time.Duration(h))
		}
	}
}

func TestQuantilesAreTrueToTheWidthOfABucket(t *testing.T) {
	var h histogram
	if h.quantile(0.99) != 0 {
		t.Error("an empty histogram has a quantile")
	}
	const n = 100_000
	for i := 1; i <= n; i++ {
		h.add(time.Duration(i) * 10 * time.Microsecond)
	}
	for _, q := range []float64{0.001, 0.5, 0.9, 0.99, 0.999, 1} {
		want := time.Duration(q*n) * 10 * time.Microsecond
		if got := h.quantile(q); got < want || got > want+want/60 {
			t.Errorf("quantile %v is %v, want %v", q, got, want)
		}
	}
	h.add(-time.Second)
	h.add(1 << 62)
	if h.quantile(1) != 1<<62 {
		t.Errorf("largest %v", h.quantile(1))
	}
}

func TestBucketsFollowOneAnother(t *testing.T) {
	for us := range 300_000 {
		d := time.Duration(us) * time.Microsecond
		i := bucketOf(d)
		if end := bucketEnd(i); end < d || i > 0 && bucketEnd(i-1) >= d {
			t.Fatalf("%v is in bucket %d, which ends at %v", d, i, end)
		}
	}
}

// A watched buffer is written by a command and read by a test.
type watched struct {
	mu   sync.Mutex
	text bytes.Buffer
	wake chan struct{}
}

func (w *watched) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	select {
	case w.wake <- struct{}{}:
	default:
	}
	return w.text.Write(p)
}

func (w *watched) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.text.String()
}

// await waits until the text matches a pattern, or until done is closed.
func (w *watched) await(done <-chan struct{}, pattern string) bool {
	wanted := regexp.MustCompile(pattern)
	for !wanted.MatchString(w.String()) {
		select {
		case <-w.wake:
		case <-done:
			return wanted.MatchString(w.String())
		}
	}
	return true
}

// shown is a demo that has something to show.
const shown = `\b[1-9][0-9]* persisted`

// running runs a command until stop is called.
func running(t *testing.T, environ []string, args ...string) (out, said *watched, done chan struct{}, stop func() int) {
	t.Helper()
	out, said = &watched{wake: make(chan struct{}, 1)}, &watched{wake: make(chan struct{}, 1)}
	ctx, cancel := context.WithCancel(t.Context())
	done = make(chan struct{})
	var code int
	go func() {
		defer close(done)
		code = run(ctx, args, console{in: strings.NewReader(""), out: out, err: said, environ: environ})
	}()
	return out, said, done, func() int {
		cancel()
		<-done
		return code
	}
}

// exports returns the variables that a command told its user to set.
func exports(t *testing.T, text string) []string {
	t.Helper()
	environ := []string{"HOME=" + t.TempDir()}
	for line := range strings.Lines(text) {
		if rest, ok := strings.CutPrefix(strings.TrimSpace(line), "export "); ok {
			environ = append(environ, strings.Fields(rest)...)
		}
	}
	return environ
}

func TestTheDemoCanBeWatchedAndLeavesNothing(t *testing.T) {
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	_, said, done, stop := running(t, nil, "demo", "--listen", "127.0.0.1:0")
	if !said.await(done, shown) {
		t.Fatalf("the demo said\n%s", said)
	}
	var out, talk bytes.Buffer
	environ := exports(t, said.String())
	file := filepath.Join(t.TempDir(), "live.json")
	code := run(t.Context(), []string{"pull", "demo", "--from", "earliest", "--to", "now", "--container", "json", "--out", file},
		console{out: &out, err: &talk, environ: environ})
	if code != exitOK {
		t.Errorf("pull: exit code %d, %s", code, &talk)
	}
	lines, err := os.ReadFile(file)
	if err != nil || bytes.Count(lines, []byte(`"kind":"frame"`)) < 25 {
		t.Errorf("pulled %s, %v", lines, err)
	}
	if code := stop(); code != exitOK {
		t.Errorf("exit code %d\n%s", code, said)
	}
	if left, err := os.ReadDir(temp); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestTheServerPrintsItsKeyOnceAndStopsInOrder(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	for start, want := range []bool{true, false} {
		_, said, done, stop := running(t, nil, "server", "--data", data, "--listen", "127.0.0.1:0")
		if !said.await(done, "Serving http://127.0.0.1:") {
			t.Fatalf("the server said\n%s", said)
		}
		if got := strings.Contains(said.String(), "export AWS_SECRET_ACCESS_KEY="); got != want {
			t.Errorf("start %d: key printed %v\n%s", start, got, said)
		}
		if code := stop(); code != exitOK {
			t.Errorf("exit code %d\n%s", code, said)
		}
	}
}

func TestWhatIsLiveEndsWithCtrlC(t *testing.T) {
	_, said, done, stop := running(t, nil, "demo", "--listen", "127.0.0.1:0", "--data", t.TempDir())
	defer stop()
	if !said.await(done, shown) {
		t.Fatalf("the demo said\n%s", said)
	}
	environ := exports(t, said.String())
	if code := run(t.Context(), []string{"stream", "create", "empty"}, console{out: io.Discard, err: io.Discard, environ: environ}); code != exitOK {
		t.Fatalf("exit code %d", code)
	}
	for _, tc := range []struct{ args, want string }{
		{"pull demo --container json", `"kind":"fragment"`},
		{"pull demo --container json --follow --from earliest", `"kind":"fragment"`},
		{"pull empty --follow", ""},
		{"frames demo", ` key `},
		{"frames demo --follow --from earliest", ` key `},
		{"watch --every 100ms --json", `"state":"live"`},
		{"watch --every 100ms --plain", `demo  live  [1-9]`},
	} {
		out, talk, ended, end := running(t, environ, strings.Fields(tc.args)...)
		if tc.want != "" && !out.await(ended, tc.want) {
			t.Errorf("%s wrote\n%s\n%s", tc.args, out, talk)
		}
		if code := end(); code != exitOK || strings.Contains(out.String(), "\x1b") {
			t.Errorf("%s: exit code %d, %s", tc.args, code, talk)
		}
	}
}

func TestAPushIsEndedInOrder(t *testing.T) {
	_, said, done, stop := running(t, nil, "demo", "--listen", "127.0.0.1:0", "--data", t.TempDir())
	defer stop()
	if !said.await(done, shown) {
		t.Fatalf("the demo said\n%s", said)
	}
	clip := filepath.Join(t.TempDir(), "clip.mkv")
	if err := os.WriteFile(clip, demo.Clip(), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, more := range [][]string{{"--loop"}, nil} {
		out, talk, pushed, end := running(t, exports(t, said.String()), append([]string{"push", "door", clip, "--realtime"}, more...)...)
		if !talk.await(pushed, "persisted") {
			t.Fatalf("push said\n%s", talk)
		}
		want := exitOK // a loop has no other end
		if more == nil {
			want = exitInterrupted
		}
		if code := end(); code != want || !strings.Contains(out.String(), "fragments are safe") || strings.Contains(out.String(), "given up") {
			t.Errorf("%v: exit code %d\n%s%s", more, code, out, talk)
		}
	}
}
