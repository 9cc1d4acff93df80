package millrace

import (
	"fmt"
	"time"
)

// MaxRetention is the longest retention a stream can have: ten years.
const MaxRetention = 87600 * time.Hour

// A StreamName is 1 to 256 characters of [a-zA-Z0-9_.-]. It is case sensitive.
type StreamName string

// ParseStreamName checks s against the rule of StreamName.
func ParseStreamName(s string) (StreamName, error) {
	if len(s) < 1 || len(s) > 256 || !onlyNameChars(s) {
		return "", fmt.Errorf("stream name %.300q is not 1 to 256 characters of [a-zA-Z0-9_.-]", s)
	}
	return StreamName(s), nil
}

// String returns the name.
func (n StreamName) String() string { return string(n) }

func onlyNameChars(s string) bool {
	for i := range len(s) {
		c := s[i]
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '_', c == '.', c == '-':
		default:
			return false
		}
	}
	return true
}

// A StreamKey names one incarnation of a stream inside the store. ID belongs
// to the name and is never given to another name; Generation grows each time
// the name is created again after a deletion.
type StreamKey struct {
	ID         uint64
	Generation uint32
}

// Status is where a stream is in its life.
type Status uint8

// The states of a stream. A stream is Active before its creation is answered;
// Deleting lasts until its media are out of reach and its name is free.
const (
	StatusActive Status = iota
	StatusCreating
	StatusUpdating
	StatusDeleting
)

// String returns the protocol's spelling.
func (s Status) String() string {
	switch s {
	case StatusActive:
		return "ACTIVE"
	case StatusCreating:
		return "CREATING"
	case StatusUpdating:
		return "UPDATING"
	case StatusDeleting:
		return "DELETING"
	}
	return fmt.Sprintf("Status(%d)", uint8(s))
}

// A Stream is the settings of one KVS stream. Tags are kept beside it.
type Stream struct {
	Key        StreamKey
	Name       StreamName
	ARN        StreamARN
	Created    time.Time     // UTC, whole milliseconds; equals the ARN's suffix
	Version    string        // 20 characters of base 62, new with every update
	Status     Status        //
	Retention  time.Duration // whole hours, 0 to MaxRetention; 0 means live only
	DeviceName string        // optional
	MediaType  string        // optional
	KMSKeyID   string        // always set, as an ARN
	Tier       StorageTier   // of media that is yet to arrive
	KeptSince  time.Time     // fragments with an earlier server time have gone, whatever the retention; UTC, whole milliseconds
}
