package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/millrace/millrace/internal/config"
	"github.com/millrace/millrace/internal/upkeep"
)

// dataDir is the flag by which a command finds a data directory.
type dataDir struct {
	Data string `help:"Data directory; else MILLRACE_DATA, or data in the file that MILLRACE_CONFIG names." placeholder:"DIR"`
}

// resolve finds what the flag leaves open. The directory must be there.
func (d dataDir) resolve(c *console, command string) (string, error) {
	dir := d.Data
	if dir == "" && c.lookup(config.EnvironmentName("data"))+c.lookup("MILLRACE_CONFIG") != "" {
		cfg, err := config.Load(config.Sources{Environ: c.environ})
		if err != nil {
			return "", &usageError{err, "millrace config --help"}
		}
		dir = cfg.Data
	}
	if dir == "" {
		return "", usagef(command, "which data directory? Name it with --data DIR")
	}
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		return "", usagef(command, "%s is not a directory", dir)
	}
	return dir, nil
}

// within reports whether path is dir, or lies in it. It need not be there.
func within(path, dir string) bool {
	top, err := os.Stat(dir)
	if err != nil {
		return false
	}
	path, err = filepath.Abs(path)
	if err != nil {
		return false
	}
	for {
		if info, err := os.Stat(path); err == nil && os.SameFile(info, top) {
			return true
		}
		above := filepath.Dir(path)
		if above == path {
			return false
		}
		path = above
	}
}

// errInUse says that a command needs a directory for itself.
var errInUse = errors.New("a server, or another command, is using the directory: end it first")

// metered runs work and shows how far it is.
func metered(c *console, verb string, work func(*upkeep.Progress) error) error {
	var meter upkeep.Progress
	began := time.Now()
	t := startTicker(c, func() string { return progressLine(verb, &meter, time.Since(began)) })
	defer t.end()
	return work(&meter)
}

// progressLine is how far a command is, how fast it is, and how long it will
// take.
func progressLine(verb string, meter interface{ Bytes() (done, total int64) }, took time.Duration) string {
	done, total := meter.Bytes()
	line := fmt.Sprintf("%s %s of %s", verb, byteText(done), byteText(max(done, total)))
	rate := float64(done) / took.Seconds()
	if done == 0 || rate <= 0 {
		return line
	}
	line += fmt.Sprintf(", %s/s", byteText(int64(rate)))
	if left := time.Duration(float64(total-done) / rate * float64(time.Second)); left > time.Second {
		line += fmt.Sprintf(", %s left", left.Round(time.Second))
	}
	return line
}

// brokenOff makes one error of what kept a command from its end.
func brokenOff(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}
