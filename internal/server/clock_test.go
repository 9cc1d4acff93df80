package server_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"math/big"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/millrace/millrace/internal/config"
	"github.com/millrace/millrace/internal/server"
)

// A sundial is a server on clocks that a test turns.
type sundial struct {
	*rig
	boot  *atomic.Int64
	wall  *atomic.Int64 // nanoseconds that it is ahead of boot, from base on
	shots int
	log   *logBook
}

func newSundial(t *testing.T) *sundial {
	d := &sundial{boot: new(atomic.Int64), wall: new(atomic.Int64), log: &logBook{}}
	base := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	d.rig = startWith(t, server.Options{
		Now:    func() time.Time { return base.Add(time.Duration(d.boot.Load() + d.wall.Load())) },
		Boot:   func() time.Duration { return time.Duration(d.boot.Load()) },
		Logger: slog.New(slog.NewTextHandler(d.log, nil)),
	}, func(c *config.Server) { c.ReaderIdleTimeout = 100 * time.Millisecond })
	d.create("cam", 24)
	return d
}

// run lets time pass, read every second.
func (d *sundial) run(by time.Duration) {
	d.t.Helper()
	for range by / time.Second {
		d.boot.Add(int64(time.Second))
		d.show()
	}
}

func (d *sundial) step(by time.Duration) { d.wall.Add(int64(by)) }

// show describes the clock.
func (d *sundial) show() map[string]any {
	d.t.Helper()
	status, out := d.call("/millrace/v1/describeClock", struct{}{})
	if status != http.StatusOK {
		d.t.Fatalf("%d %v", status, out)
	}
	return out
}

func (d *sundial) want(state string) {
	d.t.Helper()
	if out := d.show(); out["State"] != state {
		d.t.Fatalf("the clock is %v", out)
	}
}

func (d *sundial) accept() {
	d.t.Helper()
	in := map[string]any{"DifferenceInMillis": d.show()["DifferenceInMillis"]}
	if status, out := d.call("/millrace/v1/acceptClock", in); status != http.StatusOK {
		d.t.Fatalf("%d %v", status, out)
	}
}

// shoot puts a fragment in and returns its server time.
func (d *sundial) shoot() time.Time {
	d.t.Helper()
	d.shots++
	p := d.put("cam", nil)
	p.mustSend(slices.Concat(header(1), cluster(uint64(d.shots), block(1, 0, "x")), endOfFragment()))
	a := p.want(fmt.Sprint("BUFFERING ", d.shots), fmt.Sprint("RECEIVED ", d.shots), fmt.Sprint("PERSISTED ", d.shots))
	p.end()
	p.rest()
	n, _ := new(big.Int).SetString(a.FragmentNumber, 10)
	ms := new(big.Int).And(n.Rsh(n, 28), big.NewInt(1<<62-1))
	return time.UnixMilli(ms.Int64()).UTC()
}

// wantKept checks which fragments can be read, and that their numbers and times
// have grown.
func (d *sundial) wantKept(timecodes ...int) {
	d.t.Helper()
	var got []int
	last, at := "", ""
	for _, doc := range d.get("cam", earliest()).all() {
		c := 0
		for _, n := range timecodes {
			if bytes.Contains(doc.cluster, cluster(uint64(n), block(1, 0, "x"))) {
				c = n
			}
		}
		got = append(got, c)
		if doc.number() <= last || doc.tags["AWS_KINESISVIDEO_SERVER_TIMESTAMP"] < at {
			d.t.Errorf("%v behind %v, at %v behind %v", doc.number(), last, doc.tags["AWS_KINESISVIDEO_SERVER_TIMESTAMP"], at)
		}
		last, at = doc.number(), doc.tags["AWS_KINESISVIDEO_SERVER_TIMESTAMP"]
	}
	if !slices.Equal(got, timecodes) {
		d.t.Errorf("the stream has %v, want %v", got, timecodes)
	}
}

func TestABadClockNeitherDeletesNorKeeps(t *testing.T) {
	const month = 30 * 24 * time.Hour
	d := newSundial(t)
	first := d.shoot()
	d.step(month)
	d.run(30 * time.Second)
	d.want("AHEAD")
	if at := d.shoot(); at.Sub(first) > time.Minute {
		t.Errorf("a fragment is stamped %v after the first", at.Sub(first))
	}
	d.run(40 * time.Second)
	d.want("IN_STEP")
	if at := d.shoot(); at.Sub(first) < month {
		t.Errorf("a fragment is stamped %v after the first", at.Sub(first))
	}
	d.wantKept(1, 2, 3)
	d.restart()
	d.wantKept(1, 2, 3)
	d.step(-month) // somebody mends the clock
	d.run(2 * time.Second)
	d.want("BEHIND")
	d.restart()
	d.want("BEHIND")
	d.shoot()
	d.wantKept(1, 2, 3, 4)
	d.boot.Add(int64(24*time.Hour - time.Minute)) // the first is a day old
	d.wantKept(2, 3, 4)
	d.boot.Add(int64(2 * time.Minute)) // and the others
	d.shoot()
	d.wantKept(5)
}

func TestAnOperatorAcceptsTheClock(t *testing.T) {
	d := newSundial(t)
	first := d.shoot()
	d.step(48 * time.Hour)
	d.run(61 * time.Second)
	d.wantKept(1)
	if status, out := d.call("/millrace/v1/acceptClock", map[string]any{"DifferenceInMillis": 3_600_000}); status == http.StatusOK {
		t.Errorf("a clock was accepted that nobody has seen: %v", out)
	}
	if status, out := d.call("/millrace/v1/acceptClock", struct{}{}); status != http.StatusBadRequest {
		t.Errorf("%d %v", status, out)
	}
	d.wantKept(1)
	d.accept()
	d.wantKept()
	d.step(-time.Hour)
	d.run(time.Second)
	d.accept()
	d.want("CATCHING_UP")
	second := d.shoot()
	d.boot.Add(int64(time.Hour))
	third := d.shoot()
	if by := third.Sub(second); by != 30*time.Minute {
		t.Errorf("an hour takes %v", by)
	}
	if second.Sub(first) < 48*time.Hour {
		t.Errorf("the second is %v behind the first", second.Sub(first))
	}
	d.wantKept(2, 3)
	if n := strings.Count(d.log.String(), `msg="clock accepted" key=`+keyID); n != 2 {
		t.Errorf("%d acceptances in the log:\n%s", n, d.log)
	}
}

func TestTheClockIsMetered(t *testing.T) {
	d := newSundial(t)
	d.step(-time.Hour)
	d.run(time.Second)
	text := d.metrics()
	for _, want := range []string{"millrace_clock_difference_seconds -3600\n", "millrace_clock_state 2\n", "millrace_clock_steps_total 1\n"} {
		if !strings.Contains(text, want) {
			t.Errorf("there is no %q", want)
		}
	}
}

func TestDescribedClockIsWhole(t *testing.T) {
	d := newSundial(t)
	out := d.show()
	for _, member := range []string{"ServerTime", "WallTime", "ExpiryTime"} {
		if at, ok := out[member].(float64); !ok || json.Number(fmt.Sprintf("%.0f", at)) != "1795348800" {
			t.Errorf("%s is %v", member, out[member])
		}
	}
}

// A logBook keeps what is logged.
type logBook struct {
	mu sync.Mutex // guards what follows
	b  bytes.Buffer
}

// Write implements io.Writer.
func (l *logBook) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBook) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
