package store_test

import (
	"fmt"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/pack"
	"github.com/millrace/millrace/internal/store"
)

// A toll is what it has cost to keep media and to let them go, and how often
// that was looked at.
type toll struct {
	store.Forgotten
	passes  int
	audited int // records of which the room was looked at

	hours int     // in which the packs were weighed
	sum   float64 // of the parts by which they took more than was live
	worst float64 // the largest of them
	when  time.Duration
	rest  rest // at the last audit
}

// add counts what a pass has done.
func (t *toll) add(r store.Forgotten) {
	t.passes++
	t.Fragments, t.Packs, t.Rewritten = t.Fragments+r.Fragments, t.Packs+r.Packs, t.Rewritten+r.Rewritten
}

func (t *toll) String() string {
	return fmt.Sprintf("%d fragments went in %d passes, %d packs were removed, %d fragments written anew, %d records looked at;\n"+
		"packs took %.2f %% more than was live, at most %.2f %% (after %.1f days), in %d hours; at the end %v",
		t.Fragments, t.passes, t.Packs, t.Rewritten, t.audited,
		100*t.sum/float64(t.hours), 100*t.worst, t.when.Hours()/24, t.hours, &t.rest)
}

// A rest is what packs take beside what is live in them, in bytes.
type rest struct {
	packs      int
	live, dead int   // records
	media      int64 // that are live
	due        int64 // whole blocks of what has gone a short time ago
	edges      int64 // what is left of records with a hole: headers, tables, and parts of blocks at both ends
	headers    int64 // headers and tables of what is live
	frames     int64 // all else: footers, headers of packs and of sessions, the last block of a file
}

// part is a part of what is live.
func (r *rest) part(n int64) float64 { return float64(n) / float64(max(r.media, 1)) }

func (r *rest) String() string {
	return fmt.Sprintf("%d packs with %d live records of %d MB and %d dead ones; of that: due %.2f %%, edges of holes %.2f %% (%d bytes each), "+
		"headers and tables %.2f %%, footers and the rest %.2f %%",
		r.packs, r.live, r.media>>20, r.dead, 100*r.part(r.due), 100*r.part(r.edges), r.edges/int64(max(r.dead, 1)),
		100*r.part(r.headers), 100*r.part(r.frames))
}

// weigh compares what the packs take with what is live, in all but the first
// ninetieth, in which there is little.
func (s *season) weigh() {
	var live int64
	for _, c := range s.channels {
		for _, one := range c.live(s.now) {
			live += one.size
		}
	}
	if s.age() < s.length/90 {
		return
	}
	t, part := &s.toll, float64(s.fs.taken-live)/float64(live)
	t.hours, t.sum = t.hours+1, t.sum+part
	if part > t.worst {
		t.worst, t.when = part, s.age()
	}
}

// audit looks at every record in the packs, or in those of the shortest class:
// what has gone for longer than an eighth of its class has no block of its own,
// and what is live has all, and lies once where it is found. A pack of which less
// than a quarter is live has that for an eighth of its class at most.
func (s *season) audit(all bool) {
	s.Helper()
	at := s.places(all)
	names, _ := s.fs.ReadDir()
	var r rest
	for _, name := range names {
		f := s.fs.files[name]
		h, err := pack.ReadFileHeader(f)
		if err != nil {
			s.Fatal(err)
		}
		if class := store.Class(h.Class - 1); all || class == store.ClassDay {
			r.packs++
			s.auditPack(&r, &record{file: f, class: class, at: store.Position{Pack: h.Pack}}, h.Salt, at)
		}
	}
	if all {
		r.frames = s.fs.taken - r.media - r.due - r.edges - r.headers
		s.toll.rest = r
	}
}

// A record is one that an audit finds.
type record struct {
	*pack.Record
	file  *thinFile
	class store.Class // of the pack
	at    store.Position
	last  time.Time // when the last one that is live in the pack expires
}

func (s *season) auditPack(r *rest, rec *record, salt uint64, at map[millrace.FragmentNumber]store.Position) {
	s.Helper()
	scanner := pack.NewScanner(rec.file, salt, rec.file.size)
	before, all := r.media, int64(0)
	for scanner.Next() {
		rec.Record, rec.at.Offset = scanner.Record(), scanner.Offset()
		if rec.Kind != pack.KindFragment {
			continue
		}
		s.toll.audited++
		all += rec.MediaSize()
		if err := s.auditRecord(r, rec, at); err != nil {
			s.Fatalf("after %v: %v of stream %v at %v: %v", s.age(), rec.Number, rec.Stream, rec.at, err)
		}
	}
	if err := scanner.Err(); err != nil {
		s.Fatal(err)
	}
	if live := r.media - before; live*4 < all && rec.last.After(s.now.Add(rec.class.Roll())) {
		s.Fatalf("after %v: of pack %x %d of %d bytes are live, until %v, and it was not written anew", s.age(), rec.at.Pack, live, all, rec.last)
	}
}

func (s *season) auditRecord(r *rest, rec *record, at map[millrace.FragmentNumber]store.Position) error {
	body := rec.at.Offset + rec.BodyOffset()
	end := body + int64(rec.Stored)
	blocks := max(0, end/thinBlock-(body+thinBlock-1)/thinBlock) * thinBlock
	room := rec.file.within(body, end)
	one := s.channels[rec.Stream.ID-1].find(rec.Number)
	place, known := at[rec.Number]
	since := s.now.Sub(time.UnixMilli(one.gone))
	switch {
	case one.gone == 0 && known && place != rec.at:
		return fmt.Errorf("it is found at %v", place)
	case one.gone == 0 && room != blocks:
		return fmt.Errorf("it is live, and only %d of %d bytes are there", room, blocks)
	case one.gone == 0:
		if dies := rec.Number.ServerTime().Add(s.channels[rec.Stream.ID-1].policy.Retention); dies.After(rec.last) {
			rec.last = dies
		}
		r.live, r.media, r.headers = r.live+1, r.media+one.size, r.headers+rec.Size()-one.size
		return nil
	case room > 0 && since > rec.class.Roll():
		return fmt.Errorf("it went %v ago, and %d of %d bytes are there", since, room, blocks)
	}
	r.dead, r.due, r.edges = r.dead+1, r.due+room, r.edges+rec.Size()-blocks
	return nil
}

// places finds where what is live is found, of all or of none.
func (s *season) places(all bool) map[millrace.FragmentNumber]store.Position {
	s.Helper()
	at := make(map[millrace.FragmentNumber]store.Position)
	for _, c := range s.channels {
		if !all {
			break
		}
		list, err := s.engine.After(s.Context(), s.scope(c), millrace.FragmentNumber{}, len(c.shots)+1)
		if err != nil {
			s.Fatal(err)
		}
		for i := range list {
			at[list[i].Number] = list[i].Position
		}
	}
	return at
}
