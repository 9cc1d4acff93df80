package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/millrace/millrace/consumer"
	"github.com/millrace/millrace/consumer/export"
)

// An output is where fragments are written: standard output, or a file and,
// each time that the tracks change, another one beside it.
type output struct {
	console   *console
	container string
	path      string // empty is standard output
	file      *os.File
	count     int // files opened
	writer    export.Writer
}

// openOutput checks container and path; the file is made with the first fragment.
func openOutput(container, path string, c *console) (*output, error) {
	o := &output{console: c, container: container}
	if path != "-" {
		o.path = path
	}
	w, err := newWriter(container, c.out)
	if o.path == "" {
		o.writer = w
	}
	return o, err
}

func (o *output) write(f *consumer.Fragment) error {
	if o.writer == nil {
		if err := o.next(); err != nil {
			return err
		}
	}
	err := o.writer.WriteFragment(f)
	if !errors.Is(err, export.ErrTracksChanged) {
		return err
	}
	if o.path == "" {
		return fmt.Errorf("%w: standard output can hold one document; use --out FILE, which begins another file, or --container raw", err)
	}
	if err := o.next(); err != nil {
		return err
	}
	return o.writer.WriteFragment(f)
}

// next begins the first file, or another one: out.mkv, out-0002.mkv and so on.
func (o *output) next() error {
	if err := o.close(); err != nil {
		return err
	}
	o.count++
	path := o.path
	if o.count > 1 {
		ext := filepath.Ext(path)
		path = fmt.Sprintf("%s-%04d%s", strings.TrimSuffix(path, ext), o.count, ext)
		o.console.say("the tracks have changed: going on in %s", path)
	}
	file, err := os.Create(path)
	if err != nil {
		return fmt.Errorf("open output: %w", err)
	}
	o.file = file
	o.writer, err = newWriter(o.container, io.Writer(file))
	return err
}

func (o *output) close() error {
	if o.file == nil {
		return nil
	}
	file := o.file
	o.file = nil
	if err := file.Close(); err != nil {
		return fmt.Errorf("close output: %w", err)
	}
	return nil
}
