package producer

import (
	"bytes"
	"fmt"
	"io"

	"github.com/millrace/millrace/mkv"
)

type partKind uint8

const (
	partCluster partKind = iota + 1 // a Cluster begins
	partBlock                       // a child of it
	partTags                        // Tags between Clusters
)

// A part is what an upload takes out of a Matroska stream. Times are
// nanoseconds since the zero of the stream's timecodes.
type part struct {
	kind   partKind
	at     int64  // of a Cluster: its timecode; of a block: when it is due
	known  bool   // the Cluster's size is known
	key    bool   // of a block: of use without the frames before it
	raw    []byte // of all but Clusters, valid until the next part
	offset int64  // of raw in the input
}

// A splitter takes a Matroska stream apart into headers and parts. A stream may
// hold several documents; where one begins earlier than the last one ended, it
// is moved behind that.
type splitter struct {
	elements *mkv.Reader
	header   []byte // of the part that was returned last
	info     mkv.Info
	tracks   bool            // the header has come as far as its tracks
	pictures map[uint64]bool // tracks of video

	origin  int64 // timecode of the Cluster, with the shift
	shift   int64 // of the document's times
	latest  int64 // due time of the block that came last
	step    int64 // from one due time to another
	started bool  // the document has had a Cluster
}

func newSplitter(r io.Reader) *splitter {
	return &splitter{
		elements: mkv.NewReader(r, mkv.ReaderOptions{}),
		info:     mkv.Info{TimecodeScale: mkv.DefaultTimecodeScale},
	}
}

// next returns the next part, or io.EOF.
func (s *splitter) next() (part, error) {
	for {
		e, err := s.elements.Next()
		if err != nil {
			return part{}, err
		}
		switch {
		case e.Kind == mkv.End:
			continue
		case e.ID == mkv.IDCluster:
			return s.begin(e)
		case e.Level == 2:
			if p, ok, err := s.block(e); ok || err != nil {
				return p, err
			}
		case e.ID == mkv.IDTags:
			if ofFragment(e.Data()) {
				return part{kind: partTags, raw: e.Raw, offset: e.Offset}, nil
			}
		default:
			if err := s.describe(e); err != nil {
				return part{}, err
			}
		}
	}
}

// describe adds an element to the header.
func (s *splitter) describe(e mkv.Element) (err error) {
	switch e.ID {
	case mkv.IDEBML:
		s.header, s.tracks, s.started, s.pictures = bytes.Clone(e.Raw), false, false, nil
		s.info = mkv.Info{TimecodeScale: mkv.DefaultTimecodeScale}
	case mkv.IDSegment:
		s.header = mkv.AppendUnknownSize(mkv.AppendID(s.header, mkv.IDSegment), 0)
	case mkv.IDInfo:
		if s.info, err = mkv.ParseInfo(e.Data()); err != nil {
			return err
		}
		if s.info.TimecodeScale > maxScale {
			return fmt.Errorf("ticks of %d ns: %w", s.info.TimecodeScale, ErrTime)
		}
		s.header, err = appendLiveInfo(s.header, e.Data())
	case mkv.IDTracks:
		s.tracks = true
		s.header = append(s.header, e.Raw...)
		s.pictures = videoTracks(e.Data())
	}
	return err
}

// videoTracks are the numbers of the tracks that have pictures, as far as Tracks
// can be read: the server judges them.
func videoTracks(data []byte) map[uint64]bool {
	list, _ := mkv.ParseTracks(data)
	pictures := map[uint64]bool{}
	for _, t := range list {
		pictures[t.Number] = t.Type == mkv.TrackVideo
	}
	return pictures
}

// appendLiveInfo appends an Info without what is true for the file alone.
func appendLiveInfo(b, info []byte) ([]byte, error) {
	var kept []byte
	for child, err := range mkv.Children(info) {
		if err != nil {
			return b, err
		}
		if child.ID != mkv.IDDuration && child.ID != mkv.IDCRC32 && child.ID != mkv.IDVoid {
			kept = append(kept, child.Raw...)
		}
	}
	return mkv.AppendBytes(b, mkv.IDInfo, kept), nil
}

// begin reads on to the Cluster's Timecode.
func (s *splitter) begin(start mkv.Element) (part, error) {
	if !s.tracks {
		return part{}, errNoTracks
	}
	for {
		e, err := s.elements.Next()
		switch {
		case err != nil:
			return part{}, err
		case e.ID == mkv.IDTimecode:
			if err := s.place(e); err != nil {
				return part{}, err
			}
			return part{kind: partCluster, at: s.origin, known: start.Size != mkv.UnknownSize}, nil
		case e.ID != mkv.IDVoid && e.ID != mkv.IDCRC32 && e.ID != mkv.IDPosition && e.ID != mkv.IDPrevSize:
			return part{}, errNoTimecode
		}
	}
}

// cluster makes a Cluster of the part that was returned last.
func (s *splitter) cluster(p part, leading [][]byte) cluster {
	return cluster{header: s.header, scale: s.info.TimecodeScale, at: p.at, known: p.known, leading: leading}
}

// place finds the time of a Cluster.
func (s *splitter) place(e mkv.Element) error {
	ticks, err := mkv.ParseUint(e.Data())
	if err != nil {
		return fmt.Errorf("read timecode: %w", err)
	}
	if ticks > maxTime/s.info.TimecodeScale {
		return fmt.Errorf("timecode %d: %w", ticks, ErrTime)
	}
	at := int64(ticks * s.info.TimecodeScale)
	if !s.started && s.latest > 0 && at+s.shift <= s.latest {
		s.shift = s.latest + s.step - at
	}
	s.started = true
	s.origin = at + s.shift
	s.latest = max(s.latest, s.origin)
	return nil
}

// Bounds of what is computed with, in nanoseconds.
const (
	maxTime  = 1 << 62 // the year 2116, with room for what is added
	maxScale = 1e9     // a tick of a second
)

// block returns a child of the Cluster, and false for one that is left out. A
// picture that is shown before others that came earlier is due with them.
func (s *splitter) block(e mkv.Element) (part, bool, error) {
	var b mkv.Block
	var err error
	key := true
	switch e.ID {
	case mkv.IDVoid, mkv.IDCRC32, mkv.IDPosition, mkv.IDPrevSize, mkv.IDTimecode:
		return part{}, false, nil
	case mkv.IDSimpleBlock:
		b, err = mkv.ParseBlock(e.Data())
		key = b.Keyframe()
	case mkv.IDBlockGroup:
		var g mkv.BlockGroup
		g, err = mkv.ParseBlockGroup(e.Data())
		b, key = g.Block, g.Keyframe()
	}
	if err != nil {
		return part{}, false, fmt.Errorf("read block: %w", err)
	}
	if due := s.origin + int64(b.RelTime)*int64(s.info.TimecodeScale); due > s.latest {
		s.step, s.latest = due-s.latest, due
	}
	key = key || !s.pictures[b.Track]
	return part{kind: partBlock, at: s.latest, key: key, raw: e.Raw, offset: e.Offset}, true, nil
}

// ofFragment reports whether Tags are about no track, chapter or attachment.
func ofFragment(tags []byte) bool {
	for tag, err := range mkv.Children(tags) {
		if err != nil {
			return false
		}
		for child := range mkv.Children(tag.Data()) {
			if child.ID == mkv.IDTargets && len(bytes.TrimSpace(child.Data())) > 0 {
				return false
			}
		}
	}
	return true
}
