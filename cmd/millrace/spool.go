package main

import (
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/millrace/millrace/producer"
	"github.com/millrace/millrace/producer/spool"
)

type spoolCommand struct {
	List    spoolListCommand    `cmd:"" help:"Show what a spool holds."`
	Salvage spoolSalvageCommand `cmd:"" help:"Write what a spool holds as Matroska files that players take."`
}

// spoolArgs name spools.
type spoolArgs struct {
	Dir    string     `arg:"" help:"Directory that push got with --spool, or that of one stream in it."`
	Stream streamName `help:"This stream alone." placeholder:"NAME"`
}

// A streamSpool is the spool of one stream.
type streamSpool struct {
	stream string // the directory's name if it is not a stream's
	dir    string
}

// find returns the spools that the arguments name.
func (a spoolArgs) find(command string) ([]streamSpool, error) {
	if info, err := os.Stat(a.Dir); err != nil || !info.IsDir() {
		return nil, usagef(command, "%s is not a directory", a.Dir)
	}
	found, err := spoolsBelow(a.Dir)
	if err != nil {
		return nil, err
	}
	if len(found) == 0 {
		if found, err = spoolIn(a.Dir); err != nil {
			return nil, err
		}
	}
	if a.Stream != "" {
		found = slices.DeleteFunc(found, func(s streamSpool) bool { return s.stream != a.Stream.name().String() })
	}
	if len(found) == 0 {
		return nil, usagef(command, "there is no spool in %s", filepath.Join(a.Dir, string(a.Stream)))
	}
	return found, nil
}

// spoolsBelow returns the spools of a directory of them.
func spoolsBelow(dir string) (list []streamSpool, err error) {
	client := producer.Client{Spool: dir}
	names, err := client.Spooled()
	for _, name := range names {
		list = append(list, streamSpool{name.String(), client.SpoolDir(name)})
	}
	return list, err
}

// spoolIn returns the spool that a directory is, if it is one.
func spoolIn(dir string) ([]streamSpool, error) {
	path, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	beside, err := spoolsBelow(filepath.Dir(path))
	if err != nil {
		return nil, err
	}
	if i := slices.IndexFunc(beside, func(s streamSpool) bool { return s.dir == path }); i >= 0 {
		return []streamSpool{{beside[i].stream, dir}}, nil
	}
	c, err := spool.Look(dir)
	if err != nil || len(c.Files) == 0 {
		return nil, err
	}
	return []streamSpool{{filepath.Base(path), dir}}, nil
}

// A spoolFault is a place of a spool's file where something is wrong.
type spoolFault struct {
	File     string `json:"file"`
	Offset   int64  `json:"offset"`
	Bytes    int64  `json:"bytes,omitempty"`
	Fragment uint64 `json:"fragment,omitempty"`
	Torn     bool   `json:"torn,omitempty"`  // as a crash leaves it: nothing that was synced is lost
	Error    string `json:"error,omitempty"` // of a file of which nothing can be read
}

// spoolFaults makes what is wrong with a file fit to be shown.
func spoolFaults(file string, faults []spool.Fault) (list []spoolFault) {
	for _, f := range faults {
		list = append(list, spoolFault{File: file, Offset: f.Offset, Bytes: f.Bytes, Fragment: uint64(f.Fragment), Torn: f.Torn})
	}
	return list
}

// damaged reports whether one of the faults is more than what a crash leaves.
func damaged(faults []spoolFault) bool {
	return slices.ContainsFunc(faults, func(f spoolFault) bool { return !f.Torn })
}

// A mediaSpan is from the first frame of some fragments to the end of the last.
type mediaSpan struct {
	Fragments int        `json:"fragments"`
	Frames    int        `json:"frames"`
	Bytes     int64      `json:"bytes"` // of media
	From      *time.Time `json:"from,omitempty"`
	To        *time.Time `json:"to,omitempty"`
}

func (m *mediaSpan) add(f spool.Fragment) {
	m.Fragments++
	m.Frames += f.Frames
	m.Bytes += f.Bytes
	from, to := f.Start, f.End()
	if m.From == nil || from.Before(*m.From) {
		m.From = &from
	}
	if m.To == nil || to.After(*m.To) {
		m.To = &to
	}
}

// span is the times for people.
func (m *mediaSpan) span() string {
	if m.From == nil {
		return ""
	}
	return m.From.Format(time.RFC3339) + " to " + m.To.Format(time.RFC3339)
}
