package server_test

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/millrace/millrace/internal/config"
	"github.com/millrace/millrace/internal/server"
	"github.com/millrace/millrace/mkv"
)

// What a witness must be granted on a busy machine under the race detector.
const (
	typicalDelay = 500 * time.Millisecond
	worstDelay   = 5 * time.Second
)

// impatient are a server's bounds, shortened.
func impatient() server.Options {
	return server.Options{HeaderTimeout: 2 * time.Second, WriteTimeout: time.Second}
}

// besiege runs an attack on a server beside a witness, and checks that all that
// it took is given back.
func besiege(t *testing.T, change func(*config.Server), attack func(*testing.T, *rig)) {
	before := takeCensus()
	t.Run("attack", func(t *testing.T) {
		r := startWith(t, impatient(), change)
		r.create("victim", 24)
		r.create("witness", 24)
		w := r.testify("witness")
		attack(t, r)
		w.verdict(typicalDelay, worstDelay)
		r.client.CloseIdleConnections()
	})
	wantReturned(t, before, 16<<20)
}

func TestRandomBodies(t *testing.T) {
	valid := slices.Concat(
		header(1, 2), userTags("a", "b"), cluster(1000, block(1, 0, "one"), block(2, 0, "two")), userTags("c", "d"),
		cluster(2000, block(1, 0, strings.Repeat("x", 300)), block(2, 7, "y")), endOfFragment(), userTags("e", "f"),
		cluster(3000, block(1, 0, "z"), block(2, 0, "z")),
	)
	besiege(t, nil, func(t *testing.T, r *rig) {
		var work sync.WaitGroup
		seeds := make(chan uint64)
		for range 4 {
			work.Go(func() {
				for seed := range seeds {
					r.sendRandom(t, seed, valid)
				}
			})
		}
		for seed := range uint64(300) {
			seeds <- seed
		}
		close(seeds)
		work.Wait()
		// What was kept of it can be read.
		g := r.get("victim", map[string]any{"StartSelectorType": "EARLIEST"})
		kept := 0
		for d, err := g.next(); ; d, err = g.next() {
			if err != nil {
				t.Fatalf("behind %d fragments: %v", kept, err)
			}
			if kept++; d.tags["last"] != "" {
				break
			}
		}
		t.Logf("%d fragments were kept", kept)
	})
}

// sendRandom makes one call with bytes that nobody has thought about. The last
// one of all says that it is.
func (r *rig) sendRandom(t *testing.T, seed uint64, valid []byte) {
	body := mangle(rand.New(rand.NewPCG(seed, 1)), valid)
	if seed == 299 {
		body = slices.Concat(header(1), userTags("last", "one"), cluster(0, oneBlock()))
		time.Sleep(time.Second)
	}
	p, err := r.tryPut(r.putHead("victim", nil))
	if err != nil || p.status != http.StatusOK {
		t.Errorf("seed %d: %v, %v", seed, err, p)
		return
	}
	defer p.close()
	_ = p.send(body, 0) // the session may be over before
	p.end()
	acks := p.rest()
	if p.failed != nil {
		t.Errorf("seed %d: the answer ended with %v", seed, p.failed)
	}
	for i, a := range acks {
		if a.EventType == "ERROR" && i != len(acks)-1 {
			t.Errorf("seed %d: an ERROR in the middle of %v", seed, acks)
		}
	}
}

// mangle makes random bytes, or changes a valid body at random.
func mangle(rnd *rand.Rand, valid []byte) []byte {
	if rnd.IntN(3) == 0 {
		b := make([]byte, rnd.IntN(4000))
		for i := range b {
			b[i] = byte(rnd.Uint32())
		}
		return b
	}
	b := bytes.Clone(valid)
	for range 1 + rnd.IntN(4) {
		at := rnd.IntN(len(b))
		switch rnd.IntN(4) {
		case 0:
			b[at] = byte(rnd.Uint32())
		case 1:
			b[at] ^= 1 << rnd.IntN(8)
		case 2:
			b = append(b[:at], b[min(at+1+rnd.IntN(20), len(b)):]...)
		case 3:
			b = slices.Insert(b, at, b[at:min(at+rnd.IntN(60), len(b))]...)
		}
		if len(b) == 0 {
			return b
		}
	}
	return b
}

func TestRandomRequests(t *testing.T) {
	besiege(t, nil, func(t *testing.T, r *rig) {
		valid := []byte(r.putHead("victim", nil))
		for seed := range uint64(300) {
			conn := r.say(string(mangle(rand.New(rand.NewPCG(seed, 2)), valid)))
			_ = conn.(*net.TCPConn).CloseWrite()
			wantClosed(t, fmt.Sprint("seed ", seed), conn, 10*time.Second)
			conn.Close()
		}
	})
}

