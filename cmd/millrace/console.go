package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"unicode"
)

// A console is where a command is used: its streams, its environment, and how
// it is to speak.
type console struct {
	in       io.Reader
	out, err io.Writer
	terminal bool // err is a terminal
	environ  []string

	json  bool
	flags map[string]string // the flags of the command that were given, as text
}

// lookup returns a variable of the environment.
func (c *console) lookup(name string) string {
	for i := len(c.environ) - 1; i >= 0; i-- {
		if value, ok := strings.CutPrefix(c.environ[i], name+"="); ok {
			return value
		}
	}
	return ""
}

// visible is a text of somebody else's as it can be shown on a terminal: in one
// line, and without what moves the cursor or the text.
func visible(s string) string {
	return strings.ReplaceAll(visibleLines(s), "\n", string(unicode.ReplacementChar))
}

// visibleLines is visible for a text that may have several lines.
func visibleLines(s string) string {
	return strings.Map(func(r rune) rune {
		if r != '\n' && unicode.In(r, unicode.Cc, unicode.Zl, unicode.Zp, unicode.Bidi_Control) {
			return unicode.ReplacementChar
		}
		return r
	}, s)
}

// say writes a line of talk, which programs do not read. On a terminal it takes
// the place of what a ticker shows there.
func (c *console) say(format string, args ...any) {
	switch {
	case c.json:
	case c.terminal:
		fmt.Fprintf(c.err, "\r\x1b[K"+format+"\n", args...)
	default:
		fmt.Fprintf(c.err, format+"\n", args...)
	}
}

// print writes a result: v as JSON if that is asked for, else as text says, of
// which a terminal shows all.
func (c *console) print(v any, text func(w io.Writer)) error {
	if c.json {
		if err := json.NewEncoder(c.out).Encode(v); err != nil {
			return fmt.Errorf("write result: %w", err)
		}
		return nil
	}
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	text(w)
	_ = w.Flush() // a Builder takes everything
	if _, err := io.WriteString(c.out, visibleLines(b.String())); err != nil {
		return fmt.Errorf("write result: %w", err)
	}
	return nil
}

// printList prints the elements of a list, each on a line of its own, also in
// JSON.
func printList[T any](c *console, list []T, line func(T, io.Writer)) error {
	if !c.json {
		return c.print(nil, func(w io.Writer) {
			for _, v := range list {
				line(v, w)
			}
		})
	}
	for _, v := range list {
		if err := c.print(v, nil); err != nil {
			return err
		}
	}
	return nil
}
