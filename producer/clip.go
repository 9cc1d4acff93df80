package producer

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/millrace/millrace/mkv"
)

// A Clip is a Matroska file in memory, cut into what an upload needs. Any
// number of uploads may play one Clip at once; they share its bytes.
type Clip struct {
	header   []byte
	scale    uint64 // nanoseconds per tick
	clusters []cluster
	duration time.Duration
}

// A cluster is one Cluster of a clip with all that stays as it is.
type cluster struct {
	timecode uint64 // ticks, as in the file
	known    bool   // the file says its size
	size     int64  // bytes of the elements inside the Cluster
	leading  [][]byte
	elements []element
	trailing [][]byte
}

// An element is a child of a Cluster.
type element struct {
	raw []byte
	due int64 // ticks; when it is to be sent, counted like the Cluster's timecode
}

// Errors of ReadClip and Copy.
var (
	errNoTracks   = errors.New("no tracks before the first cluster")
	errNoTimecode = errors.New("cluster without a timecode")
	errNoMedia    = errors.New("no frames")
)

// ReadClip cuts a Matroska file. It keeps file, which must not change.
//
// The header's tracks, and the Clusters but for their timecodes, go out as
// they are. What is true for the file alone is left out: indexes, checksums,
// positions, the duration, and tags about tracks. Tags without a target are
// the fragments' and stay where they are.
func ReadClip(file []byte) (*Clip, error) {
	c := &Clip{}
	s := splitter{elements: mkv.NewReader(bytes.NewReader(file), mkv.ReaderOptions{})}
	var leading [][]byte
	for {
		part, err := s.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("read clip: %w", err)
		}
		raw := file[part.offset : part.offset+int64(len(part.raw))]
		last := len(c.clusters) - 1
		switch {
		case part.kind == partCluster:
			c.clusters = append(c.clusters, cluster{timecode: part.timecode, known: part.known, leading: leading})
			leading = nil
		case part.kind == partBlock:
			c.clusters[last].elements = append(c.clusters[last].elements, element{raw, part.due})
			c.clusters[last].size += int64(len(raw))
		case last < 0:
			leading = append(leading, raw)
		default:
			c.clusters[last].trailing = append(c.clusters[last].trailing, raw)
		}
	}
	c.clusters = slices.DeleteFunc(c.clusters, func(c cluster) bool { return len(c.elements) == 0 })
	if len(c.clusters) == 0 {
		return nil, fmt.Errorf("read clip: %w", errNoMedia)
	}
	c.header, c.scale = s.header, s.info.TimecodeScale
	c.duration = c.measure(s.info)
	return c, nil
}

// measure returns the time from the first frame to the end of the last. The
// last frame is taken to be as long as the frames are on average.
func (c *Clip) measure(info mkv.Info) time.Duration {
	first, last, frames := c.clusters[0].timecode, int64(0), 0
	times := map[int64]bool{}
	for _, k := range c.clusters {
		for _, e := range k.elements {
			last = max(last, e.due)
			times[e.due] = true
		}
	}
	frames = len(times)
	span := time.Duration((last - int64(first)) * int64(c.scale))
	if frames > 1 {
		span += span / time.Duration(frames-1)
	}
	if said := time.Duration(info.Duration * float64(info.TimecodeScale)); said > span-span/8 && said < span+span/8 {
		return said
	}
	return max(span, time.Duration(c.scale))
}

// Duration is how long the clip plays.
func (c *Clip) Duration() time.Duration { return c.duration }

// Fragments is how many fragments one run through the clip makes.
func (c *Clip) Fragments() int { return len(c.clusters) }

// FragmentDuration is how long one fragment plays on average.
func (c *Clip) FragmentDuration() time.Duration {
	return c.duration / time.Duration(len(c.clusters))
}
