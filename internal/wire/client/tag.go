package client

import (
	"context"

	"github.com/millrace/millrace"
)

// maxTagPages is more pages than the tags of one stream can fill.
const maxTagPages = 100

// TagStream sets tags of a stream.
func (c *Client) TagStream(ctx context.Context, name millrace.StreamName, tags map[string]string) error {
	in := struct {
		StreamName millrace.StreamName
		Tags       map[string]string
	}{name, tags}
	return c.call(ctx, "/tagStream", in, &struct{}{})
}

// UntagStream removes tags of a stream; keys that it does not have are ignored.
func (c *Client) UntagStream(ctx context.Context, name millrace.StreamName, keys []string) error {
	in := struct {
		StreamName millrace.StreamName
		TagKeyList []string
	}{name, keys}
	return c.call(ctx, "/untagStream", in, &struct{}{})
}

// Tags returns the tags of a stream.
func (c *Client) Tags(ctx context.Context, name millrace.StreamName) (map[string]string, error) {
	in := struct {
		StreamName millrace.StreamName
		NextToken  string `json:",omitempty"`
	}{StreamName: name}
	tags := map[string]string{}
	for range maxTagPages {
		var out struct {
			Tags      map[string]string
			NextToken string
		}
		if err := c.call(ctx, "/listTagsForStream", in, &out); err != nil {
			return nil, err
		}
		for k, v := range out.Tags {
			tags[k] = v
		}
		if in.NextToken = out.NextToken; in.NextToken == "" {
			break
		}
	}
	return tags, nil
}
