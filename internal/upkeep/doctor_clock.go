package upkeep

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"time"

	"github.com/millrace/millrace/internal/store/disk"
	"github.com/millrace/millrace/internal/store/sqlite"
)

// farAhead is how far the clock may be ahead of what is known from before
// without anything being unusual: a server that was off for longer lets
// nothing expire for a day.
const farAhead = time.Hour

// newerRelease is what to do about a format that is not known.
const newerRelease = "Start the newer release that wrote it, or restore a backup made before the upgrade."

// clock compares the clock with what the directory knows, and asks whether
// anybody keeps it right.
func (d *doctor) clock(context.Context) {
	const check = "clock"
	now, newest := d.o.Now(), d.newest
	synchronized, known := d.machine.clockState()
	switch behind := newest.Sub(now); {
	case behind > time.Second:
		d.note(check, LevelFail, "Set the clock. Until it has caught up, new media are stamped with the newest time known.",
			"the clock says %s, but media were stamped up to %s: it is behind by %s", stamp(now), stamp(newest), round(behind))
	case known && !synchronized:
		d.note(check, LevelWarn, "Run chrony, ntpd or systemd-timesyncd.", "nothing keeps the clock right: it says %s", stamp(now))
	case !newest.IsZero() && -behind > farAhead && !d.running:
		d.note(check, LevelWarn, "If the server was off that long, all is well; nothing expires for a day after its start.",
			"the clock is %s ahead of the newest stamp, %s", (-behind).Round(time.Minute), stamp(newest))
	case known:
		d.note(check, LevelOK, "", "kept right, at %s", stamp(now))
	default:
		d.note(check, LevelOK, "", "%s; whether anything keeps it right is not known", stamp(now))
	}
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// formats checks that this release knows everything in the directory.
func (d *doctor) formats(ctx context.Context) {
	if !d.usable {
		return
	}
	d.controlFormat(ctx)
	d.indexFormat(ctx)
	d.packFormats(ctx)
}

// indexFormat looks at the index, if there is one.
func (d *doctor) indexFormat(ctx context.Context) {
	const check = "index"
	pages, err := sqlite.ViewIndex(ctx, filepath.Join(d.cfg.Data, IndexFile))
	var newer *sqlite.VersionError
	switch {
	case errors.Is(err, os.ErrNotExist):
		return // the first start makes it
	case errors.As(err, &newer):
		d.note(check, LevelFail, newerRelease+" Or remove index.db: it is made again.", "has schema version %d, and this release knows versions up to %d", newer.Found, newer.Known)
		return
	case err != nil:
		d.note(check, LevelFail, "Remove index.db while no server runs: it is made again.", "cannot be opened: %v", err)
		return
	}
	defer pages.Close()
	if _, err := pages.State(ctx); err != nil {
		d.note(check, LevelWarn, "The next start makes it again; millrace rebuild does so now.", "cannot be read: %v", err)
		return
	}
	d.note(check, LevelOK, "", "can be read")
}

// controlFormat opens a copy of the control state.
func (d *doctor) controlFormat(ctx context.Context) {
	const check = "control state"
	control, err := openCopy(ctx, filepath.Join(d.cfg.Data, ControlFile))
	var newer *sqlite.VersionError
	switch {
	case errors.Is(err, os.ErrNotExist):
		d.missingControl()
		return
	case errors.As(err, &newer):
		d.note(check, LevelFail, newerRelease, "has schema version %d, and this release knows versions up to %d", newer.Found, newer.Known)
		return
	case err != nil:
		d.note(check, LevelFail, "Run millrace verify; restore a backup if it is damaged.", "cannot be opened: %v", err)
		return
	}
	d.newest, err = control.ClockStamp(ctx)
	if err = errors.Join(err, control.Close()); err != nil {
		d.note(check, LevelFail, "Run millrace verify; restore a backup if it is damaged.", "cannot be read: %v", err)
		return
	}
	d.note(check, LevelOK, "", "can be read")
}

// missingControl tells of packs that no control state knows. Without packs it is
// the first start that makes it.
func (d *doctor) missingControl() {
	top, err := disk.View(d.cfg.Data)
	if err != nil {
		return
	}
	packs, err := disk.View(filepath.Join(d.cfg.Data, PackFolder))
	if err != nil {
		return
	}
	if errors.Is(CheckControl(top, packs), ErrNoControl) {
		d.note("control state", LevelFail, "Restore a backup, or move the packs elsewhere.", "there is none, and there are packs; no server starts")
	}
}

// packFormats looks at the file headers of all packs.
func (d *doctor) packFormats(ctx context.Context) {
	const check = "packs"
	files, err := disk.View(filepath.Join(d.cfg.Data, PackFolder))
	if errors.Is(err, os.ErrNotExist) {
		return
	}
	if err != nil {
		d.note(check, LevelFail, "Give the server's user access to it.", "packs cannot be reached: %v", err)
		return
	}
	census, err := countPacks(ctx, files)
	switch {
	case err != nil:
		d.note(check, LevelFail, "See what is wrong with the disk.", "packs cannot be listed: %v", err)
	case census.newer != "":
		d.note(check, LevelFail, newerRelease,
			"%s has a format that is newer than this release", census.newer)
	case census.unreadable > 0:
		d.note(check, LevelWarn, "Run millrace verify.", "%d of %d packs have no readable header", census.unreadable, census.packs)
	case census.foreign != "":
		d.note(check, LevelWarn, "Move it elsewhere.", "%s lies among the packs and is none", census.foreign)
	default:
		d.note(check, LevelOK, "", "%d packs, of formats this release knows", census.packs)
	}
}
