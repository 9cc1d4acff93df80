package decode

import (
	"context"
	"image"
	"iter"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/consumer"
	"github.com/millrace/millrace/media"
)

// A Picture is a decoded frame.
type Picture struct {
	// Image belongs to whoever has the picture; no decoder uses it again.
	Image image.Image
	// Time and ServerTime are the frame's. Time is zero where the frame has none.
	Time, ServerTime time.Time
	// PTS is the frame's, on the media's own clock.
	PTS time.Duration
	// Fragment is the one that the frame is of, zero if it has no number.
	Fragment millrace.FragmentNumber
	// Index is the frame's in the fragment.
	Index int
	// Key says that the frame is a key frame.
	Key bool
}

// Instant returns Time as nanoseconds since the Unix epoch, or PTS without one.
// Pictures ascend by it; see media.Align.
func (p Picture) Instant() time.Duration {
	if p.Time.IsZero() {
		return p.PTS
	}
	return time.Duration(p.Time.UnixNano())
}

// Clone returns p, which no step of a loop invalidates.
func (p Picture) Clone() Picture { return p }

// pictureOf is the picture of a frame, as yet without an image.
func pictureOf(f consumer.Frame) Picture {
	p := Picture{Time: f.Time, ServerTime: f.ServerTime, PTS: f.PTS, Index: f.Index, Key: f.Key}
	if f.Fragment != nil {
		p.Fragment = f.Fragment.Number
	}
	return p
}

// A Decoder makes pictures of the frames of one track. All methods belong to one
// goroutine.
type Decoder interface {
	// Configure begins with a track, anew if there was one: what is inside of that
	// is dropped, unless Flush was called. It is called before the first frame and
	// whenever the track's codec private data change. It also helps a decoder out
	// that has failed.
	Configure(t media.Track) error

	// Decode gives the decoder a frame when the sequence is walked, and yields the
	// pictures that are ready: none, one or several, in order of time, and rarely
	// that of this frame. A loop that is left keeps the rest for the next call. An
	// error ends the sequence. The frame's data are not used after it.
	Decode(ctx context.Context, f consumer.Frame) iter.Seq2[Picture, error]

	// Flush yields the pictures of all frames that the decoder was given. The next
	// frame that it decodes is a key frame.
	Flush(ctx context.Context) iter.Seq2[Picture, error]

	// Close ends the decoder and waits for what it has started. A second call does
	// nothing.
	Close() error
}

// Colours is how the samples of a picture are given.
type Colours uint8

// The kinds of colours.
const (
	// JPEG is *image.YCbCr as the standard library understands it, in full range:
	// its colours are right, and image/jpeg writes them as they are.
	JPEG Colours = iota
	// Coded is *image.YCbCr with the samples of the video itself, 4:2:0 of 8 bits.
	// Most video keeps black at 16 and white at 235, so that colours which package
	// image makes of it are pale. It costs least.
	Coded
	// RGBA is *image.RGBA.
	RGBA
)

// Options says how pictures are made. The zero value decodes all frames with what
// is installed.
type Options struct {
	// Path is the program, empty for the ffmpeg in PATH.
	Path string
	// Colours is how samples are given.
	Colours Colours
	// KeyFrames has frames that are no key frames passed over. FFmpeg decodes IDR
	// pictures of H.264 and H.265 three times, so that it does not keep them back for
	// others which will not come. Key frames of open groups have a process each,
	// which takes a tenth of a second.
	KeyFrames bool
	// Width and Height scale pictures; if one is 0 it follows from the other. Stills
	// of the standard library are not scaled.
	Width, Height int
	// Input are arguments in front of FFmpeg's input, such as "-hwaccel", "vaapi".
	Input []string
	// Filter is what FFmpeg does first with a decoded picture, such as
	// "hwdownload,format=nv12".
	Filter string
	// Threads is how many FFmpeg decodes with. More of them keep back as many
	// pictures. 0 is one.
	Threads int
	// MaxPixels bounds a picture. 0 is 64 Mi.
	MaxPixels int

	patient bool // there is a Flush behind every few frames, so none need be prompt
}

const defaultMaxPixels = 64 << 20

func (o Options) maxPixels() int {
	if o.MaxPixels <= 0 {
		return defaultMaxPixels
	}
	return o.MaxPixels
}
