package producertest_test

import (
	"errors"
	"io"
	"net"
	"reflect"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/millrace/millrace/producer/producertest"
)

// through makes a server and a proxy in front of it, both in memory.
func through(t *testing.T, c producertest.ProxyConfig) (*producertest.Server, *producertest.Proxy) {
	t.Helper()
	s := producertest.Start(t, producertest.Config{Pipes: true})
	c.Pipes, c.Through = true, s.Dial
	return s, producertest.StartProxy(t, c)
}

// ask calls describeStream and says how long that took.
func ask(t *testing.T, p *producertest.Proxy) (time.Duration, error) {
	t.Helper()
	began := time.Now()
	conn, err := p.Dial(t.Context(), "tcp", "control.test:80")
	if err != nil {
		return time.Since(began), err
	}
	defer conn.Close()
	body := `{"StreamName":"` + strings.Repeat("g", 200) + `"}`
	_, err = io.WriteString(conn, "POST /describeStream HTTP/1.1\r\nHost: control.test\r\nConnection: close\r\nContent-Length: 217\r\n\r\n"+body)
	if err != nil {
		return time.Since(began), err
	}
	answer, err := io.ReadAll(conn)
	if err == nil && !strings.Contains(string(answer), "200 OK") {
		err = errors.New(string(answer))
	}
	return time.Since(began), err
}

func TestWeather(t *testing.T) {
	for name, tc := range map[string]struct {
		config      producertest.ProxyConfig
		least, most time.Duration
		err         error
	}{
		"fair":         {producertest.ProxyConfig{}, 0, 0, nil},
		"latency":      {producertest.ProxyConfig{Latency: time.Second}, 2 * time.Second, 2 * time.Second, nil},
		"jitter":       {producertest.ProxyConfig{Latency: time.Second, Jitter: time.Second}, 2 * time.Second, 4 * time.Second, nil},
		"little room":  {producertest.ProxyConfig{Rate: 100}, 3 * time.Second, 20 * time.Second, nil},
		"refusing":     {producertest.ProxyConfig{Periods: []producertest.Period{{producertest.Refusing, time.Hour}}}, 0, 0, syscall.ECONNREFUSED},
		"a black hole": {producertest.ProxyConfig{Periods: []producertest.Period{{producertest.BlackHole, time.Hour}}}, time.Hour, time.Hour, nil},
		"resetting": {producertest.ProxyConfig{Seed: 1, Periods: []producertest.Period{
			{producertest.Fair, 2 * time.Second}, {producertest.Resetting, time.Hour},
		}, Latency: 3 * time.Second}, 2 * time.Second, 2 * time.Second, syscall.ECONNRESET},
		"a black hole for who is there": {producertest.ProxyConfig{Periods: []producertest.Period{
			{producertest.Fair, time.Second}, {producertest.BlackHole, time.Hour},
		}, Latency: 2 * time.Second}, time.Hour + 3*time.Second, time.Hour + 3*time.Second, nil},
		"no answers": {producertest.ProxyConfig{Periods: []producertest.Period{
			{producertest.Fair, time.Second}, {producertest.NoAnswers, time.Hour},
		}, Latency: 2 * time.Second}, time.Hour + time.Second, time.Hour + time.Second, nil},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				_, p := through(t, tc.config)
				took, err := ask(t, p)
				if !errors.Is(err, tc.err) {
					t.Errorf("%v, want %v", err, tc.err)
				}
				if took < tc.least || took > tc.most {
					t.Errorf("took %v", took)
				}
			})
		})
	}
}

func TestAProxyCountsAttempts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, p := through(t, producertest.ProxyConfig{Periods: []producertest.Period{
			{producertest.Fair, time.Minute}, {producertest.Refusing, time.Minute},
		}})
		for range 6 {
			_, _ = ask(t, p)
			time.Sleep(25 * time.Second)
		}
		var periods []int
		for _, a := range p.Attempts() {
			periods = append(periods, a.Period)
			if a.Address != "control.test:80" {
				t.Errorf("address %q", a.Address)
			}
		}
		if want := []int{0, 0, 0, 1, 1, 2}; !reflect.DeepEqual(periods, want) {
			t.Errorf("periods %v, want %v", periods, want)
		}
		if !p.Over() || p.Moved() == 0 {
			t.Errorf("over %v, moved %d", p.Over(), p.Moved())
		}
	})
}

