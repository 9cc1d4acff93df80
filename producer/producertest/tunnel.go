package producertest

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"time"
)

const (
	tunnelPiece = 4 << 10 // bytes that are moved at a time
	tunnelQueue = 64      // pieces under way in one direction
)

// The directions of a tunnel.
const (
	uplink = iota
	downlink
)

// A tunnel is one connection through a proxy.
type tunnel struct {
	proxy  *Proxy
	client net.Conn
	rand   [2]*rand.Rand // of each direction, for its jitter

	once sync.Once
	gone chan struct{}

	mu     sync.Mutex // guards what follows
	server net.Conn
	left   int64 // bytes until it is reset, while the weather is Resetting
}

// A piece is bytes on their way, and when they arrive. No bytes are the end.
type piece struct {
	bytes []byte
	due   time.Time
}

// resetConn resets a connection of either kind.
func resetConn(c net.Conn) {
	switch c := c.(type) {
	case *pipe:
		c.reset()
	case *net.TCPConn:
		_ = c.SetLinger(0) // fails only on a closed connection
	}
	_ = c.Close() // nothing is to be saved
}

// reset destroys both connections.
func (t *tunnel) reset() {
	t.once.Do(func() {
		close(t.gone)
		resetConn(t.client)
		t.mu.Lock()
		defer t.mu.Unlock()
		if t.server != nil {
			resetConn(t.server)
		}
	})
}

// run moves bytes until both directions have ended or the tunnel is reset.
func (t *tunnel) run(address string) {
	defer t.reset() // does nothing to bytes that have arrived
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var waiting sync.WaitGroup
	waiting.Go(func() {
		select {
		case <-t.gone:
			cancel()
		case <-ctx.Done():
		}
	})
	server, err := t.proxy.reach(ctx, address)
	cancel()
	waiting.Wait()
	if err != nil || !t.adopt(server) {
		return
	}
	var moving sync.WaitGroup
	moving.Go(func() { t.move(uplink, t.client, server) })
	moving.Go(func() { t.move(downlink, server, t.client) })
	moving.Wait()
	t.close()
}

// adopt takes the server's connection, unless the tunnel is gone.
func (t *tunnel) adopt(server net.Conn) bool {
	t.mu.Lock()
	t.server = server
	t.mu.Unlock()
	select {
	case <-t.gone:
		resetConn(server)
		return false
	default:
		return true
	}
}

// close ends a tunnel in good order.
func (t *tunnel) close() {
	t.once.Do(func() {
		close(t.gone)
		_ = t.client.Close() // both have ended what they had to say
		_ = t.server.Close()
	})
}

// move carries one direction to its end: one goroutine takes, another gives when
// it is time.
func (t *tunnel) move(direction int, from, to net.Conn) {
	way := make(chan piece, tunnelQueue)
	var taking sync.WaitGroup
	taking.Go(func() {
		defer close(way)
		t.takeIn(direction, from, way)
	})
	for p := range way {
		if !t.deliver(direction, p, to) {
			t.reset()
			for range way { // until what takes has noticed
				continue
			}
		}
	}
	taking.Wait()
}

func (t *tunnel) takeIn(direction int, from net.Conn, way chan<- piece) {
	var last time.Time
	for {
		b := make([]byte, tunnelPiece)
		n, err := from.Read(b)
		due := time.Now().Add(t.latency(direction))
		if due.Before(last) {
			due = last // the order is kept
		}
		last = due
		if n > 0 && !t.put(way, piece{b[:n], due}) {
			return
		}
		if err != nil {
			if errors.Is(err, io.EOF) {
				t.put(way, piece{due: due})
			} else {
				t.reset()
			}
			return
		}
	}
}

func (t *tunnel) put(way chan<- piece, p piece) bool {
	select {
	case way <- p:
		return true
	case <-t.gone:
		return false
	}
}

func (t *tunnel) latency(direction int) time.Duration {
	d := t.proxy.config.Latency
	if j := t.proxy.config.Jitter; j > 0 {
		d += time.Duration(t.rand[direction].Int64N(int64(j)))
	}
	return d
}

// deliver hands a piece over when it is due, the weather lets it and the bandwidth
// has room for it.
func (t *tunnel) deliver(direction int, p piece, to net.Conn) bool {
	if !t.sleep(time.Until(p.due)) || !t.passable(direction) {
		return false
	}
	if len(p.bytes) == 0 {
		if half, ok := to.(interface{ CloseWrite() error }); ok {
			_ = half.CloseWrite() // fails only where the connection is gone
		}
		return true
	}
	if t.spent(len(p.bytes)) {
		return false
	}
	if _, err := to.Write(p.bytes); err != nil {
		return false
	}
	if rate := t.proxy.config.Rate; rate > 0 {
		return t.sleep(time.Duration(len(p.bytes)) * time.Second / time.Duration(rate))
	}
	return true
}

func (t *tunnel) sleep(d time.Duration) bool {
	if d <= 0 {
		return true
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-t.gone:
		return false
	}
}

// passable waits until the weather lets bytes through in a direction.
func (t *tunnel) passable(direction int) bool {
	for {
		w, changed := t.proxy.now()
		if w != BlackHole && (w != NoUplink || direction != uplink) && (w != NoAnswers || direction != downlink) {
			return true
		}
		select {
		case <-changed:
		case <-t.gone:
			return false
		}
	}
}

// spent counts bytes, and reports whether there were too many for the weather.
func (t *tunnel) spent(n int) bool {
	w, _ := t.proxy.now()
	t.proxy.mu.Lock()
	t.proxy.moved += int64(n)
	t.proxy.mu.Unlock()
	if w != Resetting {
		return false
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.left -= int64(n)
	return t.left < 0
}
