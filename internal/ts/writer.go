package ts

import (
	"bytes"
	"context"
	"fmt"

	"github.com/asticode/go-astits"
)

const (
	packetSize = 188
	picturePID = 0x100
	soundPID   = 0x101

	pictureStream = 0xe0 // stream_id of a PES packet
	soundStream   = 0xc0

	lead      = second * 7 / 10 // of decoding before the clock
	clockStep = second / 10     // the most between two statements of the clock

	// maxClocks bounds the packets of a segment that carry nothing but the
	// clock: a frame of some bytes could else call for a hundred of them. It is
	// enough for 400 s without a picture.
	maxClocks = 4096

	clockMask = 1<<33 - 1
)

// An elementary is one track of the program.
type elementary struct {
	pid  uint16
	kind astits.StreamType
}

// A packet is one PES packet. Times are those of the clock, before the modulo.
type packet struct {
	pid      uint16
	dts, pts int64
	key      bool // decoding may start here
	data     []byte
}

// A writer writes one segment.
type writer struct {
	out     bytes.Buffer
	mux     *astits.Muxer
	clockOn uint16  // PID
	seen    [2]bool // there was a packet on picturePID, soundPID
	clock   int64   // DTS for which it was last stated
	ticking bool    // it was stated
	clocks  int     // packets that state it alone
}

// newWriter returns a writer for a program of these lanes, at least one.
func newWriter(lanes []lane, size int) (*writer, error) {
	const once = 1 << 30 // PES packets until the muxer repeats its tables by itself
	w := &writer{clockOn: lanes[0].stream().pid}
	w.out.Grow(size)
	w.mux = astits.NewMuxer(context.Background(), &w.out, astits.MuxerOptTablesRetransmitPeriod(once))
	for _, l := range lanes {
		s := l.stream()
		if err := w.mux.AddElementaryStream(astits.PMTElementaryStream{ElementaryPID: s.pid, StreamType: s.kind}); err != nil {
			return nil, fmt.Errorf("announce stream: %w", err)
		}
	}
	w.mux.SetPCRPID(w.clockOn)
	return w, nil
}

// tables writes the tables if nothing has been written. The muxer writes them
// before its first PES packet; one without a byte is nothing but that.
func (w *writer) tables() error {
	if w.out.Len() > 0 {
		return nil
	}
	_, err := w.mux.WriteData(&astits.MuxerData{PID: w.clockOn, PES: &astits.PESData{}})
	return err
}

// finish returns the segment.
func (w *writer) finish() ([]byte, error) {
	if err := w.tables(); err != nil {
		return nil, err
	}
	b := w.out.Bytes()
	markTable(b[:packetSize])
	markTable(b[packetSize : 2*packetSize])
	return b, nil
}

// markTable gives a packet that is a table and stuffing an adaptation field with
// a discontinuity indicator, for which the muxer has no way.
func markTable(p []byte) {
	copy(p[6:], p[4:packetSize-2])
	p[3] |= 0x20
	p[4], p[5] = 1, 0x80
}

// write writes a PES packet, behind the statements of the clock that are due.
func (w *writer) write(p *packet) error {
	if err := w.tick(p); err != nil {
		return err
	}
	stream := byte(pictureStream)
	if p.pid == soundPID {
		stream = soundStream
	}
	header := &astits.PESOptionalHeader{
		MarkerBits: 2, DataAlignmentIndicator: true,
		PTSDTSIndicator: astits.PTSDTSIndicatorOnlyPTS, PTS: reference(p.pts),
	}
	if p.dts != p.pts {
		header.PTSDTSIndicator, header.DTS = astits.PTSDTSIndicatorBothPresent, reference(p.dts)
	}
	_, err := w.mux.WriteData(&astits.MuxerData{
		PID: p.pid, AdaptationField: w.field(p),
		PES: &astits.PESData{Header: &astits.PESHeader{StreamID: stream, OptionalHeader: header}, Data: p.data},
	})
	return err
}

// field is the adaptation field of a PES packet's first packet, nil if it has
// nothing to say.
func (w *writer) field(p *packet) *astits.PacketAdaptationField {
	first := w.first(p.pid)
	f := astits.PacketAdaptationField{
		DiscontinuityIndicator: first,
		RandomAccessIndicator:  p.key || first && p.pid == soundPID,
		HasPCR:                 p.pid == w.clockOn,
	}
	if f.HasPCR {
		f.PCR = w.state(p.dts)
	}
	if !f.DiscontinuityIndicator && !f.RandomAccessIndicator && !f.HasPCR {
		return nil
	}
	return &f
}

// tick states the clock as often as it has to be before p.
func (w *writer) tick(p *packet) error {
	if !w.ticking && p.pid != w.clockOn {
		return w.clockAlone(p.dts)
	}
	for w.ticking && p.dts-w.clock > clockStep && w.clocks < maxClocks {
		if err := w.clockAlone(w.clock + clockStep); err != nil {
			return err
		}
	}
	return nil
}

// clockAlone writes a packet without payload. Its continuity counter is that of
// the packet before it on its PID, so that the next one goes on from there.
func (w *writer) clockAlone(dts int64) error {
	const fixed = 4 + 2 + 6 // header, length and flags of the field, the clock itself
	if err := w.tables(); err != nil {
		return err
	}
	w.clocks++
	_, err := w.mux.WritePacket(&astits.Packet{
		Header: astits.PacketHeader{PID: w.clockOn, HasAdaptationField: true, ContinuityCounter: w.counter()},
		AdaptationField: &astits.PacketAdaptationField{
			DiscontinuityIndicator: w.first(w.clockOn), HasPCR: true, PCR: w.state(dts), StuffingLength: packetSize - fixed,
		},
	})
	return err
}

// counter finds the last continuity counter on the PID of the clock. Before the
// first it is 15: the muxer begins with 0.
func (w *writer) counter() byte {
	b := w.out.Bytes()
	for at := len(b) - packetSize; at >= 0; at -= packetSize {
		if pidOf(b[at:]) == w.clockOn {
			return b[at+3] & 0xf
		}
	}
	return 0xf
}

// first reports whether nothing has been written on the PID, and takes note that
// something is.
func (w *writer) first(pid uint16) bool {
	i := pid - picturePID
	first := !w.seen[i]
	w.seen[i] = true
	return first
}

// state is the clock for a decode time.
func (w *writer) state(dts int64) *astits.ClockReference {
	w.clock, w.ticking = dts, true
	return reference(dts - lead)
}

func reference(ticks int64) *astits.ClockReference {
	return &astits.ClockReference{Base: ticks & clockMask}
}

func pidOf(p []byte) uint16 { return uint16(p[1]&0x1f)<<8 | uint16(p[2]) }
