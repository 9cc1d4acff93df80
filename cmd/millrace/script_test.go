package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"go.uber.org/goleak"

	"github.com/millrace/millrace/internal/config"
	"github.com/millrace/millrace/internal/demo"
	"github.com/millrace/millrace/internal/server"
	"github.com/millrace/millrace/mkv"
	"github.com/millrace/millrace/producer/spool"
)

func TestMain(m *testing.M) {
	testscript.Main(leakless{m}, map[string]func(){"millrace": main})
}

// leakless looks for goroutines that outlive the tests.
type leakless struct{ m *testing.M }

func (l leakless) Run() int {
	code := l.m.Run()
	if err := goleak.Find(goleak.IgnoreTopFunction("net/http.(*persistConn).readLoop"), goleak.IgnoreTopFunction("net/http.(*persistConn).writeLoop")); err != nil && code == 0 {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return code
}

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		Setup: func(e *testscript.Env) error {
			e.Setenv("HOME", e.WorkDir)
			e.Setenv("TZ", "UTC")
			return nil
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"serve":    serve,
			"keep":     keep,
			"use":      use,
			"ahead":    ahead,
			"clip":     clip,
			"cut":      cut,
			"found":    found,
			"document": document,
			"lines":    lines,
			"other":    other,
			"flip":     flip,
			"holds":    holds,
			"gapless":  gapless,
			"mode":     mode,
			"plain":    scheme("https://", "http://"),
			"secure":   scheme("http://", "https://"),
		},
	})
}

// serve [flag value]... starts a server, and points the environment at it.
func serve(ts *testscript.TestScript, _ bool, args []string) {
	srv, cfg := begin(ts, args, server.Options{})
	ts.Defer(func() { ts.Check(srv.Close()) })
	ts.Setenv("AWS_ENDPOINT_URL", srv.URL())
	ts.Setenv("AWS_ACCESS_KEY_ID", cfg.AccessKeyID)
	ts.Setenv("AWS_SECRET_ACCESS_KEY", cfg.SecretAccessKey)
}

// keep NAME writes down the credentials that the last command printed.
func keep(ts *testscript.TestScript, _ bool, args []string) {
	ts.Check(os.WriteFile(ts.MkAbs(args[0]+".key"), []byte(ts.ReadFile("stdout")), 0o600))
}

// use NAME makes the credentials that were kept those of the next commands; root
// is the server's.
func use(ts *testscript.TestScript, _ bool, args []string) {
	v := struct{ AccessKeyID, SecretAccessKey, SessionToken string }{"AKIDSCRIPT", "script-secret", ""}
	if args[0] != "root" {
		v.AccessKeyID, v.SecretAccessKey = "", ""
		ts.Check(json.Unmarshal([]byte(ts.ReadFile(args[0]+".key")), &v))
	}
	ts.Setenv("AWS_ACCESS_KEY_ID", v.AccessKeyID)
	ts.Setenv("AWS_SECRET_ACCESS_KEY", v.SecretAccessKey)
	ts.Setenv("AWS_SESSION_TOKEN", v.SessionToken)
}

// mode MODE FILE checks who may do what with a file.
func mode(ts *testscript.TestScript, _ bool, args []string) {
	info, err := os.Stat(ts.MkAbs(args[1]))
	ts.Check(err)
	if got := fmt.Sprintf("%04o", info.Mode().Perm()); got != args[0] {
		ts.Fatalf("mode of %s is %s", args[1], got)
	}
}

// scheme makes a command that points the environment at the same server by
// another scheme.
func scheme(from, to string) func(*testscript.TestScript, bool, []string) {
	return func(ts *testscript.TestScript, _ bool, _ []string) {
		ts.Setenv("AWS_ENDPOINT_URL", strings.Replace(ts.Getenv("AWS_ENDPOINT_URL"), from, to, 1))
	}
}

// ahead DURATION runs a server for a moment with a clock that is ahead by so much.
func ahead(ts *testscript.TestScript, _ bool, args []string) {
	by, err := time.ParseDuration(args[0])
	ts.Check(err)
	srv, _ := begin(ts, nil, server.Options{Now: func() time.Time { return time.Now().Add(by) }})
	ts.Check(srv.Close())
}

func begin(ts *testscript.TestScript, args []string, o server.Options) (*server.Server, config.Server) {
	flags := map[string]string{
		"data": "data", "listen": "127.0.0.1:0", "shutdown-timeout": "2s",
		"access-key-id": "AKIDSCRIPT", "secret-access-key": "script-secret",
	}
	for i := 0; i+1 < len(args); i += 2 {
		flags[args[i]] = args[i+1]
	}
	flags["data"] = ts.MkAbs(flags["data"])
	cfg, err := config.Load(config.Sources{Flags: flags})
	ts.Check(err)
	ts.Check(os.MkdirAll(cfg.Data, 0o700))
	srv, err := server.Start(context.Background(), cfg, o)
	ts.Check(err)
	return srv, cfg
}

// clip FILE N writes the first N clusters of the demo's clip, a second each.
func clip(ts *testscript.TestScript, _ bool, args []string) {
	n, err := strconv.Atoi(args[1])
	ts.Check(err)
	all := demo.Clip()
	r := mkv.NewReader(bytes.NewReader(all), mkv.ReaderOptions{})
	for clusters := 0; ; {
		e, err := r.Next()
		ts.Check(err)
		if e.ID == mkv.IDCluster && e.Kind == mkv.Start {
			if clusters == n {
				ts.Check(os.WriteFile(ts.MkAbs(args[0]), all[:e.Offset], 0o600))
				return
			}
			clusters++
		}
	}
}

