//go:build interop

package postgres

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib"
)

// A server is a PostgreSQL of our own.
type server struct {
	bin  string // directory of its programs
	dir  string // its data and its log
	port int
	as   *syscall.SysProcAttr // who it runs as

	process *exec.Cmd
	log     *os.File
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// programs finds the newest PostgreSQL.
func programs(t testing.TB) string {
	t.Helper()
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	must(t, err)
	if len(found) == 0 {
		path, err := exec.LookPath("initdb")
		if err != nil {
			t.Skip("there is no initdb; Debian has it in postgresql")
		}
		return filepath.Dir(path)
	}
	slices.SortFunc(found, func(a, b string) int { return len(a) - len(b) })
	return filepath.Dir(found[len(found)-1])
}

// unprivileged returns how to run as somebody who is not root.
func unprivileged(t testing.TB, dir string) *syscall.SysProcAttr {
	t.Helper()
	if os.Getuid() != 0 {
		return nil
	}
	who, err := user.Lookup("postgres")
	must(t, err)
	uid, err := strconv.Atoi(who.Uid)
	must(t, err)
	gid, err := strconv.Atoi(who.Gid)
	must(t, err)
	must(t, os.Chown(dir, uid, gid))
	return &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}
}

// startServer makes a cluster, and runs it until the test ends.
func startServer(t testing.TB) *server {
	t.Helper()
	// Not t.TempDir, within which others may not look.
	dir, err := os.MkdirTemp("", "millrace-postgres-")
	must(t, err)
	t.Cleanup(func() { must(t, os.RemoveAll(dir)) })
	s := &server{bin: programs(t), dir: dir, as: unprivileged(t, dir)}
	made := s.command("initdb", "--pgdata="+s.data(), "--username=millrace", "--auth=trust", "--encoding=UTF8",
		"--locale=C.UTF-8", "--locale-provider=icu", "--icu-locale=en")
	if out, err := made.CombinedOutput(); err != nil {
		t.Fatalf("initdb: %v\n%s", err, out)
	}
	free, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	s.port = free.Addr().(*net.TCPAddr).Port
	must(t, free.Close())
	s.start(t)
	t.Cleanup(func() { s.stop(t, syscall.SIGINT) })
	return s
}

func (s *server) data() string { return filepath.Join(s.dir, "data") }

func (s *server) command(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(filepath.Join(s.bin, name), args...)
	cmd.Dir, cmd.SysProcAttr = s.dir, s.as
	cmd.Env = append(os.Environ(), "LC_ALL=C.UTF-8")
	return cmd
}

// start waits until the server takes connections.
func (s *server) start(t testing.TB) {
	t.Helper()
	log, err := os.OpenFile(filepath.Join(s.dir, "log"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	must(t, err)
	s.log = log
	s.process = s.command("postgres", "-D", s.data(), "-k", s.dir, "-c", "listen_addresses=127.0.0.1", "-p", strconv.Itoa(s.port))
	s.process.Stdout, s.process.Stderr = log, log
	must(t, s.process.Start())
	db := s.open(t, "millrace")
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		err := db.Ping()
		if err == nil {
			break
		}
		if time.Now().After(end) {
			text, _ := os.ReadFile(log.Name())
			t.Fatalf("PostgreSQL does not start: %v\n%s", err, bytes.TrimSpace(text))
		}
	}
}

// stop ends the server: SIGINT in good order, SIGQUIT at once and without
// writing anything, as a crash does.
func (s *server) stop(t testing.TB, how syscall.Signal) {
	t.Helper()
	must(t, s.process.Process.Signal(how))
	var exit *exec.ExitError
	if err := s.process.Wait(); err != nil && !errors.As(err, &exit) {
		t.Error(err)
	}
	must(t, s.log.Close())
}

// open returns a handle of a user's own.
func (s *server) open(t testing.TB, user string) *sql.DB {
	t.Helper()
	db, err := sql.Open("pgx", fmt.Sprintf("postgres://%s@127.0.0.1:%d/postgres?sslmode=disable", user, s.port))
	must(t, err)
	t.Cleanup(func() { must(t, db.Close()) })
	return db
}

// A counter makes names of tables.
type counter struct {
	mu sync.Mutex
	n  int
}

func (c *counter) next() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.n++
	return fmt.Sprintf("positions_%d", c.n)
}

// background is the context of calls that nobody ends.
func background() context.Context { return context.Background() }
