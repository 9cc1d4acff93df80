package api

import (
	"regexp"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/wire"
)

// edgePatience is how long an edge agent has for taking a configuration over.
const edgePatience = 15 * time.Minute

// The states of an edge configuration that occur where no agent answers.
const (
	syncing    = "SYNCING"
	syncFailed = "SYNC_FAILED"
)

// The limits of edge configurations.
const (
	maxEdgeRetention = 720       // hours
	minLocalSize     = 64        // megabytes
	maxLocalSize     = 2_000_000 // megabytes
	minDuration      = 60        // seconds
	maxDuration      = 3600      // seconds
)

var (
	hubDevicePattern = regexp.MustCompile(`^arn:[a-z\d-]+:iot:[a-z0-9-]+:[0-9]+:thing/[a-zA-Z0-9_.-]+$`)
	secretARNPattern = regexp.MustCompile(`^arn:[a-z\d-]+:secretsmanager:[a-z0-9-]+:[0-9]+:secret:[a-zA-Z0-9_.-]+$`)
	schedulePattern  = regexp.MustCompile(`^[^\n]{11,100}$`)
)

// An edgeConfig says what an edge agent would record and upload. It is kept and
// shown as it was given.
type edgeConfig struct {
	HubDeviceARN *string         `json:"HubDeviceArn,omitempty"`
	Recorder     *recorderConfig `json:"RecorderConfig,omitempty"`
	Uploader     *uploaderConfig `json:"UploaderConfig,omitempty"`
	Deletion     *deletionConfig `json:"DeletionConfig,omitempty"`
}

type recorderConfig struct {
	Source   *mediaSourceConfig `json:"MediaSourceConfig,omitempty"`
	Schedule *scheduleConfig    `json:"ScheduleConfig,omitempty"`
}

type uploaderConfig struct {
	Schedule *scheduleConfig `json:"ScheduleConfig,omitempty"`
}

// A mediaSourceConfig names a secret, which neither log nor message may repeat.
type mediaSourceConfig struct {
	SecretARN *string `json:"MediaUriSecretArn,omitempty"`
	URIType   *string `json:"MediaUriType,omitempty"`
}

type scheduleConfig struct {
	Expression *string `json:"ScheduleExpression,omitempty"`
	Duration   *int32  `json:"DurationInSeconds,omitempty"`
}

type deletionConfig struct {
	Retention   *int32           `json:"EdgeRetentionInHours,omitempty"`
	LocalSize   *localSizeConfig `json:"LocalSizeConfig,omitempty"`
	AfterUpload *bool            `json:"DeleteAfterUpload,omitempty"`
}

type localSizeConfig struct {
	MaxSize  *int32  `json:"MaxLocalMediaSizeInMB,omitempty"`
	Strategy *string `json:"StrategyOnFullSize,omitempty"`
}

func (e *edgeConfig) check(c *checks) {
	const at = "edgeConfig."
	c.required(at+"hubDeviceArn", e.HubDeviceARN, 1, 1024, hubDevicePattern)
	if e.Recorder == nil {
		c.missing(at + "recorderConfig")
	} else {
		e.Recorder.check(c, at+"recorderConfig.")
	}
	if e.Uploader != nil {
		e.Uploader.check(c, at+"uploaderConfig.")
	}
	if e.Deletion != nil {
		e.Deletion.check(c, at+"deletionConfig.")
	}
}

func (r *recorderConfig) check(c *checks, at string) {
	if r.Source == nil {
		c.missing(at + "mediaSourceConfig")
	} else {
		c.secret(at+"mediaSourceConfig.mediaUriSecretArn", r.Source.SecretARN, 20, 2048, secretARNPattern)
		c.choice(at+"mediaSourceConfig.mediaUriType", r.Source.URIType, "RTSP_URI", "FILE_URI")
	}
	if r.Schedule != nil {
		r.Schedule.check(c, at+"scheduleConfig.")
	}
}

func (u *uploaderConfig) check(c *checks, at string) {
	if u.Schedule == nil {
		c.missing(at + "scheduleConfig")
		return
	}
	u.Schedule.check(c, at+"scheduleConfig.")
}

func (s *scheduleConfig) check(c *checks, at string) {
	c.required(at+"scheduleExpression", s.Expression, 11, 100, schedulePattern)
	if s.Duration == nil {
		c.missing(at + "durationInSeconds")
	}
	c.integer(at+"durationInSeconds", s.Duration, minDuration, maxDuration)
}

func (d *deletionConfig) check(c *checks, at string) {
	c.integer(at+"edgeRetentionInHours", d.Retention, 1, maxEdgeRetention)
	if d.LocalSize == nil {
		return
	}
	c.integer(at+"localSizeConfig.maxLocalMediaSizeInMB", d.LocalSize.MaxSize, minLocalSize, maxLocalSize)
	if d.LocalSize.Strategy != nil {
		c.oneOf(at+"localSizeConfig.strategyOnFullSize", *d.LocalSize.Strategy, "DELETE_OLDEST_MEDIA", "DENY_NEW_MEDIA")
	}
}

// An edgeDocument is what is kept of a stream's edge configuration. Whether an
// agent was too slow is not kept: it follows from the time.
type edgeDocument struct {
	Stream  millrace.StreamName `json:"stream"`
	Created wire.Timestamp      `json:"created"`
	Updated wire.Timestamp      `json:"updated"`
	Config  edgeConfig          `json:"config"`
}

// An edgeInfo is how an edge configuration is shown.
type edgeInfo struct {
	StreamName   string         `json:"StreamName"`
	StreamARN    string         `json:"StreamARN"`
	CreationTime wire.Timestamp `json:"CreationTime"`
	LastUpdated  wire.Timestamp `json:"LastUpdatedTime"`
	SyncStatus   string         `json:"SyncStatus"`
	Failure      string         `json:"FailedStatusDetails,omitempty"`
	Config       edgeConfig     `json:"EdgeConfig"`
}

func newEdgeInfo(s millrace.Stream, d edgeDocument, now time.Time) edgeInfo {
	info := edgeInfo{
		StreamName:   s.Name.String(),
		StreamARN:    s.ARN.String(),
		CreationTime: d.Created,
		LastUpdated:  d.Updated,
		SyncStatus:   d.status(now),
		Config:       d.Config,
	}
	if info.SyncStatus == syncFailed {
		info.Failure = "The edge agent was not in contact within 15 minutes."
	}
	return info
}

// status is SYNCING until an agent has had its time, and SYNC_FAILED from then
// on. No agent ever acknowledges, for none can reach this server.
func (d edgeDocument) status(now time.Time) string {
	if now.Sub(d.Updated.Time) < edgePatience {
		return syncing
	}
	return syncFailed
}

// errNoEdgeConfiguration is what a stream without edge configuration answers.
func errNoEdgeConfiguration(s millrace.Stream) error {
	return millrace.Errorf(millrace.CodeNoEdgeConfiguration, "The stream %s has no edge configuration.", s.Name)
}
