package api

import (
	"cmp"
	"context"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/limit"
	"github.com/millrace/millrace/internal/store"
	"github.com/millrace/millrace/internal/wire"
)

// Pages of ListFragments, in fragments.
const (
	maxFragmentsPerPage = 1000
	fragmentsPerPage    = 100 // unless the caller says how many
)

type listFragmentsInput struct {
	streamRef
	Selector   *fragmentSelector `json:"FragmentSelector"`
	MaxResults *int64            `json:"MaxResults"`
	NextToken  string            `json:"NextToken"`
}

type fragmentSelector struct {
	Type  *string         `json:"FragmentSelectorType"`
	Range *timestampRange `json:"TimestampRange"`
}

type timestampRange struct {
	Start *wire.Timestamp `json:"StartTimestamp"`
	End   *wire.Timestamp `json:"EndTimestamp"`
}

type listFragmentsOutput struct {
	Fragments []fragmentInfo `json:"Fragments"`
	NextToken string         `json:"NextToken,omitempty"`
}

type fragmentInfo struct {
	Number   string         `json:"FragmentNumber"`
	Size     int64          `json:"FragmentSizeInBytes"`
	Producer wire.Timestamp `json:"ProducerTimestamp"`
	Server   wire.Timestamp `json:"ServerTimestamp"`
	Length   int64          `json:"FragmentLengthInMilliseconds"`
}

// listFragments lists fragments in the order of the clock that the selector
// names. What a producer was told PERSISTED of is there.
func (h *Handler) listFragments(ctx context.Context, c *call) (any, error) {
	var in listFragmentsInput
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	var v checks
	t, page := in.target(&v), in.page(&v)
	if err := v.err(); err != nil {
		return nil, err
	}
	s, err := h.findToRead(ctx, c, t, "ListFragments")
	if err != nil {
		return nil, err
	}
	if err := h.config.Archive.spend("ListFragments", s, limit.ListFragments(page.Limit)); err != nil {
		return nil, err
	}
	if in.NextToken != "" {
		err = h.resume(in.NextToken, s.Key, &page)
	} else {
		err = h.config.Archive.checkEnd(s, page)
	}
	if err != nil {
		return nil, err
	}
	return h.fragmentPage(ctx, s, page)
}

// fragmentPage looks one entry further than the page, to see whether there is
// more: a page with a token is never the last.
func (h *Handler) fragmentPage(ctx context.Context, s millrace.Stream, page store.Listing) (any, error) {
	out := listFragmentsOutput{Fragments: []fragmentInfo{}}
	if s.Retention == 0 {
		return out, nil
	}
	want := page.Limit
	page.Limit++
	list, err := h.config.Archive.Index.List(ctx, h.config.Archive.scope(s), page)
	if err != nil {
		return nil, fmt.Errorf("list fragments: %w", err)
	}
	if len(list) > want {
		last := list[want-1]
		page.After = store.KeyOf(page.Clock, last.Number, last.ProducerTime)
		out.NextToken = h.tokens.make(fragmentsOf(s.Key), textOf(page))
		list = list[:want]
	}
	out.Fragments = make([]fragmentInfo, len(list))
	for i, e := range list {
		out.Fragments[i] = fragmentInfo{
			Number: e.Number.String(), Size: e.Size, Length: e.Duration.Milliseconds(),
			Producer: wire.Timestamp{Time: e.ProducerTime}, Server: wire.Timestamp{Time: e.ServerTime()},
		}
	}
	return out, nil
}

// page checks the members that say what is listed. Where there is a token it says
// everything, and the selector that paginators send along is passed over.
func (in *listFragmentsInput) page(v *checks) store.Listing {
	page := store.Listing{Limit: fragmentsPerPage}
	if in.MaxResults != nil {
		v.long("maxResults", *in.MaxResults, 1, maxFragmentsPerPage)
		page.Limit = int(*in.MaxResults)
	}
	if in.NextToken != "" {
		v.text("nextToken", in.NextToken, 1, 4096, pageTokenPattern)
		return page
	}
	if in.Selector == nil {
		v.missing("fragmentSelector")
		return page
	}
	page.Clock, page.From, page.To = in.Selector.check(v)
	return page
}

// check returns the clock and the bounds of a selector, the later one exclusive.
// Both are within the range as the protocol has it, to the millisecond.
func (in *fragmentSelector) check(v *checks) (clock store.Clock, from, to time.Time) {
	if in.Type == nil {
		v.missing("fragmentSelector.fragmentSelectorType")
	} else {
		clock = v.clock("fragmentSelector.fragmentSelectorType", *in.Type)
	}
	if in.Range == nil {
		v.missing("fragmentSelector.timestampRange")
		return clock, from, to
	}
	from = v.timestamp("fragmentSelector.timestampRange.startTimestamp", in.Range.Start)
	to = v.timestamp("fragmentSelector.timestampRange.endTimestamp", in.Range.End)
	if in.Range.Start != nil && in.Range.End != nil && to.Before(from) {
		v.fail("fragmentSelector.timestampRange.endTimestamp", to.Format(time.RFC3339Nano), "Member must not be earlier than startTimestamp")
	}
	if to = to.Add(time.Millisecond); to.Before(time.UnixMilli(0)) {
		to = time.UnixMilli(0) // nothing is of before that, and the zero time would be no bound
	}
	return clock, from, to
}

// checkEnd refuses a range of which nothing can be kept any more, if such are to
// be refused.
func (a *Archive) checkEnd(s millrace.Stream, page store.Listing) error {
	end := page.To.Add(-time.Millisecond)
	if a.StrictRanges && s.Retention > 0 && end.Before(a.Since(s.Retention)) {
		return millrace.Errorf(millrace.CodeInvalidArgument, "End timestamp %d is outside of the stream retention period.", end.UnixMilli())
	}
	return nil
}

// The tokens of ListFragments carry what the list is of, beside where it goes on,
// because a caller need not say it again. They are good for one incarnation of
// the stream.

func fragmentsOf(key millrace.StreamKey) string {
	return fmt.Sprintf("ListFragments\x00%016x%08x", key.ID, key.Generation)
}

// textOf is what a token says.
func textOf(page store.Listing) string {
	return fmt.Sprintf("%d %d %d %x", page.Clock, page.From.UnixMilli(), page.To.UnixMilli(), page.After)
}

// resume makes page go on where a token says.
func (h *Handler) resume(token string, key millrace.StreamKey, page *store.Listing) error {
	text, err := h.tokens.read(token, fragmentsOf(key))
	if err != nil {
		return err
	}
	var clock, from, to int64
	var after string
	_, err = fmt.Sscanf(text, "%d %d %d %s", &clock, &from, &to, &after)
	key28, hexErr := hex.DecodeString(after)
	if cmp.Or(err, hexErr) != nil || copy(page.After[:], key28) != len(page.After) {
		return errBadToken() // of another version: this one did not make it
	}
	page.Clock, page.From, page.To = store.Clock(clock), time.UnixMilli(from).UTC(), time.UnixMilli(to).UTC()
	return nil
}
