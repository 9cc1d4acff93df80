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
	clusters []cluster
	duration time.Duration
}

// A cluster is one Cluster of a clip with all that stays as it is. Times are
// nanoseconds since the zero of the file's timecodes.
type cluster struct {
	header   []byte // of its document
	scale    uint64 // nanoseconds per tick
	at       int64  // its timecode
	known    bool   // the file says its size
	size     int64  // bytes of the elements inside the Cluster
	leading  [][]byte
	elements []element
	trailing [][]byte
}

// An element is a child of a Cluster.
type element struct {
	raw []byte
	due int64 // when it is to be sent
}

// Errors of ReadClip and CopyMKV.
var (
	errNoTracks   = errors.New("no tracks before the first cluster")
	errNoTimecode = errors.New("cluster without a timecode")
	errNoMedia    = errors.New("no frames")
)

// ReadClip cuts a Matroska file. It keeps file, which must not change.
// A file of several documents makes one clip.
//
// The headers' tracks, and the Clusters but for their timecodes, go out as
// they are. What is true for the file alone is left out: indexes, checksums,
// positions, the duration, and tags about tracks. Tags without a target are
// the fragments' and stay where they are.
func ReadClip(file []byte) (*Clip, error) {
	c := &Clip{}
	s := newSplitter(bytes.NewReader(file))
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
			c.clusters = append(c.clusters, s.cluster(part, leading))
			leading = nil
		case part.kind == partBlock:
			c.clusters[last].elements = append(c.clusters[last].elements, element{raw, part.at})
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
	c.duration = c.measure(s.info)
	return c, nil
}

// measure returns the time from the first frame to the end of the last. The
// last frame is taken to be as long as the frames are on average, unless the
// file says a length that can be true.
func (c *Clip) measure(info mkv.Info) time.Duration {
	first, last := c.clusters[0].at, c.clusters[0].at
	times := map[int64]bool{}
	for _, k := range c.clusters {
		for _, e := range k.elements {
			last = max(last, e.due)
			times[e.due] = true
		}
	}
	span := time.Duration(last - first)
	if n := len(times); n > 1 {
		span += span / time.Duration(n-1)
	}
	said := time.Duration(info.Duration * float64(info.TimecodeScale))
	if said > span-span/8 && said < span+span/8 {
		return said
	}
	return max(span, time.Millisecond)
}

// Duration is how long the clip plays.
func (c *Clip) Duration() time.Duration { return c.duration }

// Fragments is how many fragments one run through the clip makes.
func (c *Clip) Fragments() int { return len(c.clusters) }

// FragmentDuration is how long one fragment plays on average.
func (c *Clip) FragmentDuration() time.Duration {
	return c.duration / time.Duration(len(c.clusters))
}