// document FILE HEADERS FRAMES checks how many of each a Matroska file has, and
// that the times of its clusters do not go back within a document.
func document(ts *testscript.TestScript, _ bool, args []string) {
	b := ts.ReadFile(args[0])
	headers, frames := 0, 0
	var last uint64
	for r := mkv.NewReader(bytes.NewReader([]byte(b)), mkv.ReaderOptions{}); ; {
		e, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		ts.Check(err)
		switch e.ID {
		case mkv.IDEBML:
			headers, last = headers+1, 0
		case mkv.IDSimpleBlock:
			frames++
		case mkv.IDTimecode:
			at, err := mkv.ParseUint(e.Data())
			ts.Check(err)
			if at < last {
				ts.Fatalf("cluster at %d after %d", at, last)
			}
			last = at
		}
	}
	if got := fmt.Sprint(headers, frames); got != args[1]+" "+args[2] {
		ts.Fatalf("headers and frames: %s, want %s %s", got, args[1], args[2])
	}
}

// lines FILE N KIND checks how many lines of JSON of a kind there are.
func lines(ts *testscript.TestScript, _ bool, args []string) {
	n := 0
	for line := range bytes.Lines([]byte(ts.ReadFile(args[0]))) {
		var v struct{ Kind string }
		ts.Check(json.Unmarshal(line, &v))
		if v.Kind == args[2] {
			n++
		}
	}
	if strconv.Itoa(n) != args[1] {
		ts.Fatalf("%d lines of kind %s, want %s", n, args[2], args[1])
	}
}

// other FILE writes a Matroska file with another track and one frame.
func other(ts *testscript.TestScript, _ bool, args []string) {
	b := mkv.AppendUnknownSize(mkv.AppendID(mkv.AppendEBML(nil, mkv.EBML{}), mkv.IDSegment), 0)
	b = mkv.AppendTracks(mkv.AppendInfo(b, mkv.Info{}), []mkv.Track{{Number: 1, UID: 9, Type: mkv.TrackVideo, CodecID: "V_OTHER"}})
	b = mkv.AppendUint(mkv.AppendUnknownSize(mkv.AppendID(b, mkv.IDCluster), 0), mkv.IDTimecode, 0)
	b = append(mkv.AppendSimpleBlockHeader(b, 1, 0, mkv.FlagKeyframe, 1), 'x')
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), b, 0o600))
}

// holds DIR N waits until the spools below DIR have N fragments, of which the last
// may be open. It reads files that a process has open, as Salvage may.
func holds(ts *testscript.TestScript, _ bool, args []string) {
	want, err := strconv.Atoi(args[1])
	ts.Check(err)
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		files, err := filepath.Glob(ts.MkAbs(args[0]) + "/*/*.spool.mkv")
		ts.Check(err)
		have := 0
		for _, path := range files {
			b, err := os.ReadFile(path)
			if err != nil {
				continue // it has just gone
			}
			got, _ := spool.Salvage(io.Discard, bytes.NewReader(b), int64(len(b))) // an error: it has just been begun
			have += len(got.Fragments)
		}
		if have >= want {
			return
		}
	}
	ts.Fatalf("there are not %d fragments", want)
}

// gapless FILE DURATION N checks that a list of fragments as JSON has at least N,
// each so long behind the one before, and none twice.
func gapless(ts *testscript.TestScript, _ bool, args []string) {
	step, err := time.ParseDuration(args[1])
	ts.Check(err)
	least, err := strconv.Atoi(args[2])
	ts.Check(err)
	var times []time.Time
	for line := range bytes.Lines([]byte(ts.ReadFile(args[0]))) {
		var v struct{ ProducerTime time.Time }
		ts.Check(json.Unmarshal(line, &v))
		times = append(times, v.ProducerTime)
	}
	if len(times) < least {
		ts.Fatalf("only %d fragments", len(times))
	}
	slices.SortFunc(times, time.Time.Compare)
	for i, at := range times[1:] {
		if d := at.Sub(times[i]); d < step-10*time.Millisecond || d > step+10*time.Millisecond {
			ts.Fatalf("a fragment at %v is %v behind the one before", at, d)
		}
	}
}

// flip PATTERN OFFSET changes a bit of the byte there in the one file that the
// pattern names.
func flip(ts *testscript.TestScript, _ bool, args []string) {
	files, err := filepath.Glob(ts.MkAbs(args[0]))
	ts.Check(err)
	at, err := strconv.Atoi(args[1])
	ts.Check(err)
	if len(files) != 1 {
		ts.Fatalf("%s names %v", args[0], files)
	}
	b, err := os.ReadFile(files[0])
	ts.Check(err)
	b[at] ^= 1
	ts.Check(os.WriteFile(files[0], b, 0o600))
}

// cut FILE OUT N writes the first N bytes of a file.
func cut(ts *testscript.TestScript, _ bool, args []string) {
	n, err := strconv.Atoi(args[2])
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), []byte(ts.ReadFile(args[0])[:n]), 0o600))
}

// found DIR SUFFIX OUT copies the file below a directory whose name ends so.
func found(ts *testscript.TestScript, _ bool, args []string) {
	copied := 0
	ts.Check(filepath.WalkDir(ts.MkAbs(args[0]), func(path string, d fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, args[1]) {
			return err
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		copied++
		return os.WriteFile(ts.MkAbs(args[2]), b, 0o600)
	}))
	if copied != 1 {
		ts.Fatalf("%d files end in %s", copied, args[1])
	}
}
