package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/millrace/millrace/internal/upkeep"
)

// errUnfit says that a doctor found something that has to be mended.
var errUnfit = errors.New("a check failed")

type doctorCommand struct {
	Quick   bool          `help:"Leave out measuring the disk."`
	Measure time.Duration `help:"How long to measure the disk (4s)." default:"4s" placeholder:"D"`
	settings
}

// Help is what the long help says.
func (doctorCommand) Help() string {
	return "Looks whether a server with these settings runs well on this machine: directory, disk, clock, port, memory and formats. It takes all flags of millrace server. " +
		"The exit code is 0 unless a check failed, then 6; warnings do not count."
}

// Run examines the machine.
func (d doctorCommand) Run(ctx context.Context, c *console) error {
	cfg, err := d.load(c, nil)
	if err != nil {
		return err
	}
	if d.Quick {
		d.Measure = 0
	}
	findings, err := upkeep.Doctor(ctx, cfg, upkeep.DoctorOptions{Speed: d.Measure})
	if err != nil {
		return brokenOff(ctx, err)
	}
	err = c.print(map[string]any{"findings": findings}, func(w io.Writer) {
		for _, f := range findings {
			fmt.Fprintf(w, "%s\t%s\t%s\n", f.Level, f.Check, f.Text)
			if f.Do != "" {
				fmt.Fprintf(w, "\t\t  %s\n", f.Do)
			}
		}
	})
	if err == nil && slices.ContainsFunc(findings, func(f upkeep.Finding) bool { return f.Level == upkeep.LevelFail }) {
		err = errUnfit
	}
	return err
}
