package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/auth"
	"github.com/millrace/millrace/internal/store"
)

const (
	// edgeConfigsPerPage is what a page holds unless the caller wants another
	// size, and maxEdgeConfigsPerPage the most.
	edgeConfigsPerPage    = 5
	maxEdgeConfigsPerPage = 10

	// edgeDocumentsPerLook is how many documents are read at once.
	edgeDocumentsPerLook = 500
)

type listEdgeAgentConfigurationsInput struct {
	HubDeviceARN *string `json:"HubDeviceArn"`
	MaxResults   *int32  `json:"MaxResults"`
	NextToken    string  `json:"NextToken"`
}

type listEdgeAgentConfigurationsOutput struct {
	List      []edgeInfo `json:"EdgeConfigs"`
	NextToken string     `json:"NextToken,omitempty"` // never empty: a plain loop would not end
}

// An edgeQuery says which edge configurations are wanted.
type edgeQuery struct {
	hub   string
	after string // the name of a document
	limit int
}

// domain is what a token is good for.
func (q edgeQuery) domain() string { return "ListEdgeAgentConfigurations\x00" + q.hub }

// listEdgeAgentConfigurations lists the configurations of a hub device, of the
// streams that are active. A device that nobody named has none.
func (h *Handler) listEdgeAgentConfigurations(ctx context.Context, c *call) (any, error) {
	var in listEdgeAgentConfigurationsInput
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	q, err := h.edgeQuery(in)
	if err != nil {
		return nil, err
	}
	if err := auth.Authorize(c.principal, "ListEdgeAgentConfigurations", "*"); err != nil {
		return nil, err
	}
	if err := h.admit(c, ""); err != nil {
		return nil, err
	}
	return h.edgePage(ctx, q)
}

// edgeQuery checks the members.
func (h *Handler) edgeQuery(in listEdgeAgentConfigurationsInput) (edgeQuery, error) {
	var found checks
	q := edgeQuery{limit: edgeConfigsPerPage}
	found.required("hubDeviceArn", in.HubDeviceARN, 1, 1024, hubDevicePattern)
	found.integer("maxResults", in.MaxResults, 1, maxEdgeConfigsPerPage)
	found.nextToken(in.NextToken)
	if err := found.err(); err != nil {
		return q, err
	}
	q.hub = *in.HubDeviceARN
	if in.MaxResults != nil {
		q.limit = int(*in.MaxResults)
	}
	var err error
	q.after, err = h.tokens.read(in.NextToken, q.domain())
	return q, err
}

// edgePage reads documents until the page is full and one more is found.
func (h *Handler) edgePage(ctx context.Context, q edgeQuery) (listEdgeAgentConfigurationsOutput, error) {
	out := listEdgeAgentConfigurationsOutput{List: []edgeInfo{}}
	page := store.DocumentPage{After: q.after, Limit: edgeDocumentsPerLook}
	var last string // document of the page's last entry
	for {
		batch, err := h.config.Control.Documents(ctx, edgeKind, page)
		if err != nil {
			return out, err
		}
		for _, d := range batch {
			page.After = d.Name
			info, ok, err := h.edgeEntry(ctx, d, q.hub)
			if err != nil {
				return out, err
			}
			if ok && len(out.List) == q.limit {
				out.NextToken = h.tokens.make(q.domain(), last)
				return out, nil
			}
			if ok {
				out.List, last = append(out.List, info), d.Name
			}
		}
		if len(batch) < page.Limit {
			return out, nil
		}
	}
}

// edgeEntry is what a document says of a hub; not ok if it is another hub's, or
// its stream is no longer active.
func (h *Handler) edgeEntry(ctx context.Context, d store.Document, hub string) (info edgeInfo, ok bool, err error) {
	var kept edgeDocument
	if err := json.Unmarshal(d.Value, &kept); err != nil {
		return info, false, fmt.Errorf("read edge configuration %s: %w", d.Name, err)
	}
	if kept.Config.HubDeviceARN == nil || *kept.Config.HubDeviceARN != hub {
		return info, false, nil
	}
	s, err := h.config.Control.Stream(ctx, kept.Stream)
	if errors.Is(err, millrace.ErrNotFound) {
		return info, false, nil
	}
	if err != nil || s.Key != d.Stream || s.Status != millrace.StatusActive {
		return info, false, err
	}
	return newEdgeInfo(s, kept, h.config.Now()), true, nil
}
