// Package disk is the file-system seam of package store on the operating
// system's files.
//
// It promises what the seam asks for: on Linux by pwritev, fdatasync and
// sync_file_range, elsewhere by plain writes and the platform's full sync.
// Lock lets one process at a time have a data directory. It refuses to retry:
// an error of a write or a sync goes up as it is, because only the caller knows
// what is still in memory.
package disk
