package consumer

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/wire/client"
)

// tagAge is for how long it is remembered what tags a stream has. Servers count
// the calls.
const tagAge = 10 * time.Minute

// A roster finds the streams that a runner is for. It is the runner's goroutine's.
type roster struct {
	client *client.Client
	prefix string
	tags   map[string]string
	known  map[millrace.StreamName]tagged // only with tags
}

// tagged is whether a stream has the tags.
type tagged struct {
	fits  bool
	since time.Time
}

// list returns the streams in the order of their names.
func (l *roster) list(ctx context.Context) ([]millrace.StreamName, error) {
	var all []millrace.StreamName
	for s, err := range l.client.Streams(ctx, l.prefix) {
		if err != nil {
			return nil, fmt.Errorf("list streams: %w", err)
		}
		if s.Status == millrace.StatusActive || s.Status == millrace.StatusUpdating {
			all = append(all, s.Name)
		}
	}
	slices.Sort(all)
	if len(l.tags) == 0 {
		return all, nil
	}
	return l.withTags(ctx, all)
}

// withTags returns the streams that have the tags.
func (l *roster) withTags(ctx context.Context, all []millrace.StreamName) ([]millrace.StreamName, error) {
	known := make(map[millrace.StreamName]tagged, len(all)) // without those that are gone
	var fit []millrace.StreamName
	for _, name := range all {
		k, found := l.known[name]
		if !found || time.Since(k.since) > tagAge {
			fits, err := l.fits(ctx, name)
			if err != nil {
				return nil, err
			}
			k = tagged{fits, time.Now()}
			l.know(name, k)
		}
		if known[name] = k; k.fits {
			fit = append(fit, name)
		}
	}
	l.known = known
	return fit, nil
}

// know remembers what was asked for, also if the next call fails.
func (l *roster) know(name millrace.StreamName, k tagged) {
	if l.known == nil {
		l.known = map[millrace.StreamName]tagged{}
	}
	l.known[name] = k
}

func (l *roster) fits(ctx context.Context, name millrace.StreamName) (bool, error) {
	has, err := l.client.Tags(ctx, name)
	if gone, ok := errors.AsType[*millrace.Error](err); ok && gone.Code == millrace.CodeNotFound {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("list tags of %s: %w", name, err)
	}
	for key, value := range l.tags {
		if v, found := has[key]; !found || v != value {
			return false, nil
		}
	}
	return true, nil
}
