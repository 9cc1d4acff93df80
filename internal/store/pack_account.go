package store

import (
	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/pack"
)

// packState is where a pack is in its life.
type packState uint8

const (
	packOpen    packState = iota // written by a lane, or waiting for its footer
	packSealed                   // complete; goes when nothing in it is live
	packGivenUp                  // without a footer; goes likewise, or the next start cuts and seals it
)

// packInfo is what is known of one pack.
type packInfo struct {
	number    uint64
	salt      uint64
	class     Class
	state     packState
	busy      bool  // a pass writes it, and nobody else may remove it
	aside     aside // whether it could be read
	blind     bool  // it may say of others what could not be read
	why       error // it could not be read
	size      int64 // bytes of the file
	live      int   // fragments that can be found, in memory or in the pages
	liveBytes int64 // of their media
	media     int64 // bytes of all media that this start has written to it, live or not
	punched   int64 // bytes of the file that were given back
	oldest    int64 // server time of its oldest fragment, found or not, in milliseconds; 0 if there is none
	newest    int64 // and of its newest
	limits    []pack.Limit
}

// taken is how many bytes the file takes.
func (p *packInfo) taken() int64 { return p.size - p.punched }

// saw notes that a fragment is in the pack.
func (p *packInfo) saw(n millrace.FragmentNumber) {
	ms := n.ServerTime().UnixMilli()
	if p.oldest == 0 || ms < p.oldest {
		p.oldest = ms
	}
	p.newest = max(p.newest, ms)
}

// A packAccount is the part that the index keeps of a pack beside it.
type packAccount struct {
	packInfo
	hidden     bool // it is being removed
	unfed      unfed
	fed        int   // fragments that went into the pages
	paged      int   // of live, those in the pages
	pagedBytes int64 // of liveBytes
}

// row is what the pages are to keep of the pack.
func (a *packAccount) row() PackRow {
	r := PackRow{
		Number: a.number, Salt: a.salt, Class: a.class, Fed: a.unfed.from(), Fragments: a.fed,
		Live: a.paged, LiveBytes: a.pagedBytes, Punched: a.punched, Oldest: a.oldest, Newest: a.newest,
	}
	if a.state == packSealed {
		r.Sealed, r.Size, r.Limits = true, a.size, pack.FormatLimits(a.limits)
		if a.unfed.count == 0 && a.aside == notAside {
			r.Fed = a.size
		}
	}
	if a.aside == asideLeft || a.aside == restoring {
		r.Fed = 0 // so that a start looks into it from its beginning
	}
	return r
}

// complete reports whether a start need not look into the pack.
func (r *PackRow) complete() bool { return r.Sealed && r.Fed >= r.Size }

// resume is the account that a row is of, before what is not fed is known.
func (r *PackRow) resume() *packAccount {
	a := &packAccount{fed: r.Fragments, paged: r.Live, pagedBytes: r.LiveBytes}
	a.unfed.end = r.Fed
	a.packInfo = packInfo{
		number: r.Number, salt: r.Salt, class: r.Class, size: r.Size, live: r.Live, liveBytes: r.LiveBytes,
		punched: r.Punched, oldest: r.Oldest, newest: r.Newest,
	}
	return a
}

// A packDelta is what a change of the pages does to the account of a pack.
type packDelta struct {
	fed       int
	paged     int
	bytes     int64
	live      int // what is not moved between memory and pages, but comes or goes
	liveBytes int64
	offsets   []int64 // of records that need not be fed any more
}
