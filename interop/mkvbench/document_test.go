package mkvbench_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/at-wat/ebml-go"

	"github.com/millrace/millrace/mkv"
)

// document is what both libraries can say about an EBML document.
type document struct {
	DocType  string
	Scale    uint64
	Tracks   []track
	Clusters []cluster
	Tags     []string
}

type track struct {
	Number, UID, Type uint64
	CodecID           string
	Private           string
	Width, Height     uint64
	Frequency         float64
	Channels          uint64
}

type cluster struct {
	Timecode uint64
	Frames   []string
}

func frameLine(track uint64, rel int16, key, invisible bool, data []byte) string {
	return fmt.Sprintf("%d %d %t %t %x", track, rel, key, invisible, data)
}

// readOurs reads with package mkv.
func readOurs(src io.Reader) ([]document, error) {
	r := mkv.NewReader(src, mkv.ReaderOptions{})
	var docs []document
	for {
		e, err := r.Next()
		if errors.Is(err, io.EOF) {
			return docs, nil
		}
		if err != nil {
			return docs, err
		}
		if e.ID == mkv.IDEBML {
			docs = append(docs, document{})
		}
		if len(docs) == 0 {
			return nil, errors.New("no EBML header")
		}
		if err := docs[len(docs)-1].add(e); err != nil {
			return docs, err
		}
	}
}

func (d *document) add(e mkv.Element) error {
	switch {
	case e.Kind == mkv.End:
	case e.ID == mkv.IDEBML:
		h, err := mkv.ParseEBML(e.Data())
		d.DocType = h.DocType
		return err
	case e.ID == mkv.IDInfo:
		i, err := mkv.ParseInfo(e.Data())
		d.Scale = i.TimecodeScale
		return err
	case e.ID == mkv.IDTracks:
		return d.addTracks(e.Data())
	case e.ID == mkv.IDTags:
		return d.addTags(e.Data())
	case e.ID == mkv.IDCluster:
		d.Clusters = append(d.Clusters, cluster{})
	case e.ID == mkv.IDTimecode:
		v, err := mkv.ParseUint(e.Data())
		d.Clusters[len(d.Clusters)-1].Timecode = v
		return err
	case e.ID == mkv.IDSimpleBlock:
		b, err := mkv.ParseBlock(e.Data())
		if err != nil {
			return err
		}
		return d.Clusters[len(d.Clusters)-1].add(b)
	}
	return nil
}

func (d *document) addTracks(data []byte) error {
	tracks, err := mkv.ParseTracks(data)
	for _, t := range tracks {
		d.Tracks = append(d.Tracks, track{
			t.Number, t.UID, uint64(t.Type), t.CodecID, string(t.CodecPrivate), t.Video.PixelWidth, t.Video.PixelHeight,
			t.Audio.SamplingFrequency, t.Audio.Channels,
		})
	}
	return err
}

func (d *document) addTags(data []byte) error {
	tags, err := mkv.ParseTags(data)
	for _, t := range tags {
		for _, s := range t.Simple {
			d.Tags = append(d.Tags, s.Name+"="+s.String)
		}
	}
	return err
}

func (c *cluster) add(b mkv.Block) error {
	for f, err := range b.Frames() {
		if err != nil {
			return err
		}
		c.Frames = append(c.Frames, frameLine(b.Track, b.RelTime, b.Keyframe(), b.Invisible(), f))
	}
	return nil
}

// The shape of a document for ebml-go.
type ebmlFile struct {
	EBML    []ebmlHeader  `ebml:"EBML"`
	Segment []ebmlSegment `ebml:"Segment,size=unknown"`
}

type ebmlHeader struct {
	DocType            string `ebml:"EBMLDocType"`
	DocTypeVersion     uint64 `ebml:"EBMLDocTypeVersion"`
	DocTypeReadVersion uint64 `ebml:"EBMLDocTypeReadVersion"`
}

type ebmlSegment struct {
	Info    ebmlInfo      `ebml:"Info"`
	Tracks  ebmlTracks    `ebml:"Tracks"`
	Cluster []ebmlCluster `ebml:"Cluster,size=unknown"`
	Tags    []ebmlTags    `ebml:"Tags"`
}

