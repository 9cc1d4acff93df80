package api

import (
	"context"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/auth"
	"github.com/millrace/millrace/internal/store"
)

// maxStreamsPerPage is the most that a page of ListStreams holds, and what it
// holds unless the caller wants less.
const maxStreamsPerPage = 10_000

type listStreamsInput struct {
	MaxResults *int32           `json:"MaxResults"`
	NextToken  string           `json:"NextToken"`
	Condition  *streamCondition `json:"StreamNameCondition"`
}

type streamCondition struct {
	Operator *string `json:"ComparisonOperator"`
	Value    *string `json:"ComparisonValue"`
}

type listStreamsOutput struct {
	List      []streamInfo `json:"StreamInfoList"`
	NextToken string       `json:"NextToken,omitempty"` // never empty: a plain loop would not end
}

// listStreams lists streams of every status in byte order of their names.
func (h *Handler) listStreams(ctx context.Context, c *call) (any, error) {
	var in listStreamsInput
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	page, err := h.streamPage(in)
	if err != nil {
		return nil, err
	}
	if err := auth.Authorize(c.principal, "ListStreams", "*"); err != nil {
		return nil, err
	}
	if err := h.admit(c, ""); err != nil {
		return nil, err
	}
	want := page.Limit
	page.Limit++ // one more, to see whether there is more
	list, err := h.config.Control.List(ctx, page)
	if err != nil {
		return nil, err
	}
	out := listStreamsOutput{List: make([]streamInfo, 0, min(want, len(list)))}
	for i, s := range list {
		if i == want {
			out.NextToken = h.tokens.make(streamsWith(page.Prefix), list[i-1].Name.String())
			break
		}
		out.List = append(out.List, newStreamInfo(s))
	}
	return out, nil
}

// streamPage checks the members.
func (h *Handler) streamPage(in listStreamsInput) (store.Page, error) {
	var found checks
	page := store.Page{Limit: maxStreamsPerPage}
	if in.MaxResults != nil {
		found.number("maxResults", *in.MaxResults, 1, maxStreamsPerPage)
		page.Limit = int(*in.MaxResults)
	}
	found.nextToken(in.NextToken)
	if in.Condition != nil {
		page.Prefix = in.Condition.prefix(&found)
	}
	if err := found.err(); err != nil {
		return store.Page{}, err
	}
	after, err := h.tokens.read(in.NextToken, streamsWith(page.Prefix))
	page.After = millrace.StreamName(after)
	return page, err
}

// streamsWith names the list of a prefix for its tokens.
func streamsWith(prefix string) string { return "ListStreams\x00" + prefix }

// prefix is what the condition asks for: without a value nothing, without an
// operator what the only operator means.
func (s streamCondition) prefix(c *checks) string {
	if s.Operator != nil {
		c.oneOf("streamNameCondition.comparisonOperator", *s.Operator, "BEGINS_WITH")
	}
	if s.Value == nil {
		return ""
	}
	return c.streamName("streamNameCondition.comparisonValue", s.Value).String()
}
