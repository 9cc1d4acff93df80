package upkeep

import "github.com/millrace/millrace/internal/store"

// The names in a data directory.
const (
	ControlFile = "control.db"
	IndexFile   = "index.db"
	KeyFile     = "root-key.json"
	PackFolder  = "packs"

	AuthorityFile = "ca-key.pem"

	lockFile   = "lock"
	markerFile = "restoring"
)

// IdentityName is the name under which the control state keeps the 16 bytes
// that tell a store from every other.
const IdentityName = "identity"

// The names in a backup, beside those of the files that it holds.
const (
	manifestFile = "manifest.json"
	progressFile = "progress.json"
	partSuffix   = ".part" // of a file that is being written
)

// packPrefix stands before the names of packs in a manifest.
const packPrefix = PackFolder + "/"

// packFiles lists the packs in a directory, in the order of their numbers.
func packFiles(fs store.FS) ([]string, error) {
	names, err := fs.ReadDir()
	if err != nil {
		return nil, err
	}
	packs := names[:0]
	for _, name := range names {
		if _, ok := store.PackNumber(name); ok {
			packs = append(packs, name)
		}
	}
	return packs, nil
}
