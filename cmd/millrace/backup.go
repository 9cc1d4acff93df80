package main

import (
	"context"
	"fmt"
	"io"

	"github.com/millrace/millrace/internal/upkeep"
)

type backupCommand struct {
	Create backupCreate `cmd:"" default:"withargs" help:"Copy a data directory (the default)."`
	Verify backupVerify `cmd:"" help:"Compare a backup with what was copied."`
}

// Help is what the long help says.
func (backupCommand) Help() string {
	return "millrace backup DEST --data DIR makes a backup, or brings one up to date; millrace backup create --help explains it."
}

type backupCreate struct {
	Dest   string    `arg:"" help:"Directory to copy to; it may hold an earlier backup of the same data."`
	Rate   sizeValue `help:"Read no faster than this, per second, such as 50M." placeholder:"SIZE"`
	Forget bool      `help:"Copy every pack again that has given bytes back, so that nothing is left of what was deleted."`
	dataDir
}

// Help is what the long help says.
func (backupCreate) Help() string {
	return "Copies a data directory, whether a server is using it or not. Everything that was acknowledged before the command began is in the backup. " +
		"What an earlier backup in the same directory holds, and what has not changed since, is not copied again; that backup stays complete until the new one is. " +
		"The root key is copied too: keep the backup as safe as the data. The exit code is 6 if the data were damaged already; the backup is made all the same."
}

// Run makes the backup.
func (b backupCreate) Run(ctx context.Context, c *console) error {
	dir, err := b.resolve(c, "backup create")
	if err != nil {
		return err
	}
	if within(b.Dest, dir) {
		return usagef("backup create", "%s is in the data directory; a backup belongs on another disk", b.Dest)
	}
	var report *upkeep.BackupReport
	err = metered(c, "copied", func(meter *upkeep.Progress) (err error) {
		report, err = upkeep.BackupTo(ctx, dir, b.Dest, upkeep.BackupOptions{Tool: release(), Rate: int64(b.Rate), Forget: b.Forget, Meter: meter})
		return err
	})
	if err != nil {
		return brokenOff(ctx, fmt.Errorf("backup: %w", err))
	}
	m := report.Manifest
	result := struct {
		Files       int    `json:"files"`
		Bytes       int64  `json:"bytes"`
		Copied      int    `json:"copied"`
		CopiedBytes int64  `json:"copiedBytes"`
		Run         int    `json:"run"`
		Identity    string `json:"identity"`
		Damaged     int    `json:"damaged"`
	}{len(m.Files), m.Bytes(), report.Copied, report.CopiedBytes, m.Run, m.Identity, len(report.Damage)}
	err = c.print(result, func(w io.Writer) {
		fmt.Fprintf(w, "%s\t%d files, %s; %d of them copied now, %s\n", b.Dest, result.Files, byteText(result.Bytes), result.Copied, byteText(result.CopiedBytes))
	})
	if err == nil && result.Damaged > 0 {
		c.say("The backup is complete, but the data were damaged in %d places. See them with: millrace verify --data %s", result.Damaged, dir)
		err = errDamaged
	}
	return err
}

type backupVerify struct {
	Dest string    `arg:"" help:"Directory of the backup."`
	Rate sizeValue `help:"Read no faster than this, per second, such as 50M." placeholder:"SIZE"`
}

// Run verifies the backup.
func (b backupVerify) Run(ctx context.Context, c *console) error {
	var m *upkeep.Manifest
	var faults []upkeep.BackupFault
	err := metered(c, "read", func(meter *upkeep.Progress) (err error) {
		m, faults, err = upkeep.VerifyBackupAt(ctx, b.Dest, int64(b.Rate), meter)
		return err
	})
	if err != nil {
		return brokenOff(ctx, fmt.Errorf("verify backup: %w", err))
	}
	type fault struct {
		File  string `json:"file"`
		Error string `json:"error"`
	}
	result := struct {
		Began    string  `json:"began"`
		Finished string  `json:"finished"`
		Tool     string  `json:"tool"`
		Files    int     `json:"files"`
		Bytes    int64   `json:"bytes"`
		Faults   []fault `json:"faults"`
	}{stamp(m.Began), stamp(m.Finished), m.Tool, len(m.Files), m.Bytes(), []fault{}}
	for _, f := range faults {
		result.Faults = append(result.Faults, fault{f.File.Name, f.Err.Error()})
	}
	err = c.print(result, func(w io.Writer) {
		fmt.Fprintf(w, "%s\t%s, %d files, %s, of %s\n", b.Dest, wellOr(len(faults), "faults"), result.Files, byteText(result.Bytes), result.Began)
		for _, f := range result.Faults {
			fmt.Fprintf(w, "  %s: %s\n", f.File, f.Error)
		}
	})
	if err == nil && len(faults) > 0 {
		err = errDamaged
	}
	return err
}
