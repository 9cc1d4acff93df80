//go:build !linux

package server

// machineMemory is the memory of this machine in bytes.
func machineMemory() int64 { return usualMemory }
