package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/producer/spool"
)

type spoolListCommand struct {
	Check bool `help:"Read all media, and tell what is damaged and where."`
	spoolArgs
}

// Help is what the long help says.
func (spoolListCommand) Help() string {
	return "A fragment is pending until the server has confirmed it, and received when it did so without making it durable; the others are there until their file goes. " +
		"Nothing is changed, and a spool that a program has open is not looked into. The exit code is 6 if damage was found."
}

// spoolReport is what the spool of one stream holds.
type spoolReport struct {
	Stream    string       `json:"stream"`
	Directory string       `json:"directory"`
	Producer  string       `json:"producer,omitempty"`
	Files     int          `json:"files"`
	DiskBytes int64        `json:"diskBytes"`
	States    []spoolState `json:"states"`
	Torn      int          `json:"torn"`    // fragments that a crash cut at their last whole frame
	Damaged   int          `json:"damaged"` // fragments that cannot be read whole, as far as that is known
	Faults    []spoolFault `json:"faults"`
	More      int          `json:"more,omitempty"` // faults beyond these
}

// spoolState is the fragments of one state.
type spoolState struct {
	State string `json:"state"`
	mediaSpan
}

// Run lists.
func (l spoolListCommand) Run(ctx context.Context, c *console) error {
	found, err := l.find("spool list")
	if err != nil {
		return err
	}
	meter := newSpoolMeter(ctx)
	if l.Check {
		defer meter.show(c, "read")()
	}
	var list []spoolReport
	hurt := false
	for _, s := range found {
		r, err := l.report(s, meter)
		if err != nil {
			return brokenOff(ctx, err)
		}
		list = append(list, r)
		hurt = hurt || r.Damaged > 0 || damaged(r.Faults)
	}
	if err := printList(c, list, printSpool); err != nil || !hurt {
		return err
	}
	return &advisedError{errDamaged, "What is intact is had by: millrace spool salvage " + l.Dir + " --out DIR"}
}

// report looks into one spool.
func (l spoolListCommand) report(s streamSpool, meter *spoolMeter) (spoolReport, error) {
	r := spoolReport{Stream: s.stream, Directory: s.dir, States: []spoolState{}, Faults: []spoolFault{}}
	contents, err := spool.Look(s.dir)
	if err != nil {
		return r, fmt.Errorf("spool of stream %s: %w", s.stream, err)
	}
	if contents.Producer != (millrace.ProducerID{}) {
		r.Producer = contents.Producer.String()
	}
	var states [spool.Dropped + 1]mediaSpan
	for i := range contents.Files {
		f := &contents.Files[i]
		r.Files++
		r.DiskBytes += f.Size
		for fragment := range f.Fragments() {
			if fragment.Bytes == 0 { // nothing of it ever came
				continue
			}
			states[fragment.Outcome].add(fragment)
			r.count(fragment)
		}
		if err := r.examine(s.dir, f, l.Check, meter); err != nil {
			return r, err
		}
	}
	for outcome, span := range states {
		if span.Fragments > 0 {
			r.States = append(r.States, spoolState{spool.Outcome(outcome).String(), span})
		}
	}
	return r, nil
}

func (r *spoolReport) count(f spool.Fragment) {
	if f.Damaged {
		r.Damaged++
	} else if f.Torn {
		r.Torn++
	}
}

// examine collects the faults of a file: those that were met, or all.
func (r *spoolReport) examine(dir string, f *spool.FileContents, check bool, meter *spoolMeter) error {
	switch {
	case f.Err != nil:
		r.Faults = append(r.Faults, spoolFault{File: f.Name, Bytes: f.Size, Error: f.Err.Error()})
		return nil
	case !check:
		r.Faults = append(r.Faults, spoolFaults(f.Name, f.Faults)...)
		return nil
	}
	meter.total.Add(f.Size)
	got, err := meter.salvage(io.Discard, filepath.Join(dir, f.Name))
	switch {
	case errors.Is(err, os.ErrNotExist): // it was settled meanwhile
		return nil
	case errors.Is(err, spool.ErrDamaged):
		r.Faults = append(r.Faults, spoolFault{File: f.Name, Bytes: f.Size, Error: err.Error()})
		return nil
	}
	r.Faults = append(r.Faults, spoolFaults(f.Name, got.Faults)...)
	r.More += got.More
	return err
}

// printSpool writes a report for people.
func printSpool(r spoolReport, w io.Writer) {
	fmt.Fprintf(w, "%s\t%d files, %s\n", r.Stream, r.Files, byteText(r.DiskBytes))
	for _, s := range r.States {
		fmt.Fprintf(w, "  %s\t%d fragments, %d frames, %s, %s\n", s.State, s.Fragments, s.Frames, byteText(s.Bytes), s.span())
	}
	if r.Torn+r.Damaged > 0 {
		fmt.Fprintf(w, "  not whole\t%d cut by a crash at their last whole frame, %d damaged\n", r.Torn, r.Damaged)
	}
	printFaults(w, r.Faults, r.More)
}

func printFaults(w io.Writer, faults []spoolFault, more int) {
	for _, f := range faults {
		fmt.Fprintf(w, "  %s at %d: ", f.File, f.Offset)
		switch {
		case f.Error != "":
			fmt.Fprint(w, f.Error)
		case f.Torn:
			fmt.Fprintf(w, "%s that were not synced, as a crash leaves them", byteText(f.Bytes))
		default:
			fmt.Fprintf(w, "%s are not what was written", byteText(f.Bytes))
		}
		if f.Fragment > 0 {
			fmt.Fprintf(w, ", in fragment %d", f.Fragment)
		}
		fmt.Fprintln(w)
	}
	if more > 0 {
		fmt.Fprintf(w, "  and %d more\n", more)
	}
}

// timeName is a time as a part of a file's name.
func timeName(t time.Time) string { return t.UTC().Format("20060102T150405Z") }
