package store

import (
	"math"
	"sync"
	"time"
)

const (
	// packShare is the part of all room that a pack may take, so that making
	// room takes little at once, and minPack what it may take in any case.
	packShare = 32
	minPack   = 4 << 20

	// spaceAge is how long what the file system said of its room is believed.
	spaceAge = time.Second

	// latePayment is how long room that was made may take to show.
	latePayment = 2 * time.Second

	minReserve = 256 << 20
)

// A room knows how much may still be written: what Config.Capacity leaves, or
// what the file system has above Config.Reserve, whichever is less. Lanes take
// what they need before they write and give it back when they have written,
// and then the packs have grown by it.
//
// Nothing waits here and no file is touched but for asking the file system
// about its room, which is done without the lock.
type room struct {
	cfg   *Config
	packs *packTable

	mu      sync.Mutex    // guards what follows
	space   Space         // what the file system said last
	beside  int64         // what Config.Beside said last
	asked   time.Duration // when, as Config.Elapsed counts
	known   bool          // whether they were ever asked
	spent   int64         // bytes written since
	taken   int64         // bytes that are about to be written
	footers int64         // bytes with which the open packs will end
	wanted  int64         // bytes that lanes wait for
	debt    int64         // bytes to be freed first, whatever the file system says
	owed    bool          // whether there was a debt since something was written last
	late    int64         // bytes that were freed and do not show yet
	lateBy  time.Duration // until when they may be late
	barren  bool          // there was nothing to evict when it was last tried
	full    bool          // what came last was refused
	changed chan struct{} // closed when there may be more room
	counts  roomCounts
}

func newRoom(cfg *Config, packs *packTable) *room {
	return &room{cfg: cfg, packs: packs, changed: make(chan struct{})}
}

// look asks how much room there is. Where that fails, what was known before
// still counts.
func (r *room) look() {
	r.mu.Lock()
	before := r.spent
	r.mu.Unlock()
	space, err := r.cfg.FS.Space()
	beside := r.cfg.Beside()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.asked, r.known, r.beside = r.cfg.Elapsed(), true, beside
	if err != nil {
		r.cfg.Logger.Warn("the room on the disk is not known", "err", err)
		return
	}
	r.space = space
	r.spent -= before // what was written meanwhile may count twice, until the next look
}

// take takes room for n, and reports whether it was there.
func (r *room) take(n need) bool {
	if r.stale() {
		r.look()
	}
	if r.tryTake(n.total()) {
		return true
	}
	r.look() // others may have made room
	return r.tryTake(n.total())
}

func (r *room) tryTake(n int64) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.debt > 0 || r.leftLocked() < n {
		return false
	}
	r.taken += n
	return true
}

// stale reports whether the file system should be asked again.
func (r *room) stale() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return !r.known || r.cfg.Elapsed()-r.asked >= spaceAge || r.space.Total > 0 && r.spent > r.marginLocked()/4
}

// give returns what take took. What was written takes room in other accounts
// now.
func (r *room) give(n need, written bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.taken -= n.total()
	if written {
		r.spent += n.batch
		r.footers += n.footer
	}
}

// ended notes that a pack will have no footer that is yet to be written.
func (r *room) ended(footer int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.footers -= footer
	r.spent += footer
}

// unbounded is more room than there is anywhere.
const unbounded = math.MaxInt64 / 4

// leftLocked is how much may be taken, debts aside.
func (r *room) leftLocked() int64 {
	left := int64(unbounded)
	if r.cfg.Capacity > 0 {
		left = r.cfg.Capacity - r.packs.room() - r.beside
	}
	if r.space.Total > 0 {
		left = min(left, r.space.Free-r.reserveLocked()-r.spent)
	}
	return left - r.taken - r.footers
}

// reserveLocked is how much of the file system stays free: never more than half
// of it, so that a figure that is wrong by a letter does not cost all media.
func (r *room) reserveLocked() int64 {
	if r.cfg.Reserve > 0 {
		return min(r.cfg.Reserve, r.space.Total/2)
	}
	return min(max(minReserve, r.space.Total/100), r.space.Total/10)
}

// totalLocked is the most that there could ever be, 0 if that is not known.
func (r *room) totalLocked() int64 {
	switch {
	case r.cfg.Capacity <= 0:
		return r.space.Total
	case r.space.Total <= 0:
		return r.cfg.Capacity
	}
	return min(r.cfg.Capacity, r.space.Total)
}

// packSize is the size at which a pack is sealed.
func (r *room) packSize() int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.packSizeLocked()
}

func (r *room) packSizeLocked() int64 {
	if total := r.totalLocked(); total > 0 {
		return min(r.cfg.PackSize, max(total/packShare, minPack))
	}
	return r.cfg.PackSize
}

// marginLocked is how much room there is when the low-water mark is reached:
// enough that nobody has to wait while a pack is evicted.
func (r *room) marginLocked() int64 {
	total := r.totalLocked()
	return min(max(2*r.packSizeLocked(), total/50), total/8)
}

// low reports whether the low-water mark is reached.
func (r *room) low() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.debt > 0 || r.leftLocked() < r.marginLocked()+r.wanted
}

// shortfall is how many bytes are to be evicted, and whether somebody waits:
// what lacks to the low-water mark, or, if there is not as much to evict, what
// is waited for. It is nothing if even that is more than there is.
func (r *room) shortfall() (lacking int64, awaited bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	left := r.leftLocked() + r.lateLocked()
	reach := left + r.packs.room()
	for _, goal := range []int64{r.marginLocked() + r.wanted, r.wanted} {
		if goal > 0 && reach >= goal {
			return max(goal-left, r.debt, 0), r.wanted > 0
		}
	}
	if r.wanted > 0 {
		r.giveUpLocked()
	}
	return 0, false
}

// want says that somebody waits for n bytes, until it is called with -n.
func (r *room) want(n int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.wanted += n
	r.barren = false
}

// owe says that room for n must be freed, if that is the policy: the file
// system believes that it has room, but had none when it came to it. It returns
// false if that was tried before and nothing could be written since. Then it
// is not media that fill the disk, or the quota, or the table of files.
func (r *room) owe(n need) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.cfg.OnFull != OldestFirst || r.owed {
		return false
	}
	r.debt, r.owed = n.total(), true
	return true
}

// freed notes that n bytes were given back. Some file systems take a while
// until that shows; so much is not evicted again.
func (r *room) freed(n int64) {
	r.mu.Lock()
	expected := r.space.Free - r.spent + r.lateLocked() + n
	r.debt = max(r.debt-n, 0)
	r.mu.Unlock()
	r.look()
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.space.Total > 0 {
		r.late, r.lateBy = max(expected-r.space.Free, 0), r.cfg.Elapsed()+latePayment
	}
	r.announceLocked()
}

func (r *room) lateLocked() int64 {
	if r.cfg.Elapsed() < r.lateBy {
		return r.late
	}
	return 0
}

// giveUp says that nothing more can be evicted.
func (r *room) giveUp() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.giveUpLocked()
}

func (r *room) giveUpLocked() {
	r.barren = true
	r.debt = 0
	r.announceLocked()
}

func (r *room) announceLocked() {
	close(r.changed)
	r.changed = make(chan struct{})
}

// news returns a channel that closes when there may be more room or it is
// certain that there will be none.
func (r *room) news() <-chan struct{} {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.changed
}

// isBarren reports whether there was nothing to evict when it was last tried.
func (r *room) isBarren() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.barren
}
