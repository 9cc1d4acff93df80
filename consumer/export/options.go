package export

import (
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/media"
)

// Options say what is written and how. The zero value is a Matroska document of
// all tracks.
type Options struct {
	// Container is the form; empty is ContainerMKV.
	Container Container
	// Tracks are those to write; nil is all. Others are passed over silently.
	Tracks []media.TrackNumber
	// LeaveOut passes over the tracks that the container cannot carry, and tells
	// Events.LeftOut. Without it such a track is a *TrackError. There has to be one
	// that can be carried.
	LeaveOut bool
	// Replays writes frames once more that came before, because their producer sent
	// them again. Without it they are left out, and what is new in their fragments
	// goes on where the first copy was cut; the reader's Events.Replay tells of them.
	Replays bool
	// TimeBack says what becomes of a fragment whose time goes back.
	TimeBack TimeBack
	// Changes says what becomes of fragments whose tracks are others than before.
	Changes Changes
	// PackGaps leaves no gap between fragments, whatever time has passed between
	// them. Containers that have no times (annexb, adts, wav, jpeg) never do.
	PackGaps bool
	// Live writes what can be read while it is written, even to a file: endless
	// Matroska, fragmented MP4.
	Live bool
	// FastStart moves the tables of an MP4 file in front of the media when it is
	// closed, so that it plays while it is loaded. The file has to be readable, and
	// is written twice.
	FastStart bool
	// Length makes NewParts and Files begin another file with the first fragment
	// that starts with a key frame when one is that long; 0 is never.
	Length time.Duration
	// Events tell what is no error.
	Events Events
}

// TimeBack is what becomes of a fragment that is not later than the one before
// it, because its producer started again, or two of them overlap.
type TimeBack uint8

// The ways to deal with time that goes back.
const (
	// TimeBackMoves puts the fragment, and with it those that follow, behind what
	// was written, and tells Events.Moved.
	TimeBackMoves TimeBack = iota
	// TimeBackSplits begins another file, where there can be one; else it is
	// TimeBackStops.
	TimeBackSplits
	// TimeBackStops is ErrTimeBack.
	TimeBackStops
)

// Changes is what becomes of fragments whose tracks are others than before.
type Changes uint8

// The ways to deal with other tracks.
const (
	// ChangesSplit begins another file, where there can be one; else it is
	// ChangesStop.
	ChangesSplit Changes = iota
	// ChangesStop is ErrTracksChanged.
	ChangesStop
)

// Events are told as they happen, in the goroutine that writes. Any may be nil.
type Events struct {
	// LeftOut is told once of each track that an output is without.
	LeftOut func(err *TrackError)
	// Moved is told of each fragment that is not where its time would have put it.
	Moved func(m Move)
	// Split is told when another file begins, before it is opened.
	Split func(s Split)
	// Finished is told when a file of NewParts or Files is whole.
	Finished func(p Part)
}

// A Move is a fragment that is not where its time would have put it.
type Move struct {
	Fragment millrace.FragmentNumber
	// From is where it would have been in the output, and To where it is.
	From, To time.Duration
	// Reason is ErrTimeBack or ErrGap.
	Reason error
}

// A Split is where another file begins.
type Split struct {
	Fragment millrace.FragmentNumber // the first one of the file
	Part     int                     // number of the file, from 1
	// Reason is ErrTracksChanged, ErrTimeBack, or ErrLength for a file that is as
	// long as Options.Length.
	Reason error
}

// A Part is a file that is whole.
type Part struct {
	Number      int // from 1
	First, Last millrace.FragmentNumber
	Fragments   int
	Start       time.Time // the producer's time of its beginning; zero if that is not known
	Duration    time.Duration
}

// tell calls an event's function if there is one.
func tell[E any](f func(E), event E) {
	if f != nil {
		f(event)
	}
}
