package producertest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"
)

// ErrProxy is wrapped by what NewProxy returns when no proxy can be made.
var ErrProxy = errors.New("make a proxy for tests")

// maxBeforeReset is how many bytes a connection gets at most while it is
// Resetting, in both directions together.
const maxBeforeReset = 64 << 10

// ProxyConfig says where a Proxy stands and what it does.
type ProxyConfig struct {
	// Target is the address behind the proxy: of connections to Address, and of
	// those that Dial makes unless Through is set.
	Target string
	// Through makes the connections to what is behind, for the address that Dial
	// was given. Server.Dial is one. Nil is a net.Dialer, and Target.
	Through func(ctx context.Context, network, address string) (net.Conn, error)
	// Pipes has the proxy listen nowhere; Dial makes connections in memory, which
	// work inside a synctest bubble if Through does.
	Pipes bool

	// Seed decides all that is drawn.
	Seed uint64
	// Latency delays everything, in each direction, and Jitter up to that more.
	// The order is kept.
	Latency, Jitter time.Duration
	// Rate is the bandwidth of each connection in each direction, in bytes per
	// second; 0 is no bound.
	Rate int
	// Periods follow each other from the beginning. Behind them it is Fair.
	Periods []Period
}

// A Proxy stands between clients and a server, and is a bad network. All its
// methods may be called by any number of goroutines at once.
type Proxy struct {
	config   ProxyConfig
	listener net.Listener
	gone     chan struct{} // closed by Close
	running  sync.WaitGroup

	mu       sync.Mutex // guards what follows
	closed   bool
	weather  Weather
	period   int           // of the schedule
	changed  chan struct{} // closed and replaced when the weather changes
	rand     *rand.Rand
	tunnels  map[*tunnel]bool
	attempts []ProxyAttempt
	moved    int64
}

// A ProxyAttempt is one connection that somebody tried to make.
type ProxyAttempt struct {
	At      time.Time
	Address string // that Dial was given, else the target's
	Weather Weather
	Period  int // index in ProxyConfig.Periods; their number behind the last
}

// NewProxy starts a proxy, and with it the first period. Close ends it.
func NewProxy(c ProxyConfig) (*Proxy, error) {
	p := &Proxy{
		config: c, gone: make(chan struct{}), changed: make(chan struct{}),
		rand: rand.New(rand.NewPCG(c.Seed, 0x70726f7879)), tunnels: map[*tunnel]bool{},
	}
	if len(c.Periods) > 0 {
		p.weather = c.Periods[0].Weather
	}
	if !c.Pipes {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrProxy, err)
		}
		p.listener = l
		p.running.Go(p.listen)
	}
	p.running.Go(p.schedule)
	return p, nil
}

// StartProxy is NewProxy for a test, which fails if there is none, and closes it
// at its end.
func StartProxy(t testing.TB, c ProxyConfig) *Proxy {
	t.Helper()
	p, err := NewProxy(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p
}

// Address is where the proxy listens. It is empty with Pipes.
func (p *Proxy) Address() string {
	if p.listener == nil {
		return ""
	}
	return p.listener.Addr().String()
}

// Close resets all connections and waits until nothing of the proxy runs any
// more. Calling it again does nothing.
func (p *Proxy) Close() {
	p.mu.Lock()
	if !p.closed {
		close(p.gone)
	}
	p.closed = true
	p.mu.Unlock()
	if p.listener != nil {
		_ = p.listener.Close() // nothing is lost with it
	}
	p.resetAll()
	p.running.Wait()
}

// SetWeather changes the weather until the schedule or another call does.
func (p *Proxy) SetWeather(w Weather) { p.turn(w, -1) }

// turn changes the weather. A period of less than 0 leaves that as it is.
func (p *Proxy) turn(w Weather, period int) {
	p.mu.Lock()
	p.weather = w
	if period >= 0 {
		p.period = period
	}
	close(p.changed)
	p.changed = make(chan struct{})
	p.mu.Unlock()
	if w == Refusing || w == Resetting {
		p.resetAll()
	}
}

func (p *Proxy) resetAll() {
	p.mu.Lock()
	all := make([]*tunnel, 0, len(p.tunnels))
	for t := range p.tunnels {
		all = append(all, t)
	}
	p.mu.Unlock()
	for _, t := range all {
		t.reset()
	}
}

// schedule runs the periods.
func (p *Proxy) schedule() {
	for i, period := range p.config.Periods {
		if i > 0 {
			p.turn(period.Weather, i)
		}
		t := time.NewTimer(period.For)
		select {
		case <-t.C:
		case <-p.gone:
			t.Stop()
			return
		}
	}
	p.turn(Fair, len(p.config.Periods))
}

// Over reports whether all periods have passed.
func (p *Proxy) Over() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.period == len(p.config.Periods)
}

