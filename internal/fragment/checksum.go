package fragment

import (
	"crypto/sha256"
	"errors"
	"hash"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/mkv"
)

// errNoDigest means that a Cluster with an identity is not what its producer sent.
var errNoDigest = errors.New("the Cluster does not end with the digest of its bytes")

// A checksum follows the bytes of a Cluster whose producer says what they come
// to. For other Clusters it does nothing. Its zero value is ready.
type checksum struct {
	hash hash.Hash // made for the first Cluster that needs it
	on   bool
	fits bool // the last element was a digest of all that was before it
	sum  [sha256.Size]byte
}

// start begins a Cluster of which prefix has been read.
func (c *checksum) start(prefix []byte) {
	if c.hash == nil {
		c.hash = sha256.New()
	}
	c.hash.Reset()
	c.on, c.fits = true, false
	c.hash.Write(prefix)
}

// stop passes the next Cluster over, until start.
func (c *checksum) stop() { c.on, c.fits = false, false }

// used reports whether the producer gives digests.
func (c *checksum) used() bool { return c.hash != nil }

// add takes the Cluster's next element.
func (c *checksum) add(e mkv.Element) {
	if !c.on {
		return
	}
	c.fits = e.ID == mkv.IDVoid && c.is(e.Data())
	c.hash.Write(e.Raw)
}

// is reports whether a Void is a digest, and the right one.
func (c *checksum) is(payload []byte) bool {
	digest, ok := millrace.ParseDigest(payload)
	if !ok {
		return false
	}
	c.hash.Sum(c.sum[:0])
	return digest == c.sum
}

// damage is why the bytes of the Cluster, which is over, cannot be those that
// were sent; nil if they are, or if nobody knows. A Cluster with an identity
// ends with its digest: where that is missing, something has cut it short. The
// fault is one on which clients send again.
func (c *checksum) damage() error {
	if !c.on || c.fits {
		return nil
	}
	return damaged(errNoDigest)
}
