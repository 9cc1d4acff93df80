package upkeep

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/millrace/millrace/internal/store"
	"github.com/millrace/millrace/internal/store/disk"
)

// A fileSystem is what the system says of where a directory is.
type fileSystem struct {
	kind    string   // ext4, nfs4 and so on; empty if it is not known
	options []string // of the mount
	inodes  uint64   // that are free; 0 if there is no such bound
	bounded bool     // whether there is
}

// A trap is a kind of file system that a store should not be on.
type trap struct {
	kinds []string
	level Level
	why   string
	do    string
}

func traps() []trap {
	return []trap{
		{
			[]string{"tmpfs", "ramfs"},
			LevelFail, "it is in memory, and empty after a restart of the machine",
			"Use a directory on a disk.",
		},
		{
			[]string{"nfs", "nfs4", "cifs", "smb2", "smb3", "afs", "ceph", "ncpfs"},
			LevelFail,
			"it is on another machine: databases with a write-ahead log do not work there, and locks and syncs may not mean what they say",
			"Use a local disk, or a block device over the network (iSCSI, NBD) with a file system of its own.",
		},
		{
			[]string{"vfat", "msdos", "exfat"},
			LevelFail, "it has no journal, no owners and no holes, and may lose a directory in a power cut",
			"Format the disk with ext4 or XFS.",
		},
		{
			[]string{"overlay", "aufs", "squashfs"},
			LevelWarn, "it is a container's own layer, and goes with the container",
			"Mount a volume at the data directory.",
		},
		{
			[]string{"9p", "virtiofs", "fuse", "fuseblk", "fuse.sshfs", "fuse.s3fs", "ntfs", "ntfs3"},
			LevelWarn,
			"what a sync makes durable depends on the program behind it",
			"Test it with a real power cut, or use ext4 or XFS on a disk.",
		},
	}
}

// fileSystem looks at the kind of file system and how it is mounted.
func (d *doctor) fileSystem(context.Context) {
	const check = "file system"
	if !d.usable {
		return
	}
	found, err := d.machine.fileSystem(d.cfg.Data)
	if err != nil || found.kind == "" {
		return // not known here
	}
	for _, t := range traps() {
		if slices.Contains(t.kinds, found.kind) {
			d.note(check, t.level, t.do, "%s: %s", found.kind, t.why)
			return
		}
	}
	for _, option := range []string{"nobarrier", "barrier=0"} {
		if slices.Contains(found.options, option) {
			d.note(check, LevelFail, "Mount it without that option, unless every cache behind it survives a power cut.",
				"%s is mounted with %s, which confirms syncs before they are true", found.kind, option)
			return
		}
	}
	if found.bounded && found.inodes < 10_000 {
		d.note(check, LevelWarn, "Remove small files, or format it with more inodes.", "%s has %d inodes left", found.kind, found.inodes)
		return
	}
	d.note(check, LevelOK, "", "%s", found.kind)
}

// scratch makes a file for measuring, and calls use with it.
func (d *doctor) scratch(use func(store.File) error) (err error) {
	dir, err := os.MkdirTemp(d.cfg.Data, "doctor-*")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	files, err := disk.Open(dir)
	if err != nil {
		return err
	}
	f, err := files.Create("scratch")
	if err != nil {
		return err
	}
	defer f.Close()
	return use(f)
}

// holes tries whether bytes can be given back in the middle of a file.
func (d *doctor) holes(context.Context) {
	const check = "hole punching"
	const size = 1 << 20
	if !d.usable {
		return
	}
	err := d.scratch(func(f store.File) error {
		if _, err := f.WriteV([][]byte{noise(size)}); err != nil {
			return err
		}
		if err := f.Sync(); err != nil {
			return err
		}
		before, err := f.Allocated()
		if err != nil {
			return err
		}
		if err := f.Punch(0, size/2); err != nil {
			return err
		}
		if err := f.Sync(); err != nil {
			return err
		}
		left, err := f.Allocated()
		if err == nil && left > before-size/4 {
			return fmt.Errorf("%d of %d bytes are still taken: %w", left, before, store.ErrUnsupported)
		}
		return err
	})
	switch {
	case errors.Is(err, store.ErrUnsupported):
		d.note(check, LevelWarn, "Use ext4, XFS or Btrfs, if early deletions should give their space back promptly.",
			"not possible here: what is deleted early comes back only when its pack is written anew")
	case err != nil:
		d.note(check, LevelFail, "See what is wrong with the disk.", "could not be tried: %v", err)
	default:
		d.note(check, LevelOK, "", "works")
	}
}

// space compares what there is with what the settings want.
func (d *doctor) space(context.Context) {
	const check = "space"
	if !d.usable {
		return
	}
	files, err := disk.View(d.cfg.Data)
	if err != nil {
		return
	}
	room, err := files.Space()
	if err != nil || room.Total == 0 {
		return // not known here
	}
	used, err := d.used()
	if err != nil {
		d.note(check, LevelFail, "See what is wrong with the disk.", "packs cannot be looked at: %v", err)
		return
	}
	capacity, reserve := int64(d.cfg.Capacity), int64(d.cfg.Reserve)
	switch {
	case reserve > room.Total/2:
		d.note(check, LevelFail, "Lower --reserve.", "--reserve is %s of %s: a server leaves no more than half of a disk free", sizeText(reserve), sizeText(room.Total))
	case reserve > room.Free+used:
		d.note(check, LevelFail, fmt.Sprintf("Lower --reserve, or make room: at most %s can be left free.", sizeText(room.Free+used)),
			"--reserve is %s, but %s are free, and media take %s: new ones are refused", sizeText(reserve), sizeText(room.Free), sizeText(used))
	case capacity > 0 && capacity > used+room.Free-reserve:
		d.note(check, LevelWarn, fmt.Sprintf("Lower --capacity, or make room: at most %s fit.", sizeText(max(0, used+room.Free-reserve))),
			"--capacity is %s, but media take %s, and %s are free", sizeText(capacity), sizeText(used), sizeText(room.Free))
	case room.Free < max(reserve, room.Total/100):
		d.note(check, LevelWarn, "A full disk is dealt with as --when-full says; other programs on it are not.",
			"%s of %s are free; media take %s", sizeText(room.Free), sizeText(room.Total), sizeText(used))
	default:
		d.note(check, LevelOK, "", "%s of %s are free; media take %s", sizeText(room.Free), sizeText(room.Total), sizeText(used))
	}
}

// used is how many bytes packs and index take.
func (d *doctor) used() (n int64, err error) {
	for _, part := range []string{filepath.Join(d.cfg.Data, PackFolder), d.cfg.Data} {
		files, err := disk.View(part)
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			return n, err
		}
		names, err := files.ReadDir()
		if err != nil {
			return n, err
		}
		for _, name := range names {
			size, err := allocated(files, name)
			if err != nil && !errors.Is(err, os.ErrNotExist) {
				return n, err
			}
			n += size
		}
	}
	return n, nil
}

func allocated(files store.FS, name string) (int64, error) {
	f, err := files.Open(name)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	return f.Allocated()
}
