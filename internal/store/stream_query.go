package store

// list returns the entries of the view that a span takes in, up to limit, and
// what is in the pages besides.
func (x *streamIndex) list(v *view, s span, limit int) ([]Entry, besides) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return x.listLocked(v, s, limit), x.besides
}

// at returns the entry of the view that covers t, or else the first one of the
// span behind it, and what is in the pages besides.
func (x *streamIndex) at(v *view, t moment, behind span) (covers, follows *Entry, b besides) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	if covers = x.coveringLocked(v, behind.clock, t); covers != nil {
		return covers, nil, x.besides
	}
	if list := x.listLocked(v, behind, 1); len(list) > 0 {
		follows = &list[0]
	}
	return nil, follows, x.besides
}

func (x *streamIndex) listLocked(v *view, s span, limit int) (list []Entry) {
	if s.clock == ProducerClock {
		return x.listMentions(v, s, limit)
	}
	s.from = max(s.from, v.since)
	p := x.rows.search(func(r *row) bool { return s.reached(r.server(), r.number) })
	for r := x.rows.at(p); r != nil && r.server() < s.to && len(list) < limit; r = x.rows.at(p) {
		if v.sees(r.number, r.producer) {
			list = append(list, r.entry())
		}
		p = x.rows.next(p)
	}
	return list
}

func (x *streamIndex) listMentions(v *view, s span, limit int) (list []Entry) {
	p := x.mentions.search(func(m *mention) bool { return s.reached(m.producer, m.number) })
	for m := x.mentions.at(p); m != nil && m.producer < s.to && len(list) < limit; m = x.mentions.at(p) {
		if v.sees(m.number, m.producer) {
			list = append(list, x.rowLocked(m.number).entry())
		}
		p = x.mentions.next(p)
	}
	return list
}

// coveringLocked returns the entry that starts last on a clock among those that
// contain t. Of several that start together it is the newest by the server's
// clock, and the lowest number by the producer's.
func (x *streamIndex) coveringLocked(v *view, c Clock, t moment) *Entry {
	if c == ProducerClock {
		return x.entryOf(x.coveringMention(v, t))
	}
	var found *row
	p := x.rows.search(func(r *row) bool { return r.server() > t.millis })
	x.rows.backward(p, t.millis, func(r *row) bool {
		if t.within(r.server(), r.duration) && v.sees(r.number, r.producer) {
			found = r
		}
		return found == nil && r.server() >= v.since
	})
	if found == nil {
		return nil
	}
	e := found.entry()
	return &e
}

func (x *streamIndex) coveringMention(v *view, t moment) (found *mention) {
	p := x.mentions.search(func(m *mention) bool { return m.producer > t.millis })
	x.mentions.backward(p, t.millis, func(m *mention) bool {
		if found != nil && m.producer < found.producer {
			return false
		}
		if t.within(m.producer, m.duration) && v.sees(m.number, m.producer) {
			found = m
		}
		return true
	})
	return found
}

func (x *streamIndex) entryOf(m *mention) *Entry {
	if m == nil {
		return nil
	}
	e := x.rowLocked(m.number).entry()
	return &e
}
