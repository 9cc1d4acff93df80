package upkeep

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/store"
)

// maxDifferences bounds the list of an IndexReport.
const maxDifferences = 1000

// An IndexReport says how the index compares with the packs. A difference costs
// no media: a server that finds the index damaged, or that is told to, makes it
// again.
type IndexReport struct {
	Present     bool     `json:"present"` // a directory without one is in order: the next start makes it
	Packs       int      `json:"packs"`   // that were compared
	Entries     int      `json:"entries"` // that are in both
	Differences []string `json:"differences"`
	More        int      `json:"more,omitempty"`    // that are not listed
	Skipped     string   `json:"skipped,omitempty"` // why nothing was compared
}

func (r *IndexReport) ok() bool { return len(r.Differences) == 0 }

func (r *IndexReport) differ(format string, args ...any) {
	if len(r.Differences) == maxDifferences {
		r.More++
		return
	}
	r.Differences = append(r.Differences, fmt.Sprintf(format, args...))
}

// CompareIndex compares the index with the packs, by what the control state
// says that there is. A server may be using all of them.
//
// Every fragment that was fed into the index and that nothing has taken away
// must be in it, on both clocks, where it lies; and the index must hold
// nothing that the packs do not. What seems wrong counts if it still is when
// control state, index and pack have been looked at once more, because
// fragments go and move all the time.
func CompareIndex(ctx context.Context, pages store.Pages, files store.FS, look func(context.Context) (Kept, error)) (*IndexReport, error) {
	c := &comparison{pages: pages, files: files, look: look, report: IndexReport{Present: true, Differences: []string{}}}
	err := c.run(ctx)
	if errors.Is(err, millrace.ErrCorrupt) {
		c.report.differ("the index is damaged: %v", err)
		err = nil
	}
	return &c.report, err
}

// A Kept says which fragments there are, as far as the control state knows.
type Kept func(millrace.StreamKey, millrace.FragmentNumber, time.Time) bool
