package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/millrace/millrace/mkv"
)

// deepestDump is how many levels of elements are looked into, however many
// a file nests.
const deepestDump = 32

// An elementInfo is an element in JSON. Sizes are in bytes.
type elementInfo struct {
	Offset int64      `json:"offset"`
	Header int        `json:"headerSize,omitempty"` // id and size
	Size   *int64     `json:"size,omitempty"`       // of what it holds; absent if that is not said in front of it
	Level  int        `json:"level"`
	ID     string     `json:"id,omitempty"`
	Name   string     `json:"name,omitempty"`
	Value  string     `json:"value,omitempty"`
	Block  *blockInfo `json:"block,omitempty"`
	Held   *int64     `json:"held,omitempty"` // at the end of an element whose size was not said
	Fault  string     `json:"error,omitempty"`
}

// A blockInfo is what stands in front of the frames of a block.
type blockInfo struct {
	Track       uint64 `json:"track"`
	Time        int16  `json:"time"` // ticks behind the Cluster's Timecode
	Key         bool   `json:"key,omitempty"`
	Invisible   bool   `json:"invisible,omitempty"`
	Discardable bool   `json:"discardable,omitempty"`
	Frames      int    `json:"frames"`
	Bytes       int    `json:"bytes"`
}

// dumpMatroska dumps what in has, to its end or to the first fault.
func (d dumpCommand) dumpMatroska(in *bufio.Reader, name string, out *dumpWriter) error {
	start, err := in.Peek(4)
	if err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("read %s: %w", name, err)
	}
	if len(start) == 0 {
		return fmt.Errorf("%s is empty", name)
	}
	if !beginsMatroska(start) {
		return fmt.Errorf("%s is no Matroska: it begins with % x", name, start)
	}
	tree := dumpTree{out: out, depth: deepestDump}
	if d.Depth > 0 {
		tree.depth = min(d.Depth, deepestDump)
	}
	r := mkv.NewReader(in, mkv.ReaderOptions{})
	for {
		if r.Buffered() == 0 && in.Buffered() == 0 { // it may be a while until there is more
			if err := out.flush(); err != nil {
				return err
			}
		}
		e, err := r.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("dump %s: %w", name, err)
		}
		if err := tree.element(e, e.Offset, e.Level, r.Offset()); err != nil {
			return err
		}
	}
}

// beginsMatroska reports whether a document begins so, or a part of one: a
// Segment or something that stands in it.
func beginsMatroska(start []byte) bool {
	for _, id := range [...]mkv.ElementID{
		mkv.IDEBML, mkv.IDSegment, mkv.IDCluster, mkv.IDInfo, mkv.IDTracks, mkv.IDTags, mkv.IDSeekHead, mkv.IDCues, mkv.IDChapters, mkv.IDAttachments,
	} {
		if string(mkv.AppendID(nil, id)) == string(start) {
			return true
		}
	}
	return len(start) > 0 && (start[0] == byte(mkv.IDVoid) || start[0] == byte(mkv.IDCRC32))
}

// A dumpTree writes elements with what stands below them.
type dumpTree struct {
	out   *dumpWriter
	depth int // levels that are shown
}

// element writes an element of the input and, if it is whole, what it holds. at
// is where it begins, end where the input was read to.
func (t dumpTree) element(e mkv.Element, at int64, level int, end int64) error {
	if level >= t.depth {
		return nil
	}
	i := elementInfo{Offset: at, Level: level, ID: fmt.Sprintf("0x%X", uint32(e.ID))}
	if name := e.ID.String(); name != i.ID {
		i.Name = name
	}
	if e.Kind == mkv.End {
		if e.Size != mkv.UnknownSize {
			return nil
		}
		held := end - at
		i.Held = &held
		return t.out.write(i, i.line(end))
	}
	i.Header = len(e.Raw) - len(e.Data())
	if e.Size != mkv.UnknownSize {
		i.Size = &e.Size
	}
	master := isMaster(e.ID)
	if !master {
		i.describe(e)
	}
	if err := t.out.write(i, i.line(at)); err != nil || !master {
		return err
	}
	return t.children(e, at+int64(i.Header), level+1)
}

// children writes what stands in the payload of a whole element.
func (t dumpTree) children(parent mkv.Element, at int64, level int) error {
	if level >= t.depth {
		return nil
	}
	for e, err := range mkv.Children(parent.Data()) {
		var fault *mkv.SyntaxError
		if errors.As(err, &fault) {
			i := elementInfo{Offset: at + fault.Offset, Level: level, Name: fault.Path, Fault: fault.Err.Error()}
			return t.out.write(i, i.line(i.Offset)) // what is behind the parent can be read
		}
		if err != nil {
			return err
		}
		if err := t.element(e, at+e.Offset, level, 0); err != nil {
			return err
		}
	}
	return nil
}

// describe fills in what the element's payload says.
func (i *elementInfo) describe(e mkv.Element) {
	if e.ID == mkv.IDSimpleBlock || e.ID == mkv.IDBlock {
		b, err := blockInfoOf(e)
		if err != nil {
			i.Fault = err.Error()
			return
		}
		i.Block = &b
		return
	}
	value, err := valueOf(e)
	if i.Value = value; err != nil {
		i.Fault = err.Error()
	}
}

func blockInfoOf(e mkv.Element) (blockInfo, error) {
	b, err := mkv.ParseBlock(e.Data())
	if err != nil {
		return blockInfo{}, err
	}
	i := blockInfo{Track: b.Track, Time: b.RelTime, Invisible: b.Invisible(), Bytes: len(b.Payload)}
	if e.ID == mkv.IDSimpleBlock { // the flags of a Block do not say
		i.Key, i.Discardable = b.Keyframe(), b.Discardable()
	}
	for _, err := range b.Frames() {
		if err != nil {
			return i, err
		}
		i.Frames++
	}
	return i, nil
}

// line writes an element for people. at is where it begins, or where it ends if
// this is its end.
func (i elementInfo) line(at int64) string {
	size := "unknown"
	if i.Size != nil {
		size = fmt.Sprint(*i.Size)
	}
	name := i.Name
	if name == "" {
		name = i.ID
	}
	name = strings.Repeat("  ", i.Level) + name
	switch {
	case i.Held != nil:
		return fmt.Sprintf("%12d %3s %12s  %s ends, %d bytes behind its beginning", at, "", "", name, *i.Held)
	case i.Header == 0: // not even that could be read
		return fmt.Sprintf("%12d %3s %12s  %s  damaged: %s", at, "", "", name, i.Fault)
	case i.Fault != "":
		return fmt.Sprintf("%12d %3d %12s  %s  damaged: %s", at, i.Header, size, name, i.Fault)
	case i.Block != nil:
		return fmt.Sprintf("%12d %3d %12s  %s  %s", at, i.Header, size, name, i.Block)
	}
	return fmt.Sprintf("%12d %3d %12s  %s  %s", at, i.Header, size, name, i.Value)
}

// String writes a block for people.
func (b *blockInfo) String() string {
	text := fmt.Sprintf("track %d, %+d", b.Track, b.Time)
	for _, flag := range []struct {
		set  bool
		word string
	}{{b.Key, ", key"}, {b.Invisible, ", invisible"}, {b.Discardable, ", discardable"}} {
		if flag.set {
			text += flag.word
		}
	}
	if b.Frames != 1 {
		text += fmt.Sprintf(", %d frames", b.Frames)
	}
	return text + fmt.Sprintf(", %d bytes", b.Bytes)
}
