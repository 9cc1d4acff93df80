package producer_test

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/media"
	"github.com/millrace/millrace/mkv"
)

// A node is an element and what is in it.
type node struct {
	id       mkv.ElementID
	size     string // how its size is written
	data     []byte // of one that is not made of others
	of       string // what it belongs to; empty where that goes without saying
	children []*node
}

// elements reads a body as far as it is whole.
func elements(t *testing.T, body []byte) []*node {
	t.Helper()
	root := &node{}
	open := []*node{root}
	for r := mkv.NewReader(bytes.NewReader(body), mkv.ReaderOptions{}); ; {
		e, err := r.Next()
		if errors.Is(err, io.EOF) {
			root.labelSound()
			return root.children
		}
		if err != nil {
			t.Fatal(err)
		}
		parent := open[len(open)-1]
		switch e.Kind {
		case mkv.End:
			open = open[:len(open)-1]
			continue
		case mkv.Start:
			n := &node{id: e.ID, size: sizeField(e)}
			parent.children = append(parent.children, n)
			open = append(open, n)
		default:
			parent.children = append(parent.children, wholeNode(t, e))
		}
	}
}

func wholeNode(t *testing.T, e mkv.Element) *node {
	t.Helper()
	n := &node{id: e.ID, size: sizeField(e)}
	switch e.ID {
	case mkv.IDEBML, mkv.IDInfo, mkv.IDTracks, mkv.IDTrackEntry, mkv.IDVideo, mkv.IDAudio, mkv.IDTags, mkv.IDTag, mkv.IDSimpleTag:
	default:
		n.data = bytes.Clone(e.Data())
		return n
	}
	for child, err := range mkv.Children(e.Data()) {
		if err != nil {
			t.Fatal(err)
		}
		n.children = append(n.children, wholeNode(t, child))
	}
	if e.ID == mkv.IDTrackEntry {
		n.labelPrivate()
	}
	return n
}

// labelPrivate says of which codec the private data are.
func (n *node) labelPrivate() {
	codec := ""
	for _, c := range n.children {
		if c.id == mkv.IDCodecID {
			codec = string(c.data)
		}
	}
	for _, c := range n.children {
		if c.id == mkv.IDCodecPrivate {
			c.of = codec
		}
	}
}

// labelSound says which blocks of a document are of sound.
func (n *node) labelSound() {
	sound := map[uint64]bool{}
	for _, c := range n.children[len(n.children)-1].children {
		if c.id == mkv.IDTracks {
			for _, track := range trackList(c) {
				sound[uint64(track.Number)] = track.Type == media.Audio
			}
		}
		for _, block := range c.children {
			if b, err := mkv.ParseBlock(block.data); block.id == mkv.IDSimpleBlock && err == nil && sound[b.Track] {
				block.of = "sound"
			}
		}
	}
}

// sizeField says how many bytes the size of an element takes.
func sizeField(e mkv.Element) string {
	head := len(e.Raw) - len(e.Data())
	id := 1
	for v := e.ID >> 8; v > 0; v >>= 8 {
		id++
	}
	if e.Size == mkv.UnknownSize {
		return fmt.Sprint("unknown in ", head-id)
	}
	return fmt.Sprint(head - id)
}

// name is what people call the element. Blocks are named by their frames, and
// tags that end fragments apart from others.
func (n *node) name() string {
	switch n.id {
	case mkv.IDVoid:
		if _, ok := millrace.ParseIdentity(n.data); ok {
			return "Void (identity)"
		}
		if _, ok := millrace.ParseDigest(n.data); ok {
			return "Void (digest)"
		}
	case mkv.IDTags:
		if strings.Contains(n.text(), "AWS_KINESISVIDEO_END_OF_FRAGMENT") {
			return "Tags (end of fragment)"
		}
	}
	if n.of != "" {
		return n.id.String() + " of " + n.of
	}
	return n.id.String()
}

// key is equal for elements of two bodies that are the same one.
func (n *node) key() string {
	if n.id == mkv.IDSimpleBlock {
		if b, err := mkv.ParseBlock(n.data); err == nil {
			return fmt.Sprintf("block %d %x", b.Track, sha256.Sum256(b.Payload))
		}
	}
	return n.name()
}

// text is all that is in an element.
func (n *node) text() string {
	text := string(n.data)
	for _, c := range n.children {
		text += c.text()
	}
	return text
}

// differences are in what elements of two bodies differ, and an example of each.
type differences map[string]string

func (d differences) note(key, format string, args ...any) {
	if d[key] == "" {
		d[key] = cmp.Or(fmt.Sprintf(format, args...), "so it is")
	}
}