// Elements that are legal and odd, or that declare more than they have.
func TestOddElements(t *testing.T) {
	nested := []byte{}
	for range 2000 {
		nested = mkv.AppendBytes(nil, mkv.IDSimpleTag, nested)
	}
	deep := mkv.AppendBytes(nil, mkv.IDTags, mkv.AppendBytes(nil, mkv.IDTag, nested))
	void := mkv.AppendBytes(nil, mkv.IDVoid, nil)
	empty := block(1, 0, "")
	for name, tc := range map[string]struct {
		body []byte
		want string // the last ack, after the body's end
	}{
		"tags in tags in tags":           {slices.Concat(header(1), deep, cluster(1, oneBlock())), "PERSISTED 1"},
		"a million elements of nothing":  {slices.Concat(header(1), bytes.Repeat(void, 1_000_000), cluster(1, oneBlock())), "PERSISTED 1"},
		"a million of them in a Cluster": {slices.Concat(header(1), cluster(1, bytes.Repeat(void, 1_000_000), oneBlock())), "PERSISTED 1"},
		"a million blocks of nothing":    {slices.Concat(header(1), cluster(1, bytes.Repeat(empty, 1_000_000))), "ERROR 1 4001 MAX_FRAGMENT_SIZE_REACHED"},
		"a million tags of nothing":      {slices.Concat(header(1), mkv.AppendBytes(nil, mkv.IDTags, bytes.Repeat([]byte{0x73, 0x73, 0x80}, 1_000_000))), "ERROR 4006 INVALID_MKV_DATA"},
		"a header of voids":              {slices.Concat(header(), bytes.Repeat(mkv.AppendBytes(nil, mkv.IDVoid, make([]byte, 1<<20)), 5)), "ERROR 4006 INVALID_MKV_DATA"},
		"a size in eight bytes":          {slices.Concat(header(1), cluster(1, []byte("\xa3\x01\x00\x00\x00\x00\x00\x00\x05\x81\x00\x00\x80x"))), "PERSISTED 1"},
		"an id of all ones":              {slices.Concat(header(1), []byte{0xff, 0x81, 0}), "ERROR 4006 INVALID_MKV_DATA"},
		"a Segment in a Segment":         {slices.Concat(header(1), cluster(1, oneBlock()), []byte("\x18\x53\x80\x67\xff")), "ERROR 4006 INVALID_MKV_DATA"},
		"a thousand fragments":           {slices.Concat(header(1), bytes.Repeat(cluster(1, oneBlock()), 1000)), "PERSISTED 1"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := start(t, nil, nil)
			r.create("cam", 24)
			p := r.put("cam", nil)
			_ = p.send(tc.body, 0) // the session may be over before
			p.end()
			acks := p.rest()
			if p.failed != nil || len(acks) == 0 || acks[len(acks)-1].String() != tc.want {
				t.Errorf("%d acks, the last %v, %v, want %s", len(acks), acks[max(len(acks)-1, 0):], p.failed, tc.want)
			}
		})
	}
}

// silences are ways to open a connection and say no more, and how many of each
// there are.
const silences = 500

func TestTwoThousandSilentConnections(t *testing.T) {
	half := slices.Concat(header(1), cluster(1, oneBlock()), mkv.AppendSimpleBlockHeader(nil, 1, 1, 0, 49_000_000))
	besiege(t, func(c *config.Server) {
		c.MaxSessions, c.IdleTimeout = 4*silences, 4*time.Second
	}, func(t *testing.T, r *rig) {
		before := takeCensus()
		conns := make([]net.Conn, 4*silences)
		head := r.putHead("victim", nil)
		var work sync.WaitGroup
		for kind, open := range []func() net.Conn{
			func() net.Conn { return r.say("POST /put") },
			func() net.Conn { return r.begun(head, nil) },
			func() net.Conn { return r.begun(head, header(1)[:30]) },
			func() net.Conn { return r.begun(head, half) },
		} {
			work.Go(func() {
				for i := range silences {
					conns[kind*silences+i] = open()
				}
			})
		}
		work.Wait()
		during := takeCensus()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		each := (during.heap - before.heap) / int64(len(conns))
		t.Logf("%d connections: %d bytes of heap and %.1f goroutines each, stacks of all goroutines %d bytes", len(conns),
			each, float64(during.goroutines-before.goroutines)/float64(len(conns)), m.StackInuse)
		if each > 100<<10 {
			t.Errorf("each silent connection costs %d bytes", each)
		}
		for i, conn := range conns {
			wantClosed(t, fmt.Sprint("connection ", i), conn, 20*time.Second)
			conn.Close()
		}
	})
}

