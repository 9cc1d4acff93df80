package api

import (
	"context"
	"errors"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/auth"
)

const maxRetentionHours = int32(millrace.MaxRetention / time.Hour)

type createStreamInput struct {
	StreamName           *string               `json:"StreamName"`
	DeviceName           string                `json:"DeviceName"`
	MediaType            string                `json:"MediaType"`
	KmsKeyID             string                `json:"KmsKeyId"`
	DataRetentionInHours int32                 `json:"DataRetentionInHours"`
	Tags                 map[string]string     `json:"Tags"`
	Storage              *storageConfiguration `json:"StreamStorageConfiguration"`
}

type storageConfiguration struct {
	DefaultStorageTier *string `json:"DefaultStorageTier"`
}

type createStreamOutput struct {
	StreamARN string `json:"StreamARN"`
}

// createStream makes a stream, active at once: some clients go on to PutMedia
// without asking for its status.
func (h *Handler) createStream(ctx context.Context, c *call) (any, error) {
	var in createStreamInput
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	var found checks
	s := in.stream(&found)
	if err := found.err(); err != nil {
		return nil, err
	}
	c.stream = s.Name
	if err := authorizeCreation(c.principal, s.Name, in.Tags); err != nil {
		return nil, err
	}
	if err := h.admit(c, s.Name.String()); err != nil {
		return nil, err
	}
	s.KMSKeyID = h.kmsKeyARN(in.KmsKeyID)
	s.ARN = millrace.StreamARN{Partition: h.config.Partition, Region: h.config.Region, Account: h.config.Account}
	s.Created = h.config.Now()
	s.Version = newVersion()
	s, err := h.create(ctx, s, in.Tags)
	if errors.Is(err, millrace.ErrExists) {
		return nil, millrace.Errorf(millrace.CodeInUse, "The stream %s already exists.", c.stream)
	}
	if err != nil {
		return nil, err
	}
	return createStreamOutput{StreamARN: s.ARN.String()}, nil
}

// stream checks the members.
func (in createStreamInput) stream(c *checks) millrace.Stream {
	s := millrace.Stream{
		Name:       c.streamName("streamName", in.StreamName),
		DeviceName: in.DeviceName,
		MediaType:  in.MediaType,
		Retention:  time.Duration(in.DataRetentionInHours) * time.Hour,
	}
	c.deviceName(in.DeviceName)
	c.mediaType(in.MediaType)
	c.kmsKey(in.KmsKeyID)
	c.number("dataRetentionInHours", in.DataRetentionInHours, 0, maxRetentionHours)
	if in.Tags != nil {
		c.tagMap(in.Tags)
	}
	if in.Storage != nil {
		s.Tier = c.storageTier(in.Storage.DefaultStorageTier)
	}
	return s
}

func (c *checks) storageTier(value *string) millrace.StorageTier {
	const member = "streamStorageConfiguration.defaultStorageTier"
	if value == nil {
		c.missing(member)
		return 0
	}
	tier, err := millrace.ParseStorageTier(*value)
	if err != nil {
		c.oneOf(member, *value, millrace.TierHot.String(), millrace.TierWarm.String())
	}
	return tier
}

// authorizeCreation asks for the operation and, if there are tags, for setting
// them. The stream has no ARN yet.
func authorizeCreation(p auth.Principal, name millrace.StreamName, tags map[string]string) error {
	if err := auth.Authorize(p, "CreateStream", name.String()); err != nil || len(tags) == 0 {
		return err
	}
	return auth.Authorize(p, "TagStream", name.String())
}
