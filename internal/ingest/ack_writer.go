package ingest

import (
	"errors"
	"os"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/tail"
	"github.com/millrace/millrace/internal/wire"
)

// Pacing of acknowledgements: some clients hand what one read of the socket
// gave them to a parser that takes 1024 bytes.
const (
	ackGroup = 5
	ackPause = 5 * time.Millisecond
)

// lastWords is how long a connection that takes no more acknowledgements is
// still read.
const lastWords = 5 * time.Second

// headDelay is the time between the interim answer and the final head: one
// client's parser stops at the first blank line of what it reads.
const headDelay = 15 * time.Millisecond

// The periods of IDLE acknowledgements. The short one holds where sessions may
// be silent for longer than a client's own patience: it keeps more than 30
// bytes a second flowing.
const (
	idleAckPeriod    = 5 * time.Second
	idleAckShort     = 500 * time.Millisecond
	usualIdleTimeout = 30 * time.Second
)

// An ackWriter writes one session's answer: its head, its acknowledgements and
// the IDLEs between them.
type ackWriter struct {
	conn   Conn
	queue  *ackQueue
	expect bool // the client waits for an interim answer
	quiet  bool // the client wants no acknowledgements but errors
	idle   func() time.Duration
	limit  time.Duration // idle time at which the session ends; 0 means never
	stream *tail.Stream
	end    func(error) // ends the session
	acked  func(Acked) // told of each acknowledgement that was written

	wrote time.Time // when the last acknowledgement was written
	group int       // how many were, without a pause between them
}

// run writes until the queue is closed and empty. After a write that failed it
// takes acknowledgements and drops them.
func (w *ackWriter) run() error {
	err := w.writeAll()
	if err != nil {
		w.dropAll(err)
	}
	return err
}

// writeAll writes until the queue is closed and empty, or writing fails.
func (w *ackWriter) writeAll() error {
	if err := w.head(); err != nil {
		return err
	}
	tick := time.NewTicker(w.period() / 2)
	defer tick.Stop()
	var acks []queuedAck
	var idled time.Duration // idle time at the last IDLE
	deleted := w.stream.Deleted()
	for {
		var done bool
		if acks, done = w.queue.take(acks); done {
			return nil
		}
		if err := w.write(acks); err != nil {
			return err
		}
		if len(acks) > 0 {
			continue
		}
		select {
		case <-w.queue.ready:
		case <-deleted:
			deleted = nil
			w.end(w.stream.Err())
		case <-tick.C:
			if err := w.checkIdle(&idled); err != nil {
				return err
			}
		}
	}
}

// dropAll ends the session because nobody takes its acknowledgements: at once,
// if the client is there and does not read; else when what it had sent before
// it went away has been read, which may hold whole fragments.
func (w *ackWriter) dropAll(cause error) {
	wait := lastWords
	if errors.Is(cause, os.ErrDeadlineExceeded) {
		wait = 0
	}
	over := time.NewTimer(wait)
	defer over.Stop()
	for {
		acks, done := w.queue.take(nil)
		if done {
			return
		}
		if len(acks) > 0 {
			continue
		}
		select {
		case <-w.queue.ready:
		case <-over.C:
			w.end(errors.Join(errGone, cause))
		}
	}
}

func (w *ackWriter) head() error {
	if w.expect {
		if err := w.conn.WriteContinue(); err != nil {
			return err
		}
		time.Sleep(headDelay)
	}
	return w.conn.WriteHead()
}

func (w *ackWriter) write(acks []queuedAck) error {
	var line [wire.MaxAckSize]byte
	for _, a := range acks {
		w.pace()
		if err := w.conn.WriteChunk(wire.AppendAck(line[:0], a.Ack)); err != nil {
			return err
		}
		told := Acked{Type: a.Type, Code: a.Code}
		if !a.since.IsZero() {
			told.Took = time.Since(a.since)
		}
		w.acked(told)
	}
	return nil
}

// pace waits before a write that would be one of too many at once.
func (w *ackWriter) pace() {
	switch {
	case time.Since(w.wrote) >= ackPause:
		w.group = 0
	case w.group == ackGroup:
		time.Sleep(ackPause)
		w.group = 0
	}
	w.group++
	w.wrote = time.Now()
}

// period is the time between two IDLEs.
func (w *ackWriter) period() time.Duration {
	if w.limit == 0 || w.limit > usualIdleTimeout {
		return idleAckShort
	}
	return min(idleAckPeriod, w.limit)
}

// checkIdle sends an IDLE when one is due and ends a session that has been
// silent for too long. idled is the idle time at the last IDLE.
func (w *ackWriter) checkIdle(idled *time.Duration) error {
	idle := w.idle()
	if idle < *idled {
		*idled = 0
	}
	switch {
	case w.limit > 0 && idle >= w.limit:
		w.end(errIdle)
	case !w.quiet && idle-*idled >= w.period():
		*idled = idle
		return w.write([]queuedAck{{Ack: millrace.Ack{Type: millrace.AckIdle}}})
	}
	return nil
}
