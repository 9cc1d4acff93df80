package auth

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/keyfile"
)

// Where a root key may come from.
const (
	EnvAccessKeyID     = "MILLRACE_ACCESS_KEY_ID"
	EnvSecretAccessKey = "MILLRACE_SECRET_ACCESS_KEY"
	RootKeyFile        = "root-key.json" // in the data directory
)

// A RootKey may do everything.
type RootKey struct {
	ID     string `json:"accessKeyId"`
	Secret string `json:"secretAccessKey"`
}

// String returns the access key id, which is no secret, and nothing else.
func (k RootKey) String() string { return k.ID }

// GoString keeps the secret out of %#v.
func (k RootKey) GoString() string { return "auth.RootKey(" + k.ID + ")" }

// Parent is that of the key's sessions.
func (k RootKey) Parent() Parent {
	sum := sha256.Sum256([]byte("millrace root key\n" + k.Secret))
	return Parent{Key: k.ID, Print: hex.EncodeToString(sum[:8])}
}

// LogValue keeps the secret out of logs.
func (k RootKey) LogValue() slog.Value { return slog.StringValue(k.ID) }

// A LoadedRootKey is a root key and how it was found.
type LoadedRootKey struct {
	RootKey
	Path    string // file it is kept in; empty if it came from the environment
	Created bool   // made just now: tell the operator, for it will not be told again
	Warning string // what the operator should mend; may be empty
}

// LoadRootKey returns the root key from the environment, if getenv has both its
// variables, else the one that is kept in the directory dir, and makes one there
// if there is none. A file that others may write, or that is no key, is an
// error; one that others may read is a warning. dir must exist, and only one
// process may use it.
func LoadRootKey(dir string, getenv func(string) string) (LoadedRootKey, error) {
	key := RootKey{ID: getenv(EnvAccessKeyID), Secret: getenv(EnvSecretAccessKey)}
	if key != (RootKey{}) {
		return LoadedRootKey{RootKey: key}, key.checkEnvironment()
	}
	path := filepath.Join(dir, RootKeyFile)
	found, err := ReadRootKey(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return createRootKey(path)
	}
	return found, err
}

func (k RootKey) checkEnvironment() error {
	switch {
	case k.ID == "":
		return fmt.Errorf("%s is set and %s is not: set both or neither", EnvSecretAccessKey, EnvAccessKeyID)
	case k.Secret == "":
		return fmt.Errorf("%s is set and %s is not: set both or neither", EnvAccessKeyID, EnvSecretAccessKey)
	}
	if err := k.check(); err != nil {
		return fmt.Errorf("%s and %s: %w", EnvAccessKeyID, EnvSecretAccessKey, err)
	}
	return nil
}

// check refuses keys that no client can use.
func (k RootKey) check() error {
	const idChars = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-."
	if k.ID == "" || len(k.ID) > 128 || strings.Trim(k.ID, idChars) != "" {
		return errors.New("the access key id is not 1 to 128 characters of [a-zA-Z0-9_.-]")
	}
	if k.Secret == "" || len(k.Secret) > 128 || strings.ContainsFunc(k.Secret, func(c rune) bool { return c <= ' ' || c > '~' }) {
		return errors.New("the secret access key is not 1 to 128 visible ASCII characters")
	}
	return nil
}

// ReadRootKey returns the root key that is kept in the directory dir. Where
// there is none the error is fs.ErrNotExist; the others are LoadRootKey's.
func ReadRootKey(dir string) (LoadedRootKey, error) {
	path := filepath.Join(dir, RootKeyFile)
	warning, err := keyfile.Check(path, "root key", "")
	if err != nil {
		return LoadedRootKey{}, err
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return LoadedRootKey{}, fmt.Errorf("read root key: %w", err)
	}
	key := LoadedRootKey{Path: path, Warning: warning}
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.DisallowUnknownFields()
	if err = dec.Decode(&key.RootKey); err == nil {
		err = key.check()
	}
	if err != nil {
		return LoadedRootKey{}, fmt.Errorf("read root key from %s: %w (mend the file, or move it away to have a new key made)", path, err)
	}
	return key, nil
}

func createRootKey(path string) (LoadedRootKey, error) {
	key := makeKey()
	b, err := json.MarshalIndent(key, "", "  ")
	if err != nil {
		return LoadedRootKey{}, fmt.Errorf("encode root key: %w", err)
	}
	if err := keyfile.Write(path, append(b, '\n'), 0o600); err != nil {
		return LoadedRootKey{}, fmt.Errorf("keep root key: %w", err)
	}
	return LoadedRootKey{RootKey: key, Path: path, Created: true}, nil
}

// makeKey makes an id of 20 and a secret of 40 characters, the lengths that
// other tools expect, from characters that need no quoting anywhere.
func makeKey() RootKey {
	var id [10]byte
	var secret [30]byte
	_, _ = rand.Read(id[:]) // never fails
	_, _ = rand.Read(secret[:])
	return RootKey{
		ID:     "MILL" + base32.StdEncoding.EncodeToString(id[:]),
		Secret: base64.RawURLEncoding.EncodeToString(secret[:]),
	}
}

// RootKeys is the Keys that know the root key alone.
type RootKeys struct {
	key     RootKey
	account string
}

// NewRootKeys makes the Keys of key; account is 12 digits.
func NewRootKeys(key RootKey, account string) RootKeys { return RootKeys{key, account} }

// Lookup implements Keys.
func (k RootKeys) Lookup(_ context.Context, keyID, _ string) (Key, error) {
	if keyID != k.key.ID {
		return Key{}, millrace.ErrNotFound
	}
	arn := "arn:aws:iam::" + k.account + ":root"
	return Key{Secret: k.key.Secret, Principal: Principal{
		ARN: arn, KeyID: keyID, Root: true, parent: k.key.Parent(), role: "root",
	}}, nil
}
