package producer

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/producer/spool"
)

// spoolPrefix begins the names of directories in Client.Spool that are streams'.
const spoolPrefix = "stream-"

// spoolName is the name of a stream's directory. Some file systems do not tell
// capitals from small letters, so capitals are written as + and the letter.
func spoolName(name millrace.StreamName) string {
	var b strings.Builder
	b.WriteString(spoolPrefix)
	for _, c := range string(name) {
		if c >= 'A' && c <= 'Z' {
			b.WriteByte('+')
			c += 'a' - 'A'
		}
		b.WriteRune(c)
	}
	return b.String()
}

// parseSpoolName returns the stream that a directory belongs to.
func parseSpoolName(dir string) (name millrace.StreamName, ok bool) {
	rest, ok := strings.CutPrefix(dir, spoolPrefix)
	var b strings.Builder
	capital := false
	for _, c := range rest {
		switch {
		case c == '+' && !capital:
			capital = true
			continue
		case capital && c >= 'a' && c <= 'z':
			c -= 'a' - 'A'
		}
		capital = false
		b.WriteRune(c)
	}
	name = millrace.StreamName(b.String())
	return name, ok && spoolName(name) == dir
}

// SpoolDir is the directory of a stream's spool, whether it is there or not. It is
// empty if c.Spool is.
func (c *Client) SpoolDir(name millrace.StreamName) string {
	if c.Spool == "" {
		return ""
	}
	return filepath.Join(c.Spool, spoolName(name))
}

// Spooled returns the names of the streams that have a directory in c.Spool, in
// order. Open with BufferRules.Spool goes on with what such a one holds; it needs
// no tracks for that. Nothing is returned if there is no spool yet.
func (c *Client) Spooled() ([]millrace.StreamName, error) {
	if c.Spool == "" {
		return nil, nil
	}
	list, err := os.ReadDir(c.Spool)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("list spools: %w", err)
	}
	var names []millrace.StreamName
	for _, e := range list {
		if name, ok := parseSpoolName(e.Name()); ok && e.IsDir() {
			names = append(names, name)
		}
	}
	return names, nil
}

// recover queues what the spool has, oldest first, with the identities that it
// was begun with.
func (s *Stream) recover(d *spool.Spool) error {
	headers := map[spool.HeaderHash]*header{}
	var latest time.Time
	for p := range d.Pending() {
		if p.Frames == 0 || p.Damaged {
			s.forget(p)
			continue
		}
		h := headers[p.Header]
		if h == nil || !h.start.Equal(p.Origin) || p.Start.Before(latest) { // times go back only over a new call
			b, err := d.Header(p.Ref)
			if err != nil {
				return err
			}
			h = &header{bytes: b, relative: !p.Origin.IsZero(), start: p.Origin}
			if s.header != nil && s.header.equal(h) && latest.IsZero() {
				h = s.header
			}
			headers[p.Header] = h
		}
		latest = p.Start
		s.mu.Lock()
		if s.header == nil {
			s.header = h
		}
		s.queue.push(s.found(p, h))
		s.stats.Begun++
		s.mu.Unlock()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.awaitAge(time.Now())
	return nil
}

// forget settles what of the spool is of no use: a fragment without a frame, of
// which nothing is lost, or a damaged one, which is reported.
func (s *Stream) forget(p spool.Fragment) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.journal(&fragment{ref: p.Ref}, spool.Dropped)
	if !p.Damaged {
		return
	}
	s.stats.Begun++
	s.stats.Dropped++
	s.dropped(Dropped{Reason: DropDamaged, Fragments: 1, Frames: p.Frames, Bytes: p.Bytes, From: p.Start, To: p.End()})
}

// found is the fragment of what the spool has. Its times are those of this
// stream, whatever its own timecodes count from.
func (s *Stream) found(p spool.Fragment, h *header) *fragment {
	f := &fragment{
		ref: p.Ref, spool: spooled, identity: p.Identity, header: h,
		timecode: p.Timecode, scale: p.Scale, frames: p.Frames,
		begun: p.Begun, ended: p.Begun.Add(p.Duration), key: true, // written in real time, if that can be
		size: p.Bytes + spoolHeadSize, headEnd: spoolHeadSize,
	}
	if now := time.Now(); f.ended.After(now) {
		f.ended = now
	}
	f.first = time.Duration(p.Start.UnixNano())
	if s.config.Time.Relative {
		f.first = p.Start.Sub(s.config.Time.Start)
	}
	f.last = f.first + p.Duration
	return f
}