// compare notes in what ours differ from theirs.
func (d differences) compare(path string, theirs, ours []*node) {
	var alone, added []*node
	for _, step := range align(theirs, ours) {
		switch {
		case step[1] == nil:
			alone = append(alone, step[0])
		case step[0] == nil:
			added = append(added, step[1])
		default:
			d.compareNode(path, step[0], step[1])
		}
	}
	for _, n := range alone {
		i := slices.IndexFunc(added, func(m *node) bool { return m.key() == n.key() })
		if i < 0 {
			d.note(path+n.name()+": theirs alone", "%.60q", n.text())
			continue
		}
		d.note(path+n.name()+": elsewhere", "")
		d.compareNode(path, n, added[i])
		added = slices.Delete(added, i, i+1)
	}
	for _, n := range added {
		d.note(path+n.name()+": ours alone", "%.60q", n.text())
	}
}

func (d differences) compareNode(path string, theirs, ours *node) {
	path += ours.name()
	if theirs.size != ours.size && len(theirs.data) == len(ours.data) {
		d.note("size of "+ours.id.String(), "%s bytes, ours %s", theirs.size, ours.size)
	}
	switch {
	case bytes.Equal(theirs.data, ours.data):
	case ours.id == mkv.IDSimpleBlock:
		d.compareBlocks(path, theirs, ours)
	case number(theirs) == number(ours):
		d.note("digits of "+ours.id.String(), "%d bytes, ours %d", len(theirs.data), len(ours.data))
	default:
		d.note(path+": value", "%.60q, ours %.60q", theirs.data, ours.data)
	}
	if path == "Segment" {
		path = ""
	} else {
		path += "/"
	}
	d.compare(path, theirs.children, ours.children)
}

// number is the number in an element, or something that no other has.
func number(n *node) string {
	switch n.id {
	case mkv.IDTimecode, mkv.IDTimecodeScale, mkv.IDTrackNumber, mkv.IDTrackUID, mkv.IDTrackType, mkv.IDPixelWidth, mkv.IDPixelHeight,
		mkv.IDChannels, mkv.IDBitDepth:
		return strings.TrimLeft(string(n.data), "\x00")
	}
	return string(n.data)
}

func (d differences) compareBlocks(path string, theirs, ours *node) {
	a, errA := mkv.ParseBlock(theirs.data)
	b, errB := mkv.ParseBlock(ours.data)
	switch {
	case errA != nil || errB != nil:
		d.note(path+": value", "%v, %v", errA, errB)
	case a.RelTime != b.RelTime:
		d.note(path+": time", "%d, ours %d", a.RelTime, b.RelTime)
	case a.Flags^b.Flags == mkv.FlagKeyframe:
		d.note(path+": key flag", "%v, ours %v", a.Keyframe(), b.Keyframe())
	case a.Flags^b.Flags == mkv.FlagDiscardable:
		d.note(path+": discardable flag", "%#x, ours %#x", a.Flags, b.Flags)
	case a.Flags != b.Flags:
		d.note(path+": flags", "%#x, ours %#x", a.Flags, b.Flags)
	default:
		d.note(path+": payload", "%d bytes, ours %d", len(a.Payload), len(b.Payload))
	}
}

// align puts elements of two lists side by side, as many as can be without
// changing their order.
func align(theirs, ours []*node) (steps [][2]*node) {
	best := make([][]int, len(theirs)+1) // of what is behind
	for i := range best {
		best[i] = make([]int, len(ours)+1)
	}
	keys := func(list []*node) (all []string) {
		for _, n := range list {
			all = append(all, n.key())
		}
		return all
	}
	a, b := keys(theirs), keys(ours)
	for i := len(a) - 1; i >= 0; i-- {
		for j := len(b) - 1; j >= 0; j-- {
			best[i][j] = max(best[i+1][j], best[i][j+1])
			if a[i] == b[j] {
				best[i][j] = max(best[i][j], 1+best[i+1][j+1])
			}
		}
	}
	i, j := 0, 0
	for i < len(a) && j < len(b) {
		switch {
		case a[i] == b[j] && best[i][j] == 1+best[i+1][j+1]:
			steps = append(steps, [2]*node{theirs[i], ours[j]})
			i, j = i+1, j+1
		case best[i+1][j] >= best[i][j+1]:
			steps = append(steps, [2]*node{theirs[i], nil})
			i++
		default:
			steps = append(steps, [2]*node{nil, ours[j]})
			j++
		}
	}
	for ; i < len(a); i++ {
		steps = append(steps, [2]*node{theirs[i], nil})
	}
	for ; j < len(b); j++ {
		steps = append(steps, [2]*node{nil, ours[j]})
	}
	return steps
}

func (d differences) sorted() []string { return slices.Sorted(maps.Keys(d)) }