func TestProducersThatReadNoAcks(t *testing.T) {
	besiege(t, func(c *config.Server) { c.MaxSessions = 100 }, func(t *testing.T, r *rig) {
		var conns []net.Conn
		var work sync.WaitGroup
		for range 5 {
			conn := r.begun(r.putHead("victim", nil), header(1))
			conns = append(conns, conn)
			work.Go(func() { pump(conn) })
		}
		work.Wait() // they cannot send for ever
		for _, conn := range conns {
			wantClosed(t, "a producer that reads no acks", conn, 10*time.Second)
			conn.Close()
		}
	})
}

func TestHeadsThatDoNotEnd(t *testing.T) {
	besiege(t, nil, func(t *testing.T, r *rig) {
		var work sync.WaitGroup
		for i := range 50 {
			work.Go(func() {
				if i%2 == 0 {
					r.flood(t)
				} else {
					r.trickle(t)
				}
			})
		}
		work.Wait()
	})
}

// flood sends a megabyte of request head.
func (r *rig) flood(t *testing.T) {
	conn := r.say("POST /putMedia HTTP/1.1\r\nHost: x\r\n")
	defer conn.Close()
	var sent int
	for line := "X-Long: " + strings.Repeat("x", 1000) + "\r\n"; sent < 1<<20; sent += len(line) {
		if _, err := io.WriteString(conn, line); err != nil {
			break
		}
	}
	_ = conn.SetReadDeadline(time.Now().Add(10 * time.Second))
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	switch {
	case err == nil && resp.StatusCode != http.StatusRequestHeaderFieldsTooLarge:
		t.Errorf("status %d", resp.StatusCode)
	case errors.Is(err, os.ErrDeadlineExceeded):
		t.Errorf("a head of %d bytes was read in silence", sent)
	}
}

// trickle sends a head byte by byte, without end.
func (r *rig) trickle(t *testing.T) {
	conn := r.say("POST /putMedia HTTP/1.1\r\nX-Slow: ")
	defer conn.Close()
	for began := time.Now(); ; time.Sleep(100 * time.Millisecond) {
		if _, err := io.WriteString(conn, "x"); err != nil {
			return
		}
		if time.Since(began) > 10*time.Second {
			t.Error("a head was read for 10 s")
			return
		}
	}
}

// Readers that read nothing, from the store and from the live edge of the
// witness's own stream. Each holds another fragment in memory, more together
// than there is memory for.
func TestReadersThatReadNothing(t *testing.T) {
	const readers = 12 // of each kind
	besiege(t, func(c *config.Server) { c.Memory = 16 << 20 }, func(t *testing.T, r *rig) {
		p := r.put("witness", nil)
		frame := block(1, 0, strings.Repeat("x", 100_000))
		large := slices.Concat(cluster(0, slices.Repeat([][]byte{frame}, 80)...), endOfFragment())
		p.mustSend(header(1))
		before := takeCensus()
		var conns []net.Conn
		var heap int64
		for range readers {
			conns = append(conns, r.deafReader("witness", map[string]any{"StartSelectorType": "NOW"}))
			p.mustSend(large)
			p.without("PERSISTED", "BUFFERING 0", "RECEIVED 0")
			conns = append(conns, r.deafReader("witness", earliest()))
			heap = max(heap, takeCensus().heap-before.heap)
		}
		t.Logf("%d bytes of heap for each of %d readers that read nothing", heap/int64(len(conns)), len(conns))
		if each := heap / int64(len(conns)); each > 2<<20 {
			t.Errorf("each reader that reads nothing costs %d bytes", each)
		}
		p.end()
		p.rest()
		time.Sleep(2 * time.Second) // the server gives up before anybody reads
		for i, conn := range conns {
			wantClosed(t, fmt.Sprint("reader ", i), conn, 10*time.Second)
			conn.Close()
		}
	})
}

func TestTwoHundredReadersOfOneStream(t *testing.T) {
	const readers = 200
	before := takeCensus()
	t.Run("readers", func(t *testing.T) {
		r := start(t, nil, nil)
		r.create("cam", 24)
		var work sync.WaitGroup
		counts := make([]int, readers)
		for i := range readers {
			g := r.get("cam", map[string]any{"StartSelectorType": "NOW"})
			work.Go(func() {
				for {
					e, err := g.reader.Next()
					if err != nil || bytes.HasSuffix(e.Raw, []byte("the end")) {
						return
					}
					if e.ID == mkv.IDSimpleBlock {
						counts[i]++
					}
				}
			})
		}
		w := r.testify("cam")
		time.Sleep(2 * time.Second)
		w.verdict(typicalDelay, worstDelay)
		p := r.put("cam", nil)
		p.mustSend(slices.Concat(header(1), cluster(0, block(1, 0, "the end")), endOfFragment()))
		p.end()
		p.rest()
		work.Wait()
		for i, n := range counts {
			if n != w.sent {
				t.Errorf("reader %d has %d frames of %d", i, n, w.sent)
			}
		}
		r.client.CloseIdleConnections()
	})
	wantReturned(t, before, 16<<20)
}
