package server

import "github.com/millrace/millrace/internal/upkeep"

// usualMemory is taken where the machine does not say how much it has, in
// bytes.
const usualMemory = 4 << 30

// usualFiles is taken where the system does not say how many files may be open.
const usualFiles = 16 << 10

// machineMemory is the memory that this process may use, in bytes.
func machineMemory() int64 {
	if n, known := upkeep.MachineMemory(); known {
		return n
	}
	return usualMemory
}
