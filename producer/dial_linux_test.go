package producer

import (
	"errors"
	"net"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/millrace/millrace/producer/producertest"
)

// option asks the system for a socket's option.
func option(t *testing.T, conn net.Conn, level, name int) int {
	t.Helper()
	tcp, ok := conn.(*net.TCPConn)
	if !ok {
		t.Fatalf("the connection is a %T", conn)
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	var value int
	var failed error
	if err := raw.Control(func(fd uintptr) { value, failed = syscall.GetsockoptInt(int(fd), level, name) }); err != nil || failed != nil {
		t.Fatal(err, failed)
	}
	return value
}

func TestConnectionsAreMadeForMedia(t *testing.T) {
	server := producertest.Start(t, producertest.Config{})
	proxy := (&connectProxy{target: server.Address(producertest.Data)}).start(t)
	for name, dial := range map[string]dialFunc{
		"a connection":    dialWith(nil, nil),
		"through a proxy": behind(t, nil, "http://"+proxy.address),
	} {
		conn, err := dial(t.Context(), parseURL(t, server.DataEndpoint()))
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		for _, o := range []struct {
			name     string
			level, n int
			want     int
		}{
			{"bytes not sent", syscall.IPPROTO_TCP, notsentLowat, maxUnsent},
			{"no delay", syscall.IPPROTO_TCP, syscall.TCP_NODELAY, 1},
			{"keep-alive", syscall.SOL_SOCKET, syscall.SO_KEEPALIVE, 1},
			{"keep-alive idle", syscall.IPPROTO_TCP, syscall.TCP_KEEPIDLE, int(probeIdle / time.Second)},
			{"keep-alive interval", syscall.IPPROTO_TCP, syscall.TCP_KEEPINTVL, int(probeInterval / time.Second)},
			{"keep-alive count", syscall.IPPROTO_TCP, syscall.TCP_KEEPCNT, probesTillGone},
		} {
			if got := option(t, conn, o.level, o.n); got != o.want {
				t.Errorf("%s: %s is %d, not %d", name, o.name, got, o.want)
			}
		}
	}
}

// swallowed is how many bytes a connection takes to a peer that reads nothing.
func swallowed(t *testing.T, dial dialFunc) int {
	t.Helper()
	listen := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error {
		return c.Control(func(fd uintptr) { _ = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF, 4<<10) })
	}}
	l, err := listen.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	conn, err := dial(t.Context(), parseURL(t, "http://"+l.Addr().String()))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	piece := make([]byte, 16<<10)
	for n := 0; ; {
		_ = conn.SetWriteDeadline(time.Now().Add(200 * time.Millisecond))
		more, err := conn.Write(piece)
		if n += more; errors.Is(err, os.ErrDeadlineExceeded) {
			return n
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// What is old does not wait in the kernel, where it can be neither given up nor
// overtaken.
func TestTheSystemHoldsLittleBack(t *testing.T) {
	const way = 64 << 10 // what the peer's window and the way may hold
	held := swallowed(t, dialWith(nil, nil))
	others := swallowed(t, dialWith((&net.Dialer{}).DialContext, nil))
	t.Logf("%d bytes held, %d without the bound", held, others)
	if held > maxUnsent+way {
		t.Errorf("%d bytes were taken", held)
	}
}
