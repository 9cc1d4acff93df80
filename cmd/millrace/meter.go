package main

import (
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/producer"
)

// A meter counts the acknowledgements of any number of uploads.
type meter struct {
	mu      sync.Mutex // guards everything below
	acks    [millrace.AckError + 1]int
	bytes   int64 // of fragments that are durable
	latency histogram
	broken  int // connections
	last    error
}

// ack counts an acknowledgement. final is the event that says that a fragment
// is safe.
func (m *meter) ack(a producer.Ack, final millrace.AckType) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if int(a.Type) < len(m.acks) {
		m.acks[a.Type]++
	}
	if a.Type == final && a.AfterEnd > 0 {
		m.latency.add(a.AfterEnd)
		m.bytes += a.Size
	}
}

func (m *meter) disconnected(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.broken++
	m.last = err
}

// line is the meter on one line. Times are from a fragment's end until it is safe.
func (m *meter) line() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	p := m.latency.percentiles()
	text := fmt.Sprintf("%d buffering, %d received, %d persisted (%s), p50 %.1f ms, p99 %.1f ms",
		m.acks[millrace.AckBuffering], m.acks[millrace.AckReceived], m.acks[millrace.AckPersisted],
		byteText(m.bytes), p.P50, p.P99)
	if n := m.acks[millrace.AckError]; n > 0 {
		text += fmt.Sprintf(", %d errors", n)
	}
	if m.broken > 0 {
		text += fmt.Sprintf(", %d connections lost (%v)", m.broken, m.last)
	}
	return text
}

func (m *meter) percentiles() percentiles {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.latency.percentiles()
}

// byteText is a number of bytes for people.
func byteText(n int64) string {
	switch {
	case n >= 10<<30:
		return fmt.Sprintf("%d GiB", n>>30)
	case n >= 10<<20:
		return fmt.Sprintf("%d MiB", n>>20)
	case n >= 10<<10:
		return fmt.Sprintf("%d KiB", n>>10)
	}
	return fmt.Sprintf("%d bytes", n)
}

// A ticker repeats a line of talk: in place on a terminal, else as lines of
// their own and less often.
type ticker struct {
	out      io.Writer
	terminal bool
	line     func() string
	stop     chan struct{}
	done     chan struct{}
}

// The times between two lines, and before the first.
const (
	terminalTick = 500 * time.Millisecond
	plainTick    = 10 * time.Second
	firstTick    = 2500 * time.Millisecond
)

// startTicker begins to repeat; end ends it, on a terminal with a last line.
func startTicker(c *console, line func() string) *ticker {
	t := &ticker{out: c.err, terminal: c.terminal, line: line, stop: make(chan struct{}), done: make(chan struct{})}
	if c.json {
		t.out = io.Discard
	}
	go t.run()
	return t
}

func (t *ticker) run() {
	defer close(t.done)
	every := plainTick
	if t.terminal {
		every = terminalTick
	}
	clock := time.NewTicker(min(every, firstTick))
	defer clock.Stop()
	for {
		select {
		case <-clock.C:
			clock.Reset(every)
			t.write("")
		case <-t.stop:
			if t.terminal {
				t.write("\n")
			}
			return
		}
	}
}

// write shows the line. On a terminal it replaces the one before.
func (t *ticker) write(end string) {
	if t.terminal {
		fmt.Fprintf(t.out, "\r\x1b[K%s%s", t.line(), end)
		return
	}
	fmt.Fprintln(t.out, t.line())
}

func (t *ticker) end() {
	close(t.stop)
	<-t.done
}
