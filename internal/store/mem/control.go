package mem

import (
	"context"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/store"
)

// Control is a store.Control that forgets everything when the process ends.
// Until then it keeps every promise of the seam, except that nothing is
// durable. Make one with NewControl.
type Control struct {
	mu      sync.Mutex // guards all below
	closed  bool
	names   map[millrace.StreamName]identity
	streams map[millrace.StreamName]*record
	deleted []store.Deletion // in the order of their IDs, which begin with 1 and have no gap
	epoch   uint32
	stamp   time.Time
	values  map[string][]byte
	notes   map[string][]byte

	documents map[documentKey]*store.Document
	revision  uint64 // of the last change of a document
}

// An identity is what outlives a stream's deletion, so that neither its number
// nor its creation time is used again.
type identity struct {
	key     millrace.StreamKey
	created time.Time
}

type record struct {
	stream millrace.Stream
	tags   map[string]string
}

var _ store.Control = (*Control)(nil)

// NewControl returns an empty control state.
func NewControl() *Control {
	return &Control{
		names:   map[millrace.StreamName]identity{},
		streams: map[millrace.StreamName]*record{},
		values:  map[string][]byte{},
		notes:   map[string][]byte{},

		documents: map[documentKey]*store.Document{},
	}
}

// Close implements store.Control.
func (c *Control) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	return nil
}

// Create implements store.Streams.
func (c *Control) Create(ctx context.Context, s millrace.Stream, tags map[string]string) (millrace.Stream, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.usable(ctx); err != nil {
		return millrace.Stream{}, err
	}
	if _, taken := c.streams[s.Name]; taken {
		return millrace.Stream{}, millrace.ErrExists
	}

	id, known := c.names[s.Name]
	if !known {
		id.key.ID = uint64(len(c.names) + 1)
	}
	id.key.Generation++
	s.Created = s.Created.UTC().Truncate(time.Millisecond)
	if known && !s.Created.After(id.created) {
		s.Created = id.created.Add(time.Millisecond)
	}
	id.created = s.Created

	s.Key, s.ARN.Name, s.ARN.Created = id.key, s.Name, s.Created
	s.KeptSince = keptSince(s.KeptSince)
	c.names[s.Name] = id
	c.streams[s.Name] = &record{stream: s, tags: copyTags(tags)}
	return s, nil
}

// Stream implements store.Streams.
func (c *Control) Stream(ctx context.Context, name millrace.StreamName) (millrace.Stream, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.usable(ctx); err != nil {
		return millrace.Stream{}, err
	}
	r, ok := c.streams[name]
	if !ok {
		return millrace.Stream{}, millrace.ErrNotFound
	}
	return r.stream, nil
}

// List implements store.Streams.
func (c *Control) List(ctx context.Context, p store.Page) ([]millrace.Stream, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.usable(ctx); err != nil {
		return nil, err
	}
	var list []millrace.Stream
	for _, name := range slices.Sorted(maps.Keys(c.streams)) {
		if p.Limit > 0 && len(list) == p.Limit {
			break
		}
		s := c.streams[name].stream
		if p.Deleting && s.Status != millrace.StatusDeleting {
			continue
		}
		if name > p.After && strings.HasPrefix(string(name), p.Prefix) {
			list = append(list, s)
		}
	}
	return list, nil
}

// Count implements store.Streams.
func (c *Control) Count(ctx context.Context) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.usable(ctx); err != nil {
		return 0, err
	}
	return len(c.streams), nil
}

// Update implements store.Streams.
func (c *Control) Update(ctx context.Context, s millrace.Stream, was string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	r, err := c.find(ctx, s.Key)
	if err != nil {
		return err
	}
	if r.stream.Version != was || r.stream.Status != millrace.StatusActive {
		return millrace.ErrConflict
	}
	r.stream.Version, r.stream.Retention, r.stream.Tier = s.Version, s.Retention, s.Tier
	r.stream.DeviceName, r.stream.MediaType = s.DeviceName, s.MediaType
	r.keep(s.KeptSince)
	return nil
}

// BeginDelete implements store.Streams.
func (c *Control) BeginDelete(ctx context.Context, key millrace.StreamKey, was string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	r, err := c.find(ctx, key)
	if err != nil {
		return err
	}
	if was != "" && r.stream.Version != was || r.stream.Status != millrace.StatusActive {
		return millrace.ErrConflict
	}
	r.stream.Status = millrace.StatusDeleting
	return nil
}

// FinishDelete implements store.Streams.
func (c *Control) FinishDelete(ctx context.Context, key millrace.StreamKey) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.usable(ctx); err != nil {
		return err
	}
	for name, r := range c.streams {
		if r.stream.Key != key {
			continue
		}
		if r.stream.Status != millrace.StatusDeleting {
			return millrace.ErrConflict
		}
		delete(c.streams, name)
		c.removeDocuments(key)
	}
	return nil
}

// SetTags implements store.Tags.
func (c *Control) SetTags(ctx context.Context, key millrace.StreamKey, tags map[string]string, most int) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	r, err := c.findActive(ctx, key)
	if err != nil {
		return err
	}
	union := copyTags(r.tags)
	maps.Copy(union, tags)
	if len(union) > most {
		return store.ErrLimit
	}
	r.tags = union
	return nil
}

// DeleteTags implements store.Tags.
func (c *Control) DeleteTags(ctx context.Context, key millrace.StreamKey, names []string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	r, err := c.findActive(ctx, key)
	if err != nil {
		return err
	}
	for _, name := range names {
		delete(r.tags, name)
	}
	return nil
}

// Tags implements store.Tags.
func (c *Control) Tags(ctx context.Context, key millrace.StreamKey) (map[string]string, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	r, err := c.findActive(ctx, key)
	if err != nil {
		return nil, err
	}
	return copyTags(r.tags), nil
}

// usable is called with mu held.
func (c *Control) usable(ctx context.Context) error {
	if c.closed {
		return millrace.ErrClosed
	}
	return ctx.Err()
}

// find is called with mu held.
func (c *Control) find(ctx context.Context, key millrace.StreamKey) (*record, error) {
	if err := c.usable(ctx); err != nil {
		return nil, err
	}
	for _, r := range c.streams {
		if r.stream.Key == key {
			return r, nil
		}
	}
	return nil, millrace.ErrNotFound
}

func (c *Control) findActive(ctx context.Context, key millrace.StreamKey) (*record, error) {
	r, err := c.find(ctx, key)
	if err == nil && r.stream.Status != millrace.StatusActive {
		return nil, millrace.ErrNotFound
	}
	return r, err
}

func copyTags(tags map[string]string) map[string]string {
	own := make(map[string]string, len(tags))
	maps.Copy(own, tags)
	return own
}
