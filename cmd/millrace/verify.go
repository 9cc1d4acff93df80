package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/millrace/millrace/internal/config"
	"github.com/millrace/millrace/internal/upkeep"
)

// errDamaged says that a check found something; the report says what.
var errDamaged = errors.New("damage was found")

type verifyCommand struct {
	Only string    `help:"Look at one part alone: control, packs or index." enum:",control,packs,index" default:"" placeholder:"PART"`
	Rate sizeValue `help:"Read packs no faster than this, per second, such as 50M." placeholder:"SIZE"`
	dataDir
}

// A sizeValue is a number of bytes on the command line.
type sizeValue = config.Size

// Help is what the long help says.
func (verifyCommand) Help() string {
	return "Reads everything in a data directory, whether a server is using it or not, and changes nothing. " +
		"Damage in a pack is told with the fragment that it is in. An index that differs from the packs costs nothing: it is built again at the next start, or by millrace rebuild. " +
		"The exit code is 0 if all is well, 6 if something was found, 1 if the check could not be made."
}

// Run verifies the directory.
func (v verifyCommand) Run(ctx context.Context, c *console) error {
	dir, err := v.resolve(c, "verify")
	if err != nil {
		return err
	}
	var report *upkeep.VerifyReport
	err = metered(c, "read", func(meter *upkeep.Progress) (err error) {
		report, err = upkeep.Verify(ctx, dir, upkeep.VerifyOptions{Parts: partOf(v.Only), Rate: int64(v.Rate), Meter: meter})
		return err
	})
	if printed := c.print(report, func(w io.Writer) { printVerify(w, report) }); err == nil {
		err = printed
	}
	if err == nil && !report.OK() {
		err = errDamaged
	}
	return brokenOff(ctx, err)
}

func partOf(only string) upkeep.Part {
	switch only {
	case "control":
		return upkeep.PartControl
	case "packs":
		return upkeep.PartPacks
	case "index":
		return upkeep.PartIndex
	}
	return upkeep.AllParts
}

// printVerify writes a report for people.
func printVerify(w io.Writer, r *upkeep.VerifyReport) {
	if p := r.Control; p != nil {
		rows := 0
		for _, n := range p.Rows {
			rows += n
		}
		fmt.Fprintf(w, "control state\t%s, %d rows\n", wellOr(len(p.Faults)+p.More, "faults"), rows)
		for _, fault := range p.Faults {
			fmt.Fprintf(w, "  %s\n", fault)
		}
	}
	if p := r.Packs; p != nil {
		printPacks(w, p)
	}
	if p := r.Index; p != nil {
		printIndex(w, p)
	}
}

func printPacks(w io.Writer, p *upkeep.PacksReport) {
	fmt.Fprintf(w, "packs\t%s, %d packs, %d fragments, %s\n", wellOr(len(p.Damaged)+p.More+len(p.Unread), "damaged places"), p.Packs, p.Fragments, byteText(p.Bytes))
	if p.Torn > 0 {
		fmt.Fprintf(w, "  %d unfinished ends, as a crash leaves them; the next start cuts them off\n", p.Torn)
	}
	for _, d := range p.Damaged {
		fmt.Fprintf(w, "  %s at %d: %s: %s\n", d.Pack, d.Offset, fragmentText(d), d.Error)
	}
	for _, u := range p.Unread {
		fmt.Fprintf(w, "  %s: %s\n", u.Pack, u.Error)
	}
	if p.More > 0 {
		fmt.Fprintf(w, "  and %d more\n", p.More)
	}
}

// fragmentText says which fragment a damaged place is in.
func fragmentText(d upkeep.DamagedAt) string {
	if d.Fragment == "" {
		return "no fragment"
	}
	text := fmt.Sprintf("stream %s, fragment %s, server time %s", d.Stream, d.Fragment, d.Server.Format(time.RFC3339))
	if d.Producer != nil {
		text += ", producer time " + d.Producer.Format(time.RFC3339)
	}
	return text
}

func wellOr(faults int, what string) string {
	if faults == 0 {
		return "ok"
	}
	return fmt.Sprintf("%d %s", faults, what)
}

func printIndex(w io.Writer, p *upkeep.IndexReport) {
	switch {
	case !p.Present:
		fmt.Fprint(w, "index\tnot there; the next start makes it\n")
	case p.Skipped != "":
		fmt.Fprintf(w, "index\tnot compared: %s\n", p.Skipped)
	default:
		fmt.Fprintf(w, "index\t%s, %d fragments in %d packs\n", wellOr(len(p.Differences)+p.More, "differences from the packs"), p.Entries, p.Packs)
	}
	for _, d := range p.Differences {
		fmt.Fprintf(w, "  %s\n", d)
	}
	if len(p.Differences) > 0 {
		fmt.Fprint(w, "  No media are lost by that: millrace rebuild makes the index again.\n")
	}
}
