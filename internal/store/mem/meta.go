package mem

import (
	"bytes"
	"context"
	"errors"
	"math"
	"time"
)

// NextEpoch implements store.Meta.
func (c *Control) NextEpoch(ctx context.Context, after uint32) (uint32, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.usable(ctx); err != nil {
		return 0, err
	}
	last := max(c.epoch, after)
	if last == math.MaxUint32 {
		return 0, errors.New("all epochs are used up")
	}
	c.epoch = last + 1
	return c.epoch, nil
}

// ClockStamp implements store.Meta.
func (c *Control) ClockStamp(ctx context.Context) (time.Time, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.stamp, c.usable(ctx)
}

// SetClockStamp implements store.Meta.
func (c *Control) SetClockStamp(ctx context.Context, t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.usable(ctx); err != nil {
		return err
	}
	if t = t.UTC().Truncate(time.Millisecond); t.After(c.stamp) {
		c.stamp = t
	}
	return nil
}

// Keep implements store.Meta.
func (c *Control) Keep(ctx context.Context, name string, fresh []byte) ([]byte, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.usable(ctx); err != nil {
		return nil, err
	}
	if _, kept := c.values[name]; !kept {
		c.values[name] = bytes.Clone(fresh)
	}
	return bytes.Clone(c.values[name]), nil
}

// Remember implements store.Meta.
func (c *Control) Remember(ctx context.Context, name string, value []byte) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.usable(ctx); err != nil {
		return err
	}
	c.notes[name] = append([]byte{}, value...)
	return nil
}

// Recall implements store.Meta.
func (c *Control) Recall(ctx context.Context, name string) ([]byte, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.usable(ctx); err != nil {
		return nil, err
	}
	return bytes.Clone(c.notes[name]), nil
}
