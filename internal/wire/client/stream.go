package client

import (
	"context"
	"fmt"
	"iter"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/wire"
)

// streamInfo is a stream as DescribeStream and ListStreams spell it.
type streamInfo struct {
	StreamName           string
	StreamARN            string
	DeviceName           string
	MediaType            string
	KmsKeyID             string `json:"KmsKeyId"`
	Version              string
	Status               string
	CreationTime         wire.Timestamp
	DataRetentionInHours int
}

func (i streamInfo) stream() (millrace.Stream, error) {
	arn, err := millrace.ParseStreamARN(i.StreamARN)
	if err != nil {
		return millrace.Stream{}, fmt.Errorf("read description of stream %.300q: %w", i.StreamName, err)
	}
	return millrace.Stream{
		Name:       millrace.StreamName(i.StreamName),
		ARN:        arn,
		Created:    i.CreationTime.Time,
		Version:    i.Version,
		Status:     parseStatus(i.Status),
		Retention:  time.Duration(i.DataRetentionInHours) * time.Hour,
		DeviceName: i.DeviceName,
		MediaType:  i.MediaType,
		KMSKeyID:   i.KmsKeyID,
	}, nil
}

func parseStatus(s string) millrace.Status {
	for status := millrace.StatusActive; status <= millrace.StatusDeleting; status++ {
		if status.String() == s {
			return status
		}
	}
	return millrace.StatusUpdating
}

// DescribeStream returns the settings of a stream.
func (c *Client) DescribeStream(ctx context.Context, name millrace.StreamName) (millrace.Stream, error) {
	in := struct{ StreamName millrace.StreamName }{name}
	var out struct{ StreamInfo streamInfo }
	if err := c.call(ctx, "/describeStream", in, &out); err != nil {
		return millrace.Stream{}, err
	}
	return out.StreamInfo.stream()
}

// A StreamSpec is what a stream is to be. Retention is whole hours.
type StreamSpec struct {
	Retention  time.Duration
	DeviceName string
	MediaType  string
	KMSKeyID   string
	Tags       map[string]string
}

// CreateStream makes a stream. An existing one is an error with CodeInUse,
// which a repeated attempt after a lost answer gives as well.
func (c *Client) CreateStream(ctx context.Context, name millrace.StreamName, spec StreamSpec) (millrace.StreamARN, error) {
	hours, err := wholeHours(spec.Retention)
	if err != nil {
		return millrace.StreamARN{}, err
	}
	in := struct {
		StreamName           millrace.StreamName
		DataRetentionInHours int
		DeviceName           string            `json:",omitempty"`
		MediaType            string            `json:",omitempty"`
		KmsKeyID             string            `json:"KmsKeyId,omitempty"`
		Tags                 map[string]string `json:",omitempty"`
	}{name, hours, spec.DeviceName, spec.MediaType, spec.KMSKeyID, spec.Tags}
	var out struct{ StreamARN string }
	if err := c.call(ctx, "/createStream", in, &out); err != nil {
		return millrace.StreamARN{}, err
	}
	return millrace.ParseStreamARN(out.StreamARN)
}

func wholeHours(d time.Duration) (int, error) {
	if d%time.Hour != 0 || d < 0 {
		return 0, millrace.Errorf(millrace.CodeInvalidArgument, "retention %v is not a number of whole hours", d)
	}
	return int(d / time.Hour), nil
}

// Streams walks all streams whose names begin with prefix, in the server's
// order. An error ends the walk.
func (c *Client) Streams(ctx context.Context, prefix string) iter.Seq2[millrace.Stream, error] {
	type condition struct{ ComparisonOperator, ComparisonValue string }
	var in struct {
		NextToken           string     `json:",omitempty"`
		StreamNameCondition *condition `json:",omitempty"`
	}
	if prefix != "" {
		in.StreamNameCondition = &condition{"BEGINS_WITH", prefix}
	}
	return func(yield func(millrace.Stream, error) bool) {
		for {
			var out struct {
				StreamInfoList []streamInfo
				NextToken      string
			}
			if err := c.call(ctx, "/listStreams", in, &out); err != nil {
				yield(millrace.Stream{}, err)
				return
			}
			for _, info := range out.StreamInfoList {
				if s, err := info.stream(); !yield(s, err) || err != nil {
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

// UpdateStream changes device name and media type; an empty one stays as it is.
func (c *Client) UpdateStream(ctx context.Context, name millrace.StreamName, version, device, mediaType string) error {
	in := struct {
		StreamName     millrace.StreamName
		CurrentVersion string
		DeviceName     string `json:",omitempty"`
		MediaType      string `json:",omitempty"`
	}{name, version, device, mediaType}
	return c.call(ctx, "/updateStream", in, &struct{}{})
}

// ChangeRetention adds a number of whole hours, which may be negative, to the
// stream's retention.
func (c *Client) ChangeRetention(ctx context.Context, name millrace.StreamName, version string, by time.Duration) error {
	operation := "INCREASE_DATA_RETENTION"
	if by < 0 {
		operation, by = "DECREASE_DATA_RETENTION", -by
	}
	hours, err := wholeHours(by)
	if err != nil {
		return err
	}
	in := struct {
		StreamName                 millrace.StreamName
		CurrentVersion             string
		Operation                  string
		DataRetentionChangeInHours int
	}{name, version, operation, hours}
	return c.call(ctx, "/updateDataRetention", in, &struct{}{})
}

// DeleteStream deletes a stream and its media, if its version is still the
// given one; an empty version is any.
func (c *Client) DeleteStream(ctx context.Context, arn millrace.StreamARN, version string) error {
	in := struct {
		StreamARN      string
		CurrentVersion string `json:",omitempty"`
	}{arn.String(), version}
	return c.call(ctx, "/deleteStream", in, &struct{}{})
}
