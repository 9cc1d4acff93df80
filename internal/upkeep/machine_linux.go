package upkeep

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// unixModes says that the modes of files mean something.
const unixModes = true

// thisMachine is the machine that the program runs on.
type thisMachine struct{}

var _ machine = thisMachine{}

func inUse(err error) bool { return errors.Is(err, syscall.EADDRINUSE) }

// fileSystem looks for the mount that a directory is under.
func (thisMachine) fileSystem(dir string) (fileSystem, error) {
	path, err := filepath.Abs(dir)
	if err == nil {
		path, err = filepath.EvalSymlinks(path)
	}
	if err != nil {
		return fileSystem{}, err
	}
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return fileSystem{}, err
	}
	found := mountOf(mounts, path)
	var st unix.Statfs_t
	if err := unix.Statfs(path, &st); err != nil {
		return found, os.NewSyscallError("statfs", err)
	}
	found.inodes, found.bounded = st.Ffree, st.Files > 0
	return found, nil
}

// mountOf finds the mount of a path in what mountinfo says: the longest one
// above it, and of those the last, which covers the others.
func mountOf(mountinfo []byte, path string) (found fileSystem) {
	longest := -1
	for line := range bytes.Lines(mountinfo) {
		before, after, ok := strings.Cut(string(line), " - ")
		where, what := strings.Fields(before), strings.Fields(after)
		if !ok || len(where) < 6 || len(what) < 3 {
			continue
		}
		point := unescapeMount(where[4])
		if len(point) < longest || !under(path, point) {
			continue
		}
		longest = len(point)
		found = fileSystem{kind: what[0], options: strings.Split(where[5]+","+what[2], ",")}
	}
	return found
}

func under(path, point string) bool {
	return point == "/" || path == point || strings.HasPrefix(path, point+"/")
}

// unescapeMount reads the octal escapes of mountinfo.
func unescapeMount(s string) string {
	return strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`).Replace(s)
}

// lockedBy looks for a lock on a file without trying to take it.
func (thisMachine) lockedBy(path string) (lockState, bool) {
	var st unix.Stat_t
	if err := unix.Stat(path, &st); err != nil {
		return lockState{}, errors.Is(err, unix.ENOENT)
	}
	locks, err := os.ReadFile("/proc/locks")
	if err != nil {
		return lockState{}, false
	}
	dev := uint64(st.Dev)
	return lockOn(locks, fmt.Sprintf("%02x:%02x:%d", unix.Major(dev), unix.Minor(dev), st.Ino)), true
}

// lockOn finds the lock on a file in the kernel's list.
func lockOn(locks []byte, file string) lockState {
	for line := range bytes.Lines(locks) {
		fields := strings.Fields(string(line))
		if len(fields) < 6 || fields[1] != "FLOCK" || fields[5] != file {
			continue
		}
		pid, _ := strconv.Atoi(fields[4]) // 0 where it has none here
		return lockState{held: true, pid: max(0, pid)}
	}
	return lockState{}
}

// memory is what the machine has, or what the control group allows.
func (thisMachine) memory() (int64, bool) {
	var info unix.Sysinfo_t
	if err := unix.Sysinfo(&info); err != nil {
		return 0, false
	}
	total := int64(info.Totalram) * int64(info.Unit)
	for _, name := range []string{"/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"} {
		text, err := os.ReadFile(name)
		if err != nil {
			continue
		}
		if most, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64); err == nil {
			total = min(total, most)
		}
	}
	return total, true
}

func (thisMachine) openFiles() (uint64, bool) {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return 0, false
	}
	return limit.Max, true // a program in Go raises its own to this
}

// clockState asks the kernel whether its clock is being kept right.
func (thisMachine) clockState() (synchronized, known bool) {
	var t unix.Timex
	if _, err := unix.Adjtimex(&t); err != nil {
		return false, false
	}
	return t.Status&unix.STA_UNSYNC == 0, true
}
