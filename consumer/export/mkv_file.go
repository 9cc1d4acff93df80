package export

import (
	"io"
	"time"

	"github.com/millrace/millrace/consumer"
	"github.com/millrace/millrace/mkv"
)

// mkvFile is the muxer of a document that can be sought in: one Segment with its
// size, its duration, and cues for the key frames.
type mkvFile struct {
	dst    io.WriteSeeker
	out    *mkv.FileWriter
	blocks blocks
}

func (*mkvFile) carries(*track, []*track) error { return nil }

func (m *mkvFile) begin(h heading) error {
	m.blocks.scale = tickOf(h.header)
	var entries []mkv.Track
	for _, t := range h.tracks {
		entries = append(entries, t.entry)
	}
	m.out = mkv.NewFileWriter(m.dst)
	return m.out.WriteHeader(mkv.Header{
		EBML: mkv.EBML{DocType: h.header.EBML.DocType},
		Info: mkv.Info{
			TimecodeScale: uint64(m.blocks.scale), DateUTC: h.date, MuxingApp: writingApp, WritingApp: writingApp,
		},
		Tracks: entries, RawTracks: h.rawTracks(),
	})
}

func (m *mkvFile) start(*consumer.Fragment, time.Duration) error {
	m.blocks.fresh = true
	return nil
}

func (m *mkvFile) frame(f *consumer.Frame, _ *track, at time.Duration) error {
	begins, rel := m.blocks.next(at)
	if begins {
		if err := m.out.StartCluster(uint64(m.blocks.cluster)); err != nil {
			return err
		}
	}
	if f.Padding != 0 {
		return m.out.WritePaddedBlock(uint64(f.Track), rel, flags(f), f.Data, int64(f.Padding))
	}
	return m.out.WriteBlock(uint64(f.Track), rel, flags(f), f.Data)
}

func (*mkvFile) end() error { return nil }

func (m *mkvFile) finish() error { return m.out.Finish() }
