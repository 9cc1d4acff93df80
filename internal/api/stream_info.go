package api

import (
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/wire"
)

// A streamInfo is how a stream is shown. What is not set is left out: one
// client crashes on null, and another takes it for a text.
type streamInfo struct {
	DeviceName           string         `json:"DeviceName,omitempty"`
	StreamName           string         `json:"StreamName"`
	StreamARN            string         `json:"StreamARN"`
	MediaType            string         `json:"MediaType,omitempty"`
	KmsKeyID             string         `json:"KmsKeyId"`
	Version              string         `json:"Version"`
	Status               string         `json:"Status"`
	CreationTime         wire.Timestamp `json:"CreationTime"`
	DataRetentionInHours int64          `json:"DataRetentionInHours"` // always: a client stops reading without it
}

func newStreamInfo(s millrace.Stream) streamInfo {
	return streamInfo{
		DeviceName:           s.DeviceName,
		StreamName:           s.Name.String(),
		StreamARN:            s.ARN.String(),
		MediaType:            s.MediaType,
		KmsKeyID:             s.KMSKeyID,
		Version:              s.Version,
		Status:               s.Status.String(),
		CreationTime:         wire.Timestamp{Time: s.Created},
		DataRetentionInHours: int64(s.Retention / time.Hour),
	}
}
