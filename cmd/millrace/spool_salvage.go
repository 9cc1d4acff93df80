package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/millrace/millrace/producer/spool"
)

type spoolSalvageCommand struct {
	spoolArgs
	Out string `short:"o" required:"" help:"Directory for the files; it is made if it is not there." placeholder:"DIR"`
}

// Help is what the long help says.
func (spoolSalvageCommand) Help() string {
	return "One Matroska file is written for each file of the spool, named for stream, time and number: STREAM-20261123T100000Z-0001.mkv. " +
		"They have every whole frame that is intact, also of what the server has confirmed already. The spool is not changed, and one that a program has open is not touched; files that are there are not written over. " +
		"The exit code is 6 if damage was found: what is intact was written then."
}

// salvagedFile is one that was written, or could not be.
type salvagedFile struct {
	Stream string `json:"stream"`
	Source string `json:"source"`
	File   string `json:"file,omitempty"` // empty if there is nothing in it
	mediaSpan
	Faults []spoolFault `json:"faults,omitempty"`
	More   int          `json:"more,omitempty"` // faults beyond these
}

// Run salvages.
func (s spoolSalvageCommand) Run(ctx context.Context, c *console) error {
	found, err := s.find("spool salvage")
	if err != nil {
		return err
	}
	if within(s.Out, s.Dir) {
		return usagef("spool salvage", "%s is in the spool: write elsewhere", s.Out)
	}
	if err := os.MkdirAll(s.Out, 0o700); err != nil {
		return fmt.Errorf("make directory for files: %w", err)
	}
	list, err := s.salvage(newSpoolMeter(ctx), found, c)
	if printed := printList(c, list, printSalvaged); err == nil {
		err = printed
	}
	if err != nil {
		return brokenOff(ctx, err)
	}
	for _, f := range list {
		if damaged(f.Faults) {
			return &advisedError{errDamaged, "What is intact was written."}
		}
	}
	return nil
}

// salvage writes files until one cannot be written.
func (s spoolSalvageCommand) salvage(meter *spoolMeter, found []streamSpool, c *console) (list []salvagedFile, err error) {
	contents := make([]spool.Contents, len(found))
	for i, from := range found {
		if contents[i], err = spool.Look(from.dir); err != nil {
			return nil, fmt.Errorf("spool of stream %s: %w", from.stream, err)
		}
		for _, f := range contents[i].Files {
			meter.total.Add(f.Size)
		}
	}
	defer meter.show(c, "salvaged")()
	for i, from := range found {
		for _, f := range contents[i].Files {
			out, err := s.file(meter, from, f)
			if err != nil {
				return list, err
			}
			list = append(list, out)
		}
	}
	return list, nil
}

// file writes what one file of a spool holds. It has its name once it is whole.
func (s spoolSalvageCommand) file(meter *spoolMeter, from streamSpool, f spool.FileContents) (salvagedFile, error) {
	out := salvagedFile{Stream: from.stream, Source: filepath.Join(from.dir, f.Name)}
	part, err := os.CreateTemp(s.Out, ".salvage-*.part")
	if err != nil {
		return out, fmt.Errorf("make file: %w", err)
	}
	defer os.Remove(part.Name()) // unless it has another name by then
	got, err := meter.salvage(part, out.Source)
	if closed := part.Close(); err == nil {
		err = closed
	}
	out.More = got.More
	out.Faults = spoolFaults(f.Name, got.Faults)
	if errors.Is(err, spool.ErrDamaged) { // nothing can be read without the header
		out.Faults = append(out.Faults, spoolFault{File: f.Name, Bytes: f.Size, Error: err.Error()})
		return out, nil
	}
	if err != nil || got.Frames == 0 {
		return out, err
	}
	for _, fragment := range got.Fragments {
		out.add(fragment)
	}
	path := filepath.Join(s.Out, fmt.Sprintf("%s-%s-%04d.mkv", from.stream, timeName(*out.From), f.Number))
	if _, err := os.Lstat(path); err == nil {
		return out, usagef("spool salvage", "%s is there already", path)
	}
	if err := os.Rename(part.Name(), path); err != nil {
		return out, fmt.Errorf("name file: %w", err)
	}
	out.File = path
	return out, nil
}

// printSalvaged writes a file for people.
func printSalvaged(f salvagedFile, w io.Writer) {
	if f.File == "" {
		fmt.Fprintf(w, "%s\tnothing\n", f.Source)
	} else {
		fmt.Fprintf(w, "%s\t%d fragments, %d frames, %s, %s\n", f.File, f.Fragments, f.Frames, byteText(f.Bytes), f.span())
	}
	printFaults(w, f.Faults, f.More)
}
