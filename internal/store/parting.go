package store

import (
	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/pack"
)

// A parting is what could be found of a pack that goes. It is known before the
// pack is hidden: from then on others, who rid the index of what is lost, may
// take the entries away as well, and nobody could count them.
type parting struct {
	fragments      int
	bytes          int64
	oldest, newest int64 // server times in milliseconds
}

// parting sums up what goes with a pack of which entries are listed, if they are
// known. What a rule hides does not count, nor do streams that were dropped.
// It is not less than what can be found; it is more where something in the pack
// is dead while something else is hidden and not swept yet, or where the index
// is being made again.
func (e *Engine) parting(p *packInfo, entries []pack.Entry) parting {
	account := parting{p.live, p.liveBytes, p.oldest, p.newest}
	if len(entries) == 0 {
		return account
	}
	listed := e.index.shown(p.number, entries)
	if e.packs.isUnsure() {
		return listed
	}
	listed.fragments, listed.bytes = min(listed.fragments, account.fragments), min(listed.bytes, account.bytes)
	return listed
}

// shown sums up the entries of a pack that no rule hides.
func (ix *index) shown(number uint64, entries []pack.Entry) (p parting) {
	for key, list := range inPack(number, entries) {
		if ix.stream(key) == nil {
			continue
		}
		r := ix.rule(key)
		for i := range list {
			if en := &list[i]; r == nil || !r.Gone(en.Number, en.ProducerTime) {
				p.add(en.Number, en.Size)
			}
		}
	}
	return p
}

func (p *parting) add(n millrace.FragmentNumber, bytes int64) {
	at := n.ServerTime().UnixMilli()
	if p.fragments == 0 || at < p.oldest {
		p.oldest = at
	}
	p.newest = max(p.newest, at)
	p.fragments++
	p.bytes += bytes
}
