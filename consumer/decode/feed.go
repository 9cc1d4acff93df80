package decode

import (
	"bufio"
	"fmt"
	"io"

	"github.com/millrace/millrace/consumer"
	"github.com/millrace/millrace/media"
	"github.com/millrace/millrace/mkv"
)

// A packet is a frame on its way to the child.
type packet struct {
	at   int64 // its time there, in milliseconds
	key  bool
	data []byte
	// echoes is how often it follows upon itself, a millisecond later each time.
	echoes int
	// alone says that it has a child for itself.
	alone bool
}

// packetOf copies a frame. H.264 and H.265 with start codes get lengths where the
// private data promise them.
func packetOf(track *media.Track, at int64, f consumer.Frame) packet {
	p := packet{at: at, key: f.Key}
	size := media.LengthSize(track.Codec, track.Private)
	if size == 4 && !media.CleanLengthPrefixed(f.Data, size) && media.HasStartCode(f.Data) {
		if data, err := media.AppendLengthPrefixed(nil, f.Data); err == nil {
			p.data = data
			return p
		}
	}
	p.data = append([]byte(nil), f.Data...)
	return p
}

// writeFrames writes a Matroska document of one track: each packet is a Cluster,
// so that no time is too far from the one before, and leaves at once. It returns
// when packets is closed or ended is.
func writeFrames(w io.Writer, track *media.Track, packets <-chan packet, ended <-chan struct{}) error {
	buffered := bufio.NewWriter(w)
	out := mkv.NewLiveWriter(buffered)
	if err := out.WriteHeader(inputHeader(track)); err != nil {
		return err
	}
	for {
		select {
		case p, more := <-packets:
			if !more {
				return nil
			}
			if err := writeFrame(out, p); err != nil {
				return err
			}
			if err := buffered.Flush(); err != nil {
				return fmt.Errorf("write frame: %w", err)
			}
		case <-ended:
			return nil
		}
	}
}

func inputHeader(track *media.Track) mkv.Header {
	return mkv.Header{
		Info: mkv.Info{MuxingApp: "millrace", WritingApp: "millrace"},
		Tracks: []mkv.Track{{
			Number: 1, UID: 1, Type: mkv.TrackVideo, CodecID: track.CodecID, CodecPrivate: track.Private,
			Video: mkv.Video{PixelWidth: uint64(max(track.Width, 0)), PixelHeight: uint64(max(track.Height, 0))},
		}},
	}
}

func writeFrame(out *mkv.LiveWriter, p packet) error {
	if err := out.StartCluster(uint64(p.at)); err != nil {
		return err
	}
	flags := mkv.BlockFlags(0)
	if p.key {
		flags = mkv.FlagKeyframe
	}
	for echo := range p.echoes + 1 {
		if err := out.WriteBlock(1, int16(echo), flags, p.data); err != nil {
			return err
		}
	}
	return nil
}
