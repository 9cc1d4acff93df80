package store

// RoomStats says how full the store is and what that has cost.
type RoomStats struct {
	Capacity int64 // bytes that there could be for packs and what lies beside them; 0 if not known
	Used     int64 // that packs and what lies beside them take
	Left     int64 // that may still be written before the policy of a full disk is asked; 0 if not known
	Full     bool  // whether what came last was refused for lack of room

	roomCounts
}

// roomCounts are what a lack of room has cost since the start.
type roomCounts struct {
	RefusedFragments int64
	RefusedBytes     int64
	EvictedPacks     int64
	EvictedFragments int64
	EvictedBytes     int64 // of media
}

// RoomStats says how full the store is. It asks the file system, if nobody has
// done so of late.
func (e *Engine) RoomStats() RoomStats { return e.room.stats() }

func (r *room) stats() RoomStats {
	if r.stale() {
		r.look()
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	s := RoomStats{Capacity: r.totalLocked(), Used: r.packs.room() + r.beside, Full: r.full, roomCounts: r.counts}
	if left := r.leftLocked(); s.Capacity > 0 {
		s.Left = max(left, 0)
	}
	return s
}

func (r *room) countEvicted(v *Eviction) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.counts.EvictedPacks++
	r.counts.EvictedFragments += int64(v.Fragments)
	r.counts.EvictedBytes += v.Bytes
}

// countRefused notes what was refused, and reports whether that is news.
func (r *room) countRefused(batch []*submission) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.counts.RefusedFragments += int64(len(batch))
	for _, s := range batch {
		r.counts.RefusedBytes += s.entry.Size
	}
	news := !r.full
	r.full = true
	return news
}

// accepted notes that something was kept, and reports whether that is news.
func (r *room) accepted() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	news := r.full
	r.full, r.owed = false, false
	return news
}
