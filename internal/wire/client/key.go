package client

import (
	"context"
	"iter"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/wire"
)

// The states of a key.
const (
	KeyEnabled  = "ENABLED"
	KeyDisabled = "DISABLED"
)

// A KeyScope is what a key may do; its role and its actions add up.
type KeyScope struct {
	Role    string   `json:",omitempty"`
	Actions []string `json:",omitempty"`
	Streams []string `json:",omitempty"`
}

// A Key is what is shown of an access key.
type Key struct {
	AccessKeyID    string `json:"AccessKeyId"`
	Name           string
	Status         string
	Actions        []string
	Streams        []string
	CreationTime   wire.Timestamp
	CreatedBy      string
	ExpirationTime wire.Timestamp // zero: never
}

// A KeySpec is what a new key is made of.
type KeySpec struct {
	KeyScope
	Name             string
	ExpiresInSeconds int64 `json:",omitempty"`
}

// CreateKey makes a key and returns its secret, which is not told again. It is
// Millrace's own, as all operations on keys are. It is not tried again by
// itself: each call makes a key.
func (c *Client) CreateKey(ctx context.Context, k KeySpec) (Key, string, error) {
	var out struct {
		Key
		SecretAccessKey string
	}
	err := c.callOnce(ctx, "/millrace/v1/createKey", k, &out)
	return out.Key, out.SecretAccessKey, err
}

// Keys walks all keys but the root key, in the order of their ids. An error ends
// the walk.
func (c *Client) Keys(ctx context.Context) iter.Seq2[Key, error] {
	in := struct {
		NextToken string `json:",omitempty"`
	}{}
	return func(yield func(Key, error) bool) {
		for {
			var out struct {
				KeyList   []Key
				NextToken string
			}
			if err := c.call(ctx, "/millrace/v1/listKeys", in, &out); err != nil {
				yield(Key{}, err)
				return
			}
			for _, k := range out.KeyList {
				if !yield(k, nil) {
					return
				}
			}
			if out.NextToken == "" || out.NextToken == in.NextToken {
				return
			}
			in.NextToken = out.NextToken
		}
	}
}

// UpdateKey changes a key's status, unless it is empty, and of its scope what is
// given.
func (c *Client) UpdateKey(ctx context.Context, id, status string, s KeyScope) (Key, error) {
	in := struct {
		KeyScope
		AccessKeyID string `json:"AccessKeyId"`
		Status      string `json:",omitempty"`
	}{s, id, status}
	var out Key
	err := c.call(ctx, "/millrace/v1/updateKey", in, &out)
	return out, err
}

// DeleteKey forgets a key for good.
func (c *Client) DeleteKey(ctx context.Context, id string) error {
	in := struct {
		AccessKeyID string `json:"AccessKeyId"`
	}{id}
	return c.call(ctx, "/millrace/v1/deleteKey", in, &struct{}{})
}

// A SessionSpec is what a session is asked for with.
type SessionSpec struct {
	KeyScope               // empty: that of the caller
	Name            string `json:",omitempty"`
	DurationSeconds int64  `json:",omitempty"` // zero: as long as it may be
}

// GetSessionToken returns credentials that end by themselves, and when.
func (c *Client) GetSessionToken(ctx context.Context, s SessionSpec) (millrace.Credentials, wire.Timestamp, error) {
	var out struct {
		Credentials struct {
			AccessKeyID     string `json:"AccessKeyId"`
			SecretAccessKey string
			SessionToken    string
			Expiration      wire.Timestamp
		}
	}
	err := c.call(ctx, "/millrace/v1/getSessionToken", s, &out)
	k := out.Credentials
	return millrace.Credentials{AccessKeyID: k.AccessKeyID, SecretAccessKey: k.SecretAccessKey, SessionToken: k.SessionToken, Expires: k.Expiration.Time}, k.Expiration, err
}
