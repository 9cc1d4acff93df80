package api

import (
	"context"

	"github.com/millrace/millrace/internal/auth"
)

type listKeysInput struct {
	MaxResults *int32 `json:"MaxResults"`
	NextToken  string `json:"NextToken"`
}

type listKeysOutput struct {
	List      []keyInfo `json:"KeyList"`
	NextToken string    `json:"NextToken,omitempty"`
}

// keyList names the list of keys for its tokens.
const keyList = "ListKeys"

// listKeys lists all keys but the root key, without their secrets, in the order
// of their ids.
func (h *Handler) listKeys(ctx context.Context, c *call) (any, error) {
	var in listKeysInput
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	var found checks
	limit := maxKeysPerPage
	if in.MaxResults != nil {
		found.number("maxResults", *in.MaxResults, 1, maxKeysPerPage)
		limit = int(*in.MaxResults)
	}
	found.nextToken(in.NextToken)
	if err := found.err(); err != nil {
		return nil, err
	}
	if err := auth.Authorize(c.principal, auth.ListKeys, "*"); err != nil {
		return nil, err
	}
	if err := h.admit(c, ""); err != nil {
		return nil, err
	}
	after, err := h.tokens.read(in.NextToken, keyList)
	if err != nil {
		return nil, err
	}
	keys, err := h.config.Keys.List(ctx, after, limit+1) // one more, to see whether there is more
	if err != nil {
		return nil, err
	}
	out := listKeysOutput{List: make([]keyInfo, 0, len(keys))}
	for i, k := range keys {
		if i == limit {
			out.NextToken = h.tokens.make(keyList, keys[i-1].ID)
			break
		}
		out.List = append(out.List, newKeyInfo(k))
	}
	return out, nil
}
