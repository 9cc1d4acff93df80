package spool

// What tests put in the place of the operating system's files.
type (
	FileSystem = fileSystem
	File       = file
)

// On returns o for a spool on these files.
func (o Options) On(fs FileSystem) Options {
	o.fs = fs
	if o.Dir == "" {
		o.Dir = "test"
	}
	return o
}

// DiskAt is the operating system's directory.
func DiskAt(dir string) FileSystem { return disk(dir) }

// Sizes that tests know.
const (
	IndexEntry = indexEntry
	FrameSize  = frameSize
	ChunkSize  = chunkSize
)
