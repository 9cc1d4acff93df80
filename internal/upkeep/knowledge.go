package upkeep

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/store"
	"github.com/millrace/millrace/internal/store/sqlite"
)

// A knowledge is what the control state says of streams.
type knowledge struct {
	names    map[millrace.StreamKey]millrace.StreamName
	policies map[millrace.StreamKey]store.Policy // of active streams
	stamp    time.Time                           // it was at least so late
	identity string                              // of the store, in hexadecimal digits
}

// factIdentity is the fact by which an index says which store it is of.
const factIdentity = "identity"

// owns reports whether an index is of this store; an empty one is. Nil owns
// nothing.
func (k *knowledge) owns(index *store.PageState) bool {
	return k != nil && (len(index.Facts) == 0 || index.Facts[factIdentity] == k.identity)
}

// store is the store's identity, zero if that is not known. Nil knows nothing.
func (k *knowledge) store() (id [16]byte) {
	if k != nil {
		_, _ = hex.Decode(id[:], []byte(k.identity)) // what is not one is not known
	}
	return id
}

// aboutToGo is how long before its end a fragment may go: the server's clock
// for that is not quite ours.
const aboutToGo = 10 * time.Minute

// kept says which fragments certainly are there at now.
func (k *knowledge) kept(now time.Time) Kept {
	if now.Before(k.stamp) {
		now = k.stamp
	}
	now = now.Add(aboutToGo)
	return func(key millrace.StreamKey, number millrace.FragmentNumber, producer time.Time) bool {
		p, ok := k.policies[key]
		if !ok || number.ServerTime().Before(p.KeptSince) || number.ServerTime().Before(now.Add(-p.Retention)) {
			return false
		}
		return !slices.ContainsFunc(p.Deletions, func(d store.Deletion) bool { return d.Covers(number, producer) })
	}
}

// name is what a stream is called; of one that has gone, its key. Nil knows
// nothing.
func (k *knowledge) name(key millrace.StreamKey) string {
	if k != nil && k.names[key] != "" {
		return k.names[key].String()
	}
	return fmt.Sprintf("(stream %d, generation %d)", key.ID, key.Generation)
}

// learn reads the control state at path as it is now.
func learn(ctx context.Context, path string) (*knowledge, error) {
	control, err := openCopy(ctx, path)
	if err != nil {
		return nil, err
	}
	defer control.Close()
	k := &knowledge{
		names:    make(map[millrace.StreamKey]millrace.StreamName),
		policies: make(map[millrace.StreamKey]store.Policy),
	}
	err = store.AllStreams(ctx, control, func(s millrace.Stream) error {
		k.names[s.Key] = s.Name
		if s.Status != millrace.StatusActive {
			return nil
		}
		deletions, err := control.Deletions(ctx, s.Key, 0, 0)
		k.policies[s.Key] = store.Policy{Retention: s.Retention, KeptSince: s.KeptSince, Deletions: deletions}
		return err
	})
	if err == nil {
		k.stamp, err = control.ClockStamp(ctx)
	}
	if err == nil {
		k.identity, err = control.identity(ctx)
	}
	if err != nil {
		return nil, err
	}
	return k, nil
}

// A controlCopy is a copy of the control state, to look at without touching
// the original.
type controlCopy struct {
	*sqlite.Control
	dir string
}

// openCopy copies the control state at path, which a server may be changing,
// and opens the copy.
func openCopy(ctx context.Context, path string) (*controlCopy, error) {
	dir, err := os.MkdirTemp("", "millrace-*")
	if err != nil {
		return nil, err
	}
	c := &controlCopy{dir: dir}
	file := filepath.Join(dir, ControlFile)
	if err = sqlite.OnlineCopy(ctx, path, file); err == nil {
		c.Control, err = sqlite.OpenControl(ctx, file, sqlite.Options{})
	}
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	return c, nil
}

// identity is the store's, in hexadecimal digits; empty if it has none yet.
func (c *controlCopy) identity(ctx context.Context) (string, error) {
	id, err := c.Keep(ctx, IdentityName, nil) // in the copy
	return hex.EncodeToString(id), err
}

// Close removes the copy.
func (c *controlCopy) Close() error { return errors.Join(c.Control.Close(), os.RemoveAll(c.dir)) }
