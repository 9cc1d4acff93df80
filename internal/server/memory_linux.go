package server

import "golang.org/x/sys/unix"

// machineMemory is the memory of this machine in bytes.
func machineMemory() int64 {
	var info unix.Sysinfo_t
	if err := unix.Sysinfo(&info); err != nil {
		return usualMemory
	}
	return int64(info.Totalram) * int64(info.Unit)
}
