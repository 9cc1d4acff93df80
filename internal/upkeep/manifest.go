package upkeep

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strconv"
	"strings"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/store"
)

const (
	manifestMagic = "millrace backup"

	// ManifestVersion is the format of the backups that this release makes.
	ManifestVersion = 1

	// maxManifest bounds the memory that reading a manifest takes. A million
	// packs fit in.
	maxManifest = 256 << 20
)

// ErrNoBackup says that a directory holds no complete backup.
var ErrNoBackup = errors.New("there is no complete backup")

// ErrNewerBackup says that a backup was made by a newer release.
var ErrNewerBackup = errors.New("backup format is newer than this release")

// A Manifest says what a backup holds.
type Manifest struct {
	Magic    string    `json:"magic"`
	Format   int       `json:"format"`
	Tool     string    `json:"tool"`     // the release that made it
	Began    time.Time `json:"began"`    // all that was acknowledged before is in it
	Finished time.Time `json:"finished"` // zero in the record of a run that is under way
	Identity string    `json:"identity"` // of the store; empty if it has none
	Run      int       `json:"run"`      // how many times this directory was backed up to
	Epoch    uint32    `json:"epoch"`    // the newest of any pack
	Files    []Copied  `json:"files"`
	Sum      string    `json:"sum"` // SHA-256 of the manifest with an empty sum
}

// A Copied is one file in a backup.
type Copied struct {
	Name   string `json:"name"`   // in the data directory, with slashes
	Stored string `json:"stored"` // in the backup
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`

	// Of packs.
	Sealed    bool   `json:"sealed,omitempty"`      // and so the same for ever, but for what is taken out of it
	Salt      uint64 `json:"salt,omitempty,string"` // that, with the name, no other pack has
	Allocated int64  `json:"allocated,omitempty"`   // bytes that the original took of its file system
	Damaged   int    `json:"damaged,omitempty"`     // places that were damaged in the original
}

// encode returns the manifest as a file, its sum filled in.
func (m *Manifest) encode() ([]byte, error) {
	m.Magic, m.Format = manifestMagic, ManifestVersion
	sum, err := m.sum()
	if err != nil {
		return nil, err
	}
	m.Sum = sum
	b, err := json.MarshalIndent(m, "", " ")
	if err != nil {
		return nil, fmt.Errorf("encode manifest: %w", err)
	}
	return append(b, '\n'), nil
}

func (m *Manifest) sum() (string, error) {
	bare := *m
	bare.Sum = ""
	b, err := json.Marshal(bare)
	if err != nil {
		return "", fmt.Errorf("encode manifest: %w", err)
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:]), nil
}

// ReadManifest reads what the backup in a directory holds. None is ErrNoBackup,
// one of a newer release ErrNewerBackup, a damaged one millrace.ErrCorrupt.
func ReadManifest(from store.FS) (*Manifest, error) {
	m, err := readManifest(from, manifestFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, ErrNoBackup
	}
	return m, err
}

func readManifest(from store.FS, name string) (*Manifest, error) {
	b, err := readFile(from, name, maxManifest)
	if err != nil {
		return nil, err
	}
	return parseManifest(b)
}

func parseManifest(b []byte) (*Manifest, error) {
	var head struct {
		Magic  string
		Format int
	}
	if err := json.Unmarshal(b, &head); err != nil || head.Magic != manifestMagic || head.Format < 1 {
		return nil, fmt.Errorf("manifest of backup: %w", millrace.ErrCorrupt)
	}
	if head.Format > ManifestVersion {
		return nil, fmt.Errorf("format %d, and this release knows formats up to %d: %w", head.Format, ManifestVersion, ErrNewerBackup)
	}
	m := new(Manifest)
	if err := json.Unmarshal(b, m); err != nil {
		return nil, fmt.Errorf("manifest of backup: %w: %w", millrace.ErrCorrupt, err)
	}
	if sum, err := m.sum(); err != nil || sum != m.Sum {
		return nil, fmt.Errorf("checksum of the backup's manifest: %w", millrace.ErrCorrupt)
	}
	return m, m.check()
}

// check refuses names that lead out of the directories that they belong into.
func (m *Manifest) check() error {
	seen := make(map[string]bool)
	for _, f := range m.Files {
		bare, run, ok := splitStored(f.Stored)
		if !ok || run < 1 || bare != strings.TrimPrefix(f.Name, packPrefix) || !known(f.Name) || f.Size < 0 || seen[f.Name] {
			return fmt.Errorf("manifest of backup: file %.80q: %w", f.Name, millrace.ErrCorrupt)
		}
		seen[f.Name] = true
	}
	return nil
}

// known reports whether a name is one of those that a backup holds.
func known(name string) bool {
	if base, ok := strings.CutPrefix(name, packPrefix); ok {
		_, ok = store.PackNumber(base)
		return ok
	}
	return name == ControlFile || name == KeyFile || name == AuthorityFile
}

// storedName is the name under which a run keeps a file.
func storedName(name string, run int) string {
	return strings.TrimPrefix(name, packPrefix) + "." + strconv.Itoa(run)
}

// splitStored takes such a name apart.
func splitStored(stored string) (bare string, run int, ok bool) {
	at := strings.LastIndexByte(stored, '.')
	if at < 0 {
		return "", 0, false
	}
	run, err := strconv.Atoi(stored[at+1:])
	return stored[:at], run, err == nil && storedName(stored[:at], run) == stored
}

// Bytes is how many bytes the files of the backup have.
func (m *Manifest) Bytes() (n int64) {
	for i := range m.Files {
		n += m.Files[i].Size
	}
	return n
}

// isPack reports whether the file is a pack.
func (f *Copied) isPack() bool { return strings.HasPrefix(f.Name, packPrefix) }

// readFile reads a file of at most limit bytes.
func readFile(from store.FS, name string, limit int64) ([]byte, error) {
	f, err := from.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	size, err := f.Size()
	if err != nil {
		return nil, err
	}
	if size > limit {
		return nil, fmt.Errorf("%s has %d bytes: %w", name, size, millrace.ErrCorrupt)
	}
	return io.ReadAll(io.NewSectionReader(f, 0, size))
}
