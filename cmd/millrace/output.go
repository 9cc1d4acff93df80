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
	console *console
	path    string // empty is standard output
	reason  error  // why another file begins
	writer  export.Writer
	late    *lateFile // closed with the output; nil if there is none
}

// openOutput checks container and path; a file is made with the first fragment.
func openOutput(container, path string, c *console) (*output, error) {
	kind, err := export.ParseContainer(container)
	if err != nil {
		return nil, usagef("pull", "%v", err)
	}
	o := &output{console: c}
	if path != "-" {
		o.path = path
	}
	options := export.Options{Container: kind, LeaveOut: true, Events: export.Events{
		LeftOut: func(err *export.TrackError) { c.say("%v: left out", err) },
		Moved:   o.moved,
		Split:   func(s export.Split) { o.reason = s.Reason },
	}}
	switch {
	case o.path == "":
		o.writer, err = export.New(struct{ io.Writer }{c.out}, options) // which may be open for appending
	case kind == export.ContainerRaw, kind == export.ContainerJSON:
		o.late = &lateFile{path: o.path}
		o.writer, err = export.New(o.late, options)
	case kind == export.ContainerJPEG && strings.Contains(o.path, "%"):
		o.writer = export.NewStills(options, o.still)
	default:
		o.writer, err = export.NewParts(options, o.create)
	}
	return o, err
}

func (o *output) moved(m export.Move) {
	if errors.Is(m.Reason, export.ErrTimeBack) {
		o.console.say("fragment %s: time goes back: put %v later, behind what was written", m.Fragment, m.To-m.From)
	}
}

// create makes the file of a number: out.mkv, out-0002.mkv and so on.
func (o *output) create(part int) (io.WriteSeeker, error) {
	path := o.path
	if part > 1 {
		ext := filepath.Ext(path)
		path = fmt.Sprintf("%s-%04d%s", strings.TrimSuffix(path, ext), part, ext)
		o.console.say("%v: going on in %s", o.reason, path)
	}
	return os.Create(path)
}

// still makes the file of a picture.
func (o *output) still(s export.Still) (io.WriteCloser, error) {
	return os.Create(fmt.Sprintf(o.path, s.Number))
}

func (o *output) write(f *consumer.Fragment) error {
	err := o.writer.WriteFragment(f)
	if errors.Is(err, export.ErrTracksChanged) && o.path == "" {
		return fmt.Errorf("%w: standard output can hold one document; use --out FILE, which begins another file, or --container raw", err)
	}
	return err
}

// close makes what was written whole.
func (o *output) close() error {
	err := o.writer.Close()
	if o.late != nil {
		err = errors.Join(err, o.late.close())
	}
	if err != nil {
		return fmt.Errorf("close output: %w", err)
	}
	return nil
}

// A lateFile is made when something is written to it.
type lateFile struct {
	path string
	file *os.File
}

// Write implements io.Writer.
func (l *lateFile) Write(p []byte) (n int, err error) {
	if l.file == nil {
		if l.file, err = os.Create(l.path); err != nil {
			return 0, err
		}
	}
	return l.file.Write(p)
}

// close closes the file if it was made.
func (l *lateFile) close() error {
	if l.file == nil {
		return nil
	}
	return l.file.Close()
}
