package millrace

import "fmt"

// AckType is the event that an Ack reports.
type AckType uint8

// The events of the acknowledgement stream, in the order of a fragment's life.
const (
	AckIdle      AckType = iota // the session is open and no media is coming
	AckBuffering                // the Cluster's timecode has been read
	AckReceived                 // the whole Cluster has been read
	AckPersisted                // the fragment is durable
	AckError                    // the session ends with a fault
)

// String returns the protocol's spelling.
func (t AckType) String() string {
	switch t {
	case AckIdle:
		return "IDLE"
	case AckBuffering:
		return "BUFFERING"
	case AckReceived:
		return "RECEIVED"
	case AckPersisted:
		return "PERSISTED"
	case AckError:
		return "ERROR"
	}
	return fmt.Sprintf("AckType(%d)", uint8(t))
}

// An Ack is one event of a PutMedia session.
type Ack struct {
	Type        AckType
	HasTimecode bool           // an IDLE, and an ERROR of no fragment, may have none
	Timecode    uint64         // the Cluster's, raw, as the producer wrote it
	Number      FragmentNumber // none if the event belongs to no fragment
	Code        Code           // of an AckError
}
