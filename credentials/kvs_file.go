package credentials

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/millrace/millrace"
)

// Bounds of the file.
const (
	kvsFileSize = 16 << 10         // bytes
	kvsFileLife = 40 * time.Minute // as AWS's producers have it
)

// A KVSFile is the file that kvssink's credential-path names, which another
// program keeps up to date. It holds, apart by spaces or lines,
//
//	CREDENTIALS key-id secret
//	CREDENTIALS key-id expiration secret [token]
//
// with an expiration such as 2026-11-23T10:00:00Z. Credentials that end later than
// in 40 minutes are taken to end then, so that the file is read again in time to
// see that it was replaced.
type KVSFile struct {
	Path string
}

// Source returns a source that reads the file each time. Write it under another
// name and rename it, so that it is never read half. What is no such file is
// millrace.ErrInvalid, and one whose credentials have ended ErrExpired.
func (f KVSFile) Source() millrace.CredentialsSource {
	return func(context.Context) (millrace.Credentials, error) {
		c, err := f.read(time.Now())
		if err != nil {
			return millrace.Credentials{}, fmt.Errorf("read credentials of %s: %w", f.Path, err)
		}
		return c, nil
	}
}

func (f KVSFile) read(now time.Time) (c millrace.Credentials, err error) {
	file, err := os.Open(f.Path)
	if err != nil {
		return c, err
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, kvsFileSize+1))
	if err != nil {
		return c, err
	}
	if c, err = parseKVS(string(text)); err != nil || c.Expires.IsZero() {
		return c, err
	}
	if !now.Before(c.Expires) {
		return millrace.Credentials{}, fmt.Errorf("%w, at %s", ErrExpired, c.Expires.UTC().Format(time.RFC3339))
	}
	if latest := now.Add(kvsFileLife); c.Expires.After(latest) {
		c.Expires = latest
	}
	return c, nil
}

// parseKVS reads the text of the file. Its errors show none of it.
func parseKVS(text string) (c millrace.Credentials, err error) {
	words := strings.Fields(text)
	if len(text) > kvsFileSize || len(words) < 3 || len(words) > 5 || words[0] != "CREDENTIALS" {
		return c, fmt.Errorf("%w: it does not hold the word CREDENTIALS, a key id, an expiration, a secret and a token", millrace.ErrInvalid)
	}
	c.AccessKeyID, c.SecretAccessKey = words[1], words[2]
	if len(words) == 3 {
		return c, nil
	}
	c.SecretAccessKey = words[3]
	if len(words) == 5 {
		c.SessionToken = words[4]
	}
	if c.Expires, err = time.Parse(time.RFC3339, words[2]); err != nil {
		return millrace.Credentials{}, fmt.Errorf("%w: the expiration is no time such as 2026-11-23T10:00:00Z", millrace.ErrInvalid)
	}
	return c, nil
}
