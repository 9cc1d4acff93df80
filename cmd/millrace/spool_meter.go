package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"sync/atomic"
	"time"

	"github.com/millrace/millrace/producer/spool"
)

// A spoolMeter reads files of spools and knows how far it is. It ends with its
// context.
type spoolMeter struct {
	ended       func() error // why to end, if it is time
	done, total atomic.Int64 // bytes
}

func newSpoolMeter(ctx context.Context) *spoolMeter { return &spoolMeter{ended: ctx.Err} }

// Bytes is how many bytes were dealt with, and how many there are.
func (m *spoolMeter) Bytes() (done, total int64) { return m.done.Load(), m.total.Load() }

// show shows how far it is until the function is called that it returns.
func (m *spoolMeter) show(c *console, verb string) (end func()) {
	began := time.Now()
	return startTicker(c, func() string { return progressLine(verb, m, time.Since(began)) }).end
}

// salvage writes what a file of a spool holds.
func (m *spoolMeter) salvage(to io.Writer, path string) (spool.Salvaged, error) {
	f, err := os.Open(path)
	if err != nil {
		return spool.Salvaged{}, fmt.Errorf("open file of spool: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return spool.Salvaged{}, fmt.Errorf("open file of spool: %w", err)
	}
	before := m.done.Load()
	defer func() { m.done.Store(before + info.Size()) }()
	return spool.Salvage(meteredWriter{to, m}, f, info.Size())
}

// A meteredWriter counts what is written.
type meteredWriter struct {
	io.Writer
	meter *spoolMeter
}

// Write implements io.Writer.
func (w meteredWriter) Write(p []byte) (int, error) {
	if err := w.meter.ended(); err != nil {
		return 0, err
	}
	w.meter.done.Add(int64(len(p)))
	return w.Writer.Write(p)
}
