package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
)

type dumpCommand struct {
	File  string `arg:"" help:"A Matroska file or a pack of a data directory; - is Matroska from standard input."`
	Depth int    `help:"How many levels of elements to show (all)." placeholder:"N"`
	Limit int    `help:"At most so many lines." placeholder:"N"`
}

// Help is what the long help says.
func (dumpCommand) Help() string {
	return "Shows the tree of Matroska's elements: where each begins, the bytes of its id and size, the bytes of what it holds, its name and its value. " +
		"What GetMedia sends is such a tree: millrace pull STREAM --container raw | millrace dump -. Of a pack it shows the records. Input may be damaged; " +
		"the fault is told with its place."
}

// Run dumps.
func (d dumpCommand) Run(ctx context.Context, c *console) error {
	if d.Limit < 0 || d.Depth < 0 {
		return usagef("dump", "--limit and --depth are at least 0")
	}
	out := &dumpWriter{out: bufio.NewWriter(c.out), json: c.json, left: d.Limit, ended: ctx.Err}
	err := d.dump(c, out)
	if errors.Is(err, errEnough) {
		c.say("There is more: --limit %d", d.Limit)
		err = nil
	}
	if flushed := out.flush(); err == nil {
		err = flushed
	}
	return err
}

func (d dumpCommand) dump(c *console, out *dumpWriter) error {
	if d.File == "-" {
		return d.dumpMatroska(bufio.NewReader(c.in), "standard input", out)
	}
	file, err := os.Open(d.File)
	if err != nil {
		return &usageError{fmt.Errorf("open file: %w", err), "millrace dump --help"}
	}
	defer file.Close()
	in := bufio.NewReader(file)
	if start, err := in.Peek(len(packMagic)); err == nil && string(start) == packMagic {
		return dumpPack(file, out)
	}
	return d.dumpMatroska(in, d.File, out)
}

// errEnough ends a dump at its limit.
var errEnough = errors.New("as many lines as were asked for")

// A dumpWriter writes the lines of a dump.
type dumpWriter struct {
	out   *bufio.Writer
	json  bool
	left  int          // lines that may follow; 0 is any number
	ended func() error // why to end, if it is time
}

// write writes v as JSON, or the text.
func (w *dumpWriter) write(v any, text string) error {
	if err := w.ended(); err != nil {
		return err
	}
	if w.json {
		b, err := json.Marshal(v)
		if err != nil {
			return fmt.Errorf("write result: %w", err)
		}
		text = string(b)
	}
	if _, err := io.WriteString(w.out, strings.TrimRight(text, " ")+"\n"); err != nil {
		return fmt.Errorf("write result: %w", err)
	}
	if w.left--; w.left == 0 {
		return errEnough
	}
	return nil
}

func (w *dumpWriter) flush() error {
	if err := w.out.Flush(); err != nil {
		return fmt.Errorf("write result: %w", err)
	}
	return nil
}
