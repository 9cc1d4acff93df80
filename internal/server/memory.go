package server

import "github.com/millrace/millrace/internal/upkeep"

// usualMemory is taken where the machine does not say how much it has, in
// bytes.
const usualMemory = 4 << 30

// machineMemory is the memory that this process may use, in bytes.
func machineMemory() int64 {
	if n, known := upkeep.MachineMemory(); known {
		return n
	}
	return usualMemory
}
