package producer

import (
	"bytes"
	"fmt"

	"github.com/millrace/millrace/mkv"
)

type partKind uint8

const (
	partCluster partKind = iota + 1 // a Cluster begins
	partBlock                       // a child of it
	partTags                        // Tags between Clusters
)

// A part is what an upload takes out of a Matroska stream.
type part struct {
	kind     partKind
	timecode uint64 // of a Cluster
	known    bool   // the Cluster's size is known
	raw      []byte // of all others, valid until the next part
	offset   int64  // of raw in the input
	due      int64  // of a block: ticks since the zero of the timecodes
}

// A splitter takes a Matroska stream apart into a header and parts.
type splitter struct {
	elements *mkv.Reader
	header   []byte // complete before the first part is returned
	info     mkv.Info
	tracks   bool
	timecode uint64
	due      int64 // latest time of a block in the Cluster
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
			return s.cluster(e)
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
		if s.tracks {
			return fmt.Errorf("a second document begins: %w", errSecondHeader)
		}
		s.header = append(s.header, e.Raw...)
		s.info.TimecodeScale = mkv.DefaultTimecodeScale
	case mkv.IDSegment:
		s.header = mkv.AppendUnknownSize(mkv.AppendID(s.header, mkv.IDSegment), 0)
	case mkv.IDInfo:
		if s.info, err = mkv.ParseInfo(e.Data()); err == nil {
			s.header, err = appendLiveInfo(s.header, e.Data())
		}
	case mkv.IDTracks:
		s.tracks = true
		s.header = append(s.header, e.Raw...)
	}
	return err
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

// cluster reads on to the Cluster's Timecode.
func (s *splitter) cluster(start mkv.Element) (part, error) {
	if !s.tracks {
		return part{}, errNoTracks
	}
	for {
		e, err := s.elements.Next()
		switch {
		case err != nil:
			return part{}, err
		case e.ID == mkv.IDTimecode:
			if s.timecode, err = mkv.ParseUint(e.Data()); err != nil {
				return part{}, fmt.Errorf("read timecode: %w", err)
			}
			s.due = int64(s.timecode)
			return part{kind: partCluster, timecode: s.timecode, known: start.Size != mkv.UnknownSize}, nil
		case e.ID != mkv.IDVoid && e.ID != mkv.IDCRC32 && e.ID != mkv.IDPosition && e.ID != mkv.IDPrevSize:
			return part{}, errNoTimecode
		}
	}
}

// block returns a child of the Cluster, and false for one that is left out. A
// picture that is shown before others that came earlier is due with them.
func (s *splitter) block(e mkv.Element) (part, bool, error) {
	var b mkv.Block
	var err error
	switch e.ID {
	case mkv.IDVoid, mkv.IDCRC32, mkv.IDPosition, mkv.IDPrevSize, mkv.IDTimecode:
		return part{}, false, nil
	case mkv.IDSimpleBlock:
		b, err = mkv.ParseBlock(e.Data())
	case mkv.IDBlockGroup:
		var g mkv.BlockGroup
		g, err = mkv.ParseBlockGroup(e.Data())
		b = g.Block
	}
	if err != nil {
		return part{}, false, fmt.Errorf("read block: %w", err)
	}
	s.due = max(s.due, int64(s.timecode)+int64(b.RelTime))
	return part{kind: partBlock, raw: e.Raw, offset: e.Offset, due: s.due}, true, nil
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
