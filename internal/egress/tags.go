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

// appendListedTags appends what is said of a fragment of a list: the times under
// both names that there are for them. There are none behind the Cluster.
func appendListedTags(b []byte, n millrace.FragmentNumber, producer time.Time) []byte {
	server, made := seconds(n.ServerTime()), seconds(producer)
	return appendTags(b,
		mkv.SimpleTag{Name: wire.TagFragmentNumber, String: n.String()},
		mkv.SimpleTag{Name: wire.TagServerTimestamp, String: server},
		mkv.SimpleTag{Name: wire.TagProducerTimestamp, String: made},
		mkv.SimpleTag{Name: wire.TagServerSide, String: server},
		mkv.SimpleTag{Name: wire.TagProducerSide, String: made},
	)
}

// appendListedError is appendErrorDocument for a list, in all the words that
// there are for it.
func appendListedError(b []byte, n millrace.FragmentNumber, code millrace.Code, message string) []byte {
	id, name := wire.ListTagError(code)
	b = appendDocumentHead(b)
	return appendTags(b,
		mkv.SimpleTag{Name: wire.TagFragmentNumber, String: n.String()},
		mkv.SimpleTag{Name: wire.TagErrorID, String: strconv.Itoa(id)},
		mkv.SimpleTag{Name: wire.TagErrorCode, String: name},
		mkv.SimpleTag{Name: wire.TagExceptionCode, String: strconv.Itoa(id)},
		mkv.SimpleTag{Name: wire.TagExceptionMessage, String: message},
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
	b = appendDocumentHead(b)
	return appendTags(b,
		mkv.SimpleTag{Name: wire.TagFragmentNumber, String: n.String()},
		mkv.SimpleTag{Name: wire.TagErrorID, String: strconv.Itoa(id)},
		mkv.SimpleTag{Name: wire.TagErrorCode, String: name},
	)
}

// appendDocumentHead begins a document that has nothing of a producer's.
func appendDocumentHead(b []byte) []byte {
	b = mkv.AppendEBML(b, mkv.EBML{DocType: "matroska"})
	return mkv.AppendUnknownSize(mkv.AppendID(b, mkv.IDSegment), 8)
}

func appendTags(b []byte, simple ...mkv.SimpleTag) []byte {
	return mkv.AppendTags(b, []mkv.Tag{{Simple: simple}}, tagWidth)
}

func seconds(t time.Time) string { return string(wire.AppendSeconds(nil, t)) }
