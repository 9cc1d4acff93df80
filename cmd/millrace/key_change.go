package main

import (
	"context"
	"fmt"
	"io"
	"regexp"

	"github.com/millrace/millrace/internal/wire/client"
)

// keyRef is how a key is named on the command line.
type keyRef struct {
	Key string `arg:"" help:"Access key id, or a name that only one key has."`
}

var keyID = regexp.MustCompile(`^MILL[A-Z2-7]{16}$`)

// find returns the id of the key.
func (r keyRef) find(ctx context.Context, conn *client.Client) (string, error) {
	if keyID.MatchString(r.Key) {
		return r.Key, nil
	}
	var found []string
	for key, err := range conn.Keys(ctx) {
		if err != nil {
			return "", fmt.Errorf("list keys: %w", err)
		}
		if key.Name == r.Key {
			found = append(found, key.AccessKeyID)
		}
	}
	switch len(found) {
	case 0:
		return "", fmt.Errorf("there is no key %s: see millrace key list", r.Key)
	case 1:
		return found[0], nil
	}
	return "", fmt.Errorf("%d keys are named %s: say which by its id, %v", len(found), r.Key, found)
}

// change updates a key and shows it.
func (r keyRef) change(ctx context.Context, c *console, a access, status string, s client.KeyScope) error {
	conn, err := a.control(c)
	if err != nil {
		return err
	}
	id, err := r.find(ctx, conn)
	if err != nil {
		return err
	}
	key, err := conn.UpdateKey(ctx, id, status, s)
	if err != nil {
		return fmt.Errorf("update key %s: %w", r.Key, err)
	}
	info := infoOfKey(key)
	return c.print(info, info.line)
}

type keyUpdate struct {
	keyRef
	keyScope
	access
}

// Run changes what the key may do.
func (k keyUpdate) Run(ctx context.Context, c *console) error {
	if k.Role == "" && len(k.Allow) == 0 && len(k.Stream) == 0 {
		return usagef("key update", "there is nothing to change: say --role, --allow or --stream")
	}
	return k.change(ctx, c, k.access, "", k.scope())
}

type keyDisable struct {
	keyRef
	access
}

// Run disables the key.
func (k keyDisable) Run(ctx context.Context, c *console) error {
	return k.change(ctx, c, k.access, client.KeyDisabled, client.KeyScope{})
}

type keyEnable struct {
	keyRef
	access
}

// Run enables the key.
func (k keyEnable) Run(ctx context.Context, c *console) error {
	return k.change(ctx, c, k.access, client.KeyEnabled, client.KeyScope{})
}

type keyDelete struct {
	keyRef
	access
}

// Run deletes the key.
func (k keyDelete) Run(ctx context.Context, c *console) error {
	conn, err := k.control(c)
	if err != nil {
		return err
	}
	id, err := k.find(ctx, conn)
	if err != nil {
		return err
	}
	if err := conn.DeleteKey(ctx, id); err != nil {
		return fmt.Errorf("delete key %s: %w", k.Key, err)
	}
	return c.print(map[string]string{"deleted": id}, func(io.Writer) {})
}
