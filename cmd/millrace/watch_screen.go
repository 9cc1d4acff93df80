package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"
	"unicode/utf8"
)

// A screen is a terminal on which streams are drawn in place. What does not fit
// is left out; the terminal cuts lines that are too long, and its height is asked
// for each time, so that it can be resized.
type screen struct {
	out    *os.File
	colour bool
	keys   func() // gives the keys back; waits for who listens to them
	last   []watchRow
	at     time.Time
}

// What a terminal is told.
const (
	screenOpen  = "\x1b[?1049h\x1b[?25l\x1b[?7l" // the other screen, no cursor, no wrapping
	screenClose = "\x1b[?7h\x1b[?25h\x1b[?1049l"
	screenHome  = "\x1b[H"
	lineRest    = "\x1b[K" // clears it
	screenRest  = "\x1b[J"
)

// openScreen returns nil if standard output is no terminal that can be drawn on.
// stop is called when q is pressed.
func openScreen(ctx context.Context, c *console, stop func()) *screen {
	out, ok := screenOf(c.out)
	if !ok {
		return nil
	}
	s := &screen{out: out, colour: c.lookup("NO_COLOR") == "", keys: listen(ctx, c.in, stop)}
	_, _ = io.WriteString(out, screenOpen) // the first drawing says what is wrong
	return s
}

// screenOf returns the terminal that w is, if it is one that can be drawn on.
func screenOf(w io.Writer) (*os.File, bool) {
	f, ok := w.(*os.File)
	if !ok || !isTerminal(f) {
		return nil, false
	}
	_, ok = terminalHeight(f) // isTerminal takes /dev/null for one
	return f, ok
}

// listen calls stop when q is pressed. What it returns ends that.
func listen(ctx context.Context, in io.Reader, stop func()) (end func()) {
	file, ok := in.(*os.File)
	if !ok {
		return func() {}
	}
	restore, ok := readKeys(file)
	if !ok {
		return func() {}
	}
	ctx, cancel := context.WithCancel(ctx)
	var listening sync.WaitGroup
	listening.Go(func() {
		var key [1]byte
		for ctx.Err() == nil {
			n, _ := file.Read(key[:]) // nothing after a moment without a key
			if n == 1 && (key[0] == 'q' || key[0] == 'Q') {
				stop()
				return
			}
		}
	})
	return func() {
		cancel()
		listening.Wait()
		restore()
	}
}

func (s *screen) show(now time.Time, rows []watchRow) error {
	height, _ := terminalHeight(s.out)
	if height == 0 { // it does not know
		height = 24
	}
	s.last, s.at = rows, now
	if _, err := io.WriteString(s.out, drawing(now, rows, height, s.colour)); err != nil {
		return fmt.Errorf("write result: %w", err)
	}
	return nil
}

// close gives the terminal back, with what was last to be seen.
func (s *screen) close() {
	s.keys()
	_, _ = io.WriteString(s.out, screenClose) // there is nobody left to tell
	for _, r := range s.last {
		fmt.Fprintf(s.out, "%s  %s\n", s.at.Local().Format(time.TimeOnly), r)
	}
}

// The columns' widths.
const (
	stateWidth = 13
	mostName   = 32
)

// drawing is what draws the streams on a terminal of so many lines.
func drawing(now time.Time, rows []watchRow, height int, colour bool) string {
	name := len("STREAM")
	for _, r := range rows {
		name = max(name, min(len(r.Stream), mostName))
	}
	lines := []string{
		fmt.Sprintf("millrace watch  %s  %s  q ends it", now.Local().Format(time.TimeOnly), numberOf(len(rows), "stream")),
		fmt.Sprintf("%-*s  %-*s %6s %12s %10s %8s %8s %5s %5s  %-*s  %s", name, "STREAM", stateWidth, "STATE",
			"FPS", "BIT RATE", "GROUP", "FRAGMENT", "LAG", "GAPS", "LOST", shownSeconds, "BIT RATE", "TAGS"),
	}
	room := max(height-len(lines), 1)
	for i, r := range rows {
		if i == room-1 && len(rows) > room {
			lines = append(lines, fmt.Sprintf("and %d more", len(rows)-i))
			break
		}
		lines = append(lines, r.drawing(name, colour))
	}
	lines = lines[:min(len(lines), max(height, 1))]
	return screenHome + strings.Join(lines, lineRest+"\r\n") + lineRest + screenRest
}

// drawing is a row's line.
func (r watchRow) drawing(name int, colour bool) string {
	state := fmt.Sprintf("%-*s", stateWidth, r.stateText())
	if colour {
		state = r.State.colour() + state + "\x1b[0m"
	}
	line := fmt.Sprintf("%-*s  %s %6.1f %12s %10s %6.2f s %8s %5d %5d  %-*s  ", name, shorten(r.Stream, mostName), state,
		r.FramesPerSecond, bitText(r.BitsPerSecond), r.groupText(), r.FragmentSeconds, r.lagText(), r.Gaps, r.Lost,
		shownSeconds, sparkline(r.course))
	if r.Error != "" {
		return line + visible(r.Error)
	}
	return line + strings.Join(r.labels, " ")
}

// colour is what colours a state.
func (s watchState) colour() string {
	switch s {
	case watchLive:
		return "\x1b[32m"
	case watchEnded, watchLost:
		return "\x1b[31m"
	}
	return "\x1b[33m"
}

// sparkline draws values as bars, the largest of which is full.
func sparkline(values []int) string {
	const bars = "▁▂▃▄▅▆▇█"
	most := 0
	for _, v := range values {
		most = max(most, v)
	}
	var b strings.Builder
	for _, v := range values {
		if v == 0 {
			b.WriteByte('.')
			continue
		}
		level := v * (utf8.RuneCountInString(bars) - 1) / most
		b.WriteString(bars[level*3 : level*3+3]) // each has three bytes
	}
	return b.String()
}
