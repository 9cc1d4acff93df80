package device

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/auth"
	"github.com/millrace/millrace/internal/certs"
	"github.com/millrace/millrace/internal/store"
)

// Config is what a Registry is made of. All of it is needed but Now.
type Config struct {
	Documents store.Documents          // where devices are kept; nobody else may change them
	Authority *certs.CA                // whose certificates devices have
	Sessions  *auth.Sessions           // makes credentials
	Aliases   map[string]time.Duration // role aliases, and how long credentials under them are good
	Now       func() time.Time         // wall clock; nil means time.Now
}

// A Registry knows the devices. Any number of goroutines may use it.
type Registry struct {
	config Config
}

// NewRegistry makes a Registry.
func NewRegistry(c Config) *Registry {
	if c.Now == nil {
		c.Now = time.Now
	}
	return &Registry{config: c}
}

// ErrNoAlias says that there is no role alias of a name.
var ErrNoAlias = errors.New("no such role alias")

// A Spec is what a new device is made of.
type Spec struct {
	Name      string        // as certs.ValidDeviceName allows
	Streams   []string      // patterns, up to MaxStreams; empty: the stream of its own name
	RoleAlias string        // one that there is
	Request   []byte        // certificate request, PEM
	Life      time.Duration // of the certificate
	Creator   string        // access key id
}

// Create makes a device and its certificate, which is returned this once, in
// PEM. A name that is taken is millrace.ErrExists; what is wrong with the
// request certs.ErrRequest, with the patterns millrace.ErrInvalid, or
// auth.ErrTooLong; an alias that there is not, ErrNoAlias. A crash leaves a
// device whose certificate nobody has, or none.
func (r *Registry) Create(ctx context.Context, s Spec) (Device, []byte, error) {
	if len(s.Streams) == 0 {
		s.Streams = []string{s.Name}
	}
	now := r.config.Now().UTC().Truncate(time.Second)
	made, err := r.config.Authority.Device(s.Name, s.Request, s.Life, now)
	if err != nil {
		return Device{}, nil, err
	}
	d := Device{
		Name: s.Name, Streams: s.Streams, RoleAlias: s.RoleAlias, Serial: made.Serial, Fingerprint: made.Fingerprint,
		NotAfter: made.NotAfter, Created: now, Creator: s.Creator,
	}
	if err := r.check(d); err != nil {
		return Device{}, nil, err
	}
	doc, err := d.document()
	if err != nil {
		return Device{}, nil, err
	}
	if _, err := r.config.Documents.PutDocument(ctx, doc); err != nil {
		return Device{}, nil, fmt.Errorf("keep device: %w", err)
	}
	return d, made.PEM, nil
}

// check sees that a device could get credentials.
func (r *Registry) check(d Device) error {
	if _, ok := r.config.Aliases[d.RoleAlias]; !ok {
		return fmt.Errorf("%w: %.80q", ErrNoAlias, d.RoleAlias)
	}
	if len(d.Streams) > MaxStreams {
		return fmt.Errorf("%d patterns of streams, more than %d: %w", len(d.Streams), MaxStreams, millrace.ErrInvalid)
	}
	if err := Scope(d.Streams).Check(); err != nil {
		return fmt.Errorf("%w: %w", err, millrace.ErrInvalid)
	}
	_, err := r.issue(d)
	return err
}

// List returns up to limit devices with names greater than after, in the order
// of their names. An empty slice means that there are no more.
func (r *Registry) List(ctx context.Context, after string, limit int) ([]Device, error) {
	docs, err := r.config.Documents.Documents(ctx, documentKind, store.DocumentPage{After: after, Limit: limit})
	if err != nil {
		return nil, fmt.Errorf("list devices: %w", err)
	}
	list := make([]Device, len(docs))
	for i, doc := range docs {
		if list[i], err = readDevice(doc); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// Device returns a device. None is millrace.ErrNotFound.
func (r *Registry) Device(ctx context.Context, name string) (Device, error) {
	doc, err := r.config.Documents.Document(ctx, documentKind, name)
	if err != nil {
		return Device{}, fmt.Errorf("read device: %w", err)
	}
	return readDevice(doc)
}

// changeTries is how often a change begins again when somebody else was faster.
const changeTries = 5

// Disable makes a device and its credentials of no use, or of use again. No such
// device is millrace.ErrNotFound. When it returns, every later look sees it.
func (r *Registry) Disable(ctx context.Context, name string, disabled bool) (Device, error) {
	for range changeTries {
		d, err := r.Device(ctx, name)
		if err != nil {
			return Device{}, err
		}
		d.Disabled = disabled
		doc, err := d.document()
		if err != nil {
			return Device{}, err
		}
		if _, err = r.config.Documents.PutDocument(ctx, doc); err == nil {
			return d, nil
		}
		if !errors.Is(err, millrace.ErrConflict) {
			return Device{}, fmt.Errorf("keep device: %w", err)
		}
	}
	return Device{}, fmt.Errorf("keep device: %w", millrace.ErrConflict)
}

// Delete forgets a device. No such device is millrace.ErrNotFound.
func (r *Registry) Delete(ctx context.Context, name string) error {
	if err := r.config.Documents.DeleteDocument(ctx, documentKind, name); err != nil {
		return fmt.Errorf("forget device: %w", err)
	}
	return nil
}

// Allowed is nil if the credentials of a session may be used, by what the session
// says whose it is; millrace.ErrNotFound if the device is not there, is disabled,
// or has another certificate by now.
func (r *Registry) Allowed(ctx context.Context, session string) error {
	name, _, _ := strings.Cut(session, "/")
	d, err := r.Device(ctx, name)
	if err == nil && (d.Disabled || d.session() != session) {
		err = fmt.Errorf("device %s is disabled or another one: %w", name, millrace.ErrNotFound)
	}
	return err
}
