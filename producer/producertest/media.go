package producertest

import (
	"crypto/sha256"
	"math"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/wire"
	"github.com/millrace/millrace/mkv"
)

// Limits of what servers take.
const (
	maxFragment = 50_000_000 // bytes
	maxDuration = 20 * time.Second
	maxTracks   = 3
	maxTags     = 10
	maxTagName  = 128
	maxTagValue = 256
)

// endOfFragment is the tag behind the last Cluster of what a producer has.
const endOfFragment = "AWS_KINESISVIDEO_END_OF_FRAGMENT"

// media is what a call knows of what came. Only the call's reader touches it, but
// for the fragments, which the server's mutex guards.
type media struct {
	retained bool
	scale    int64 // nanoseconds
	tracks   map[uint64]bool
	header   []byte
	leading  []mkv.SimpleTag
	cluster  []byte      // of the open one; nil outside
	begun    int         // Clusters whose Timecode came
	previous uint64      // timecode of the last
	open     *Fragment   // of the open Cluster, or the last that was
	told     bool        // its BUFFERING is sent
	ended    bool        // an end of fragment came behind it
	all      []*Fragment // guarded by the server's mutex
	damaged  bool        // the digest of the open one does not fit
	repeats  *Fragment
	blocked  map[uint64]bool // tracks with a block
	first    int64           // time of blocks
	final    int64
}

// named is fragment n of the call, nil if there is none.
func (c *call) named(n int) *Fragment {
	c.server.mu.Lock()
	defer c.server.mu.Unlock()
	if n >= 0 && n < len(c.media.all) {
		return c.media.all[n]
	}
	return nil
}

// blocks is how many the open fragment has.
func (m *media) blocks() int {
	if m.open == nil {
		return 0
	}
	return len(m.open.Frames)
}

// verdict judges a body that came to its end.
func (m *media) verdict(c *call) *verdict {
	if m.header != nil && m.begun == 0 && !c.server.config.Lenient {
		return &verdict{do: Fail, code: millrace.CodeInvalidMKV}
	}
	return &verdict{do: Finish}
}

// take makes of an element what it means.
func (c *call) take(e mkv.Element) error {
	m := &c.media
	if m.cluster != nil && e.Kind != mkv.End {
		m.cluster = append(m.cluster, e.Raw...)
		if e.ID != mkv.IDTimecode && !m.told {
			if err := c.announce(e); err != nil {
				return err
			}
		}
		return c.takeChild(e)
	}
	switch {
	case e.ID == mkv.IDCluster && e.Kind == mkv.Start:
		return c.beginCluster(e)
	case e.ID == mkv.IDCluster:
		return c.endCluster()
	case e.Kind == mkv.End:
		return nil
	case e.ID == mkv.IDTags:
		return c.takeTags(e)
	case (e.ID == mkv.IDEBML || e.ID == mkv.IDSegment) && m.begun > 0:
		return c.fault(millrace.CodeInvalidMKV)
	case m.begun == 0:
		m.header = append(m.header, e.Raw...)
		return c.takeHeader(e)
	}
	return nil
}

// fault is the verdict for media that is not as it should be.
func (c *call) fault(code millrace.Code) error {
	if c.server.config.Lenient && code != millrace.CodeInvalidMKV {
		return nil
	}
	return &verdict{do: Fail, code: code, fragment: c.media.open}
}

func (c *call) takeHeader(e mkv.Element) error {
	m := &c.media
	switch e.ID {
	case mkv.IDInfo:
		info, err := mkv.ParseInfo(e.Data())
		if err != nil {
			return c.fault(millrace.CodeInvalidMKV)
		}
		m.scale = int64(info.TimecodeScale)
	case mkv.IDTracks:
		tracks, err := mkv.ParseTracks(e.Data())
		if err != nil {
			return c.fault(millrace.CodeInvalidMKV)
		}
		m.tracks = map[uint64]bool{}
		for _, t := range tracks {
			m.tracks[t.Number] = true
		}
		if len(tracks) > maxTracks {
			return c.fault(millrace.CodeTooManyTracks)
		}
	}
	return nil
}

func (c *call) beginCluster(e mkv.Element) error {
	m := &c.media
	if m.tracks == nil {
		return c.fault(millrace.CodeInvalidMKV)
	}
	if m.scale == 0 {
		m.scale = mkv.DefaultTimecodeScale
	}
	m.cluster = append([]byte{}, e.Raw...)
	m.open = nil
	m.told, m.ended, m.damaged, m.repeats = false, false, false, nil
	m.blocked, m.first, m.final = map[uint64]bool{}, math.MaxInt64, math.MinInt64
	return nil
}

func (c *call) takeChild(e mkv.Element) error {
	m := &c.media
	switch e.ID {
	case mkv.IDTimecode:
		return c.takeTimecode(e)
	case mkv.IDSimpleBlock, mkv.IDBlockGroup:
		return c.takeBlock(e)
	case mkv.IDVoid:
		if digest, ok := millrace.ParseDigest(e.Data()); ok && c.identified() {
			m.damaged = m.damaged || digest != sha256.Sum256(m.cluster[:len(m.cluster)-len(e.Raw)])
		}
	}
	return nil
}

// identified reports whether the producer has said who it is and is heeded.
func (c *call) identified() bool {
	return c.server.config.Identity && c.params.Producer != millrace.ProducerID{}
}