// Attempts returns every connection that was tried.
func (p *Proxy) Attempts() []ProxyAttempt {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.attempts)
}

// Moved is how many bytes got through, in both directions together.
func (p *Proxy) Moved() int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.moved
}

// now returns the weather, and what is closed when it changes.
func (p *Proxy) now() (Weather, <-chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.weather, p.changed
}

// attempt writes down that somebody tries to connect.
func (p *Proxy) attempt(address string) (Weather, <-chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.attempts = append(p.attempts, ProxyAttempt{time.Now(), address, p.weather, p.period})
	return p.weather, p.changed
}

func (p *Proxy) listen() {
	for {
		conn, err := p.listener.Accept()
		if err != nil {
			return // closed
		}
		if w, _ := p.attempt(p.config.Target); w == Refusing {
			resetConn(conn)
			continue
		}
		p.carry(conn, p.config.Target)
	}
}

// Dial connects through the proxy, whatever the address: it is passed to Through,
// and tells hosts apart in Attempts. While it is Refusing the error wraps
// syscall.ECONNREFUSED; in a BlackHole, and without an uplink or answers, Dial
// waits for better weather or the end of ctx.
func (p *Proxy) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	refused := &net.OpError{Op: "dial", Net: network, Addr: pipeAddr(address), Err: syscall.ECONNREFUSED}
	for w, changed := p.attempt(address); w != Fair && w != Resetting; w, changed = p.now() {
		if w == Refusing {
			return nil, refused
		}
		select {
		case <-changed:
		case <-p.gone:
			return nil, refused
		case <-ctx.Done():
			return nil, &net.OpError{Op: "dial", Net: network, Addr: pipeAddr(address), Err: ctx.Err()}
		}
	}
	near, far, err := p.pair(ctx, address)
	if err != nil {
		return nil, err
	}
	p.carry(far, address)
	return near, nil
}

// pair makes a connection to the proxy itself that its listener does not see.
func (p *Proxy) pair(ctx context.Context, address string) (near, far net.Conn, err error) {
	if p.config.Pipes {
		near, far := newPipe(pipeAddr("client.test"), pipeAddr(address))
		return near, far, nil
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, nil, err
	}
	defer l.Close()
	if near, err = (&net.Dialer{}).DialContext(ctx, "tcp", l.Addr().String()); err != nil {
		return nil, nil, err
	}
	if far, err = l.Accept(); err != nil {
		_ = near.Close() // the other error is the one that counts
		return nil, nil, err
	}
	return near, far, nil
}

// carry connects a client's connection to what is behind the proxy.
func (p *Proxy) carry(client net.Conn, address string) {
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		resetConn(client)
		return
	}
	t := &tunnel{proxy: p, client: client, gone: make(chan struct{}), left: maxBeforeReset}
	if p.weather == Resetting {
		t.left = 1 + p.rand.Int64N(maxBeforeReset)
	}
	t.rand = [2]*rand.Rand{rand.New(rand.NewPCG(p.rand.Uint64(), 1)), rand.New(rand.NewPCG(p.rand.Uint64(), 2))}
	p.tunnels[t] = true
	p.running.Add(1)
	p.mu.Unlock()
	go func() { // Close waits for it
		defer p.running.Done()
		t.run(address)
		p.mu.Lock()
		defer p.mu.Unlock()
		delete(p.tunnels, t)
	}()
}

// reach connects to what is behind.
func (p *Proxy) reach(ctx context.Context, address string) (net.Conn, error) {
	if p.config.Through != nil {
		return p.config.Through(ctx, "tcp", address)
	}
	return (&net.Dialer{}).DialContext(ctx, "tcp", p.config.Target)
}