type ebmlInfo struct {
	TimecodeScale uint64 `ebml:"TimecodeScale"`
	MuxingApp     string `ebml:"MuxingApp"`
	WritingApp    string `ebml:"WritingApp"`
}

type ebmlTracks struct {
	TrackEntry []ebmlTrack `ebml:"TrackEntry"`
}

type ebmlTrack struct {
	TrackNumber  uint64     `ebml:"TrackNumber"`
	TrackUID     uint64     `ebml:"TrackUID"`
	TrackType    uint64     `ebml:"TrackType"`
	CodecID      string     `ebml:"CodecID"`
	CodecPrivate []byte     `ebml:"CodecPrivate,omitempty"`
	Video        *ebmlVideo `ebml:"Video"`
	Audio        *ebmlAudio `ebml:"Audio"`
}

type ebmlVideo struct {
	PixelWidth  uint64 `ebml:"PixelWidth"`
	PixelHeight uint64 `ebml:"PixelHeight"`
}

type ebmlAudio struct {
	SamplingFrequency float64 `ebml:"SamplingFrequency"`
	Channels          uint64  `ebml:"Channels"`
}

type ebmlCluster struct {
	Timecode    uint64       `ebml:"Timecode"`
	SimpleBlock []ebml.Block `ebml:"SimpleBlock"`
}

type ebmlTags struct {
	Tag []ebmlTag `ebml:"Tag"`
}

type ebmlTag struct {
	SimpleTag []ebmlSimpleTag `ebml:"SimpleTag"`
}

type ebmlSimpleTag struct {
	TagName   string `ebml:"TagName"`
	TagString string `ebml:"TagString"`
}

// readTheirs reads with ebml-go.
func readTheirs(src io.Reader) ([]document, error) {
	var f ebmlFile
	if err := ebml.Unmarshal(src, &f); err != nil {
		return nil, err
	}
	if len(f.EBML) != len(f.Segment) {
		return nil, fmt.Errorf("%d EBML headers, %d Segments", len(f.EBML), len(f.Segment))
	}
	var docs []document
	for i, s := range f.Segment {
		docs = append(docs, s.document(f.EBML[i].DocType))
	}
	return docs, nil
}

func (s ebmlSegment) document(docType string) document {
	d := document{DocType: docType, Scale: s.Info.TimecodeScale}
	for _, t := range s.Tracks.TrackEntry {
		d.Tracks = append(d.Tracks, t.track())
	}
	for _, c := range s.Cluster {
		d.Clusters = append(d.Clusters, c.cluster())
	}
	for _, tags := range s.Tags {
		for _, tag := range tags.Tag {
			for _, simple := range tag.SimpleTag {
				d.Tags = append(d.Tags, simple.TagName+"="+simple.TagString)
			}
		}
	}
	return d
}

func (t ebmlTrack) track() track {
	out := track{Number: t.TrackNumber, UID: t.TrackUID, Type: t.TrackType, CodecID: t.CodecID, Private: string(t.CodecPrivate)}
	if t.Video != nil {
		out.Width, out.Height = t.Video.PixelWidth, t.Video.PixelHeight
	}
	if t.Audio != nil {
		out.Frequency, out.Channels = t.Audio.SamplingFrequency, t.Audio.Channels
	}
	return out
}

func (c ebmlCluster) cluster() cluster {
	out := cluster{Timecode: c.Timecode}
	for _, b := range c.SimpleBlock {
		for _, f := range b.Data {
			out.Frames = append(out.Frames, frameLine(b.TrackNumber, b.Timecode, b.Keyframe, b.Invisible, f))
		}
	}
	return out
}

// readBoth reads the same bytes with both.
func readBoth(b []byte) (ours, theirs []document, err error) {
	ours, err1 := readOurs(bytes.NewReader(b))
	theirs, err2 := readTheirs(bytes.NewReader(b))
	return ours, theirs, errors.Join(err1, err2)
}
