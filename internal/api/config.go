package api

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/auth"
	"github.com/millrace/millrace/internal/clock"
	"github.com/millrace/millrace/internal/device"
	"github.com/millrace/millrace/internal/limit"
	"github.com/millrace/millrace/internal/playback"
	"github.com/millrace/millrace/internal/store"
)

// Config is what a Handler is made of.
type Config struct {
	Control store.Control // where streams are; the caller closes it after the Handler's last call
	Auth    *auth.Authenticator
	Keys    *auth.KeyRing // for the operations on keys; nil: they are not offered

	Partition string // of new ARNs; empty means "aws"
	Region    string // of new ARNs, such as "us-west-2"
	Account   string // of new ARNs: twelve digits

	// PublicURL is what GetDataEndpoint answers, with scheme and host, and
	// without a slash at its end. If it is empty the answer is made of the
	// request: its scheme, the host name that it names, and the port of the
	// connection that it came by.
	PublicURL string

	// MountPrefix is a path such as "/kvs" under which the operations are
	// offered as well as without it. Empty means none.
	MountPrefix string

	Requests   *limit.Requests // the rates of operations; nil: they have none
	MaxStreams int             // that there may be; 0: any number

	PutMedia MediaHandler    // nil: the operation is not offered
	GetMedia MediaHandler    // nil: the operation is not offered
	Files    *playback.Files // clips, and ranges of streams as files; nil: they are not offered

	// Renew returns a principal as it is now, or millrace.ErrNotFound if its key is
	// no longer good. It is asked every so often while a file is written. Nil: a
	// call that was permitted stays so.
	Renew      func(ctx context.Context, p auth.Principal) (auth.Principal, error)
	RenewEvery time.Duration // how often; 5 s if zero

	// WriteTimeout is how long each write of a file waits for a client;
	// wire.DefaultWriteTimeout if zero.
	WriteTimeout time.Duration

	Availability ResourceHandler // says when a stream has media; nil: it is not offered

	Media MediaPlane // told of what happens to streams; nil: nobody is

	GetMediaForFragmentList MediaHandler // nil: the operation is not offered
	Archive                 *Archive     // nil: the operations on archived media are not offered
	Playback                *Playback    // nil: there are no sessions of players

	Clock *clock.Clock // the server's time; nil: its operations are not offered

	// Ready says whether the server can serve, for /readyz: nil if it can.
	// A nil Ready always can. Any number of goroutines call it.
	Ready func(ctx context.Context) error

	// Metrics answers GET /metrics, for those who may do auth.ReadMetrics. Nil:
	// there is nothing there.
	Metrics http.Handler

	// Devices gives devices certificates and credentials. Nil: the server does
	// not speak TLS, and has none.
	Devices *device.Registry

	// Authority is the certificate that clients have to trust, in PEM, which
	// GET /millrace/v1/ca.pem shows to everybody. Nil: there is nothing there.
	Authority []byte

	Events Events // told of calls

	Logger *slog.Logger     // nil: nothing is logged
	Now    func() time.Time // wall clock, for signatures and creation times; nil means time.Now

	// Since is the server time before which fragments are expired that are kept
	// for so long; nil means so long before Now.
	Since func(retention time.Duration) time.Time
}

// A MediaPlane carries the streams' media and is told what happens to streams.
type MediaPlane interface {
	// Drop ends every session and every reader of a stream that has been
	// deleted, and puts its fragments out of reach for good. The deletion is
	// durable before. When Drop returns nil the stream's record is removed and
	// its name is free. After an error Drop is called again later. It may be
	// called for a stream that was dropped already, and after a restart for one
	// that this process never served. One call happens at a time.
	Drop(ctx context.Context, s millrace.Stream) error

	// RetentionChanged tells that the stream's retention is no longer what it
	// was. Calls may overtake one another: the control state knows the value
	// that counts. It must not block.
	RetentionChanged(s millrace.Stream)

	// Floor is a bound not smaller than any number that the stream's fragments
	// have by now, and smaller than every one to come.
	Floor(s millrace.Stream) millrace.FragmentNumber

	// Covered counts the fragments that are kept and that a deletion covers.
	Covered(ctx context.Context, s millrace.Stream, d store.Deletion) (Covered, error)

	// Hide tells of a deletion that is durable and that the media's store knows
	// of: when it returns, no reader begins with a fragment that it covers.
	Hide(d store.Deletion)
}

// Covered is how much there was of what a deletion covers.
type Covered struct {
	Fragments int64
	Bytes     int64 // of their media
}

// A MediaHandler answers a PutMedia or GetMedia call that was routed and whose
// signature was checked. An error that it returns before it has written
// anything becomes the answer; one that it returns later goes to the log alone.
type MediaHandler func(w http.ResponseWriter, r *http.Request, c *MediaCall) error

// A MediaCall is what is known of a call when it is handed to a MediaHandler.
type MediaCall struct {
	RequestID string              // to be sent as wire.HeaderRequestID
	Principal auth.Principal      // who signed the call
	Body      []byte              // GetMedia's JSON; of PutMedia nil, for its body has not been read
	Stream    millrace.StreamName // set by the handler, for the log
	Began     time.Time           // when the call arrived

	stream *millrace.StreamName // where Stream is looked for when the answer begins
}

func (c Config) withDefaults() Config {
	if c.Partition == "" {
		c.Partition = "aws"
	}
	if c.Media == nil {
		c.Media = noMedia{}
	}
	if c.Ready == nil {
		c.Ready = func(context.Context) error { return nil }
	}
	if c.Metrics == nil {
		c.Metrics = http.NotFoundHandler()
	}
	c.Events = c.Events.withDefaults()
	if c.Archive != nil {
		c.Archive = c.Archive.withDefaults()
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Since == nil {
		c.Since = func(retention time.Duration) time.Time { return c.Now().Add(-retention) }
	}
	return c
}

// noMedia is the media plane of a server that has none.
type noMedia struct{}

func (noMedia) Drop(context.Context, millrace.Stream) error { return nil }
func (noMedia) RetentionChanged(millrace.Stream)            {}
func (noMedia) Hide(store.Deletion)                         {}

func (noMedia) Floor(millrace.Stream) millrace.FragmentNumber { return millrace.FragmentNumber{} }

func (noMedia) Covered(context.Context, millrace.Stream, store.Deletion) (Covered, error) {
	return Covered{}, nil
}
