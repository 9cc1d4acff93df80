package client

import (
	"context"
	"iter"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/wire"
)

// The clocks by which media are deleted.
const (
	ServerTimestamp   = "SERVER_TIMESTAMP"
	ProducerTimestamp = "PRODUCER_TIMESTAMP"
)

// A MediaRange is what DeleteMedia deletes: the fragments that start at Start or
// later, and before End.
type MediaRange struct {
	StreamName     millrace.StreamName
	TimestampType  string
	StartTimestamp wire.Timestamp
	EndTimestamp   wire.Timestamp
	Reason         string `json:",omitempty"`
}

// Deleted is what DeleteMedia has deleted.
type Deleted struct {
	ID        uint64 `json:"DeletionId"`
	Fragments int64  `json:"FragmentCount"`
	Bytes     int64  `json:"ByteCount"`
}

// DeleteMedia deletes a range of a stream's media for good. It is Millrace's
// own. It is not tried again by itself: each call leaves a record.
func (c *Client) DeleteMedia(ctx context.Context, r MediaRange) (Deleted, error) {
	var out Deleted
	err := c.callOnce(ctx, "/millrace/v1/deleteMedia", r, &out)
	return out, err
}

// A Deletion is the record of one.
type Deletion struct {
	ID                 uint64 `json:"DeletionId"`
	StreamName         millrace.StreamName
	TimestampType      string
	StartTimestamp     wire.Timestamp
	EndTimestamp       wire.Timestamp
	LastFragmentNumber string
	RequestTimestamp   wire.Timestamp
	AccessKeyID        string `json:"AccessKeyId"`
	Reason             string
}

// Deletions walks the records of what was deleted of every stream that ever had
// a name, or of all streams if the name is empty, oldest first. An error ends
// the walk. It is Millrace's own.
func (c *Client) Deletions(ctx context.Context, name millrace.StreamName) iter.Seq2[Deletion, error] {
	in := struct {
		StreamName millrace.StreamName `json:",omitempty"`
		NextToken  string              `json:",omitempty"`
	}{StreamName: name}
	return func(yield func(Deletion, error) bool) {
		for {
			var out struct {
				DeletionList []Deletion
				NextToken    string
			}
			if err := c.call(ctx, "/millrace/v1/listDeletions", in, &out); err != nil {
				yield(Deletion{}, err)
				return
			}
			for _, d := range out.DeletionList {
				if !yield(d, nil) {
					return
				}
			}
			if out.NextToken == "" || out.NextToken == in.NextToken {
				return
			}
			in.NextToken = out.NextToken
		}
	}
}
