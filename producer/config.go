package producer

import (
	"time"

	"github.com/millrace/millrace/media"
)

// StreamConfig says how one stream is sent. The zero value sends in real time,
// with absolute times, to a stream that exists, and keeps what is not durable
// yet in memory.
type StreamConfig struct {
	// Create makes the stream if there is none. Nil has a missing stream be an
	// error, which Ready returns.
	Create *Spec
	// Tracks are what Write takes frames of. Codec private data may be missing
	// where the frames carry them. Play and CopyMKV need no Tracks.
	Tracks []media.Track
	// Mode says when fragments are sent, and what a full buffer does.
	Mode Mode
	// Delay is how long media are kept before they are sent, and how much comes
	// before the opening of a gate; used by Delayed alone.
	Delay time.Duration
	// Buffer bounds what is kept until it is durable.
	Buffer BufferRules
	// Fragment says where fragments begin and end.
	Fragment FragmentRules
	// Time says what the times of frames mean.
	Time TimeRules
	// Ack is the acknowledgement that lets a fragment go.
	Ack AckLevel
	// Events are told what happens.
	Events Events
}

// A Mode says when fragments are sent, and what a full buffer does unless
// BufferRules say otherwise.
type Mode uint8

// The modes.
const (
	Realtime Mode = iota // each frame at once; a full buffer drops its oldest fragment
	Delayed              // fragments when they are Delay old, or the gate is opened; else as Realtime
	Offline              // as fast as the server confirms; a full buffer makes writers wait
)

// BufferRules bound what a stream keeps until it is durable.
type BufferRules struct {
	// MaxBytes bounds the media that are kept in memory. 0 is DefaultBuffer. One
	// fragment may always be as large as MaxFragmentSize.
	MaxBytes int64
	// MaxAge is the age of media at which they are dropped although they are not
	// durable; 0 is never.
	MaxAge time.Duration
	// OnFull says what happens where there is no more room.
	OnFull FullPolicy
	// OnSlow says what happens where the network is slower than the media.
	OnSlow SlowPolicy
	// Backlog is how far, in media time, a stream may be behind before OnSlow
	// applies; 0 is DefaultBacklog.
	Backlog time.Duration
	// Spool keeps media on the disk as well, in a directory of Client.Spool.
	Spool bool
	// SpoolBytes bounds the spool's files, in bytes. Room comes back by whole files,
	// of which the bound has eight at least. 0 is spool.DefaultMaxBytes.
	SpoolBytes int64
	// SpillAfter keeps media off the disk as long as no more than so much waits to
	// be sent, and half of MaxBytes holds it: that spares flash memory, and a
	// process that is killed loses what was not on the disk. 0 writes everything.
	SpillAfter time.Duration
	// Order says what goes first when there is a backlog.
	Order Order
}

// A FullPolicy says what happens where there is no more room.
type FullPolicy uint8

// The policies for a full buffer.
const (
	FullByMode     FullPolicy = iota // FullWait for Offline, FullDropOldest for other modes
	FullWait                         // writers wait
	FullDropOldest                   // the oldest fragments go
	FullDropNewest                   // what is written goes, up to the next fragment
	FullFail                         // Write returns ErrBufferFull
)

// A SlowPolicy says what happens where the network is slower than the media.
type SlowPolicy uint8

// The policies for a slow network.
const (
	SlowKeep SlowPolicy = iota // everything is kept, as far as the buffer goes
	SlowThin                   // only key frames are taken until the backlog is gone
	SlowJump                   // whole fragments are dropped up to the newest
)

// An Order says what goes first when there is a backlog.
type Order uint8

// The orders.
const (
	OldestFirst Order = iota // strictly in the order of writing
	LiveFirst                // the newest at once, and the backlog beside it or between
)

// An AckLevel is the acknowledgement that lets a fragment go.
type AckLevel uint8

