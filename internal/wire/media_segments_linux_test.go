package wire_test

import (
	"fmt"
	"net"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/millrace/millrace/internal/wire"
)

// segments is how many segments with data have arrived at the client's end.
func (k *call) segments(t *testing.T) uint32 {
	t.Helper()
	raw, err := k.Conn.(*net.TCPConn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	var info *unix.TCPInfo
	if cerr := raw.Control(func(fd uintptr) { info, err = unix.GetsockoptTCPInfo(int(fd), unix.IPPROTO_TCP, unix.TCP_INFO) }); cerr != nil || err != nil {
		t.Fatal(cerr, err)
	}
	return info.Data_segs_in
}

// Pieces that were written one by one would be segments of their own.
func TestAChunkIsOneSegment(t *testing.T) {
	k := open(t, false, chunkedHead, wire.HijackMedia)
	k.respond(t)
	k.readOnce(t)
	for i, size := range []int{1, 130, 1000, 16_000} {
		data := []byte(strings.Repeat("x", size))
		before := k.segments(t)
		if err := k.c.WriteChunk(data[:size/2], data[size/2:]); err != nil {
			t.Fatal(err)
		}
		if got, want := k.readOnce(t), fmt.Sprintf("%x\r\n%s\r\n", size, data); got != want {
			t.Errorf("chunk %d: read %d bytes, want %d", i, len(got), len(want))
		}
		if n := k.segments(t) - before; n != 1 {
			t.Errorf("chunk of %d bytes: %d segments", size, n)
		}
	}
}