func TestConnectionsAreResetAfterSomeBytes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, p := through(t, producertest.ProxyConfig{Periods: []producertest.Period{{producertest.Resetting, time.Hour}}})
		for range 10 {
			conn, err := p.Dial(t.Context(), "tcp", "data.test:80")
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			n, err := io.Copy(conn, io.LimitReader(endless{}, 1<<20))
			if !errors.Is(err, syscall.ECONNRESET) || n > 600_000 {
				t.Errorf("%d bytes went, %v", n, err)
			}
		}
		if moved := p.Moved(); moved > 10*70_000 {
			t.Errorf("%d bytes got through", moved)
		}
	})
}

// endless is a source of zeros.
type endless struct{}

func (endless) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

func TestAProxyOnLoopback(t *testing.T) {
	s := producertest.Start(t, producertest.Config{})
	p := producertest.StartProxy(t, producertest.ProxyConfig{Target: s.Address(producertest.Data)})
	for name, dial := range map[string]func() (net.Conn, error){
		"its address": func() (net.Conn, error) { return net.Dial("tcp", p.Address()) },
		"its Dial":    func() (net.Conn, error) { return p.Dial(t.Context(), "tcp", "data.test:80") },
	} {
		p.SetWeather(producertest.Fair)
		conn, err := dial()
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		head := "POST /putMedia HTTP/1.1\r\nHost: data.test\r\nTransfer-Encoding: chunked\r\n" +
			"x-amzn-stream-name: gate\r\nx-amzn-fragment-timecode-type: ABSOLUTE\r\n\r\n"
		if _, err := io.WriteString(conn, head); err != nil {
			t.Fatal(err)
		}
		b := make([]byte, 12)
		if _, err := io.ReadFull(conn, b); err != nil || string(b) != "HTTP/1.1 200" {
			t.Errorf("%s: %q, %v", name, b, err)
		}
		p.SetWeather(producertest.Refusing)
		if _, err := io.Copy(io.Discard, conn); err == nil {
			t.Errorf("%s: the connection was not reset", name)
		}
		if conn, err := dial(); err == nil {
			defer conn.Close()
			if _, err := conn.Read(b); err == nil {
				t.Errorf("%s: nothing was refused", name)
			}
		}
	}
}

func TestWhatIsDrawnIsDrawnAgain(t *testing.T) {
	climate := producertest.Climate{Seed: 7, Periods: 20, Foul: time.Minute, Fair: time.Second, Without: []producertest.Weather{producertest.NoUplink}}
	if a, b := climate.Draw(), climate.Draw(); !reflect.DeepEqual(a, b) || len(a) != 41 {
		t.Errorf("%v and %v", a, b)
	}
	chaos := producertest.Chaos{Seed: 7, Steps: 50, Pause: time.Second, Stalls: true, Skips: true}
	a, b := chaos.Draw(), chaos.Draw()
	if !reflect.DeepEqual(a, b) {
		t.Errorf("%v and %v", a, b)
	}
	chaos.Seed++
	if reflect.DeepEqual(a, chaos.Draw()) {
		t.Error("another seed draws the same")
	}
}

// Whatever happened before, a server is well again afterwards, and nothing hangs.
func TestChaosPasses(t *testing.T) {
	for seed := range uint64(20) {
		synctest.Test(t, func(t *testing.T) {
			steps := producertest.Chaos{Seed: seed, Steps: 30, Pause: time.Second, Skips: true}.Draw()
			s := producertest.Start(t, producertest.Config{Pipes: true, Steps: steps})
			for range steps {
				d, err := tryCall(t, s, "")
				if err != nil {
					continue
				}
				over := make(chan string, 1)
				go func() { over <- d.acks() }()
				d.send(header(1))
				for n := range uint64(6) {
					d.send(cluster(n, "one", "two"))
					time.Sleep(time.Second)
				}
				d.finish()
				<-over
				d.conn.Close()
			}
			d := call(t, s, "")
			d.send(append(header(1), cluster(5, "one")...))
			if acks := d.end(); acks != "B@5 R@5 P@5" {
				t.Errorf("seed %d: acknowledged %q", seed, acks)
			}
		})
	}
}