// The levels.
const (
	AckDurable AckLevel = iota // PERSISTED; RECEIVED where the stream has no retention
	AckArrived                 // RECEIVED
	AckNothing                 // fragments go when they were sent
)

// FragmentRules say where fragments begin and end.
type FragmentRules struct {
	// MaxDuration is the media time at which a fragment ends although no key
	// frame has come; 0 is DefaultFragmentDuration. Above 20 seconds servers refuse
	// fragments, unless they are told not to; above 30 it is an error, and so it is
	// below MinDuration. With fine ticks, fragments end earlier: see TimeRules.Tick.
	MaxDuration time.Duration
	// MinDuration is how long fragments are before a key frame ends them. 0 is two
	// seconds where every frame is one, as without video or with pictures that
	// stand alone, and 200 milliseconds otherwise.
	MinDuration time.Duration
	// MaxBytes is where a fragment ends in any case; 0 is MaxFragmentSize, the
	// most that there can be.
	MaxBytes int64
	// Interleave is how long a frame may be held, in media time and on the clock,
	// for frames of other tracks that belong before it. Only the start of a
	// fragment is held for tracks that are behind, and tracks that are ahead of the
	// first video track; a stream of one track holds nothing. 0 is
	// DefaultInterleave, but nothing for a stream with a spool, because what is held
	// is in memory alone; negative is nothing. Before the first fragment, and after
	// a pause, frames are held for the other tracks in any case, for
	// DefaultInterleave at most.
	Interleave time.Duration
	// Silent says what happens to a track that has no frames.
	Silent SilentPolicy
	// Idle is the time without a frame after which the fragment and the call are
	// ended; 0 is DefaultIdle, negative is never.
	Idle time.Duration
}

// idle is Idle with its default; 0 is never.
func (f FragmentRules) idle() time.Duration { return max(orDefault(f.Idle, DefaultIdle), 0) }

// A SilentPolicy says what happens to a track that has no frames. Servers
// refuse fragments in which a track of the header has none, unless they are told
// not to.
type SilentPolicy uint8

// The policies for silent tracks.
const (
	// SilentLeave declares only tracks that have frames: fragments get longer, up
	// to MaxDuration, while a track is waited for; then a new header goes without
	// it, over a new call, until it is back.
	SilentLeave SilentPolicy = iota
	// SilentKeep declares all tracks at all times.
	SilentKeep
)

// TimeRules say what the times of frames mean.
type TimeRules struct {
	// Relative says that frames' times count from Start and not from the epoch.
	Relative bool
	Start    time.Time // sent to the nanosecond
	// Tick is the unit of time in what is sent; 0 is a millisecond. It is between
	// 10 microseconds and 10 milliseconds. A fragment is at most 32,767 ticks long,
	// so fine ones are for data whose times matter.
	Tick time.Duration
	// OnRegress says what happens to a frame whose time is before that of its
	// fragment, or of the fragment before.
	OnRegress RegressPolicy
	// MaxNudge is how far a time is moved so that times grow, before OnRegress
	// applies; 0 is a millisecond.
	MaxNudge time.Duration
}

// A RegressPolicy says what happens when time goes back.
type RegressPolicy uint8

// The policies for times that go back.
const (
	RegressNewCall RegressPolicy = iota // a new call begins, in which times start anew
	RegressReject                       // Write returns ErrTime
)

// Bounds and defaults.
const (
	DefaultMemory           = 256 << 20 // bytes, of a client
	DefaultBuffer           = 64 << 20  // bytes, of a stream
	MaxFragmentSize         = 50_000_000
	DefaultFragmentDuration = 15 * time.Second
	DefaultIdle             = 10 * time.Second
	DefaultInterleave       = time.Second
	DefaultBacklog          = 10 * time.Second
)

// A Spec is what a stream that does not exist yet is to be.
type Spec struct {
	Retention  time.Duration // whole hours; 0 keeps nothing
	DeviceName string
	MediaType  string // such as video/h264, with a comma between tracks
	Tags       map[string]string
}
