package spool

// What tests put in the place of the operating system's files.
type (
	FileSystem = fileSystem
	File       = file
)

// Entry is a fragment in memory.
type Entry = entry

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

// HeaderCopies are where the copies of a file's header stand.
var HeaderCopies = [...]int{len(fileHead), headerCopyAt}

// SetVersion changes the version in a copy of a file's header.
func SetVersion(b []byte, version byte) {
	b[8] = version
	copy(b[60:], seal(b[:60:60], 0)[60:])
}

// Recovered is Open without the goroutine that syncs.
func Recovered(o Options) (*Spool, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	s := &Spool{o: o, fs: o.fs, next: 1}
	return s, s.recover()
}

// LookAt is Look on other files.
func LookAt(fs FileSystem) (Contents, error) { return look(fs) }
