package producertest_test

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/millrace/millrace/producer/producertest"
)

// A host of these tests answers a connection with these words; none is a refusal
// to connect.
type answers struct {
	mu    sync.Mutex
	words string
	took  time.Duration
	conns []net.Conn
}

func (a *answers) say(words string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.words = words
}

func (a *answers) dial(ctx context.Context, network, address string) (net.Conn, error) {
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-time.After(a.took):
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.words == "" {
		return nil, syscall.ECONNREFUSED
	}
	l := producertest.NewListener(address)
	defer l.Close()
	near, err := l.Dial(ctx, network, address)
	if err != nil {
		return nil, err
	}
	far, err := l.Accept()
	if err != nil {
		return nil, err
	}
	a.conns = append(a.conns, far)
	_, err = io.WriteString(far, a.words)
	return near, err
}

// knock connects and reads the answer.
func knock(ctx context.Context, w *producertest.Watch) net.Conn {
	conn, err := w.Dial(ctx, "tcp", "media.test:80")
	if err != nil {
		return nil
	}
	_, _ = io.ReadAtLeast(conn, make([]byte, 20), 12)
	return conn
}

func TestAWatchSeesStorms(t *testing.T) {
	const ok, busy = "HTTP/1.1 200 OK\r\n\r\n", "HTTP/1.1 503 Busy\r\n\r\n"
	for name, tc := range map[string]struct {
		play func(t *testing.T, w *producertest.Watch, a *answers)
		want string // part of what is found; empty: nothing
	}{
		"a crowd at a host that is there": {func(t *testing.T, w *producertest.Watch, a *answers) {
			a.say(ok)
			for range 50 {
				defer knock(t.Context(), w).Close()
			}
		}, ""},
		"patience": {func(t *testing.T, w *producertest.Watch, a *answers) {
			for range 50 {
				knock(t.Context(), w)
				time.Sleep(15 * time.Second)
			}
			a.say(ok)
			knock(t.Context(), w).Close()
			knock(t.Context(), w).Close()
		}, ""},
		"attempts that were under way": {func(t *testing.T, w *producertest.Watch, a *answers) {
			a.took = time.Second
			var all sync.WaitGroup
			for range 5 {
				all.Go(func() { knock(t.Context(), w) })
			}
			all.Wait()
		}, ""},
		"haste": {func(t *testing.T, w *producertest.Watch, a *answers) {
			for range 3 {
				knock(t.Context(), w)
				time.Sleep(50 * time.Millisecond)
			}
		}, "a probe 50ms behind a failure"},
		"two at once": {func(t *testing.T, w *producertest.Watch, a *answers) {
			knock(t.Context(), w)
			time.Sleep(time.Second)
			a.say("HTTP/1.")
			for range 2 {
				conn, err := w.Dial(t.Context(), "tcp", "media.test:80")
				if err != nil {
					t.Fatal(err)
				}
				defer conn.Close()
			}
		}, "2 probes at once"},
		"two at once, at different hosts": {func(t *testing.T, w *producertest.Watch, a *answers) {
			for _, address := range []string{"a.test:80", "b.test:80"} {
				_, _ = w.Dial(t.Context(), "tcp", address)
			}
			time.Sleep(time.Second)
			a.say("HTTP/1.")
			for _, address := range []string{"a.test:80", "b.test:80"} {
				conn, err := w.Dial(t.Context(), "tcp", address)
				if err != nil {
					t.Fatal(err)
				}
				defer conn.Close()
			}
		}, ""},
		"no end of it": {func(t *testing.T, w *producertest.Watch, a *answers) {
			for range 100 {
				knock(t.Context(), w)
				time.Sleep(time.Second)
			}
		}, "99 probes in "},
		"at a host that is busy": {func(t *testing.T, w *producertest.Watch, a *answers) {
			a.say(busy)
			for range 3 {
				knock(t.Context(), w).Close()
				time.Sleep(time.Millisecond)
			}
		}, "a probe 1ms behind a failure"},
		"after connections broke": {func(t *testing.T, w *producertest.Watch, a *answers) {
			a.say(ok)
			first, second := knock(t.Context(), w), knock(t.Context(), w)
			_, _ = first.Write([]byte("x"))
			a.conns[0].Close() // with that unread, which is a reset
			_, _ = first.Read(make([]byte, 1))
			second.Close()
			a.say(busy)
			for range 2 {
				time.Sleep(time.Millisecond)
				knock(t.Context(), w).Close()
			}
		}, "a probe 1ms behind a failure"},
		"who gives up and comes again": {func(t *testing.T, w *producertest.Watch, a *answers) {
			knock(t.Context(), w)
			time.Sleep(time.Second)
			a.took = time.Minute
			ctx, cancel := context.WithCancel(t.Context())
			time.AfterFunc(time.Second, cancel)
			knock(ctx, w)
			a.took = 0
			knock(t.Context(), w)
		}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var a answers
				w := producertest.NewWatch(a.dial, 0)
				defer func() {
					for _, c := range a.conns {
						c.Close()
					}
				}()
				tc.play(t, w, &a)
				err := w.Err()
				if tc.want == "" && err != nil || tc.want != "" && (!errors.Is(err, producertest.ErrStorm) || !strings.Contains(err.Error(), tc.want)) {
					t.Errorf("found %v, want %q", err, tc.want)
				}
			})
		})
	}
}
