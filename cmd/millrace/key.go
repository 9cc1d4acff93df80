package main

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/millrace/millrace/internal/wire/client"
)

type keyCommand struct {
	Create  keyCreate  `cmd:"" help:"Make an access key, and show its secret this once."`
	List    keyList    `cmd:"" help:"List access keys and what they may do."`
	Update  keyUpdate  `cmd:"" help:"Change what a key may do."`
	Disable keyDisable `cmd:"" help:"Refuse a key from now on."`
	Enable  keyEnable  `cmd:"" help:"Take a disabled key again."`
	Delete  keyDelete  `cmd:"" help:"Forget a key for good."`
	Session keySession `cmd:"" help:"Take out a key that ends by itself."`
	Root    keyRoot    `cmd:"" help:"Print the root key that is kept in a data directory."`
}

// keyScope is the flags that say what a key may do.
type keyScope struct {
	Role   string   `help:"What it may do: camera, consumer or admin." enum:",camera,consumer,admin" default:"" placeholder:"ROLE"`
	Allow  []string `help:"Operation that it may call, beside its role's; * and ? are wildcards. May be repeated." placeholder:"ACTION"`
	Stream []string `help:"Stream on which; * and ? are wildcards. May be repeated." placeholder:"PATTERN"`
}

func (s keyScope) scope() client.KeyScope {
	return client.KeyScope{Role: s.Role, Actions: s.Allow, Streams: s.Stream}
}

// keyInfo is a key in JSON.
type keyInfo struct {
	ID      string     `json:"accessKeyId"`
	Secret  string     `json:"secretAccessKey,omitempty"`
	Name    string     `json:"name"`
	Status  string     `json:"status"`
	Actions []string   `json:"actions"`
	Streams []string   `json:"streams"`
	Created time.Time  `json:"created"`
	By      string     `json:"createdBy"`
	Expires *time.Time `json:"expires,omitempty"`
}

func infoOfKey(k client.Key) keyInfo {
	info := keyInfo{
		ID: k.AccessKeyID, Name: k.Name, Status: k.Status, Actions: k.Actions, Streams: k.Streams,
		Created: k.CreationTime.Time, By: k.CreatedBy,
	}
	if !k.ExpirationTime.IsZero() {
		info.Expires = &k.ExpirationTime.Time
	}
	return info
}

func (k keyInfo) line(w io.Writer) {
	end := "never ends"
	if k.Expires != nil {
		end = "ends " + k.Expires.Format(time.RFC3339)
	}
	fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n",
		k.ID, k.Name, k.Status, strings.Join(k.Actions, ","), strings.Join(k.Streams, ","), end)
}

// A life is how long a key lasts: a duration, or days with a d.
type life time.Duration

// UnmarshalText implements encoding.TextUnmarshaler.
func (l *life) UnmarshalText(text []byte) error {
	if days, ok := strings.CutSuffix(string(text), "d"); ok {
		n, err := strconv.ParseUint(days, 10, 16)
		*l = life(n) * life(24*time.Hour)
		return wrongLife(text, err)
	}
	d, err := time.ParseDuration(string(text))
	*l = life(d)
	return wrongLife(text, err)
}

func wrongLife(text []byte, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%q is not a duration, such as 30d or 720h", text)
}

type keyCreate struct {
	Name string `arg:"" optional:"" help:"Name for people; the role's without it."`
	keyScope
	Expires life `help:"When it ends by itself, such as 30d or 720h (never)." placeholder:"D"`
	access
}

// Run makes the key. Its secret goes to standard output, as a shell takes it.
func (k keyCreate) Run(ctx context.Context, c *console) error {
	if err := k.complete(); err != nil {
		return err
	}
	conn, err := k.control(c)
	if err != nil {
		return err
	}
	made, secret, err := conn.CreateKey(ctx, client.KeySpec{
		KeyScope: k.scope(), Name: k.Name, ExpiresInSeconds: int64(time.Duration(k.Expires) / time.Second),
	})
	if err != nil {
		return fmt.Errorf("create key %s: %w", k.Name, err)
	}
	info := infoOfKey(made)
	info.Secret = secret
	c.say("The secret is shown this once.")
	return c.print(info, func(w io.Writer) {
		fmt.Fprintf(w, "export AWS_ACCESS_KEY_ID=%s\nexport AWS_SECRET_ACCESS_KEY=%s\n", quoted(info.ID), quoted(secret))
	})
}

// complete fills in what was left out, and asks for the streams where leaving
// them out would make a key for nothing.
func (k *keyCreate) complete() error {
	if k.Role == "" && len(k.Allow) == 0 {
		return usagef("key create", "say what the key may do: --role camera, consumer or admin, or --allow ACTION")
	}
	if k.Name == "" {
		k.Name = k.Role
	}
	if k.Name == "" {
		k.Name = "key"
	}
	if len(k.Stream) > 0 {
		return nil
	}
	if k.Role == "admin" {
		k.Stream = []string{"*"}
		return nil
	}
	for _, action := range k.Allow {
		if action != "ReadMetrics" && action != "GetSessionToken" {
			return errNoStream()
		}
	}
	if k.Role != "" {
		return errNoStream()
	}
	return nil
}

func errNoStream() error {
	return usagef("key create", "say on which streams: --stream NAME, --stream 'porch-*', or --stream '*' for all")
}

type keyList struct {
	access
}

// Run lists the keys; as JSON one line for each.
func (k keyList) Run(ctx context.Context, c *console) error {
	conn, err := k.control(c)
	if err != nil {
		return err
	}
	var all []keyInfo
	for key, err := range conn.Keys(ctx) {
		if err != nil {
			return fmt.Errorf("list keys: %w", err)
		}
		all = append(all, infoOfKey(key))
	}
	if len(all) == 0 {
		c.say("There are no keys but the root key. Make one with: millrace key create NAME")
	}
	return printList(c, all, keyInfo.line)
}
