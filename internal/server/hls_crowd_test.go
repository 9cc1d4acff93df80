//go:build unix

package server_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/millrace/millrace/internal/server"
)

// viewers is how many watch one stream.
const viewers = 200

// cpuUsed is what the process has used up so far.
func cpuUsed(t testing.TB) time.Duration {
	t.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// TestASegmentIsPackagedOnceForAllViewers: two hundred, each with a session of their
// own, and two hundred more who share one.
func TestASegmentIsPackagedOnceForAllViewers(t *testing.T) {
	var packaged atomic.Int64
	o := server.Options{}
	server.OnPackaged(&o, func(int64) { packaged.Add(1) })
	s := newStudio(t, o, nil)
	s.film(5)
	var addresses []string
	for range viewers {
		addresses = append(addresses, s.playlist(s.session("cam", nil)).variants[0])
	}
	shared := s.playlist(s.session("cam", nil)).variants[0]
	for range viewers {
		addresses = append(addresses, shared)
	}
	transport := &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: 2 * viewers}
	defer transport.CloseIdleConnections()
	crowd := *s.rig
	crowd.client = &http.Client{Transport: transport}
	began, used := time.Now(), cpuUsed(t)
	loaded, failed := atomic.Int64{}, atomic.Int64{}
	for second := range 4 {
		if second > 0 {
			s.film(1)
		}
		var watching sync.WaitGroup
		for _, address := range addresses {
			watching.Go(func() {
				text, err := crowd.tryPlay(t.Context(), http.MethodGet, address, nil)
				if err != nil || text.status != http.StatusOK {
					failed.Add(1)
					return
				}
				p := s.read(address, text.body)
				segments := p.segments
				if second > 0 {
					segments = segments[len(segments)-1:]
				}
				for _, seg := range segments {
					got, err := crowd.tryPlay(t.Context(), http.MethodGet, seg.address, nil)
					if err != nil || got.status != http.StatusOK || !strings.HasPrefix(got.body[4:], "styp") {
						failed.Add(1)
						return
					}
					loaded.Add(1)
				}
			})
		}
		watching.Wait()
	}
	if failed.Load() > 0 || loaded.Load() != 8*2*viewers {
		t.Errorf("%d segments were loaded, %d viewers failed", loaded.Load(), failed.Load())
	}
	if packaged.Load() != 8 {
		t.Errorf("8 fragments were packaged %d times", packaged.Load())
	}
	t.Logf("%d segments and %d playlists for %d viewers: %v of CPU with the clients', in %v", loaded.Load(), 4*2*viewers, 2*viewers, cpuUsed(t)-used, time.Since(began))
}

// A viewer who goes away while a segment is made, or who takes nothing of it, keeps
// no other waiting.
func TestASlowViewerHoldsUpNobody(t *testing.T) {
	s := newStudio(t, server.Options{WriteTimeout: 2 * time.Second}, nil)
	s.film(4)
	_, p := s.mediaOf(s.session("cam", nil))
	address := p.segments[1].address
	var slow sync.WaitGroup
	defer slow.Wait()
	for i := range 20 {
		ctx, cancel := context.WithCancel(t.Context())
		slow.Go(func() {
			if _, err := s.tryPlay(ctx, http.MethodGet, fmt.Sprint(address, "&viewer=", i), nil); err != nil && ctx.Err() == nil {
				t.Error(err)
			}
		})
		cancel()
	}
	for range 20 {
		s.load(address)
	}
}

// A viewer who takes nothing of a segment is cut off, and the rest go on.
func TestAViewerWhoTakesNothingIsCutOff(t *testing.T) {
	s := newStudio(t, server.Options{WriteTimeout: 300 * time.Millisecond}, nil)
	const size = 24 << 20 // more than a connection holds
	picture := string([]byte{size >> 24, size >> 16 & 0xff, size >> 8 & 0xff, size & 0xff, 0x65}) + strings.Repeat("x", size-1)
	s.clusters = [][]byte{cluster(0, block(1, 0, picture)), s.clusters[0]}
	s.film(2)
	_, p := s.mediaOf(s.session("cam", nil))
	conn, err := net.Dial("tcp", s.address())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_, path, _ := strings.Cut(p.segments[0].address, s.address())
	if _, err := fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: %s\r\n\r\n", path, s.address()); err != nil {
		t.Fatal(err)
	}
	s.load(p.segments[1].address)
	for s.sentToPlayers() < 1<<20 { // until the answer has ended, of which the system had taken a part
	}
	if n, err := io.Copy(io.Discard, conn); n >= size {
		t.Errorf("the viewer got %d bytes, %v", n, err)
	}
}

// sentToPlayers is how many bytes of segments have gone out in answers that ended.
func (s *studio) sentToPlayers() int {
	s.t.Helper()
	_, rest, _ := strings.Cut(s.metrics(), `millrace_get_mp4_media_fragment_outgoing_bytes_total{stream_name="cam"} `)
	line, _, _ := strings.Cut(rest, "\n")
	n, _ := strconv.ParseFloat(line, 64) // nothing at first
	return int(n)
}
