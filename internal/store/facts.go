package store

import (
	"cmp"
	"encoding/hex"
	"fmt"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/pack"
)

// indexFormat is the version of what the store makes of Pages.
const indexFormat = "1"

// The names of the facts that the pages keep.
const (
	factFormat   = "format"
	factIdentity = "identity" // of the control state
	factEpoch    = "epoch"    // of the start that wrote last
	factServer   = "server"   // latest server time, in milliseconds
	factLongest  = "longest"  // longest duration, in milliseconds, rounded up
	factChecked  = "checked"  // pack that was scrubbed last; not there before the first
	factPacks    = "packs"    // no pack is of a later format version
)

// facts are what the index knows of all fragments together, and of itself.
type facts struct {
	identity [16]byte
	epoch    uint32
	before   uint32        // epoch of the start that wrote the pages last before this one; 0 if nobody did
	server   atomic.Int64  // latest server time seen, in milliseconds; 0 if there was none
	longest  atomic.Int64  // no fragment that was seen lasts longer, in milliseconds
	checked  atomic.Uint64 // pack that was scrubbed last, 0 for none

	kept map[string]string // what the pages keep; used by who has the turn
}

// saw notes a fragment.
func (f *facts) saw(n millrace.FragmentNumber, d time.Duration) {
	raise(&f.server, n.ServerTime().UnixMilli())
	raise(&f.longest, endMillis(0, d))
}

func raise(v *atomic.Int64, to int64) {
	for {
		last := v.Load()
		if to <= last || v.CompareAndSwap(last, to) {
			return
		}
	}
}

// news is what the pages do not keep yet.
func (f *facts) news() map[string]string {
	news := make(map[string]string)
	if n := strconv.FormatUint(f.checked.Load(), 10); n != cmp.Or(f.kept[factChecked], "0") {
		news[factChecked] = n
	}
	for name, value := range map[string]string{
		factFormat:   indexFormat,
		factIdentity: hex.EncodeToString(f.identity[:]),
		factEpoch:    strconv.FormatUint(uint64(f.epoch), 10),
		factServer:   strconv.FormatInt(f.server.Load(), 10),
		factLongest:  strconv.FormatInt(f.longest.Load(), 10),
		factPacks:    strconv.Itoa(pack.FormatVersion),
	} {
		if f.kept[name] != value {
			news[name] = value
		}
	}
	return news
}

// stored notes that the pages keep news.
func (f *facts) stored(news map[string]string) {
	if f.kept == nil {
		f.kept = make(map[string]string)
	}
	for name, value := range news {
		f.kept[name] = value
	}
}

// refuseNewer is pack.ErrVersion if the index may know packs of a later format:
// a start does not look at packs that are in the pages, and would find out only
// when somebody reads them.
func refuseNewer(kept map[string]string) error {
	version, err := strconv.Atoi(kept[factPacks])
	if err != nil || version <= pack.FormatVersion {
		return nil // what is not there, or makes no sense, is no reason
	}
	return fmt.Errorf("packs of version %d, and this release knows versions up to %d: %w", version, pack.FormatVersion, pack.ErrVersion)
}

// resume takes over what the pages keep. It returns why they are of no use, or
// nothing. Pages without facts are empty.
func (f *facts) resume(kept map[string]string) (foreign string) {
	if len(kept) == 0 {
		return ""
	}
	epoch, err := strconv.ParseUint(kept[factEpoch], 10, 32)
	server, err2 := strconv.ParseInt(kept[factServer], 10, 64)
	longest, err3 := strconv.ParseInt(kept[factLongest], 10, 64)
	switch {
	case kept[factFormat] != indexFormat:
		return "it is of another format"
	case kept[factIdentity] != hex.EncodeToString(f.identity[:]):
		return "it belongs to another control state"
	case err != nil || err2 != nil || err3 != nil:
		return "what it says of itself cannot be read"
	case uint32(epoch) > f.epoch:
		return "it is newer than the control state"
	}
	f.before = uint32(epoch)
	raise(&f.server, server)
	raise(&f.longest, longest)
	if n, err := strconv.ParseUint(kept[factChecked], 10, 64); err == nil {
		f.checked.Store(n)
	}
	f.stored(kept)
	return ""
}
