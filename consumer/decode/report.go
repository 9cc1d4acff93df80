package decode

import (
	"bufio"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

const (
	maxReport = 2048 // bytes of a line of the child that are looked at
	lastLines = 6    // of what it says that are kept
	maxSide   = 1 << 16
)

// shown is what the child says of a picture before it writes its samples: the
// time and the size, which raw video does not have.
type shown struct {
	at            int64
	width, height int
}

// report matches a line of FFmpeg's filter showinfo. The time is in units of the
// input, which are milliseconds.
var report = regexp.MustCompile(`showinfo.*\] n: *\d+ pts: *(-?\d+|NOPTS) .* s:(\d+)x(\d+) `)

// parseShown reads a line of the filter.
func parseShown(line string) (shown, bool) {
	m := report.FindStringSubmatch(line)
	if m == nil {
		return shown{}, false
	}
	at, err := strconv.ParseInt(m[1], 10, 64)
	if err != nil {
		at = 0 // the time of no frame
	}
	s := shown{at, number(m[2]), number(m[3])}
	return s, s.width > 0 && s.height > 0 && s.width < maxSide && s.height < maxSide
}

// number is 0 for what is none.
func number(digits string) int {
	n, err := strconv.Atoi(digits)
	if err != nil {
		return 0
	}
	return n
}

// readReports reads what the child says until it says no more: pictures go to
// heads, which it closes, and what else sounds like trouble to words.
func readReports(r io.Reader, heads chan<- shown, words *lastWords, ended <-chan struct{}) {
	defer close(heads)
	in := bufio.NewReaderSize(r, maxReport)
	for {
		text, more, err := in.ReadLine()
		line := string(text)
		for more && err == nil {
			_, more, err = in.ReadLine()
		}
		if head, ok := parseShown(line); ok {
			select {
			case heads <- head:
			case <-ended:
				return
			}
		} else {
			words.add(line)
		}
		if err != nil {
			return
		}
	}
}

// lastWords are what a child said last. Only the goroutine that reads them has
// them until the child has ended.
type lastWords struct{ lines []string }

func (w *lastWords) add(line string) {
	line = strings.TrimSpace(line)
	if line == "" || strings.Contains(line, "[info]") || strings.Contains(line, "showinfo") {
		return
	}
	if len(w.lines) == lastLines {
		w.lines = slices.Delete(w.lines, 0, 1)
	}
	w.lines = append(w.lines, line)
}

// checked refuses what is too large to be held.
func (s shown) checked(most int) error {
	if s.width*s.height > most {
		return fmt.Errorf("%d by %d pixels: %w", s.width, s.height, ErrTooLarge)
	}
	return nil
}
