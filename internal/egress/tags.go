package egress

import (
	"strconv"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/wire"
	"github.com/millrace/millrace/mkv"
)

// tagWidth is the length of every size in the service's own tags, in bytes.
const tagWidth = 4

// appendOpeningTags appends what is known when a Cluster starts.
func appendOpeningTags(b []byte, n millrace.FragmentNumber, producer time.Time) []byte {
	return appendTags(b,
		mkv.SimpleTag{Name: wire.TagFragmentNumber, String: n.String()},
		mkv.SimpleTag{Name: wire.TagServerTimestamp, String: seconds(n.ServerTime())},
		mkv.SimpleTag{Name: wire.TagProducerTimestamp, String: seconds(producer)},
	)
}

// appendClosingTags appends what is known when a fragment is over. now is the
// wall clock; a fragment stamped in the future is 0 ms behind it.
func appendClosingTags(b []byte, n millrace.FragmentNumber, now time.Time) []byte {
	behind := max(now.Sub(n.ServerTime()).Milliseconds(), 0)
	return appendTags(b,
		mkv.SimpleTag{Name: wire.TagMillisBehindNow, String: strconv.FormatInt(behind, 10)},
		mkv.SimpleTag{Name: wire.TagContinuationToken, String: n.String()},
	)
}

// appendErrorDocument appends a document without a Cluster that tells the
// client why the response ends.
func appendErrorDocument(b []byte, n millrace.FragmentNumber, code millrace.Code) []byte {
	id, name := wire.TagError(code)
	b = mkv.AppendEBML(b, mkv.EBML{DocType: "matroska"})
	b = mkv.AppendID(b, mkv.IDSegment)
	b = mkv.AppendUnknownSize(b, 8)
	return appendTags(b,
		mkv.SimpleTag{Name: wire.TagFragmentNumber, String: n.String()},
		mkv.SimpleTag{Name: wire.TagErrorID, String: strconv.Itoa(id)},
		mkv.SimpleTag{Name: wire.TagErrorCode, String: name},
	)
}

func appendTags(b []byte, simple ...mkv.SimpleTag) []byte {
	return mkv.AppendTags(b, []mkv.Tag{{Simple: simple}}, tagWidth)
}

func seconds(t time.Time) string { return string(wire.AppendSeconds(nil, t)) }
