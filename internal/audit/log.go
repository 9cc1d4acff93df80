package audit

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"sync/atomic"
)

// StandardOutput is the name of a Log that writes to the process's standard
// output.
const StandardOutput = "-"

// fileMode is that of a new file: the record is the operator's alone.
const fileMode fs.FileMode = 0o600

// A Log is a file of records. Any number of goroutines may use it. It is never
// synced: a power cut may take the last lines.
type Log struct {
	path   string
	logger *slog.Logger
	file   atomic.Pointer[os.File]
	lost   atomic.Int64
	silent atomic.Bool // that lines are lost was said
}

// Open opens the log at path, which is made if it is not there.
func Open(path string, logger *slog.Logger) (*Log, error) {
	l := &Log{path: path, logger: logger}
	f, err := l.open()
	if err != nil {
		return nil, fmt.Errorf("open audit log: %w", err)
	}
	l.file.Store(f)
	return l, nil
}

func (l *Log) open() (*os.File, error) {
	if l.path == StandardOutput {
		return os.Stdout, nil
	}
	return os.OpenFile(l.path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, fileMode)
}

// Write appends a record. Lines of several goroutines do not mix, for each is
// one write to a file that is open for appending. What cannot be written is
// counted, and told once until something can be again.
func (l *Log) Write(r Record) {
	text := r.encode()
	f := l.file.Load()
	_, err := f.Write(text)
	for now := l.file.Load(); errors.Is(err, os.ErrClosed) && now != f; now = l.file.Load() {
		f = now // it was opened anew in between
		_, err = f.Write(text)
	}
	if err == nil {
		l.silent.Store(false)
		return
	}
	l.lost.Add(1)
	if !l.silent.Swap(true) {
		l.logger.Error("audit log cannot be written, and calls go on without a record", "err", err)
	}
}

// Lost is how many records could not be written since the start.
func (l *Log) Lost() int64 { return l.lost.Load() }

// Reopen opens the file anew, which may have been moved away. Where that fails
// the one that is open goes on.
func (l *Log) Reopen() error {
	if l.path == StandardOutput {
		return nil
	}
	f, err := l.open()
	if err != nil {
		return fmt.Errorf("open audit log: %w", err)
	}
	_ = l.file.Swap(f).Close() // nothing is buffered
	return nil
}

// Close closes the file. Nothing may be written any more.
func (l *Log) Close() error {
	if l.path == StandardOutput {
		return nil
	}
	return l.file.Load().Close()
}
