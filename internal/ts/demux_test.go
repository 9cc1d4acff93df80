package ts_test

import (
	"bytes"
	"context"
	"errors"

	"github.com/asticode/go-astits"
)

const (
	packetSize = 188
	picturePID = 0x100
	soundPID   = 0x101
	tablePID   = 0x1000
)

// A pes is one PES packet as a demuxer of others reads it.
type pes struct {
	pid      uint16
	stream   uint8
	length   uint16
	dts, pts int64
	hasDTS   bool
	key      bool
	data     []byte
}

// A stream is a segment as a demuxer of others reads it.
type stream struct {
	packets []*astits.Packet
	pes     []pes
	pat     *astits.PATData
	pmt     *astits.PMTData
}

// demux reads a segment to its end.
func demux(t fataler, segment []byte) *stream {
	t.Helper()
	s := &stream{}
	if len(segment)%packetSize != 0 {
		t.Fatal("the segment is not of whole packets")
	}
	for d := astits.NewDemuxer(context.Background(), bytes.NewReader(segment), astits.DemuxerOptPacketSize(packetSize)); ; {
		p, err := d.NextPacket()
		if errors.Is(err, astits.ErrNoMorePackets) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		s.packets = append(s.packets, p)
	}
	for d := astits.NewDemuxer(context.Background(), bytes.NewReader(segment), astits.DemuxerOptPacketSize(packetSize)); ; {
		data, err := d.NextData()
		if errors.Is(err, astits.ErrNoMorePackets) {
			return s
		}
		if err != nil {
			t.Fatal(err)
		}
		s.add(data)
	}
}

func (s *stream) add(d *astits.DemuxerData) {
	switch {
	case d.PAT != nil && s.pat == nil:
		s.pat = d.PAT
	case d.PMT != nil && s.pmt == nil:
		s.pmt = d.PMT
	case d.PES != nil:
		h := d.PES.Header.OptionalHeader
		p := pes{pid: d.PID, stream: d.PES.Header.StreamID, length: d.PES.Header.PacketLength, data: d.PES.Data, pts: h.PTS.Base, dts: h.PTS.Base}
		if h.DTS != nil {
			p.dts, p.hasDTS = h.DTS.Base, true
		}
		if f := d.FirstPacket.AdaptationField; f != nil {
			p.key = f.RandomAccessIndicator
		}
		s.pes = append(s.pes, p)
	}
}

// of is the PES packets of a PID.
func (s *stream) of(pid uint16) (list []pes) {
	for _, p := range s.pes {
		if p.pid == pid {
			list = append(list, p)
		}
	}
	return list
}

// clocks are the PCRs, each with the number of its packet.
func (s *stream) clocks() (list []int64, at []int) {
	for i, p := range s.packets {
		if f := p.AdaptationField; f != nil && f.HasPCR {
			list, at = append(list, f.PCR.Base), append(at, i)
		}
	}
	return list, at
}