func (c *call) takeTimecode(e mkv.Element) error {
	m := &c.media
	timecode, err := mkv.ParseUint(e.Data())
	if err != nil {
		return c.fault(millrace.CodeInvalidMKV)
	}
	f := &Fragment{
		Stream: c.record.Stream, Call: c.record.Number, Timecode: timecode, Time: c.producerTime(timecode),
		Producer: c.params.Producer, Header: m.header, Tags: m.leading,
	}
	m.leading = nil
	backwards := m.begun > 0 && timecode < m.previous
	m.begun, m.previous = m.begun+1, timecode
	m.open = f
	c.server.mu.Lock()
	m.all = append(m.all, f)
	c.server.fragments = append(c.server.fragments, f)
	c.server.mu.Unlock()
	if backwards {
		return c.fault(millrace.CodeTimecodeOrder)
	}
	if c.params.Producer == (millrace.ProducerID{}) {
		return c.announce(e)
	}
	return nil
}

// producerTime is the time of a timecode.
func (c *call) producerTime(timecode uint64) time.Time {
	d := time.Duration(min(timecode, math.MaxInt64/uint64(c.media.scale))) * time.Duration(c.media.scale)
	if c.params.Timecode == wire.TimecodeRelative {
		return c.params.Start.Add(d)
	}
	return time.Unix(0, int64(d)).UTC()
}

// announce sends BUFFERING. e is the element behind the Timecode, which may say
// which fragment it is, or the Timecode itself.
func (c *call) announce(e mkv.Element) error {
	m := &c.media
	m.told = true
	if m.open == nil {
		return c.fault(millrace.CodeInvalidMKV) // there was no Timecode
	}
	var id millrace.Identity
	ok := false
	if e.ID == mkv.IDVoid && c.params.Producer != (millrace.ProducerID{}) {
		id, ok = millrace.ParseIdentity(e.Data())
	}
	m.repeats = c.server.number(c, m.open, id, ok)
	c.server.note(Event{Kind: FragmentBegun, Call: c.record.Number, Timecode: m.open.Timecode})
	c.acknowledge(millrace.AckBuffering, m.open, m.begun-1)
	return c.reach(AtTimecode, m.begun-1, 0)
}

func (c *call) takeBlock(e mkv.Element) error {
	m := &c.media
	var b mkv.Block
	var err error
	key := false
	if e.ID == mkv.IDSimpleBlock {
		b, err = mkv.ParseBlock(e.Data())
		key = b.Keyframe()
	} else {
		var g mkv.BlockGroup
		g, err = mkv.ParseBlockGroup(e.Data())
		b, key = g.Block, g.Keyframe()
	}
	if err != nil {
		return c.fault(millrace.CodeInvalidMKV)
	}
	at := int64(min(m.open.Timecode, math.MaxInt64/2)) + int64(b.RelTime)
	frame := Frame{Track: b.Track, Time: at, Key: key, Data: append([]byte{}, b.Payload...), Came: time.Now()}
	c.server.mu.Lock()
	m.open.Frames = append(m.open.Frames, frame)
	c.server.mu.Unlock()
	m.blocked[b.Track] = true
	m.first, m.final = min(m.first, at), max(m.final, at)
	switch {
	case !m.tracks[b.Track]:
		return c.fault(millrace.CodeTrackNumberMismatch)
	case len(m.cluster) > maxFragment:
		return c.fault(millrace.CodeFragmentSize)
	case float64(m.final-m.first)*float64(m.scale) > float64(maxDuration):
		return c.fault(millrace.CodeFragmentDuration)
	}
	return nil
}

// endCluster judges a fragment that is complete.
func (c *call) endCluster() error {
	m := &c.media
	f, n := m.open, m.begun-1
	whole := m.cluster
	m.cluster = nil
	if !m.told { // a Cluster without anything in it
		if err := c.announce(mkv.Element{}); err != nil {
			return err
		}
	}
	c.server.mu.Lock()
	f.Bytes = whole
	c.server.mu.Unlock()
	if m.damaged {
		return &verdict{do: Fail, code: millrace.CodeMediaInternal, fragment: f}
	}
	if len(m.blocked) < len(m.tracks) {
		if err := c.fault(millrace.CodeFramesMissing); err != nil {
			return err
		}
	}
	if err := c.reach(AtFragmentEnd, n, 0); err != nil {
		return err
	}
	c.server.note(Event{Kind: FragmentEnded, Call: c.record.Number, Timecode: f.Timecode})
	c.server.settle(f, Received)
	c.acknowledge(millrace.AckReceived, f, n)
	if m.retained && !c.step.Acks.Never {
		c.keeps <- keeping{f, m.repeats, n, time.Now().Add(c.step.Acks.Delay)}
	}
	return nil
}

// takeTags gives tags to the fragment that they belong to.
func (c *call) takeTags(e mkv.Element) error {
	m := &c.media
	tags, err := mkv.ParseTags(e.Data())
	if err != nil {
		return c.fault(millrace.CodeInvalidMKV)
	}
	var simple []mkv.SimpleTag
	for _, t := range tags {
		for _, s := range t.Simple {
			if s.Name == endOfFragment {
				m.ended = true // what comes now is the next one's
				continue
			}
			simple = append(simple, s)
			if len(s.Name) > maxTagName || len(s.String) > maxTagValue {
				return c.fault(millrace.CodeMetadataLimit)
			}
		}
	}
	if m.open == nil || m.ended {
		m.leading = append(m.leading, simple...)
	} else {
		c.server.mu.Lock()
		m.open.Tags = append(m.open.Tags, simple...)
		c.server.mu.Unlock()
	}
	if len(m.leading) > maxTags || m.open != nil && len(m.open.Tags) > maxTags {
		return c.fault(millrace.CodeMetadataLimit)
	}
	return nil
}
