package api

import (
	"context"
	"strconv"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/auth"
	"github.com/millrace/millrace/internal/store"
	"github.com/millrace/millrace/internal/wire"
)

const (
	// maxDeletionsPerPage is the most that a page of ListDeletions holds, and
	// what it holds unless the caller wants less.
	maxDeletionsPerPage = 1000

	// deletionsPerLook is how many records are read at once.
	deletionsPerLook = 500
)

type listDeletionsInput struct {
	streamRef
	MaxResults *int32 `json:"MaxResults"`
	NextToken  string `json:"NextToken"`
}

type listDeletionsOutput struct {
	List      []deletionInfo `json:"DeletionList"`
	NextToken string         `json:"NextToken,omitempty"`
}

// A deletionInfo is how the record of a deletion is shown.
type deletionInfo struct {
	ID     uint64         `json:"DeletionId"`
	Stream string         `json:"StreamName"`
	Clock  string         `json:"TimestampType"`
	Start  wire.Timestamp `json:"StartTimestamp"`
	End    wire.Timestamp `json:"EndTimestamp"`
	Last   string         `json:"LastFragmentNumber"`
	At     wire.Timestamp `json:"RequestTimestamp"`
	By     string         `json:"AccessKeyId"`
	Reason string         `json:"Reason,omitempty"`
}

func newDeletionInfo(d store.Deletion) deletionInfo {
	clock := serverTimestamp
	if d.Clock == store.ProducerClock {
		clock = producerTimestamp
	}
	return deletionInfo{
		ID: d.ID, Stream: d.Name.String(), Clock: clock,
		Start: wire.Timestamp{Time: d.From}, End: wire.Timestamp{Time: d.To}, Last: d.Last.String(),
		At: wire.Timestamp{Time: d.At}, By: d.By, Reason: d.Reason,
	}
}

// listDeletions lists the records of what was deleted, oldest first: of all
// streams, or of every stream that ever had a name, or of the one with an ARN.
func (h *Handler) listDeletions(ctx context.Context, c *call) (any, error) {
	var in listDeletionsInput
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	q, err := h.deletionQuery(ctx, c, in)
	if err != nil {
		return nil, err
	}
	list, err := h.readDeletions(ctx, q)
	if err != nil {
		return nil, err
	}
	if len(list) == 0 && q.unknown {
		return nil, millrace.Errorf(millrace.CodeNotFound, notFound)
	}
	out := listDeletionsOutput{List: make([]deletionInfo, 0, len(list))}
	for i, d := range list {
		if i == q.limit {
			out.NextToken = h.tokens.make(q.domain(), strconv.FormatUint(list[i-1].ID, 10))
			break
		}
		out.List = append(out.List, newDeletionInfo(d))
	}
	return out, nil
}

// A deletionQuery says which records are wanted.
type deletionQuery struct {
	name    millrace.StreamName // empty: of every name
	key     millrace.StreamKey  // zero: of every stream of the name
	unknown bool                // no stream has the name now
	after   uint64
	limit   int
}

// domain is what a token is good for.
func (q deletionQuery) domain() string {
	return "ListDeletions\x00" + string(q.name) + "\x00" + strconv.FormatUint(uint64(q.key.Generation), 10)
}

// deletionQuery checks the members and the permission.
func (h *Handler) deletionQuery(ctx context.Context, c *call, in listDeletionsInput) (deletionQuery, error) {
	var found checks
	var t target
	q := deletionQuery{limit: maxDeletionsPerPage}
	if in.StreamName != nil || in.StreamARN != nil {
		t = in.target(&found)
	}
	if in.MaxResults != nil {
		found.number("maxResults", *in.MaxResults, 1, maxDeletionsPerPage)
		q.limit = int(*in.MaxResults)
	}
	found.nextToken(in.NextToken)
	if err := found.err(); err != nil {
		return q, err
	}
	if err := h.aim(ctx, c, t, &q); err != nil {
		return q, err
	}
	after, err := h.tokens.read(in.NextToken, q.domain())
	if err != nil || after == "" {
		return q, err
	}
	if q.after, err = strconv.ParseUint(after, 10, 64); err != nil {
		return q, errBadToken()
	}
	return q, nil
}

// aim finds the stream, if one is named, and asks for permission. A stream that
// has gone is named by its name.
func (h *Handler) aim(ctx context.Context, c *call, t target, q *deletionQuery) error {
	if t.name == "" {
		if err := auth.Authorize(c.principal, "ListDeletions", "*"); err != nil {
			return err
		}
		return h.admit(c, "")
	}
	q.name = t.name
	s, err := h.find(ctx, c, t, "ListDeletions")
	if millrace.CodeOf(err) == millrace.CodeNotFound && !t.byARN() {
		q.unknown = true
		return nil
	}
	if err == nil && t.byARN() {
		q.key = s.Key
	}
	return err
}

// readDeletions returns a page of records and one more, if there is one.
func (h *Handler) readDeletions(ctx context.Context, q deletionQuery) ([]store.Deletion, error) {
	var list []store.Deletion
	for {
		batch, err := h.config.Control.Deletions(ctx, q.key, q.after, deletionsPerLook)
		if err != nil {
			return nil, err
		}
		for _, d := range batch {
			q.after = d.ID
			if q.name != "" && d.Name != q.name {
				continue
			}
			if list = append(list, d); len(list) > q.limit {
				return list, nil
			}
		}
		if len(batch) < deletionsPerLook {
			return list, nil
		}
	}
}
