package playback

import (
	"encoding/binary"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/hls"
	"github.com/millrace/millrace/internal/store"
)

// An Order is what an HLS session was asked for, and what was found out when it was
// made. It is sealed into the session's token, so that the session can be made
// again wherever that is read.
type Order struct {
	Mode            hls.Mode
	Container       hls.Container
	Discontinuities hls.DiscontinuityMode
	Clock           store.Clock
	Timestamps      bool      // entries say when they start
	Limit           int       // most entries of a media playlist
	From, To        time.Time // the range, both in it, in whole milliseconds; zero To: it has no end; of LIVE neither

	Start  millrace.FragmentNumber // the first fragment of a LIVE session
	Anchor time.Time               // the moment of media time 0
}

// use is what the order's media are made into.
func (o *Order) use() Use {
	if o.Container == hls.MPEGTS {
		return UseTS
	}
	return UseFMP4
}

// Seal returns the form of an order in a token:
//
//	mode | container | discontinuities | clock | flags: 1 byte each |
//	limit: uvarint | from, to: ms, varints | anchor: ns, varint | start: 20 bytes
func (o *Order) Seal() []byte {
	var flags byte
	if o.Timestamps {
		flags |= flagTimestamps
	}
	if !o.To.IsZero() {
		flags |= flagEnds
	}
	b := []byte{byte(o.Mode), byte(o.Container), byte(o.Discontinuities), byte(o.Clock), flags}
	b = binary.AppendUvarint(b, uint64(o.Limit))
	b = binary.AppendVarint(b, o.From.UnixMilli())
	b = binary.AppendVarint(b, o.To.UnixMilli())
	b = binary.AppendVarint(b, o.Anchor.UnixNano())
	start := o.Start.Bytes()
	return append(b, start[:]...)
}

const (
	flagTimestamps = 1 << iota
	flagEnds
)

// OpenOrder is the inverse of Seal. What was not made by it is ErrForged.
func OpenOrder(b []byte) (Order, error) {
	const head, number = 5, 20
	if len(b) < head+number {
		return Order{}, ErrForged
	}
	o := Order{
		Mode: hls.Mode(b[0]), Container: hls.Container(b[1]), Discontinuities: hls.DiscontinuityMode(b[2]),
		Clock: store.Clock(b[3]), Timestamps: b[4]&flagTimestamps != 0,
	}
	r := claimReader{rest: b[head : len(b)-number]}
	o.Limit = int(r.unsigned())
	o.From = time.UnixMilli(r.signed()).UTC()
	if to := r.signed(); b[4]&flagEnds != 0 {
		o.To = time.UnixMilli(to).UTC()
	}
	o.Anchor = time.Unix(0, r.signed()).UTC()
	o.Start = millrace.FragmentNumberFromBytes([number]byte(b[len(b)-number:]))
	if r.bad || len(r.rest) > 0 {
		return Order{}, ErrForged
	}
	return o, nil
}

// settings are those of the session's window.
func (o *Order) settings(r Rules) hls.Settings {
	s := hls.Settings{
		Mode: o.Mode, Discontinuities: o.Discontinuities, Limit: o.Limit, ProducerClock: o.Clock == store.ProducerClock,
		Changes: r.Changes, MarkForms: !r.Strict, FromNow: !r.Strict, Anchor: o.Anchor,
	}
	if o.Mode == hls.LiveReplay {
		s.End = o.To
	}
	return s
}
