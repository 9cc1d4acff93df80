package producertest

import (
	"time"

	"github.com/millrace/millrace"
)

// Defaults of a Config.
const (
	DefaultRetention = 24 * time.Hour
	DefaultIdle      = 30 * time.Second
	awsAge           = 45 * time.Minute
)

// A Config says what a Server is. The zero Config is a server on loopback,
// without TLS, that ignores identities, takes any number of calls per stream and
// lets them last for ever.
type Config struct {
	// Pipes puts the server on connections in memory; Dial reaches it.
	Pipes bool
	// TLS has it speak https with a certificate of its own; ClientTLS trusts it.
	TLS bool

	// Streams are the streams that are there. With none, every stream that is
	// asked for is there and has Retention.
	Streams []Stream
	// Retention is that of streams not in Streams; 0 is DefaultRetention, less
	// than 0 is none.
	Retention time.Duration

	// Identity has the server keep an identified fragment once and say so, as
	// Millrace does.
	Identity bool
	// OnePerStream ends the calls of a stream when a new one comes.
	OnePerStream bool
	// MaxAge is how long a call may last before it is ended with
	// millrace.CodeConnectionAge; 0 is for ever.
	MaxAge time.Duration
	// Idle is how long a call may send nothing before it is ended in good order;
	// 0 is DefaultIdle, less than 0 is for ever.
	Idle time.Duration
	// Lenient has the server take media in which it finds faults that end a call
	// with an ERROR otherwise. What is no Matroska is never taken.
	Lenient bool
	// Strict has it refuse PutMedia calls whose head breaks one of HeadRules,
	// with an InvalidArgumentException that says which. Signatures are looked at
	// if there are Keys. What is broken is written down in Call.Faults in any case.
	Strict bool

	// Keys are those that requests may be signed with. With none, signatures are
	// not looked at.
	Keys []Key
	// ClockOffset is how far the server's clock is ahead of time.Now: of its Date
	// header, and of the time with which it judges signatures.
	ClockOffset time.Duration

	// Steps are for the first connections to the data endpoint, in order.
	Steps []Step
	// After is for all later ones.
	After Step
	// Answers are for the first calls of each control operation, in order. Later
	// ones are answered as they should be.
	Answers map[Operation][]Answer
}

// AWS is the Config of a server that behaves as Kinesis Video Streams does: no
// identities, one PutMedia call per stream, of which the newest wins, and an end
// to each after 45 minutes.
func AWS() Config { return Config{OnePerStream: true, MaxAge: awsAge} }

// Millrace is the Config of a server that keeps identified fragments once.
func Millrace() Config { return Config{Identity: true} }

// A Stream is one that is there.
type Stream struct {
	Name       millrace.StreamName
	Retention  time.Duration // whole hours; 0 keeps nothing, and PERSISTED never comes
	DeviceName string
	MediaType  string
	Tags       map[string]string
}

// A Key is what requests may be signed with.
type Key struct {
	millrace.Credentials
	Expires time.Time // zero is never; a call that goes on is not ended by it
}

// An Operation is a control call that producers make.
type Operation string

// The operations that a Server knows.
const (
	DescribeStream  Operation = "describeStream"
	CreateStream    Operation = "createStream"
	TagStream       Operation = "tagStream"
	GetDataEndpoint Operation = "getDataEndpoint"
)
